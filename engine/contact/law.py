"""What the law says, and what is known of somebody: the two things that a decision is made of. Pure.

A pack is one law as data (etc/law/*.toml); a `Law` is the packs that hold for a campaign, all of which must
allow a call. A case is one person, number and lead, with everything that a rule may ask of him.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from engine.contact.hours import HORIZON, UNSETTLED, Calendar, Hours, Schedule
from engine.contact.limits import Limit, Past, Target
from storage.vocab import CallKind, ConsentKind, NumberKind, Role, ZoneSource

# Where nothing is known of a person's zone, a day is over when it is so everywhere on earth.
EVERYWHERE = tuple(ZoneInfo(f"Etc/GMT{hours:+d}") for hours in range(-14, 13))


@dataclass(frozen=True)
class Pack:
    """One law as data; see etc/law/*.toml, where every figure has its source.

    `hours` None: none are fixed. `third_party`: what a call to a debtor's contact person needs; None: no more
    than a call to the debtor does. `exemptible`: a stated exemption stands for the consents. `unchecked`:
    what the law asks beside all this, for people to see to.
    """

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
    uncertain: tuple[Mapping[str, str], ...] = ()
    unchecked: tuple[Mapping[str, str], ...] = ()

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
        """What a call under this law is: a message only where no pack takes it for a talk."""
        kinds = {pack.kind for pack in self.packs} - {None}
        return CallKind.MESSAGE if kinds == {CallKind.MESSAGE} else CallKind.TALK

    @property
    def memory(self) -> timedelta:
        """How far back calls matter: the longest month, seen from any zone, or the longest stretch."""
        rolling = [limit.rolling for pack in self.packs for limit in pack.limits]
        return max([timedelta(days=33), *rolling])

    @cached_property
    def schedules(self) -> Mapping[str, Schedule]:
        """Pack -> its hours by its country's calendar; without those that fix no hours."""
        return {
            pack.name: Schedule(pack.hours, self.calendars.get(pack.country, UNSETTLED))
            for pack in self.packs
            if pack.hours is not None
        }

    def opens(self, zones: Iterable[ZoneInfo], at: datetime) -> datetime | None:
        """The first moment, `at` or later, when the hours of all packs are open in all zones.

        None: there is none within HORIZON; so it is for unknown zones, unless no pack fixes hours.
        """
        places, moment = tuple(zones), at
        if self.schedules and not places:
            return None
        while moment < at + HORIZON:
            waits = [
                until
                for schedule in self.schedules.values()
                for zone in places
                if (until := schedule.closed_until(zone, moment, self.margin))
            ]
            if not waits:
                return moment
            moment = max(waits)
        return None

    def open(self, zones: Iterable[ZoneInfo], at: datetime) -> bool:
        """May anybody in these zones be called now, as far as hours go?"""
        places = tuple(zones)
        return not self.schedules or (
            bool(places)
            and all(
                schedule.closed_until(zone, at, self.margin) is None
                for schedule in self.schedules.values()
                for zone in places
            )
        )


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
    """What is known of one person, one number and one lead. `zones`: where he may be; empty: unknown.

    `message`: whom what he would hear is for; None: nobody knows, and he hears nothing.
    """

    target: Target
    zones: tuple[ZoneInfo, ...]
    zone_source: ZoneSource = ZoneSource.UNKNOWN
    number_kind: NumberKind | None = None
    role: Role = Role.DEBTOR
    message: Role | None = Role.DEBTOR
    bans: tuple[Ban, ...] = ()
    consents: Mapping[ConsentKind, Consent] = field(default_factory=dict)
    past: tuple[Past, ...] = ()
    attempts: int = 0
    checked_at: datetime | None = None
    terms: Terms = Terms()
