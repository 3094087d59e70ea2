"""The numbering register: whose number a number is.

`Register` is the whole of it in memory (20 bytes a range), for imports; `Numbering` loads a file in place of
the one before and finds one number in the database. A load, like a new tzdata, changes where people may be:
`refresh` works out again the zones of all leads that are not over, a page at a time.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from engine.contact import register_file, zones
from engine.contact.numbers import e164, kind
from engine.contact.zones import Locator, Place
from engine.settings import Settings
from storage import audit, contact
from storage import numbering as store
from storage.db import Record, reading, writing


@dataclass(frozen=True, slots=True)
class Range:
    """Whose numbers they are, and where they belong as the register writes it."""

    operator: str
    region: str


class _Ranges:
    """Ranges in order of their first numbers; who has them is kept once."""

    def __init__(self) -> None:
        self._first, self._last, self._whose = array("q"), array("q"), array("I")
        self._known: dict[Range, int] = {}
        self._all: list[Range] = []

    def add(self, first: int, last: int, whose: Range) -> None:
        """The next in order."""
        if whose not in self._known:
            self._known[whose] = len(self._all)
            self._all.append(whose)
        self._first.append(first)
        self._last.append(last)
        self._whose.append(self._known[whose])

    def find(self, number: int) -> Range | None:
        """The range that has this number."""
        place = bisect_right(self._first, number) - 1
        if place < 0 or self._last[place] < number:
            return None
        return self._all[self._whose[place]]


class Register:
    """All ranges, and above them the numbers that were ported one by one; from rows as
    storage.numbering.ranges gives them (the registers' names are in the order of their numbers).
    """

    def __init__(self, rows: Iterable[tuple[str, int, int, str, str] | Record] = ()) -> None:
        self._ranges, self._ported = _Ranges(), _Ranges()
        for name, first, last, operator, region in rows:
            kept = self._ported if name == store.PORTED else self._ranges
            kept.add(first, last, Range(operator, region))

    def find(self, e164: str) -> Range | None:
        """Whose this number is; a ported one without a region has that of the range it comes from."""
        number = int(e164[1:])
        found = self._ported.find(number)
        if found is None or found.region:
            return found or self._ranges.find(number)
        origin = self._ranges.find(number)
        return Range(found.operator, origin.region if origin else "")


def read(connection: Connection) -> Register:
    """The register as the database has it."""
    return Register(store.ranges(connection))


def about(connection: Connection, e164: str) -> Register:
    """As much of the register as tells of one number: a look-up or two by key."""
    name = register_file.REGISTERS.get(e164[2:3], "") if e164.startswith("+7") else ""
    return Register(store.find(connection, name, int(e164[1:])))


Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Changed:
    """How many of these a refresh found to be different."""

    phones: int
    leads: int


@dataclass(frozen=True, slots=True)
class Loaded(Changed):
    """What a load put in, and what it changed."""

    register: str
    ranges: int


def silent(_rows: int) -> None:
    """Tells nobody how far it is."""


class Numbering:
    """Load, find, work out again."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def load(self, file: Path, actor: str, *, ported: bool = False, progress: Progress = silent) -> Loaded:
        """Put a file in the place of the register that it is, then `refresh`; FileError: it is broken, and
        nothing changed. Broken off after the first half, `refresh` does the rest.
        """
        found = register_file.ported(file, self._settings.region) if ported else register_file.official(file)
        now = self._settings.now()
        rows = (one[:4] for one in found.ranges)
        with writing(self._engine) as connection:
            store.replace(connection, found.name, rows, ranges=len(found.ranges), sha256=found.sha256, at=now)
            audit.note(
                connection,
                at=now,
                actor=actor,
                deed="numbering.load",
                subject=found.name,
                ranges=len(found.ranges),
                sha256=found.sha256,
            )
        changed = self.refresh(progress)
        return Loaded(changed.phones, changed.leads, found.name, len(found.ranges))

    def find(self, phone: str) -> dict[str, Any]:
        """What is known of a number by itself: phone, operator, region, zones, source, kind."""
        number = e164(phone, self._settings.region)
        with reading(self._engine) as connection:
            register = about(connection, number)
        whose = register.find(number) or Range("", "")
        located = Locator(register).locate(Place(), number)
        return {
            "phone": number,
            "operator": whose.operator,
            "region": whose.region,
            "zones": list(located.zones),
            "source": located.source,
            "kind": kind(number),
        }

    def refresh(self, progress: Progress = silent) -> Changed:
        """Work out again what the register and tzdata tell of every phone and every lead that is not over.

        May be broken off and repeated; `progress` hears how many rows were looked at.
        """
        with reading(self._engine) as connection:
            register = read(connection)
        locator = Locator(register)
        phones = self._phones(register, locator, progress)
        leads = self._leads(locator, progress)
        with writing(self._engine) as connection:
            store.set_tzdata(connection, zones.version())
        return Changed(phones, leads)

    def _phones(self, register: Register, locator: Locator, progress: Progress) -> int:
        changed, after = 0, None
        while True:
            with reading(self._engine) as connection:
                page = store.phones_after(connection, after)
            if not page:
                return changed
            told = {one.id: ",".join(locator.of_number(one.e164).zones) for one in page}
            with writing(self._engine) as connection:
                ids = contact.zone_ids(connection, set(told.values()))
                rows = [row for one in page if (row := _phone(register, one, ids[told[one.id]]))]
                store.set_phones(connection, rows)
            changed, after = changed + len(rows), (page[-1].person_id, page[-1].id)
            progress(len(page))

    def _leads(self, locator: Locator, progress: Progress) -> int:
        changed, after = 0, None
        while True:
            with reading(self._engine) as connection:
                page = store.leads_after(connection, after)
            if not page:
                return changed
            told = [(one, *_zones(locator, one)) for one in page]
            with writing(self._engine) as connection:
                ids = contact.zone_ids(connection, {zones for _, zones, _ in told})
                rows = [
                    {"person_id_": one.person_id, "id_": one.id, "zone_id": ids[zones], "by_number": by}
                    for one, zones, by in told
                    if (ids[zones], by) != (one.zone_id, one.by_number)
                ]
                store.set_zones(connection, rows)
            changed, after = changed + len(rows), (page[-1].person_id, page[-1].id)
            progress(len(page))


def _phone(register: Register, row: Record, zone_id: int) -> dict[str, Any] | None:
    """What is to be written of a phone; None when it is so already."""
    whose = register.find(row.e164) or Range("", "")
    told = (kind(row.e164), whose.operator, whose.region, zone_id)
    if told == (row.kind, row.operator, row.region, row.zone_id):
        return None
    values = dict(zip(("kind", "operator", "region", "zone_id"), told, strict=True))
    return {"person_id_": row.person_id, "id_": row.id, **values}


def _zones(locator: Locator, row: Record) -> tuple[str, bool]:
    """Names with commas, and whether his number told them."""
    told = locator.of_place(Place(row.timezone, row.lat, row.lon, row.region, row.city))
    return ",".join((told or locator.of_number(row.e164)).zones), told is None
