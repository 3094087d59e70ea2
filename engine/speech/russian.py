"""Russian: numbers, nouns beside them, names and cities. Pure.

num2words says numbers below a thousand and ordinals, pymorphy3 inflects and agrees nouns with numbers.
Thousands and millions are joined by us: num2words gives every group the gender of what is counted ("одна
миллион одна"). A word that does not decline, or that nobody knows, is said as it stands.
"""

import re
from datetime import date
from functools import cache, lru_cache
from typing import Any

CASES = {
    "nominative": ("n", "nomn"),
    "genitive": ("g", "gent"),
    "dative": ("d", "datv"),
    "accusative": ("a", "accs"),
    "instrumental": ("i", "ablt"),
    "prepositional": ("p", "loct"),
}
MASCULINE, FEMININE, NEUTER = "m", "f", "n"
GENDERS = {"masc": MASCULINE, "femn": FEMININE, "neut": NEUTER}
SCALES = {10**9: "миллиард", 10**6: "миллион", 10**3: "тысяча"}
FORMS = 3
PLUS = "плюс"
MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
# Of a word that may be several, the one that such values are.
PROPER = ("Name", "Surn", "Patr", "Geox")
# Before these the preposition is "во": two consonants of which the first is в or ф.
WITH_VO = re.compile(r"[вф][бвгджзйклмнпрстфхцчшщ]", re.IGNORECASE)


@cache
def _morphology() -> Any:
    """The dictionary: 15 MB, a tenth of a second, when first needed."""
    from pymorphy3 import MorphAnalyzer

    return MorphAnalyzer(lang="ru")


def _in_words(n: int, **how: Any) -> str:
    """num2words, which few processes need: loaded with the first number."""
    from num2words import num2words

    return str(num2words(n, lang="ru", **how))


@cache
def small(n: int, gender: str, case: str) -> str:
    """0 to 999 in words."""
    return _in_words(n, gender=gender, case=CASES[case][0], animate=False)


@cache
def large(n: int, scale: int, case: str) -> str:
    """1 to 999 of a scale: две тысячи, двумя миллионами."""
    noun = SCALES[scale]
    return f"{small(n, gender(noun), case)} {_agreeing(noun, n, case)}"


def rouble(n: int, case: str) -> str:
    """The noun beside a number."""
    return _agreeing("рубль", n % 1000, case)


def kopeck(n: int, case: str) -> str:
    """The noun beside a number."""
    return _agreeing("копейка", n % 1000, case)


@cache
def _agreeing(noun: str, n: int, case: str) -> str:
    """A noun beside a number: один рубль, два рубля, пять рублей; in another case of that: двум рублям.

    `n` is what the number has below a thousand. Whole thousands count it themselves: двум тысячам рублей.
    """
    word = _parsed(noun)
    one, plain = form(n) == 0, case in ("nominative", "accusative")
    if n and plain and not one:
        return str(word.make_agree_with_number(n).word)
    wanted = {CASES[case][1], "sing" if one else "plur"} if n else {"gent", "plur"}
    return str(word.inflect(wanted).word)


@cache
def gender(noun: str) -> str:
    """What numbers agree with."""
    return GENDERS.get(_parsed(noun).tag.gender, MASCULINE)


def form(n: int) -> int:
    """One, few or many (CLDR)."""
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2


def day(on: date, case: str) -> str:
    """A day of the year: восьмое марта."""
    said = _in_words(on.day, to="ordinal", gender=NEUTER, case=CASES[case][0], animate=False)
    return f"{said} {MONTHS[on.month - 1]}"


def declined(text: str, case: str) -> str:
    """A name, a surname, a city, in this case; words that do not decline stay as they are.

    A first name tells of whom the surname is: Ивану Киму, Анне Ким.
    """
    known = [_parsed(word) for word in text.split()]
    who = next((one.tag.gender for one in known if "Name" in one.tag or "Patr" in one.tag), None)
    return " ".join(_inflected(word, case, who) for word in text.split())


def within(city: str) -> str:
    """In a city: в Казани, во Владивостоке."""
    return f"{'во' if WITH_VO.match(city) else 'в'} {declined(city, 'prepositional')}"


def _inflected(word: str, case: str, of: str | None) -> str:
    parsed = _parsed(word, of)
    if "nomn" not in parsed.tag or (of and not _of(parsed, of)):
        return word
    number_ = {parsed.tag.number} if parsed.tag.number else set()
    found = parsed.inflect({CASES[case][1], *number_})
    return word if found is None or found.word == word.lower() else _spelled(found.word, word)


@lru_cache(maxsize=50_000)
def _parsed(word: str, of: str | None = None) -> Any:
    """What a word is taken for: a name or a place in the nominative, `of` this gender if it can be."""

    def fit(one: Any) -> tuple[bool, bool, bool, float]:
        proper = any(kind in one.tag for kind in PROPER)
        return "nomn" in one.tag, proper, bool(of and _of(one, of)), one.score

    return max(_morphology().parse(word), key=fit)


def _of(parsed: Any, who: str) -> bool:
    """May it be said of someone of this gender?"""
    return who in parsed.tag or "ms-f" in parsed.tag


def _spelled(word: str, like: str) -> str:
    """A word with the capitals of another: of each part between hyphens."""
    parts = zip(word.split("-"), like.split("-"), strict=False)
    return "-".join(part.capitalize() if model[:1].isupper() else part for part, model in parts)
