"""Answering machines: how Asterisk's AMD is to tell them, and what they get. Pure.

AMD listens before we say a word, so a person waits for us as long as it listens: until he has said his hello
and been silent for `after_greeting`, or `total` at the latest. A machine is who speaks for `greeting` or
longer, or says more than `words` words. Nobody who is silent is one: `initial_silence` is above `total`.

| preset | for | a person waits | a machine is told after |
|---|---|---|---|
| fast | a short wait, more mistakes | his hello + 0.6 s, at most 3 s | 1.3 s of speech |
| careful | machines that get something else | his hello + 1 s, at most 5 s | 2.4 s of speech |

What a machine gets: `note` (the verdict is only kept, the talk goes on as with a person), `hangup`, or the id
of a template that it hears after its beep. Anybody may listen to a machine, so that template says nothing of
the debtor: it is for contact persons and has no variables (230-FZ, articles 4 and 6).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from engine.errors import UsageError
from engine.speech.template import Template
from storage.vocab import Role

NOTE, HANGUP = "note", "hangup"


@dataclass(frozen=True, slots=True)
class Preset:
    """AMD's arguments in its order, milliseconds but for `words` and `threshold`."""

    initial_silence: int
    greeting: int
    after_greeting: int
    total: int
    word: int = 100
    between_words: int = 50
    words: int = 3
    threshold: int = 256


PRESETS: Mapping[str, Preset] = {
    "fast": Preset(initial_silence=3100, greeting=1300, after_greeting=600, total=3000, words=4),
    "careful": Preset(initial_silence=5100, greeting=2400, after_greeting=1000, total=5000, words=6),
}


def template_id(machine: str) -> UUID | None:
    """The template that a campaign's machines hear, if it has one."""
    return UUID(machine) if machine not in ("", NOTE, HANGUP) else None


def check(template: Template, name: str) -> None:
    """UsageError unless anybody may hear it."""
    if template.role is not Role.CONTACT or template.variables:
        raise UsageError(
            f'template {name!r} is not for machines: anybody may listen to one, so it needs for = "contact" '
            "and no variables"
        )
