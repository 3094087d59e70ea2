"""Fragments of a template: text with {variables}, or a recording. Pure.

| in a text | is |
|---|---|
| `{name}` | the value of the column `name`, as it is written |
| `{name:dative}` | the same, said by a format (`formats`) |
| `{name?dear customer}`, `{name:dative?…}` | what follows `?` is said as it stands where there is no value |
| `{{`, `}}` | a brace |

A default ends at the closing brace and has no brace in it; a second `?` is a part of it, and it may be empty.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from engine.conditions import texts
from engine.conditions.filters import Node
from engine.errors import TemplateError, UsageError
from engine.speech import formats
from engine.speech.clip import Said
from engine.speech.pieces import Part, pieces

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
VARIABLE = re.compile(rf"({NAME.pattern})(?::([^?]*))?(?:\?(.*))?", re.DOTALL)

Where = Callable[[int], str]  # a character of a text -> its place in words


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that a text asks for; `default` is None where it has to be there. `at`: where in the text."""

    name: str
    form: str
    default: str | None
    at: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a message, in each of its languages: `texts` to be spoken, or `wavs`, files beside the
    template. It is heard by those for whom `when` holds.
    """

    name: str
    texts: Mapping[str, str] = field(default_factory=dict)
    wavs: Mapping[str, str] = field(default_factory=dict)
    when: Node | None = None

    def variables(self, lang: str) -> tuple[Variable, ...]:
        """What its text in this language asks for; nothing of a recording."""
        return variables(self._text(lang))

    def applies(self, values: Mapping[str, str]) -> bool:
        """Is it heard by somebody with these values? TemplateError for one that cannot be compared so."""
        try:
            return self.when is None or texts.holds(self.when, values)
        except UsageError as error:
            raise TemplateError(f"fragment {self.name!r}, `when`: {error}") from None

    def speak(self, values: Mapping[str, str], lang: str = "ru") -> tuple[Said, ...]:
        """The pieces to be said, in order; TemplateError names a value that is missing or of no use."""
        return pieces(
            part if isinstance(part, str) else self._said(part, values, lang)
            for part in parts(self._text(lang))
        )

    def characters(self, values: Mapping[str, str], lang: str) -> int:
        """About how many are said; TemplateError as `speak`."""
        count = written(self._text(lang))
        for variable in self.variables(lang):
            said = self._said(variable, values, lang)
            count += len(said) if isinstance(said, str) else sum(len(one.text) + 1 for one in said)
        return count

    def _text(self, lang: str) -> str:
        """Empty for a recording."""
        if self.texts and lang not in self.texts:
            raise TemplateError(f"fragment {self.name!r}: it has no text in {lang}")
        return self.texts.get(lang, "")

    def _said(self, variable: Variable, values: Mapping[str, str], lang: str) -> Part:
        name = variable.name
        value = values.get(name, "").strip()
        if not value:
            if variable.default is None:
                raise TemplateError(f"fragment {self.name!r}: no value for {{{name}}}")
            return variable.default
        try:
            return formats.say(value, variable.form, lang)
        except TemplateError as error:
            raise TemplateError(f"fragment {self.name!r}: {name}: {error}") from None


@lru_cache(maxsize=1000)
def parts(text: str) -> tuple[str | Variable, ...]:
    """A text as what is written and what is to be said; TemplateError for a brace that means nothing."""
    return read(text, lambda at: f"character {at + 1}")


@lru_cache(maxsize=1000)
def variables(text: str) -> tuple[Variable, ...]:
    """What a text asks for."""
    return tuple(part for part in parts(text) if isinstance(part, Variable))


@lru_cache(maxsize=1000)
def written(text: str) -> int:
    """How many characters a text has beside its variables."""
    return sum(len(part) for part in parts(text) if isinstance(part, str))


def read(text: str, where: Where) -> tuple[str | Variable, ...]:
    """As `parts`; an error tells the place as `where` has it."""
    made: list[str | Variable] = []
    done = 0
    for found in BRACES.finditer(text):
        made.append(text[done : found.start()])
        done = found.end()
        if found[0] in ("{{", "}}"):
            made.append(found[0][0])
        elif variable := VARIABLE.fullmatch(found[1] or ""):
            made.append(Variable(variable[1], variable[2] or "", variable[3], found.start()))
        else:
            raise TemplateError(
                f"{where(found.start())}: {found[0]!r} is no variable; one is written {{name}}, "
                "{name:format} or {name?default}, a brace {{ or }}"
            )
    return tuple(part for part in (*made, text[done:]) if part)
