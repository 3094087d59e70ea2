"""A filled text as the pieces that are made one by one. Pure.

| what | is |
|---|---|
| groups of a number, a sum, a day, digits | pieces of their own, joined from atoms |
| the text before and after them | pieces that a voice reads |
| a text with two names or cities | cut between them: after the last punctuation, or else at the first gap |

So a piece holds at most one free value, and how many pieces there are is the sum of the values, never their
product. Punctuation at the edge of a number, where it has nothing to say, is dropped.
"""

import re
from collections.abc import Iterable

from engine.speech import speakable
from engine.speech.clip import Said

Part = str | tuple[Said, ...]  # as it is written, or a value as it is said
STOP = re.compile(r"[.,;:!?…)»”–—](?=\s)|\s-(?=\s)")
GAP = re.compile(r"\s|$")
BEFORE = re.compile(r"^(?:[.,;:!?…)»”\]–—\s]|-\s)+")  # a number's end
AFTER = re.compile(r"[(«“„\[\s]+$")  # a number's beginning


def pieces(parts: Iterable[Part]) -> tuple[Said, ...]:
    """Cut as the module's text says; nothing for a text that says nothing."""
    made: list[Said] = []
    text, free = "", -1  # what is gathered, and where its free value ends
    for part in parts:
        if isinstance(part, str):
            text += part
        elif part[0].joined:
            made += [*_read(text), *part]
            text, free = "", -1
        else:
            if free >= 0:
                at = free + _cut(text[free:])
                made += _read(text[:at])
                text = text[at:]
            text += part[0].text
            free = len(text)
    return (*made, *_read(text))


def _cut(between: str) -> int:
    """Where to cut what stands between two free values."""
    stops = [found.end() for found in STOP.finditer(between)]
    if stops:
        return stops[-1]
    found = GAP.search(between)
    return found.start() if found else 0


def _read(text: str) -> tuple[Said, ...]:
    """A text without idle space and punctuation, if anything is left of it."""
    text = " ".join(AFTER.sub("", BEFORE.sub("", text)).split())
    return (Said(text),) if speakable.says(text) else ()
