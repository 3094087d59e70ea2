"""How values are said: numbers, money, dates, digits, names and cities, in Russian and English. Pure.

num2words says numbers below a thousand and ordinals, pymorphy3 inflects and agrees nouns with numbers.
Thousands and millions are joined here: num2words gives every group the gender of what is counted ("одна
миллион одна"). A word that does not decline, or that nobody knows, is said as it stands.
"""

import re
from datetime import date
from functools import cache, lru_cache
from typing import Any

from engine.errors import TemplateError

CASES = {
    "nominative": ("n", "nomn"),
    "genitive": ("g", "gent"),
    "dative": ("d", "datv"),
    "accusative": ("a", "accs"),
    "instrumental": ("i", "ablt"),
    "prepositional": ("p", "loct"),
}
LARGEST = 10**12 - 1
MASCULINE, FEMININE, NEUTER = "m", "f", "n"
GENDERS = {"masc": MASCULINE, "femn": FEMININE, "neut": NEUTER}
SCALES = ((10**9, "миллиард"), (10**6, "миллион"), (10**3, "тысяча"))
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

    return str(num2words(n, **how))


def number(n: int, lang: str = "ru", *, gender: str = MASCULINE, case: str = "nominative") -> str:
    """A whole number in words; `gender` and `case` count in Russian."""
    if not 0 <= n <= LARGEST:
        raise TemplateError(f"{n} is no number from 0 to {LARGEST}")
    if lang == "en":
        return _in_words(n, lang="en").replace(",", "").replace(" and ", " ")
    words: list[str] = []
    for scale, noun in SCALES:
        group, n = divmod(n, scale)
        if group:
            words.append(_with(group, noun, case))
    if n or not words:
        words.append(_below_thousand(n, gender, case))
    return " ".join(words)


@cache
def _below_thousand(n: int, gender: str, case: str) -> str:
    return _in_words(n, lang="ru", gender=gender, case=CASES[case][0], animate=False)


def _with(n: int, noun: str, case: str) -> str:
    """A number with a noun of the dictionary, both in this case."""
    return f"{number(n, gender=_gender(noun), case=case)} {_agreeing(noun, n % 1000, case)}"


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
def _gender(noun: str) -> str:
    return GENDERS.get(_parsed(noun).tag.gender, MASCULINE)


def form(n: int, lang: str = "ru") -> int:
    """Which of a noun's forms goes with a number (CLDR): Russian one, few, many; English one, other."""
    if lang == "en":
        return 0 if n == 1 else 1
    if n % 10 == 1 and n % 100 != 11:
        return 0
    return 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2


def counted(n: int, forms: tuple[str, ...], lang: str = "ru") -> str:
    """A number with the form of a noun that goes with it; `forms`: балл, балла, баллов, or point, points."""
    gender = MASCULINE if lang == "en" else _gender(forms[0])
    return f"{number(n, lang, gender=gender)} {forms[form(n, lang)]}"


def money(kopecks: int, lang: str = "ru", case: str = "nominative") -> str:
    """Kopecks as roubles and kopecks; whole roubles without kopecks, less than one without roubles."""
    roubles, rest = divmod(kopecks, 100)
    if lang == "en":
        parts = [(roubles, ("rouble", "roubles")), (rest, ("kopeck", "kopecks"))]
        said = [counted(n, forms, lang) for n, forms in parts if n]
        return " ".join(said) or "zero roubles"
    said = [_with(n, noun, case) for n, noun in ((roubles, "рубль"), (rest, "копейка")) if n]
    return " ".join(said) or _with(0, "рубль", case)


def day(on: date, lang: str = "ru", case: str = "nominative") -> str:
    """A day of the year: восьмое марта, to be paid "до восьмого марта"."""
    if lang == "en":
        return f"{on:%B} the {_in_words(on.day, lang='en', to='ordinal')}"
    said = _in_words(on.day, lang="ru", to="ordinal", gender=NEUTER, case=CASES[case][0], animate=False)
    return f"{said} {MONTHS[on.month - 1]}"


def digits(text: str, lang: str = "ru") -> str:
    """Digit by digit, with a pause at every group that is written apart; a plus is said."""
    plus = {"ru": "плюс", "en": "plus"}[lang]
    groups = re.findall(r"\+|[0-9]+", text)
    said = [plus if one == "+" else " ".join(number(int(digit), lang) for digit in one) for one in groups]
    return ", ".join(said).replace(f"{plus}, ", f"{plus} ")


def declined(text: str, case: str) -> str:
    """A name, a surname, a city, in this case; words that do not decline stay as they are.

    A first name tells of whom the surname is: Ивану Киму, Анне Ким.
    """
    known = [_parsed(word) for word in text.split()]
    gender = next((one.tag.gender for one in known if "Name" in one.tag or "Patr" in one.tag), None)
    return " ".join(_inflected(word, case, gender) for word in text.split())


def within(city: str, lang: str = "ru") -> str:
    """In a city: в Казани, во Владивостоке."""
    if lang == "en":
        return f"in {city}"
    return f"{'во' if WITH_VO.match(city) else 'в'} {declined(city, 'prepositional')}"


def _inflected(word: str, case: str, gender: str | None) -> str:
    parsed = _parsed(word, gender)
    if "nomn" not in parsed.tag or (gender and not _of(parsed, gender)):
        return word
    number_ = {parsed.tag.number} if parsed.tag.number else set()
    found = parsed.inflect({CASES[case][1], *number_})
    return word if found is None or found.word == word.lower() else _spelled(found.word, word)


@lru_cache(maxsize=50_000)
def _parsed(word: str, gender: str | None = None) -> Any:
    """What a word is taken for: a name or a place in the nominative, of this gender if it can be."""

    def fit(one: Any) -> tuple[bool, bool, bool, float]:
        proper = any(kind in one.tag for kind in PROPER)
        return "nomn" in one.tag, proper, bool(gender and _of(one, gender)), one.score

    return max(_morphology().parse(word), key=fit)


def _of(parsed: Any, gender: str) -> bool:
    """May it be said of someone of this gender?"""
    return gender in parsed.tag or "ms-f" in parsed.tag


def _spelled(word: str, like: str) -> str:
    """A word with the capitals of another: of each part between hyphens."""
    parts = zip(word.split("-"), like.split("-"), strict=False)
    return "-".join(part.capitalize() if model[:1].isupper() else part for part, model in parts)
