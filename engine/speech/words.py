"""How values are said in Russian, English and Uzbek: numbers, money, days, digits, names and cities. Pure.

What is counted comes in groups, cut after billions, millions, thousands and after roubles: "одна тысяча",
"двести сорок рублей", "пятьдесят копеек". So there are few of them: at most a thousand for each scale and
each noun. What differs between languages is told by a module of each (`Tongue`).
"""

import re
from datetime import date
from typing import Protocol

from engine.errors import TemplateError
from engine.speech import english, russian, uzbek

CASES = tuple(russian.CASES)
LARGEST = 10**12 - 1
SCALES = (10**9, 10**6, 10**3)
AT_ONCE = 3  # digits that are said without a rest

Groups = tuple[str, ...]


class Tongue(Protocol):
    """What a language has to tell. `n` is a whole number; `case` counts in Russian only."""

    FORMS: int  # of a noun beside a number, as CLDR has them
    PLUS: str

    def form(self, n: int) -> int:
        """Which of these forms goes with n."""

    def gender(self, noun: str) -> str:
        """What numbers agree with."""

    def small(self, n: int, gender: str, case: str) -> str:
        """0 to 999 in words."""

    def large(self, n: int, scale: int, case: str) -> str:
        """1 to 999 of a scale: две тысячи."""

    def rouble(self, n: int, case: str) -> str:
        """The noun beside n."""

    def kopeck(self, n: int, case: str) -> str:
        """The noun beside n."""

    def day(self, on: date, case: str) -> str:
        """A day of the year."""

    def within(self, city: str) -> str:
        """In this city."""


TONGUES: dict[str, Tongue] = {"ru": russian, "en": english, "uz": uzbek}
LANGUAGES = tuple(TONGUES)


def number(n: int, lang: str = "ru", *, gender: str = russian.MASCULINE, case: str = "nominative") -> Groups:
    """A whole number in words; `gender` and `case` count in Russian."""
    return _counting(n, lang, gender, case)


def form(n: int, lang: str = "ru") -> int:
    """Which of a noun's forms goes with a number (CLDR): Russian one, few, many; others one, other."""
    return TONGUES[lang].form(n)


def counted(n: int, forms: tuple[str, ...], lang: str = "ru") -> Groups:
    """A number with the form of a noun that goes with it; `forms`: балл, балла, баллов, or point, points."""
    tongue = TONGUES[lang]
    return _counting(n, lang, tongue.gender(forms[0]), "nominative", forms[tongue.form(n)])


def money(kopecks: int, lang: str = "ru", case: str = "nominative") -> Groups:
    """Kopecks as roubles and kopecks; whole roubles without kopecks, less than one without roubles."""
    tongue = TONGUES[lang]
    roubles, rest = divmod(kopecks, 100)
    said: Groups = ()
    if roubles or not rest:
        said = _counting(roubles, lang, russian.MASCULINE, case, tongue.rouble(roubles, case))
    if rest:
        said += _counting(rest, lang, russian.FEMININE, case, tongue.kopeck(rest, case))
    return said


def day(on: date, lang: str = "ru", case: str = "nominative") -> Groups:
    """A day of the year: восьмое марта, to be paid "до восьмого марта"."""
    return (TONGUES[lang].day(on, case),)


def digits(text: str, lang: str = "ru") -> Groups:
    """Digit by digit, a plus is said; a comma, which is a rest, after every group that is written apart."""
    said: list[str] = []
    for written in re.findall(r"\+|[0-9]+", text):
        if said and said[-1] != TONGUES[lang].PLUS:
            said[-1] += ","
        if written == "+":
            said.append(TONGUES[lang].PLUS)
        for at in range(0, len(written) if written != "+" else 0, AT_ONCE):
            few = written[at : at + AT_ONCE]
            said.append(" ".join(_digit(digit, lang) for digit in few))
    return tuple(said)


def within(city: str, lang: str = "ru") -> str:
    """In a city: в Казани, во Владивостоке."""
    return TONGUES[lang].within(city)


def _digit(digit: str, lang: str) -> str:
    return TONGUES[lang].small(int(digit), russian.MASCULINE, "nominative")


def _counting(n: int, lang: str, gender: str, case: str, noun: str = "") -> Groups:
    """The groups of a number, the noun in the last of them."""
    if not 0 <= n <= LARGEST:
        raise TemplateError(f"{n} is no number from 0 to {LARGEST}")
    tongue, said = TONGUES[lang], []
    for scale in SCALES:
        many, n = divmod(n, scale)
        if many:
            said.append(tongue.large(many, scale, case))
    if n or not said:
        said.append(f"{tongue.small(n, gender, case)} {noun}".rstrip())
    elif noun:
        said.append(noun)
    return tuple(said)
