"""Contact windows: when somebody may be called, in his own time. Pure.

Where a person's zone is not known for sure he has several, and a moment is lawful only when it is so in all
of them. A day beyond the known production calendar may be of any kind: the strictest holds. What a change of
clocks makes doubtful is read strictly: a window begins late and ends early.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

HORIZON = timedelta(days=40)
DAY = timedelta(days=1)
MIDNIGHT = time.min


class DayKind(StrEnum):
    """What a day is, for the hours of calls."""

    WORKING = "working"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` until just before `closes`, local time; closing at 00:00 is the day's end."""

    opens: time
    closes: time

    def __bool__(self) -> bool:
        """Is there any time in it?"""
        return self.closes == MIDNIGHT or self.opens < self.closes

    def common(self, other: "Window") -> "Window":
        """The time that is in both, of two that have some; it may be none."""
        closes = min(self.closes, other.closes, key=lambda end: (end == MIDNIGHT, end))
        return Window(max(self.opens, other.opens), closes)

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}-{'24:00' if self.closes == MIDNIGHT else format(self.closes, '%H:%M')}"


@dataclass(frozen=True)
class Calendar:
    """What each day is: `special` days (holidays, and working days at weekends) against the plain week.

    `known_until`: the last day of which this is settled; None: all of them. Special days are always known.
    """

    special: Mapping[date, DayKind] = field(default_factory=dict)
    weekend: frozenset[int] = frozenset({5, 6})
    known_until: date | None = None

    def kinds(self, day: date) -> tuple[DayKind, ...]:
        """What this day is, or may be."""
        special = self.special.get(day)
        if special is not None:
            return (special,)
        if self.known_until is not None and day > self.known_until:
            return tuple(DayKind)
        return (DayKind.WEEKEND if day.weekday() in self.weekend else DayKind.WORKING,)


UNSETTLED = Calendar(known_until=date.min)  # of a country whose calendar we do not have

Hours = Mapping[DayKind, Window]


def window(hours: Hours, calendar: Calendar, day: date) -> Window | None:
    """The window of a day: what all kinds of day that it may be allow; None: no calls at all."""
    kinds = calendar.kinds(day)
    windows = [hours[kind] for kind in kinds if kind in hours]
    if len(windows) < len(kinds):
        return None
    common = windows[0]
    for other in windows[1:]:
        common = common.common(other)
    return common if common else None


@dataclass(frozen=True, eq=False)
class Schedule:
    """Hours by a calendar. Each is one of its kind (equal only to itself), so that what is worked out for
    its days is kept.
    """

    hours: Hours
    calendar: Calendar = Calendar()

    def window(self, day: date) -> Window | None:
        """The window of a day; None: no calls at all."""
        return window(self.hours, self.calendar, day)

    def closed_until(self, zone: ZoneInfo, at: datetime, margin: timedelta) -> datetime | None:
        """None when it is open in this zone and stays so for longer than `margin`; else the first moment
        (UTC) when it is so, or HORIZON from now when there is none before.
        """
        for opens, closes in self._spans(zone, at):
            soonest = max(at, opens)
            if soonest + margin < closes:
                return None if soonest == at else soonest
        return at + HORIZON

    def _spans(self, zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The windows of this day and of those to come, as moments. A window that goes on over midnight
        comes twice: until then, and as a whole.
        """
        today = at.astimezone(zone).date()
        began, ended = at, None
        for ahead in range(HORIZON.days):
            span = _span(self, zone, today + ahead * DAY)
            if span is None:
                continue
            began = began if span[0] == ended else span[0]
            ended = span[1]
            yield began, ended


@lru_cache(maxsize=16384)
def _span(schedule: Schedule, zone: ZoneInfo, day: date) -> tuple[datetime, datetime] | None:
    """A day's window as moments; None when there is none, or a change of clocks swallows it."""
    allowed = schedule.window(day)
    if allowed is None:
        return None
    last = day + DAY if allowed.closes == MIDNIGHT else day
    opens, closes = max(_moments(day, allowed.opens, zone)), min(_moments(last, allowed.closes, zone))
    return (opens, closes) if opens < closes else None


def _moments(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """What a local time may mean (UTC): two moments when clocks go back over it or forward past it."""
    local = datetime.combine(day, clock, zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


@lru_cache(maxsize=16384)
def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a local day (UTC); also where clocks go forward over midnight."""
    return datetime.combine(day, MIDNIGHT, zone).astimezone(UTC)
