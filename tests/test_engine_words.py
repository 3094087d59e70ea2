"""What callers hear of numbers, money, days, names and cities; each line of phrases.tsv was checked."""

from datetime import date
from pathlib import Path

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech.formats import say
from engine.speech.russian import declined
from engine.speech.words import LANGUAGES, LARGEST, Groups, counted, day, digits, form, money, number, within

PHRASES = [
    line.split("\t") for line in Path(__file__).with_name("phrases.tsv").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("lang, form, value, said", PHRASES, ids=[" ".join(line[:3]) for line in PHRASES])
def test_a_phrase(lang: str, form: str, value: str, said: str) -> None:
    assert " ".join(piece.text for piece in say(value, form, lang)) == said


def test_there_are_enough_of_them() -> None:
    assert len([lang for lang, *_ in PHRASES if lang == "ru"]) >= 300
    assert {lang for lang, *_ in PHRASES} == set(LANGUAGES)
    assert len({tuple(line[:3]) for line in PHRASES}) == len(PHRASES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_plurals_are_those_of_cldr(lang: str) -> None:
    """Babel has the Unicode consortium's own rules."""
    rule = Locale(lang).plural_form
    order = ("one", "few", "many") if lang == "ru" else ("one", "other")
    assert all(order[form(n, lang)] == rule(n) for n in (*range(10_000), 10**6, 10**6 + 1, 10**9 + 11))


def text(groups: Groups) -> str:
    return " ".join(groups)


@given(st.integers(0, LARGEST))
def test_a_number_is_made_of_its_groups(n: int) -> None:
    thousands, rest = divmod(n, 1000)
    if thousands and rest:
        assert number(n) == number(thousands * 1000) + number(rest)


def test_in_english() -> None:
    assert number(1_234_567, "en") == (
        *("one million", "two hundred thirty-four thousand", "five hundred sixty-seven"),
    )
    assert money(124050, "en") == ("one thousand", "two hundred forty roubles", "fifty kopecks")
    assert [text(money(n, "en")) for n in (0, 1, 100)] == ["zero roubles", "one kopeck", "one rouble"]
    assert text(counted(1, ("point", "points"), "en")) == "one point"
    assert text(counted(21, ("point", "points"), "en")) == "twenty-one points"
    assert text(day(date(2026, 3, 8), "en")) == "March the eighth"
    assert text(digits("+7 921", "en")) == "plus seven, nine two one"
    assert within("Kazan", "en") == "in Kazan"


@pytest.mark.parametrize("n", [-1, LARGEST + 1])
def test_a_number_beyond_all_sums_is_refused(n: int) -> None:
    with pytest.raises(TemplateError, match="no number from 0 to"):
        number(n)


def test_names_in_capitals_are_names() -> None:
    assert declined("ИВАНОВ ПЁТР", "dative") == "Иванову Петру"


@pytest.mark.parametrize("text", ["", "123", "Jack", "Qwerty-Uiop", "ООО", "?"])
def test_what_is_no_russian_word_is_said_as_it_stands(text: str) -> None:
    assert declined(text, "dative") == text
