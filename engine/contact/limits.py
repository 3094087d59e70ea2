"""How often somebody may be called: limits over what was done before. Pure.

A limit counts calls of a period of the calendar, in the person's own time, or of the last so many hours. What
a call counts as is known when it is over; until then, and when nobody saw its end, it counts as everything:
so a call that is being dialled holds its place, and gives it back if the phone did not ring.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.contact.hours import day_start
from storage.vocab import CallKind, Outcome


class Scope(StrEnum):
    """Whose calls are counted together."""

    NUMBER = "number"
    PERSON = "person"
    DEBT = "debt"
    CAMPAIGN = "campaign"


class Counts(StrEnum):
    """What of a call has to have come about for it to count."""

    PLACED = "placed"
    RANG = "rang"
    CONNECTED = "connected"
    DELIVERED = "delivered"
    TALKED = "talked"


class Period(StrEnum):
    """A period of the calendar; a week begins on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


TALKED = frozenset(
    {
        *(Outcome.ANSWERED_OPERATOR, Outcome.ANSWERED_OPT_OUT, Outcome.ANSWERED_PAID_CLAIM),
        Outcome.ANSWERED_PROMISE,
    }
)
DELIVERED = TALKED | {Outcome.ANSWERED_HEARD}
ANSWERED = DELIVERED | {Outcome.ANSWERED_PARTIAL, Outcome.MACHINE}
# Somebody picked up; a machine did not.
PICKED_UP = ANSWERED - {Outcome.MACHINE}
# Calls that tell when people answer: the number exists, and the network did what it could.
TELLING = ANSWERED | {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNREACHABLE, Outcome.REJECTED}
CONNECTED_S = 1.0  # a line that falls at once is no contact


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` calls in a calendar `period` or in any stretch of `rolling`; exactly one is given.

    `kind`: only talks, or only messages, count; None: both do. A minimum gap is one call in a stretch.
    """

    name: str
    most: int
    scope: Scope
    counts: Counts
    period: Period | None = None
    rolling: timedelta = timedelta(0)
    kind: CallKind | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """One call that was made before, or is being made. `answered_s` None: not answered, or not known."""

    at: datetime
    e164: str
    debt: str
    campaign_id: UUID | None
    kind: CallKind
    open: bool = False
    outcome: Outcome = Outcome.UNKNOWN
    refund: bool = False
    rang: bool = False
    answered_s: float | None = None

    def counts_as(self, what: Counts) -> bool:
        """Does it count, where this much has to have come about?"""
        if self.open or self.outcome is Outcome.UNKNOWN:
            return True
        if self.refund:
            return False
        answered = self.outcome in ANSWERED or self.answered_s is not None
        match what:
            case Counts.PLACED:
                return True
            case Counts.RANG:
                return self.rang or answered
            case Counts.CONNECTED:
                return answered and (self.answered_s is None or self.answered_s >= CONNECTED_S)
            case Counts.DELIVERED:
                return self.outcome in DELIVERED
            case Counts.TALKED:
                return self.outcome in TALKED


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a call would reach, and what for."""

    e164: str
    debt: str = ""
    campaign_id: UUID | None = None


def counted(limit: Limit, target: Target, past: Iterable[Past]) -> list[datetime]:
    """When the calls were that this limit counts, in order."""
    return sorted(
        call.at
        for call in past
        if _in_scope(limit.scope, target, call)
        and _of_kind(limit.kind, call)
        and call.counts_as(limit.counts)
    )


def _in_scope(scope: Scope, target: Target, call: Past) -> bool:
    match scope:
        case Scope.NUMBER:
            return call.e164 == target.e164
        case Scope.DEBT:
            return call.debt == target.debt
        case Scope.CAMPAIGN:
            return call.campaign_id == target.campaign_id
        case Scope.PERSON:
            return True


def _of_kind(kind: CallKind | None, call: Past) -> bool:
    """A message on which he asked for an operator was a talk as well."""
    if kind is CallKind.TALK and call.outcome is Outcome.ANSWERED_OPERATOR:
        return True
    return kind is None or call.kind is kind


def used(limit: Limit, times: Sequence[datetime], zones: Sequence[ZoneInfo], at: datetime) -> int:
    """How much of a limit is used up now: in the zone where it is most."""
    return len(times) - bisect_left(times, min(starts(limit, zones, at)))


def full_until(
    limit: Limit, times: Sequence[datetime], zones: Sequence[ZoneInfo], at: datetime
) -> datetime | None:
    """When the limit allows another call; None: now. `times` as `counted` gives them, all that matter.

    It is full for as long as the last `most` calls count. Those that seem to lie in the future (a clock was
    set back) count: they were made.
    """
    if len(times) < limit.most:
        return None
    call = times[-limit.most]
    until = (
        max(_next_start(limit.period, zone, call) for zone in zones) if limit.period else call + limit.rolling
    )
    return until if until > at else None


def starts(limit: Limit, zones: Sequence[ZoneInfo], at: datetime) -> list[datetime]:
    """The moments from which calls count now, a zone each; of a rolling stretch, one."""
    if limit.period is None:
        return [at - limit.rolling + timedelta(microseconds=1)]
    return [day_start(_first_day(limit.period, at.astimezone(zone).date()), zone) for zone in zones]


def _next_start(period: Period, zone: ZoneInfo, at: datetime) -> datetime:
    """When the next period begins."""
    first = _first_day(period, at.astimezone(zone).date())
    longest = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]
    return day_start(_first_day(period, first + timedelta(days=longest)), zone)


def _first_day(period: Period, day: date) -> date:
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
