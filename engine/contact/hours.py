"""Contact windows: when somebody may be called, in his own time. Pure.

Where a person's zone is not known for sure he has several, and a moment is lawful only when it is so in all
of them. A day beyond the known production calendar may be of any kind: the strictest holds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=40)


class DayKind(StrEnum):
    """What a day is, for the hours of calls."""

    WORKING = "working"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` until just before `closes`, local time."""

    opens: time
    closes: time

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{self.closes:%H:%M}"


@dataclass(frozen=True)
class Calendar:
    """What each day is: `special` days (holidays, and working days at weekends) against the plain week.

    `known_until`: the last day of which this is settled; None: all of them.
    """

    special: Mapping[date, DayKind] = field(default_factory=dict)
    weekend: frozenset[int] = frozenset({5, 6})
    known_until: date | None = None

    def kinds(self, day: date) -> tuple[DayKind, ...]:
        """What this day is, or may be."""
        if self.known_until is not None and day > self.known_until:
            return tuple(DayKind)
        plain = DayKind.WEEKEND if day.weekday() in self.weekend else DayKind.WORKING
        return (self.special.get(day, plain),)


Hours = Mapping[DayKind, Window]


def window(hours: Hours, calendar: Calendar, day: date) -> Window | None:
    """The window of a day: what all kinds of day that it may be allow; None: no calls at all."""
    windows = [hours[kind] for kind in calendar.kinds(day) if kind in hours]
    if len(windows) < len(calendar.kinds(day)):
        return None
    common = Window(max(one.opens for one in windows), min(one.closes for one in windows))
    return common if common.opens < common.closes else None


def closed_until(
    hours: Hours, calendar: Calendar, zone: ZoneInfo, at: datetime, margin: timedelta
) -> datetime | None:
    """None when the window is open in this zone and stays so for `margin`; else when it next opens (UTC).

    HORIZON from now when it does not open at all.
    """
    for opens, closes in _spans(hours, calendar, zone, at):
        if at < opens:
            return opens
        if at + margin < closes:
            return None
    return at + HORIZON


def open_until(hours: Hours, calendar: Calendar, zone: ZoneInfo, at: datetime) -> datetime:
    """When the window that is open now closes (UTC); `at` itself when it is closed."""
    for opens, closes in _spans(hours, calendar, zone, at):
        if opens <= at < closes:
            return closes
    return at


def _spans(
    hours: Hours, calendar: Calendar, zone: ZoneInfo, at: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The windows of this day and of those to come, as moments; those that a change of clocks swallows
    are left out.
    """
    today = at.astimezone(zone).date()
    for ahead in range(HORIZON.days):
        day = today + timedelta(days=ahead)
        allowed = window(hours, calendar, day)
        if allowed:
            # What a change of clocks makes doubtful is read strictly: begins late, ends early.
            opens, closes = max(_moments(day, allowed.opens, zone)), min(_moments(day, allowed.closes, zone))
            if opens < closes:
                yield opens, closes


def _moments(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """What a local time may mean (UTC): two moments when clocks go back over it or forward past it."""
    local = datetime.combine(day, clock, zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day (UTC)."""
    return min(_moments(day, time.min, zone))
