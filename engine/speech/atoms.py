"""Atoms: the words that sums, dates and counts are joined from, each said once in a voice's life. Pure.

"двести сорок рублей" is three files, one after the other: no voice is asked. A comma after a word is a rest.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

from engine.speech import formats
from engine.speech.template import Template
from engine.speech.words import SCALES

REST_MS = 200
YEAR = date(2024, 1, 1)  # a leap year, so that every day is in it


def atoms(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a joined text, each with whether a rest follows."""
    for word in text.split():
        yield word.rstrip(","), word.endswith(",")


def needed(template: Template, lang: str = "") -> list[str]:
    """Every atom that the formats of a template can ask for; without a language in its own."""
    lang = lang or template.lang
    asked = {one.form: None for part in template.fragments for one in part.variables(lang)}
    return sorted(frozenset[str]().union(*(of_format(form, lang) for form in asked)))


@cache
def of_format(form: str, lang: str) -> frozenset[str]:
    """Every word that a format may say: 54 for roubles and kopecks. None for free values: names, cities."""
    if formats.free(form, lang):
        return frozenset()
    said = (piece for value in _values(form) for piece in formats.say(value, form, lang))
    return frozenset(word for piece in said for word, _rest in atoms(piece.text))


def _values(form: str) -> Iterator[str]:
    """Values which between them have every word of a format."""
    kind = form.partition(":")[0]
    if kind == "day":
        yield from ((YEAR + timedelta(day)).isoformat() for day in range(366))
    elif kind == "digits":
        yield "+0123456789"
    else:
        units = (1, 100) if kind == "rub" else (1,)  # kopecks, roubles
        for unit in units:
            yield from (str(n * unit) for n in range(1000))
        yield from (str(n * units[-1] * scale) for scale in SCALES for n in range(1, 10))
