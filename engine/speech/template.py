"""Templates: fragments of text with {variables}, or ready WAVs, glued into one message. Pure.

    lang = "ru"
    for = "debtor"      # whom it is for: a debtor, or a contact person of his
    [[fragment]]
    name = "greeting"
    text = "Здравствуйте, {name}!"
    [[fragment]]
    name = "closing"
    wav = "closing.wav"

A variable is a lower-case name in braces, with a format after a colon if it is to be said in another way than
it is written (`formats`); `{{` and `}}` are the braces themselves. Anything else in braces is an error when
the template is set, a value that is missing, empty or cannot be said so is one when a lead is imported: never
on a call.

A contact person never hears whose debt it is or how much (230-FZ, article 6): a template for him may only use
the variables of NEUTRAL.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.errors import TemplateError
from engine.speech import formats
from engine.speech.clip import Said
from engine.speech.keys import Key, keys_of
from engine.speech.pieces import pieces
from storage.vocab import Role

NEUTRAL = frozenset({"name", "city", "region", "callback"})  # they say nothing of a debt
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
MAX_FRAGMENTS = 16
MAX_TEXT = 1000
PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a message: `text` to be spoken, or `wav`, a file beside the template."""

    name: str
    text: str = ""
    wav: str = ""

    @property
    def variables(self) -> frozenset[str]:
        """The names that this text needs."""
        return frozenset(name for name, _form, _place in _asked(self))

    def speak(self, values: Mapping[str, str], lang: str = "ru") -> tuple[Said, ...]:
        """The pieces to be said, in order; TemplateError names a value that is missing or of no use."""

        def said(name: str, form: str) -> tuple[Said, ...]:
            value = values.get(name, "").strip()
            if not value:
                raise TemplateError(f"fragment {self.name!r}: no value for {{{name}}}")
            try:
                return formats.say(value, form, lang)
            except TemplateError as error:
                raise TemplateError(f"fragment {self.name!r}: {name}: {error}") from None

        return pieces(part if isinstance(part, str) else said(*part) for part in _parts(self.text))


@dataclass(frozen=True, slots=True)
class Template:
    """A message: its language, its fragments in the order they are heard, whom it is for, what keys do."""

    lang: str
    fragments: tuple[Fragment, ...]
    role: Role = Role.DEBTOR
    keys: tuple[Key, ...] = keys_of([], Role.DEBTOR)

    @property
    def variables(self) -> frozenset[str]:
        """Every name that a lead must bring a value for."""
        return frozenset[str]().union(*(fragment.variables for fragment in self.fragments))

    @property
    def formats(self) -> frozenset[tuple[str, str]]:
        """Names with the formats that their values are said in; those without any are not among them."""
        asked = (one for fragment in self.fragments for one in _asked(fragment))
        return frozenset((name, form) for name, form, _place in asked if form)

    def missing(self, values: Mapping[str, str]) -> list[str]:
        """The variables that these values do not fill, in alphabetical order."""
        return sorted(name for name in self.variables if not values.get(name, "").strip())


def parse(source: str) -> Template:
    """Read a template file's text; TemplateError says in which fragment, line and column it is wrong."""
    try:
        tree = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # also a number or a nesting beyond Python's limits
        raise TemplateError(str(error)) from None
    unknown = sorted(tree.keys() - {"lang", "for", "fragment", "key"})
    if unknown:
        raise TemplateError(f"unknown name {unknown[0]!r}; known are lang, for, [[fragment]] and [[key]]")
    rows = tree.get("fragment")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_FRAGMENTS:
        raise TemplateError(f"a template has 1 to {MAX_FRAGMENTS} [[fragment]] tables")
    lang = tree.get("lang", "ru")
    if lang not in ("ru", "en"):
        raise TemplateError(f"lang is ru or en, not {lang!r}")
    role = tree.get("for", Role.DEBTOR.value)
    if role not in list(Role):
        raise TemplateError(f"for is debtor or contact, not {role!r}")
    fragments = tuple(_fragment(row, number, lang) for number, row in enumerate(rows, 1))
    names = [fragment.name for fragment in fragments]
    for name in names:
        if names.count(name) > 1:
            raise TemplateError(f"two fragments are named {name!r}")
    made = Template(lang, fragments, Role(role), keys_of(tree.get("key", []), Role(role)))
    _check_neutral(made)
    return made


def _check_neutral(made: Template) -> None:
    """TemplateError names a variable that a contact person must not hear."""
    told = sorted(made.variables - NEUTRAL)
    if made.role is Role.CONTACT and told:
        raise TemplateError(
            f"a template for contact persons must not say {{{told[0]}}}: it may tell of the debt; "
            f"only {', '.join(sorted(NEUTRAL))} may be used"
        )


def _fragment(row: Any, number: int, lang: str) -> Fragment:
    """One [[fragment]] table, checked."""
    if not isinstance(row, dict) or row.keys() - {"name", "text", "wav"}:
        raise TemplateError(f"fragment {number}: it has name, and text or wav")
    name, text, wav = row.get("name", f"fragment{number}"), row.get("text", ""), row.get("wav", "")
    if not all(isinstance(value, str) for value in (name, text, wav)):
        raise TemplateError(f"fragment {number}: name, text and wav are strings")
    if not NAME.fullmatch(name):
        raise TemplateError(f"fragment {number}: name {name!r} is not of lower-case letters, digits and _")
    if not text.strip():
        text = ""
    if bool(text) == bool(wav):
        raise TemplateError(f"fragment {name!r}: give either text or wav")
    if "\0" in text + wav:
        raise TemplateError(f"fragment {name!r}: it has a NUL character")
    if len(text) > MAX_TEXT:
        raise TemplateError(f"fragment {name!r}: {len(text)} characters, at most {MAX_TEXT} are spoken")
    fragment = Fragment(name, text, wav)
    for _name, form, place in _asked(fragment):
        try:
            formats.check(form, lang)
        except TemplateError as error:
            raise TemplateError(f"{place}: {error}") from None
    return fragment


@lru_cache(maxsize=1000)
def _parts(text: str) -> tuple[str | tuple[str, str], ...]:
    """A checked text as what is written and, name and format, what is to be said."""
    made: list[str | tuple[str, str]] = []
    at = 0
    for found in PIECE.finditer(text):
        made.append(text[at : found.start()])
        name, _, form = (found[1] or "").partition(":")
        made.append((name, form) if name else found[0][0])
        at = found.end()
    return (*made, text[at:])


def _asked(fragment: Fragment) -> Iterator[tuple[str, str, str]]:
    """The variables in a text: name, format, place. TemplateError for a brace that means nothing."""
    for found in PIECE.finditer(fragment.text):
        if found[0] in ("{{", "}}"):
            continue
        before = fragment.text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        place = f"fragment {fragment.name!r}, line {line}, column {column}"
        name, _, form = (found[1] or "").partition(":")
        if not NAME.fullmatch(name):
            raise TemplateError(
                f"{place}: {found[0]!r} is no variable; one is written {{name}} or {{name:format}}, "
                "a brace {{ or }}"
            )
        yield name, form, place
