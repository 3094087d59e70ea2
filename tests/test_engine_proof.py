"""A template is tried before it is set: with its samples, in all languages, to its end."""

import re

import pytest

from engine.errors import TemplateError
from engine.speech.proof import proofread

SAYS = """lang = "ru"
[[fragment]]
name = "debt"
text = "Долг {sum:rub}, {name:dative?клиенту}."
[[fragment]]
name = "late"
when = "days > 30"
text = "{days:день|дня|дней}"
"""
LONG = f"[[fragment]]\ntext = '{'а' * 600}'\n[[fragment]]\ntext = '{'б' * 401}'"
LONG_VALUE = f"[[fragment]]\ntext = '{'а' * 900} {{name}}'\n[sample]\nname = '{'б' * 101}'"


def test_a_template_that_can_be_said_is_read() -> None:
    made = proofread(SAYS + "[sample]\nsum = 124050\nname = ''\ndays = 31\n", 60)
    assert made.sample == {"ru": {"sum": "124050", "name": "", "days": "31"}}
    assert proofread(SAYS, 60).sample == {}
    both = "[[fragment]]\ntext = {ru = '{name}', en = '{name}'}\n[sample]\n"
    both += "name = {ru = 'Пётр', en = 'Peter'}"
    assert proofread(both, 60).sample == {"ru": {"name": "Пётр"}, "en": {"name": "Peter"}}


@pytest.mark.parametrize(
    "source, told",
    [
        (
            SAYS + "[sample]\nsum = 1\nname = 'а'",
            "fragment 'late', line 8, column 9: there is no 'days' in [sample]",
        ),
        (SAYS + "[sample]\nsum = 1\nname = 'а'\ndays = 1\nx = 1", "'x' is no variable of this template"),
        (
            SAYS + "[sample]\nsum = '1,5'\nname = 'а'\ndays = 1",
            "fragment 'debt', line 4, column 14: the sample: sum: '1,5' is no whole number of kopecks",
        ),
        (
            SAYS + "[sample]\nsum = 1\nname = '🙂'\ndays = 1",
            "fragment 'debt', line 4, column 25: the sample: name: '🙂'",
        ),
        (
            "[[fragment]]\nwhen = 'a > 1'\ntext = 'а'\n[sample]\na = 'много'",
            "fragment 'fragment1', `when`: a: 'много' is no number",
        ),
        (
            "[[fragment]]\ntext = '''\nДа,\nсм. www.bank.ru'''",
            "fragment 'fragment1', line 4, column 5: 'www.bank.ru' is an address",
        ),
        ("[[fragment]]\ntext = '{a?🙂}'", "line 2, column 12: '🙂'"),
        (
            "[[fragment]]\ntext = 'a'\n[[fragment]]\ntext = '…'",
            "line 4, column 9: it has nothing to say",
        ),
        ("lang = 'en'\n[[fragment]]\ntext = 'Пётр'", "line 3, column 9: 'П'"),
        (LONG, "fragment 'fragment2', line 4, column 9: with it the message lasts longer than 60 s"),
        (LONG_VALUE, "fragment 'fragment1', line 2, column 9: with it"),
    ],
)
def test_a_template_that_cannot_is_refused_with_the_place(source: str, told: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(told)):
        proofread(source, 60)


def test_only_what_one_person_hears_counts() -> None:
    """Fragments that exclude each other are not heard by anybody together."""
    parts = (f"[[fragment]]\nwhen = 'a = {n}'\ntext = '{'а' * 600}'\n" for n in (1, 2))
    long = "".join(parts)
    assert proofread(long, 60).langs == ("ru",)
    assert proofread(long + "[sample]\na = 1", 60).sample
    with pytest.raises(TemplateError, match="lasts longer than 30 s"):
        proofread(long + "[sample]\na = 1", 30)
