"""Whatever is counted is joined from a few dozen words, and in few distinct groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import TemplateError
from engine.speech import formats
from engine.speech.atoms import atoms, needed, of_format
from engine.speech.template import parse
from engine.speech.words import CASES, LANGUAGES, money

MOST = 10_000_000  # kopecks
# Case: рубль and копейка beside a number that ends in one, in two to four, in anything else.
NOUNS = {
    "nominative": ("рубль рубля рублей", "копейка копейки копеек"),
    "genitive": ("рубля рублей рублей", "копейки копеек копеек"),
    "dative": ("рублю рублям рублям", "копейке копейкам копейкам"),
    "accusative": ("рубль рубля рублей", "копейку копейки копеек"),
    "instrumental": ("рублём рублями рублями", "копейкой копейками копейками"),
    "prepositional": ("рубле рублях рублях", "копейке копейках копейках"),
}
# One rouble, one kopeck; two of them differ where these two do.
ONE = {
    "nominative": ("один", "одна"),
    "genitive": ("одного", "одной"),
    "dative": ("одному", "одной"),
    "accusative": ("один", "одну"),
    "instrumental": ("одним", "одной"),
    "prepositional": ("одном", "одной"),
}
TWO = dict.fromkeys(("nominative", "accusative"), ("два", "две"))
ONES = "ноль один одна два две три четыре пять шесть семь восемь девять десять"
TEENS = "одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать"
TEENS += " восемнадцать девятнадцать"
TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто"
HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот"
SCALES = "тысяча тысячи тысяч миллион миллиона миллионов миллиард миллиарда миллиардов"
MONEY = set(f"{ONES} {TEENS} {TENS} {HUNDREDS} {SCALES} {' '.join(NOUNS['nominative'])}".split())
WORTH = {
    **dict.fromkeys(("один", "одна"), 1),
    **dict.fromkeys(("два", "две"), 2),
    **{word: n for n, word in enumerate(f"{ONES} {TEENS}".replace("одна ", "").replace("две ", "").split())},
    **{word: 10 * n for n, word in enumerate(TENS.split(), 2)},
    **{word: 100 * n for n, word in enumerate(HUNDREDS.split(), 1)},
}


def noun(n: int, forms: str, whole: str) -> str:
    """The rule as schoolbooks have it; whole thousands take the genitive in every case."""
    one, few, many = forms.split()
    if n % 1000 == 0:
        return whole
    if n % 100 in range(11, 15):
        return many
    return {1: one, 2: few, 3: few, 4: few}.get(n % 10, many)


def agrees(group: str, n: int, which: int, case: str) -> bool:
    """Is the number before a noun of its gender (roubles 0, kopecks 1)?"""
    if n % 10 not in (1, 2) or n % 100 in (11, 12):
        return True
    forms = ONE[case] if n % 10 == 1 else TWO.get(case)
    return forms is None or group.split()[-2] == forms[which]


def worth(words: list[str]) -> int:
    """What a number in the nominative comes to."""
    total = part = 0
    for word in words:
        scale = {"тыс": 1000, "мил": 10**6}.get(word[:3])
        if scale:
            total, part = total + part * scale, 0
        else:
            part += WORTH[word]
    return total + part


def check(kopecks: int, case: str) -> set[str]:
    """The groups of a sum, after all that has to be true of them."""
    groups = money(kopecks, "ru", case)
    known = of_format(f"rub:{case}", "ru")
    assert known.issuperset(word for group in groups for word in group.split()), groups
    roubles, rest = divmod(kopecks, 100)
    if rest:
        assert agrees(groups[-1], rest, 1, case)
    if roubles:
        assert agrees(groups[-2 if rest else -1], roubles, 0, case)
    ends = [group.rsplit(" ", 1)[-1] for group in groups]
    if rest:
        assert ends.pop() == noun(rest, NOUNS[case][1], "копеек")
    if roubles or not rest:
        assert ends.pop() == noun(roubles, NOUNS[case][0], "рублей")
    assert all(end.startswith("тысяч") for end in ends)
    return set(groups)


@pytest.mark.parametrize("case", CASES)
def test_every_sum_to_ten_million_kopecks_is_of_known_words_with_the_right_nouns(case: str) -> None:
    """Roubles and kopecks do not touch each other (below), so all of both are all sums."""
    groups: set[str] = set()
    for kopecks in (*range(0, MOST + 1, 100), *range(100)):
        groups |= check(kopecks, case)
    assert len(groups) <= 1200


@given(st.integers(0, MOST), st.sampled_from(CASES))
def test_a_sum_is_its_roubles_and_its_kopecks(kopecks: int, case: str) -> None:
    check(kopecks, case)
    roubles, rest = kopecks // 100 * 100, kopecks % 100
    whole = money(roubles, "ru", case) if roubles or not rest else ()
    assert money(kopecks, "ru", case) == whole + (money(rest, "ru", case) if rest else ())


@given(st.integers(0, MOST))
def test_a_sum_is_worth_what_it_says(kopecks: int) -> None:
    roubles, rest = divmod(kopecks, 100)
    words = " ".join(money(kopecks)).split()
    parts = [word[:3] for word in words]
    at = parts.index("руб") if "руб" in parts else -1
    assert worth(words[: max(at, 0)]) == roubles
    assert worth(words[at + 1 : -1] if rest else []) == rest


def test_the_words_of_money() -> None:
    assert of_format("rub", "ru") == MONEY
    assert (len(MONEY), len(of_format("rub", "en")), len(of_format("rub", "uz"))) == (54, 108, 25)


FORMS = ["rub", "number", "day", "digits", "one|other"]


@given(st.sampled_from(LANGUAGES), st.sampled_from(FORMS), st.integers(0, 10**12 - 1), st.data())
def test_whatever_is_counted_is_of_the_formats_words(
    lang: str, form: str, n: int, data: st.DataObject
) -> None:
    if form == "one|other":
        form = "раз|раза|раз" if lang == "ru" else form
    days = st.dates().map(str) if form == "day" else st.just(str(n))
    for piece in formats.say(data.draw(days), form, lang):
        assert piece.joined
        assert of_format(form, lang).issuperset(word for word, _rest in atoms(piece.text))


def test_a_template_needs_the_words_of_its_formats() -> None:
    text = '{ru = "{name}, {city:in}: {sum:rub} {n:раз|раза|раз}", en = "{sum:rub}"}'
    made = parse(f"[[fragment]]\ntext = {text}")
    assert set(needed(made)) == MONEY | {"раз", "раза"}
    assert set(needed(made, "en")) == of_format("rub", "en")
    assert needed(parse('[[fragment]]\ntext = "{name:dative}"')) == []
    with pytest.raises(TemplateError, match="is no format"):
        of_format("rubles", "ru")


def test_a_comma_is_a_rest() -> None:
    assert list(atoms("плюс семь, девять")) == [("плюс", False), ("семь", True), ("девять", False)]
