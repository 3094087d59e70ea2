"""What the law says, and what is known of somebody: the two things that a decision is made of. Pure.

A pack is one law as data (etc/law/*.toml); a `Law` is the packs that hold for a campaign, all of which must
allow a call. A case is one person, number and lead, with everything that a rule may ask of him.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.contact.hours import Calendar, Hours, closed_until
from engine.contact.limits import Limit, Past, Target
from storage.vocab import CallKind, ConsentKind, NumberKind, Role, ZoneSource

# Where nothing is known of a person's zone, a day begins with the first on earth and ends with the last.
EVERYWHERE = (ZoneInfo("Etc/GMT-14"), ZoneInfo("Etc/GMT+12"))


@dataclass(frozen=True)
class Pack:
    """One law as data; see etc/law/*.toml, where every figure has its source."""

    name: str
    version: str
    title: Mapping[str, str]
    effective: date
    expires: date | None = None
    country: str = ""
    kind: CallKind | None = None
    hours: Hours | None = None
    limits: tuple[Limit, ...] = ()
    consents: tuple[ConsentKind, ...] = ()
    exemptible: bool = False
    third_party: tuple[ConsentKind, ...] | None = None
    label: bool = False
    announcements: tuple[str, ...] = ()
    max_attempts: int | None = None
    retention_days: int = 0
    sources: Mapping[str, str] = field(default_factory=dict)
    uncertain: tuple[str, ...] = ()

    def source(self, figure: str) -> str:
        """Where a figure is from."""
        return self.sources.get(figure, self.name)


@dataclass(frozen=True)
class Law:
    """The packs that hold for a campaign, with the calendars of their countries. All must allow."""

    packs: tuple[Pack, ...]
    calendars: Mapping[str, Calendar]
    margin: timedelta = timedelta(0)

    @property
    def kind(self) -> CallKind:
        """What a call under this law is: a message only where a pack for messages was chosen."""
        messages = any(pack.kind is CallKind.MESSAGE for pack in self.packs)
        return CallKind.MESSAGE if messages else CallKind.TALK

    @property
    def memory(self) -> timedelta:
        """How far back calls matter: the longest month, seen from any zone, or the longest stretch."""
        rolling = [limit.rolling for pack in self.packs for limit in pack.limits]
        return max([timedelta(days=33), *rolling])

    def closed_until(self, zones: Iterable[ZoneInfo], at: datetime) -> datetime | None:
        """None when the hours of all packs are open in all zones; else a moment before which they are not."""
        places = tuple(zones)
        waits = [
            until
            for pack in self.packs
            if pack.hours is not None
            for zone in places or EVERYWHERE
            if (until := closed_until(pack.hours, self.calendar(pack), zone, at, self.margin))
        ]
        return max(waits, default=None)

    def open(self, zones: Iterable[ZoneInfo], at: datetime) -> bool:
        """May anybody in these zones be called now, as far as hours go? Unknown zones: only without hours."""
        places = tuple(zones)
        timeless = all(pack.hours is None for pack in self.packs)
        return timeless or (bool(places) and self.closed_until(places, at) is None)

    def calendar(self, pack: Pack) -> Calendar:
        """The production calendar that a pack goes by."""
        return self.calendars.get(pack.country) or Calendar()


@dataclass(frozen=True, slots=True)
class Ban:
    """A blacklist entry that concerns him."""

    key: str
    scope: str
    reason: str
    until: datetime | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """What he said last of one kind."""

    given: bool
    until: datetime | None = None
    source: str = ""


@dataclass(frozen=True)
class Terms:
    """What holds for a whole campaign: without it nobody of it is called."""

    role: Role = Role.DEBTOR
    exemption: str = ""
    labelled: bool = False
    announced: frozenset[str] = frozenset()
    owes: str = ""
    owes_ttl: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Case:
    """What is known of one person, one number and one lead. `zones`: where he may be; empty: unknown."""

    target: Target
    zones: tuple[ZoneInfo, ...]
    zone_source: ZoneSource = ZoneSource.UNKNOWN
    number_kind: NumberKind | None = None
    role: Role = Role.DEBTOR
    bans: tuple[Ban, ...] = ()
    consents: Mapping[ConsentKind, Consent] = field(default_factory=dict)
    past: tuple[Past, ...] = ()
    attempts: int = 0
    checked_at: datetime | None = None
    terms: Terms = Terms()
