"""Templates: what is wrong is found when one is set, with its place; what is right is spoken whole."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech.fragment import Fragment
from engine.speech.template import MAX_TEXT, NEUTRAL, Template, parse


def of_text(text: str) -> str:
    return f"[[fragment]]\ntext = '''\n{text}'''\n"


def test_a_template_is_its_language_and_fragments_in_order() -> None:
    source = """
lang = "en"
[[fragment]]
name = "hello"
text = "Hello, {name}! You owe {sum}."
[[fragment]]
wav = "end.wav"
text = "  "
"""
    made = parse(source)
    assert made == Template(
        "en",
        (
            Fragment("hello", {"en": "Hello, {name}! You owe {sum}."}),
            Fragment("fragment2", wavs={"en": "end.wav"}),
        ),
    )
    assert made.variables == {"name", "sum"}
    assert made.missing({"name": " ", "other": "x"}) == ["name", "sum"]
    assert made.missing({"name": "a", "sum": "b"}) == []
    assert parse('[[fragment]]\ntext = "a"').lang == "ru"
    assert (made.role, parse('for = "debtor"\n[[fragment]]\ntext = "a"').role) == ("debtor", "debtor")


def test_a_contact_person_hears_nothing_of_the_debt() -> None:
    """Only what NEUTRAL lists; anything else is refused by its name."""
    said = " ".join(f"{{{name}}}" for name in sorted(NEUTRAL))
    assert parse(f'for = "contact"\n[[fragment]]\ntext = "{said}"').role == "contact"
    for name in ("sum", "creditor", "external_id", "address"):
        source = f'[[fragment]]\ntext = "{{name}}"\n[[fragment]]\ntext = "{{{name}}}"'
        assert parse(source).variables == {"name", name}
        with pytest.raises(TemplateError, match=rf"contact persons must not say \{{{name}\}}"):
            parse(f'for = "contact"\n{source}')


def test_a_format_that_is_none_is_told_with_its_place() -> None:
    with pytest.raises(TemplateError, match=r"line 4, column 3: 'rubles' is no format"):
        parse(of_text("Hello\n, {sum:rubles}"))
    with pytest.raises(
        TemplateError, match=r"line 4, column 1: 'dative': cases are for templates in Russian"
    ):
        parse('lang = "en"\n' + of_text("{name:dative}"))


@pytest.mark.parametrize(
    "text, place, piece",
    [
        ("Hello, {Name}", "line 3, column 8", "{Name}"),
        ("Hello, {name", "line 3, column 8", "{"),
        ("a\nbc } d", "line 4, column 4", "}"),
        ("{name}\n{sum }", "line 4, column 1", "{sum }"),
        ("{a b}", "line 3, column 1", "{a b}"),
        ("{}", "line 3, column 1", "{}"),
        ("{1a}", "line 3, column 1", "{1a}"),
        ("{name\n}", "line 3, column 1", "{name\\n}"),
        ("{имя}", "line 3, column 1", "{имя}"),
        ("{" + "a" * 33 + "}", "line 3, column 1", "a" * 33),
        ("{{name}", "line 3, column 7", "}"),
    ],
)
def test_a_brace_that_means_nothing_is_told_with_its_place(text: str, place: str, piece: str) -> None:
    with pytest.raises(TemplateError, match=f"fragment 'fragment1', {place}: .*{re.escape(piece)}"):
        parse(of_text(text))


@pytest.mark.parametrize(
    "source, told",
    [
        ("", "1 to 16"),
        ("fragment = []", "1 to 16"),
        ("fragment = 5", "1 to 16"),
        ("fragment = [1]", "fragment 1: it has name"),
        ("[[fragment]]\ntext='a'\n" * 17, "1 to 16"),
        ("lang = 'de'\n[[fragment]]\ntext='a'", "ru, en, uz, not 'de'"),
        ("lang = []\n[[fragment]]\ntext='a'", "ru, en, uz"),
        ("for = 'boss'\n[[fragment]]\ntext='a'", "for is debtor or contact, not 'boss'"),
        ("for = ['debtor']\n[[fragment]]\ntext='a'", "for is debtor or contact"),
        ("x = 1\n[[fragment]]\ntext='a'", "unknown name 'x'"),
        ("[[fragment]]\ntxt='a'", "fragment 1: it has name"),
        ("[[fragment]]\ntext=5", "are strings"),
        ("[[fragment]]\nname='a b'\ntext='a'", "'a b' is not of"),
        ('[[fragment]]\nname="a\\n"\ntext="a"', "is not of"),
        ("[[fragment]]\nname='a'", "either text or wav"),
        ("[[fragment]]\ntext='a'\nwav='a.wav'", "either text or wav"),
        ("[[fragment]]\nname='a'\ntext='x'\n" * 2, "two fragments are named 'a'"),
        (of_text("x" * (MAX_TEXT + 1)), "at most 1000"),
        ('[[fragment]]\ntext="a\\u0000"', "NUL"),
        ('[[fragment]]\nwav="a\\u0000"', "NUL"),
        ("[[fragment]\ntext='a'", "line 1, column"),
        ("lang = ", "end of document"),
        ("a = " + "9" * 5000, "limit"),
        ("a = " + "[" * 5000, "recursion"),
    ],
)
def test_a_template_that_cannot_be_spoken_is_refused(source: str, told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        parse(source)


@given(
    st.text(max_size=200)
    | st.text("[]{}='\"\\\n ufragmentxw.#0\0", max_size=80).map("[[fragment]]\n".__add__)
)
@example("a = 1979-05-32")
@example('[[fragment]]\ntext = "{a}"')
def test_any_text_is_a_template_or_a_template_error(source: str) -> None:
    try:
        made = parse(source)
    except TemplateError:
        return
    assert isinstance(made, Template)


MANY = """
[[fragment]]
name = "hello"
text = {ru = "Здравствуйте, {name}!", en = "Hello, {name}!"}
[[fragment]]
name = "warning"
when = "days > 30 and city is not empty"
[fragment.text]
ru = "Прошло {days:день|дня|дней}."
en = "{days:day|days} ago."
[[fragment]]
name = "end"
wav = {ru = "ru.wav", en = "en.wav"}
"""


def test_a_template_in_several_languages() -> None:
    made = parse(MANY)
    assert made.langs == ("ru", "en")
    assert made.fragments[0].texts == {"ru": "Здравствуйте, {name}!", "en": "Hello, {name}!"}
    assert made.fragments[2].wavs == {"ru": "ru.wav", "en": "en.wav"}
    values = {"name": "Anna", "days": "31", "city": "Омск"}
    said = {
        lang: " ".join(one.text for part in made.applying(values) for one in part.speak(values, lang))
        for lang in made.langs
    }
    assert said["ru"] == "Здравствуйте, Anna! Прошло тридцать один день"
    assert said["en"] == "Hello, Anna! thirty-one days ago."


def test_values_are_asked_for_where_they_are_said() -> None:
    made = parse(MANY)
    assert made.variables == made.columns == {"name", "days", "city"}
    assert made.missing({"days": "5", "city": ""}) == ["name"]
    assert made.applying({"days": "31", "city": "Омск"}) == made.fragments
    assert [part.name for part in made.applying({"days": "31"})] == ["hello", "end"]
    only = parse('[[fragment]]\nwhen = "days > 30"\ntext = "{a} {b?нет} {c}"')
    assert only.columns == {"days", "a", "c"}
    assert only.missing({"days": "31", "c": "1"}) == ["a"]
    with pytest.raises(TemplateError, match="no fragment of the template is for these values"):
        only.missing({"days": "30"})


def test_what_is_asked_for_has_a_place_in_the_file() -> None:
    assert list(parse(MANY).asked()) == [
        ("name", "fragment 'hello', line 4, column 29"),
        ("name", "fragment 'hello', line 4, column 52"),
        ("days", "fragment 'warning', line 9, column 14"),
        ("days", "fragment 'warning', line 10, column 7"),
        ("city", "fragment 'warning', `when`"),
        ("days", "fragment 'warning', `when`"),
    ]


def test_about_how_long_a_message_lasts() -> None:
    made = parse('[[fragment]]\ntext = "{a?0123456789}"\n[[fragment]]\nwhen = "b = 1"\ntext = "01234"')
    assert (made.seconds({}), made.seconds({"b": "1"})) == (0.6, 0.9)


@pytest.mark.parametrize(
    "source, told",
    [
        ("text = {ru = 'а', en = 'a'}\n[[fragment]]\ntext = 'б'", "'fragment2': it has no text in en"),
        ("text = {ru = 'а', en = 'a'}\n[[fragment]]\nwav = 'a.wav'", "'fragment2': it has no wav in en"),
        ("text = {en = 'a'}", "'fragment1': it has no text in ru"),
        ("text = {de = 'a'}", "languages are ru, en, uz, not 'de'"),
        ("text = {ru = 5}", "strings, or tables of strings by language"),
        ("text = {ru = 'а {N}'}", "fragment 'fragment1', line 2, column 17: '{N}'"),
        ("when = 'days >'\ntext = 'а'", "fragment 'fragment1', line 2, `when`: column 7: a value"),
        ("when = 'days > today'\ntext = 'а'", "compared with a number, a 'text' or a date"),
        ("when = ''\ntext = 'а'", "line 2, `when`: column 1: a field"),
        ("when = 5\ntext = 'а'", "when are strings"),
        ("text = '{n:балл|балла|бал5}'", "line 2, column 9: 'бал5' is no word of this language"),
        ("text = 'а'\n[sample]\na = true", "sample: 'a' is a text or a number"),
        ("text = 'а'\n[[sample]]\na = 1", "sample is a table"),
    ],
)
def test_a_fragment_that_makes_no_sense_is_refused(source: str, told: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(told)):
        parse(f"[[fragment]]\n{source}")


def test_a_contact_person_is_chosen_by_nothing_of_the_debt() -> None:
    with pytest.raises(TemplateError, match=r"must not say \{debt\}"):
        parse("for = 'contact'\n[[fragment]]\nwhen = 'debt > 5'\ntext = 'а'")
