"""A row of a list as a lead: normalised, placed in its time zones, or refused with the reason."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.campaign.messages import Choice
from engine.contact.numbering import Register
from engine.contact.numbers import e164, kind
from engine.contact.zones import Locator, Place
from engine.errors import FileError, TemplateError, UsageError
from engine.files.sheets import EXTRA, Row
from engine.speech.template import Template
from engine.speech.words import LANGUAGES
from storage.vocab import NumberKind, Role

PERSON = ("name", "city", "region", "address", "timezone")
KNOWN = frozenset({"external_id", "person_id", "role", "lang", "group", "lat", "lon", "priority", EXTRA})
PHONE = re.compile(r"phone[0-9]*")
MAX_KEY = 200  # characters of an id, so that the database can index it
MAX_GROUP = 64  # so that a blacklist entry can name it
MAX_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class Phone:
    """A number and what the register says of it. `zones`: names with commas, as the number alone tells."""

    e164: str
    kind: NumberKind
    operator: str
    region: str
    zones: str


@dataclass(frozen=True, slots=True)
class Lead:
    """A row that can be dialled. `zones`: names with commas, of the row's own data; "" is unknown.
    `by_number`: its first number told them. `lang`: of its message; "" is its template's own.
    """

    key: str
    person_key: str
    role: Role
    phones: tuple[Phone, ...]
    person: dict[str, Any]
    variables: dict[str, str]
    zones: str
    by_number: bool
    template_id: UUID
    lang: str = ""
    priority: int = 0


class Wanted:
    """What one template asks of a row, and how long its message may last.

    `name`: as the reasons of refusals call it.
    """

    def __init__(self, template: Template, longest_s: int, name: str = "the template") -> None:
        self._name, self._template, self._longest_s = name, template, longest_s
        self._variables = sorted(filter(is_variable, template.variables))

    def complete(self, columns: Collection[str]) -> None:
        """FileError names the first column that it asks for and a list does not have, and where it does."""
        for name, place in self._template.asked():
            if not is_variable(name):
                raise FileError(f"{self._name} asks for {name!r} ({place}), a column that is never said")
            if name in self._template.columns and name not in columns:
                raise FileError(f"the list has no column {name!r}, which {self._name} asks for: {place}")

    def check(self, role: str, lang: str) -> None:
        """UsageError when it is not for somebody of this role, or not in the language that is asked for."""
        own = self._template
        if role != own.role:
            raise UsageError(f"role: the row names {ROLES[role]}, and {self._name} is for {ROLES[own.role]}")
        if lang and lang not in own.langs:
            raise UsageError(f"lang: {self._name} is in {', '.join(own.langs)}, and not in {lang}")

    def spoken(self, row: Mapping[str, str], lang: str) -> dict[str, str]:
        """What it says of him; UsageError names what has no value, or one that cannot be said."""
        spoken = {name: row.get(name, "") for name in self._variables}
        try:
            lasts = self._template.seconds(spoken, lang)
        except TemplateError:
            if missing := self._template.missing(spoken, lang):
                raise UsageError(f"{self._name} needs a value for: {', '.join(missing)}") from None
            raise
        if lasts > self._longest_s:
            raise UsageError(f"{self._name} would last about {lasts:.0f} s, longer than {self._longest_s} s")
        return spoken


def complete(wanted: Collection[Wanted], source: Iterator[Row]) -> Iterator[Row]:
    """The rows of a list; FileError when it lacks a column that everybody's message needs.

    Where several templates may be chosen, each row is told of its own.
    """
    for number, (line, row) in enumerate(source):
        if not number and len(wanted) == 1:
            for one in wanted:
                one.complete(row.keys())
        yield line, row


class Reader:
    """Reads the rows of one list for one campaign."""

    def __init__(
        self, choice: Choice, templates: Mapping[UUID, Wanted], region: str, register: Register
    ) -> None:
        self._choice, self._templates, self._region = choice, templates, region
        self._register, self._locator = register, Locator(register)

    def read(self, row: dict[str, str]) -> Lead:
        """A row as a lead; UsageError says why it cannot be one."""
        if row.get(EXTRA):
            raise UsageError("more cells than the header has columns")
        if "\0" in "".join(row.values()):
            raise UsageError("it has a NUL character")
        phones = self._phones(row)
        role, lang = _role(row.get("role", "")), _lang(row.get("lang", ""))
        person = _person(row)
        key = f"id:{_id(row, 'person_id')}" if row.get("person_id") else f"tel:{phones[0].e164}"
        debt = _id(row, "external_id") or key
        template_id = self._choice.of(row, role, lang, debt)
        wanted = self._templates[template_id]
        wanted.check(role, lang)
        variables = wanted.spoken(row, lang)
        place = Place(person["timezone"], person["lat"], person["lon"], person["region"], person["city"])
        told = self._locator.of_place(place)
        zones, by_number = (",".join(told.zones), False) if told else (phones[0].zones, True)
        priority = _priority(row.get("priority", ""))
        said = (phones, person, variables, zones, by_number)
        return Lead(debt, key, role, *said, template_id, lang, priority)

    def _phones(self, row: dict[str, str]) -> tuple[Phone, ...]:
        """The row's numbers, each once: phone, phone2, phone3 …"""
        found: dict[str, Phone] = {}
        for name in phone_columns(tuple(row)):
            if row[name]:
                try:
                    number = e164(row[name], self._region)
                except UsageError as error:
                    raise UsageError(f"{name}: {error}") from None
                found[number] = self._phone(name, number)
        if not found:
            raise UsageError("phone: no number")
        return tuple(found.values())

    def _phone(self, name: str, number: str) -> Phone:
        line = kind(number)
        if line is NumberKind.PREMIUM:
            raise UsageError(f"{name}: a premium number, which costs who calls it")
        held = self._register.find(number)
        zones = ",".join(self._locator.of_number(number).zones)
        return Phone(number, line, held.operator if held else "", held.region if held else "", zones)


ROLES = {Role.DEBTOR.value: "a debtor", Role.CONTACT.value: "a contact person"}


@lru_cache
def _role(text: str) -> Role:
    role = text.lower() or Role.DEBTOR.value
    if role not in ROLES:
        raise UsageError(f"role: {role!r} is neither debtor nor contact")
    return Role(role)


@lru_cache
def _lang(text: str) -> str:
    lang = text.lower()
    if lang and lang not in LANGUAGES:
        raise UsageError(f"lang: {lang[:16]!r} is none of {', '.join(LANGUAGES)}")
    return lang


@lru_cache
def is_variable(name: str) -> bool:
    """May a template speak this column? Those that say whom to call and where are no variables."""
    return name not in KNOWN and not PHONE.fullmatch(name)


@lru_cache
def phone_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """phone, phone2, phone3 … of these columns, in the order of their numbers."""
    return tuple(sorted(filter(PHONE.fullmatch, names), key=lambda name: int(name[5:] or 0)))


def _person(row: dict[str, str]) -> dict[str, Any]:
    """What the row brings of the person; "", None and [] where it brings nothing."""
    person: dict[str, Any] = {name: row.get(name, "") for name in PERSON}
    person["lat"], person["lon"] = _degrees(row, "lat", 90), _degrees(row, "lon", 180)
    if (person["lat"] is None) != (person["lon"] is None):
        raise UsageError("lat, lon: one without the other")
    if person["timezone"] and not is_zone(person["timezone"]):
        name = person["timezone"][:64]
        raise UsageError(f"timezone: {name!r} is not a name of the IANA time zone database")
    person["groups"] = _groups(row["group"]) if row.get("group") else []
    return person


def _id(row: dict[str, str], name: str) -> str:
    value = row.get(name, "")
    if len(value) > MAX_KEY:
        raise UsageError(f"{name}: longer than {MAX_KEY} characters")
    return value


@lru_cache
def _priority(text: str) -> int:
    """A lead's place in its campaign: the higher goes first; 0 where the row says nothing."""
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,3}", text) or abs(int(text)) > MAX_PRIORITY:
        raise UsageError(f"priority: {text[:16]!r} is no whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    return int(text)


@lru_cache
def is_zone(name: str) -> bool:
    """Is this a zone of the IANA database?"""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _groups(text: str) -> list[str]:
    """Names between commas, each once."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if len(name) > MAX_GROUP:
            raise UsageError(f"group: a name longer than {MAX_GROUP} characters")
    return names


def _degrees(row: dict[str, str], name: str, limit: int) -> float | None:
    text = row.get(name, "").replace(",", ".")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{name}: not a number of degrees") from None
    if not -limit <= value <= limit:
        raise UsageError(f"{name}: beyond {limit} degrees")
    return round(value, 7)  # to a centimetre
