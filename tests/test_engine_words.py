"""What callers hear of numbers, money, days, names and cities; each line of phrases.tsv was checked."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech.formats import say
from engine.speech.russian import declined
from engine.speech.words import LARGEST, Groups, counted, day, digits, money, number, within

PHRASES = [
    line.split("\t") for line in Path(__file__).with_name("phrases.tsv").read_text("utf-8").splitlines()
]
# All that sums of money are said with.
ONES = "ноль один одна два две три четыре пять шесть семь восемь девять десять"
TEENS = "одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать"
TEENS += " восемнадцать девятнадцать"
TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот"
NOUNS = "рубль рубля рублей копейка копейки копеек тысяча тысячи тысяч миллион миллиона миллионов"
ATOMS = set(f"{ONES} {TEENS} {TENS} {HUNDREDS} {NOUNS}".split())


@pytest.mark.parametrize("form, value, said", PHRASES, ids=[f"{form} {value}" for form, value, _ in PHRASES])
def test_a_phrase(form: str, value: str, said: str) -> None:
    assert " ".join(piece.text for piece in say(value, form, "ru")) == said


def test_there_are_enough_of_them() -> None:
    assert len(PHRASES) >= 300
    assert len({(form, value) for form, value, _said in PHRASES}) == len(PHRASES)


def text(groups: Groups) -> str:
    return " ".join(groups)


def noun(n: int, one: str, few: str, many: str) -> str:
    """The rule as schoolbooks have it."""
    if n % 100 in range(11, 15):
        return many
    return {1: one, 2: few, 3: few, 4: few}.get(n % 10, many)


@given(st.integers(0, 10_000_000))
def test_any_sum_is_said_with_the_same_few_words_and_the_right_nouns(kopecks: int) -> None:
    said = text(money(kopecks)).split()
    assert set(said) <= ATOMS
    roubles, rest = divmod(kopecks, 100)
    if roubles or not rest:
        assert noun(roubles, "рубль", "рубля", "рублей") in said
    assert (noun(rest, "копейка", "копейки", "копеек") in said) == bool(rest)
    assert not {"один копейка", "два копейки"} & {" ".join(said[-2:])}


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
