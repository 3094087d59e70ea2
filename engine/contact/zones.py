"""In which time zones a person may be: a set, for where nothing tells one for sure there are several.

The first of these that is known: his zone as given; his coordinates; his region and city; where the numbering
register says that his number belongs; the number's own prefix. None of them: unknown, and nobody calls him.

Zones are those of the PyPI package tzdata, never the machine's own. Two clocks are kept in a part of some
zones (eastern Ukraine, Abkhazia): coordinates there give both.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.contact.regions import NOWHERE, Zones, table, zones_of
from engine.errors import UsageError
from storage.vocab import ZoneSource

if TYPE_CHECKING:
    from engine.contact.numbering import Register

TZDATA = resources.files("tzdata")
OTHER_CLOCKS = {"Europe/Kyiv": "Europe/Moscow", "Asia/Tbilisi": "Europe/Moscow"}
SEA = "Etc/"
HALF_YEAR_S = 183 * 86400


@dataclass(frozen=True, slots=True)
class Place:
    """What an import knows of a person's address; what is empty is not known."""

    timezone: str = ""
    lat: float | None = None
    lon: float | None = None
    region: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True)
class Located:
    """Zones in order of their names (none: unknown), and what told them."""

    zones: tuple[str, ...]
    source: ZoneSource


def version() -> str:
    """tzdata's, as 2026.6."""
    return metadata.version("tzdata")


def released_by() -> datetime:
    """A moment by which this tzdata was surely released; the package itself does not say when.

    It was before it was installed here, and before the bulletin on leap seconds that follows the one it
    has: they come out twice a year, and each release has the newest.
    """
    leap_seconds = TZDATA / "zoneinfo" / "leapseconds"
    (updated,) = re.findall("^#updated ([0-9]+)", leap_seconds.read_text(encoding="utf-8"), re.MULTILINE)
    with resources.as_file(leap_seconds) as path:
        installed = path.stat().st_mtime
    return datetime.fromtimestamp(min(installed, int(updated) + HALF_YEAR_S), UTC)


@cache
def zone_names() -> frozenset[str]:
    """Every zone that there is."""
    return frozenset((TZDATA / "zones").read_text(encoding="ascii").split())


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of this name; UsageError when there is none."""
    if name not in zone_names():
        raise UsageError(f"{name[:64]!r} is not a name of the IANA time zone database")
    with TZDATA.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


class Locator:
    """Finds the zones of people; keep it, it remembers."""

    def __init__(self, register: "Register") -> None:
        self._register = register

    def locate(self, place: Place, e164: str) -> Located:
        """The zones of one who lives there and has this number."""
        return self.of_place(place) or self.of_number(e164)

    @staticmethod
    def of_place(place: Place) -> Located | None:
        """The zones of one who lives there; None: it does not tell."""
        if place.timezone in zone_names():
            return Located((place.timezone,), ZoneSource.TIMEZONE)
        if place.lat is not None and place.lon is not None and (zones := _at(place.lat, place.lon)):
            return _located(zones, ZoneSource.COORDINATES)
        if (place.region or place.city) and (zones := zones_of(place.region, place.city)):
            return _located(zones, ZoneSource.REGION)
        return None

    def of_number(self, e164: str) -> Located:
        """The zones of one of whom nothing but his number is known."""
        found = self._register.find(e164)
        if found and (zones := zones_of(found.region)):
            return _located(zones, ZoneSource.NUMBERING)
        if zones := prefix_zones(e164):
            return _located(zones, ZoneSource.PREFIX)
        return Located((), ZoneSource.UNKNOWN)


@lru_cache(maxsize=4096)
def _located(zones: Zones, source: ZoneSource) -> Located:
    return Located(tuple(sorted(zones)), source)


def _at(lat: float, lon: float) -> Zones:
    """The zones of a place on land; none at sea, and so none at 0, 0, which stands for "not known"."""
    name = _finder().timezone_at(lat=lat, lng=lon) or SEA
    if name.startswith(SEA) or name not in zone_names():
        return NOWHERE
    return frozenset({name, OTHER_CLOCKS.get(name, name)})


@cache
def _finder() -> Any:
    """One a process, made when it is first asked: it takes half a second and 30 MB."""
    from timezonefinder import TimezoneFinder

    return TimezoneFinder()


def prefix_zones(e164: str) -> Zones:
    """What a number tells by itself.

    Russia's fixed numbers by the codes of `regions.toml` (libphonenumber has Saratov on Moscow's clock and
    all of Yakutia on one), her mobile and free ones all her zones. Kazakhstan: all of hers. Elsewhere as
    libphonenumber has it, unless it names a zone of another country: then all of its own country's.
    """
    if e164.startswith("+7"):
        everywhere = zones_of("Казахстан" if e164[2:3] in ("6", "7") else "Россия")
        return table().codes.get(e164[2:5], everywhere)
    return _abroad(e164)


@lru_cache(maxsize=65536)
def _abroad(e164: str) -> Zones:
    import phonenumbers
    from phonenumbers.timezone import time_zones_for_number

    number = phonenumbers.parse(e164)
    own = country_zones(phonenumbers.region_code_for_number(number) or "")
    told = frozenset(time_zones_for_number(number))
    return told if told <= own else own


@cache
def country_zones(code: str) -> Zones:
    """The zones of a country by its ISO code, as tzdata's zone.tab has them."""
    lines = (TZDATA / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return frozenset(row[2] for row in rows if row[0] == code)
