"""Templates: fragments of text with {variables}, or ready WAVs, glued into one message. Pure.

    lang = "ru"
    for = "debtor"      # whom it is for: a debtor, or a contact person of his
    [[fragment]]
    name = "greeting"
    text = "Здравствуйте, {name?уважаемый клиент}!"
    [[fragment]]
    name = "warning"
    when = "days > 30"  # engine.conditions.language; values are compared as what stands there is
    text = "Это последнее напоминание."
    [[fragment]]
    name = "closing"
    wav = "closing.wav"
    [sample]            # of every variable, so that `template set` can try them all
    name = "Пётр"
    days = 31

`text = {ru = "…", en = "…"}` (or [fragment.text] below) says it in several languages, `wav` likewise; then
every fragment has each of them. What may stand in a text: `fragment`; what keys do: `keys`.

A contact person never hears whose debt it is or how much (230-FZ, article 6): a template for him may only use
the variables of NEUTRAL.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine.conditions import texts
from engine.conditions.filters import Node
from engine.errors import TemplateError, UsageError
from engine.files.toml_places import Places
from engine.speech import formats
from engine.speech.clip import MS_A_CHARACTER
from engine.speech.fragment import NAME, Fragment, Variable, read
from engine.speech.keys import DEFAULT, Key, keys_of
from engine.speech.words import LANGUAGES
from storage.vocab import Role

NEUTRAL = frozenset({"name", "city", "region", "callback"})  # they say nothing of a debt
KNOWN = frozenset({"lang", "for", "fragment", "key", "sample"})
MAX_FRAGMENTS = 16
MAX_TEXT = 1000

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A message: its language, its fragments in the order they are heard, whom it is for, what keys do.

    `sample`: language -> values, where the file has them.
    """

    lang: str
    fragments: tuple[Fragment, ...]
    role: Role = Role.DEBTOR
    keys: tuple[Key, ...] = DEFAULT
    sample: Mapping[str, Values] = field(default_factory=dict)
    places: Places = field(default_factory=lambda: Places(""), compare=False, repr=False)

    @property
    def langs(self) -> tuple[str, ...]:
        """The languages that all of it is there in; its own first."""
        return (self.lang, *sorted(_languages(self.fragments) - {self.lang}))

    @property
    def variables(self) -> frozenset[str]:
        """Every name that it says or asks for, of which a lead keeps the value."""
        return frozenset(name for name, _place in self.asked())

    @property
    def columns(self) -> frozenset[str]:
        """Those of them that a list must have: a variable with a default may be left out."""
        free = {one.name for _n, _lang, one in self._said() if one.default is not None}
        return self.variables - free

    def asked(self) -> Iterator[tuple[str, str]]:
        """The names with the place of each in the file, in words; a name as often as it stands there."""
        for number, lang, variable in self._said():
            yield variable.name, self.where(number, lang, variable.at)
        for part in self.fragments:
            for name in sorted(texts.names(part.when)) if part.when else ():
                yield name, f"fragment {part.name!r}, `when`"

    def _said(self) -> Iterator[tuple[int, str, Variable]]:
        for number, part in enumerate(self.fragments):
            for lang in part.texts:
                for variable in part.variables(lang):
                    yield number, lang, variable

    def where(self, number: int, lang: str, at: int = 0) -> str:
        """A character of a fragment's text, by line and column of the file."""
        part = self.fragments[number]
        return _where(self.places, number, part.name, lang, part.texts[lang], at)

    def applying(self, values: Values) -> tuple[Fragment, ...]:
        """The fragments that somebody with these values hears; TemplateError when there is none."""
        found = tuple(part for part in self.fragments if part.applies(values))
        if not found:
            raise TemplateError("no fragment of the template is for these values")
        return found

    def missing(self, values: Values, lang: str = "") -> list[str]:
        """The variables that these values do not fill, in alphabetical order."""
        needed = {
            variable.name
            for part in self.applying(values)
            for variable in part.variables(lang or self.lang)
            if variable.default is None
        }
        return sorted(name for name in needed if not values.get(name, "").strip())

    def seconds(self, values: Values, lang: str = "") -> float:
        """About how long its texts last; TemplateError for a value that cannot be said."""
        count = sum(part.characters(values, lang or self.lang) for part in self.applying(values))
        return count * MS_A_CHARACTER / 1000


def parse(source: str) -> Template:
    """Read a template file's text; TemplateError says in which fragment, line and column it is wrong."""
    try:
        tree = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # also a number or a nesting beyond Python's limits
        raise TemplateError(str(error)) from None
    unknown = sorted(tree.keys() - KNOWN)
    if unknown:
        known = "lang, for, [sample], [[fragment]] and [[key]]"
        raise TemplateError(f"unknown name {unknown[0]!r}; known are {known}")
    rows = tree.get("fragment")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_FRAGMENTS:
        raise TemplateError(f"a template has 1 to {MAX_FRAGMENTS} [[fragment]] tables")
    lang = tree.get("lang", "ru")
    if lang not in LANGUAGES:
        raise TemplateError(f"lang is one of {', '.join(LANGUAGES)}, not {lang!r}")
    role = tree.get("for", Role.DEBTOR.value)
    if role not in list(Role):
        raise TemplateError(f"for is debtor or contact, not {role!r}")
    places = Places(source)
    fragments = tuple(_fragment(row, number, lang, places) for number, row in enumerate(rows))
    langs = {lang, *_languages(fragments)}
    _check_together(fragments, langs)
    sample = _sample(tree.get("sample", {}), langs)
    made = Template(lang, fragments, Role(role), keys_of(tree.get("key", []), Role(role)), sample, places)
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


def _check_together(fragments: tuple[Fragment, ...], langs: set[str]) -> None:
    """Names differ, and every fragment is there in every language."""
    names = [fragment.name for fragment in fragments]
    for name in names:
        if names.count(name) > 1:
            raise TemplateError(f"two fragments are named {name!r}")
    for fragment in fragments:
        for lang in sorted(langs - _languages((fragment,))):
            what = "text" if fragment.texts else "wav"
            raise TemplateError(f"fragment {fragment.name!r}: it has no {what} in {lang}")


def _languages(fragments: tuple[Fragment, ...]) -> set[str]:
    return {lang for fragment in fragments for lang in (*fragment.texts, *fragment.wavs)}


def _fragment(row: Any, number: int, lang: str, places: Places) -> Fragment:
    """One [[fragment]] table, checked."""
    if not isinstance(row, dict) or row.keys() - {"name", "text", "wav", "when"}:
        raise TemplateError(f"fragment {number + 1}: it has name, text or wav, and may have when")
    name, when = row.get("name", f"fragment{number + 1}"), row.get("when", "")
    if not isinstance(name, str) or not isinstance(when, str):
        raise TemplateError(f"fragment {number + 1}: name, text, wav and when are strings")
    if not NAME.fullmatch(name):
        raise TemplateError(
            f"fragment {number + 1}: name {name!r} is not of lower-case letters, digits and _"
        )
    spoken, wavs = (_by_language(row.get(what, ""), name, what, lang) for what in ("text", "wav"))
    if bool(spoken) == bool(wavs):
        raise TemplateError(f"fragment {name!r}: give either text or wav")
    for language, text in spoken.items():
        _check_text(text, language, number, name, places)
    return Fragment(name, spoken, wavs, _when(row, number, name, places))


def _by_language(given: Any, name: str, what: str, lang: str) -> dict[str, str]:
    """A text, or a table of texts by language, as such a table; those that say nothing are left out."""
    table = {lang: given} if isinstance(given, str) else given
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise TemplateError(f"fragment {name!r}: text and wav are strings, or tables of strings by language")
    for language in table:
        if language not in LANGUAGES:
            raise TemplateError(
                f"fragment {name!r}: {what}: languages are {', '.join(LANGUAGES)}, not {language!r}"
            )
    if "\0" in "".join(table.values()):
        raise TemplateError(f"fragment {name!r}: it has a NUL character")
    return {language: text for language, text in table.items() if text.strip()}


def _check_text(text: str, lang: str, number: int, name: str, places: Places) -> None:
    if len(text) > MAX_TEXT:
        raise TemplateError(f"fragment {name!r}: {len(text)} characters, at most {MAX_TEXT} are spoken")

    def where(at: int) -> str:
        return _where(places, number, name, lang, text, at)

    for part in read(text, where):
        if isinstance(part, Variable):
            try:
                formats.check(part.form, lang)
            except TemplateError as error:
                raise TemplateError(f"{where(part.at)}: {error}") from None


def _when(row: dict[str, Any], number: int, name: str, places: Places) -> Node | None:
    if "when" not in row:
        return None
    try:
        return texts.condition(row["when"], NAME)
    except UsageError as error:
        found = places.of(("fragment", number, "when"), row["when"])
        line = f", line {found[0]}" if found else ""
        raise TemplateError(f"fragment {name!r}{line}, `when`: {error}") from None


def _where(places: Places, number: int, name: str, lang: str, text: str, at: int) -> str:
    """A place in the file; in the text itself where the file is written in a way that hides it."""
    path = ("fragment", number, "text")
    found = places.of((*path, lang), text, at) or places.of(path, text, at)
    if found is None:
        before = text[:at]
        found = before.count("\n") + 1, at - before.rfind("\n")
    return f"fragment {name!r}, line {found[0]}, column {found[1]}"


def _sample(given: Any, langs: set[str]) -> dict[str, Values]:
    """Language -> the values of [sample], each one for all languages or a table."""
    if not isinstance(given, dict):
        raise TemplateError("sample is a table: [sample]")
    tables = {
        name: value if isinstance(value, dict) else dict.fromkeys(langs, value)
        for name, value in given.items()
    }
    for name, table in tables.items():
        for one in map(table.get, langs):
            if isinstance(one, bool) or not isinstance(one, str | int | float | date):
                raise TemplateError(f"sample: {name!r} is a text or a number, or a table of them by language")
    return {lang: {name: str(table[lang]) for name, table in tables.items()} for lang in langs if given}
