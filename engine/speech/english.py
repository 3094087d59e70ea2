"""English: numbers, nouns beside them, days. Pure."""

from datetime import date
from functools import cache
from typing import Any

SCALES = {10**9: "billion", 10**6: "million", 10**3: "thousand"}
FORMS = 2
PLUS = "plus"


def _in_words(n: int, **how: Any) -> str:
    """num2words, loaded with the first number."""
    from num2words import num2words

    return str(num2words(n, lang="en", **how))


def form(n: int) -> int:
    """One or other (CLDR)."""
    return 0 if n == 1 else 1


def gender(noun: str) -> str:
    """None: numbers agree with nothing."""
    return ""


@cache
def small(n: int, gender: str, case: str) -> str:
    """0 to 999 in words."""
    return _in_words(n).replace(" and ", " ")


def large(n: int, scale: int, case: str) -> str:
    """1 to 999 of a scale: two thousand."""
    return f"{small(n, '', '')} {SCALES[scale]}"


def rouble(n: int, case: str) -> str:
    """The noun beside a number."""
    return ("rouble", "roubles")[form(n)]


def kopeck(n: int, case: str) -> str:
    """The noun beside a number."""
    return ("kopeck", "kopecks")[form(n)]


def day(on: date, case: str) -> str:
    """A day of the year: March the eighth."""
    return f"{on:%B} the {_in_words(on.day, to='ordinal')}"


def within(city: str) -> str:
    """In a city."""
    return f"in {city}"
