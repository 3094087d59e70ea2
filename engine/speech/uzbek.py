"""Uzbek in its Latin letters: numbers, nouns beside them, days. Pure.

A noun beside a number stays as it is; hundreds and thousands are counted from one: "bir ming bir yuz".
num2words has no Uzbek.
"""

from datetime import date

ONES = ("nol", "bir", "ikki", "uch", "toʻrt", "besh", "olti", "yetti", "sakkiz", "toʻqqiz")
TENS = ("", "oʻn", "yigirma", "oʻttiz", "qirq", "ellik", "oltmish", "yetmish", "sakson", "toʻqson")
SCALES = {10**9: "milliard", 10**6: "million", 10**3: "ming"}
MONTHS = (
    *("yanvar", "fevral", "mart", "aprel", "may", "iyun"),
    *("iyul", "avgust", "sentabr", "oktabr", "noyabr", "dekabr"),
)
FORMS = 2
PLUS = "plyus"


def form(n: int) -> int:
    """One or other (CLDR)."""
    return 0 if n == 1 else 1


def gender(noun: str) -> str:
    """None: numbers agree with nothing."""
    return ""


def small(n: int, gender: str, case: str) -> str:
    """0 to 999 in words."""
    hundreds, tens, ones = n // 100, n // 10 % 10, n % 10
    said = [ONES[hundreds], "yuz"] if hundreds else []
    said += [TENS[tens]] if tens else []
    said += [ONES[ones]] if ones or not said else []
    return " ".join(said)


def large(n: int, scale: int, case: str) -> str:
    """1 to 999 of a scale: ikki ming."""
    return f"{small(n, '', '')} {SCALES[scale]}"


def rouble(n: int, case: str) -> str:
    """The noun beside a number."""
    return "rubl"


def kopeck(n: int, case: str) -> str:
    """The noun beside a number."""
    return "kopeyka"


def day(on: date, case: str) -> str:
    """A day of the year: sakkizinchi mart."""
    said = small(on.day, "", "")
    return f"{said}{'nchi' if said[-1] in 'aeiou' else 'inchi'} {MONTHS[on.month - 1]}"


def within(city: str) -> str:
    """In a city: Toshkentda."""
    return f"{city}da"
