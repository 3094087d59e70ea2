"""Atoms: the words that sums, dates and counts are joined from, each said once in a voice's life. Pure.

"двести сорок рублей" is three files, one after the other: no voice is asked. A comma after a word is a rest.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from engine.errors import TemplateError
from engine.speech import formats
from engine.speech.template import Template
from engine.speech.words import SCALES

REST_MS = 200
YEAR = date(2024, 1, 1)  # a leap year, so that every day is in it


def atoms(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a joined text, each with whether a rest follows."""
    for word in text.split():
        yield word.rstrip(","), word.endswith(",")


def needed(template: Template) -> list[str]:
    """Every atom that the formats of a template can ask for."""
    found: dict[str, None] = {}
    for _name, form in sorted(template.formats):
        for value in _values(form):
            try:
                said = formats.say(value, form, template.lang)
            except TemplateError:
                break  # a format of free values: names, cities
            found |= {word: None for piece in said if piece.joined for word, _rest in atoms(piece.text)}
    return list(found)


def _values(form: str) -> Iterator[str]:
    """Values which between them have every word of a format."""
    kind = form.partition(":")[0]
    if kind == "day":
        yield from ((YEAR + timedelta(day)).isoformat() for day in range(366))
    elif kind == "digits":
        yield "+0123456789"
    else:
        sizes = (1, *SCALES) if kind != "rub" else (1, 100, *(100 * scale for scale in SCALES))
        yield from (str(n * size) for size in sizes for n in range(1000 if size < 1000 else 21))
