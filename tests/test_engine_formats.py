"""What a template may ask of a value; what is wrong is told before anybody is called."""

import pytest

from engine.errors import TemplateError
from engine.speech.clip import Said
from engine.speech.formats import check, say


@pytest.mark.parametrize(
    "form, lang, why",
    [
        ("rubles", "ru", "'rubles' is no format; known are in, rub, number, day, digits, cases"),
        ("rub:dativ", "ru", "'dativ' is none of its cases"),
        ("in:dative", "ru", "'dative' is none of its cases"),
        ("dative", "en", "cases are for templates in Russian"),
        ("rub:dative", "en", "cases are for templates in Russian"),
        ("балл|балла", "ru", "a noun has 3 forms"),
        ("point|points|many", "en", "a noun has 2 forms"),
        ("балл||баллов", "ru", "a noun has 3 forms"),
        ("Rub", "ru", "'Rub' is no format"),
    ],
)
def test_what_is_no_format(form: str, lang: str, why: str) -> None:
    with pytest.raises(TemplateError, match=why.replace("|", r"\|")):
        check(form, lang)


@pytest.mark.parametrize(
    "form, value, why",
    [
        ("rub", "1240,50", "'1240,50' is no whole number of kopecks"),
        ("rub", "-5", "no whole number"),
        ("rub", "1" * 13, "no whole number"),
        ("rub", "٣", "no whole number"),
        ("балл|балла|баллов", "2.0", "'2.0' is no whole number of баллов"),
        ("day", "2026-02-30", "is no date"),
        ("day", "8 марта", "'8 марта' is no date like 2026-03-08 or 08.03.2026"),
        ("digits", "abc", "'abc' has more than digits"),
        ("digits", "+", "has more than digits"),
    ],
)
def test_a_value_that_cannot_be_said_so(form: str, value: str, why: str) -> None:
    check(form, "ru")
    with pytest.raises(TemplateError, match=why):
        say(value, form, "ru")


def test_what_has_no_format_is_said_as_it_is_written() -> None:
    assert say("1240,50", "", "ru") == (Said("1240,50"),)
    assert say("Kazan", "in", "en") == (Said("in Kazan"),)


def test_what_is_counted_is_joined_of_words() -> None:
    assert say("2", " point | points ", "en") == (Said("two points", joined=True),)
    assert say("124050", "rub", "ru") == tuple(
        Said(group, joined=True) for group in ("одна тысяча", "двести сорок рублей", "пятьдесят копеек")
    )
