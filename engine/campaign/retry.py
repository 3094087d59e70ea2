"""When a lead is called again, on which of its phones, and when no more. Pure.

    rules (retry_rules) + what came of all its calls -> the moment and the phone of the next one, or none

Whatever the rules say:
- A lead has one budget, its campaign's `attempts`, for all outcomes. A call that was given back (the phone
  stayed silent through a fault of the trunk or network) is free REFUNDS times; from then on it counts.
- `unknown` is a call until it is proved not to be: nothing is called for GUARD, by no rule and no scale.
- A call-back that he asked for comes at the hour he named, on the phone on which he asked. It is a promise,
  so it adds one call to the budget; CALL_BACKS times a lead at most, and no more are offered to him.
- Who promised to pay by a day is not called before that day is over with him; the delay of `answered-promise`
  begins there, and the call takes one of the budget like any other.
The law is asked at each call, after all this, and may make it later or never.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from uuid import UUID

from engine.campaign.attempts import NO_DAY, NO_HOUR, Talk
from engine.campaign.retry_rules import DEFAULTS, GUARD, Rule
from storage.vocab import Outcome, Waits

REFUNDS = 20
CALL_BACKS = 3


@dataclass(frozen=True, slots=True)
class Made:
    """A call of a lead that is over. `hour`: at which he asked to be called back; `day`: by which he promised
    to pay.
    """

    phone: UUID
    outcome: Outcome
    at: datetime
    refund: bool = False
    hour: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """A campaign's budget and rules; `scale` multiplies the delays (not the guard)."""

    attempts: int
    rules: Mapping[Outcome, Rule] = field(default_factory=lambda: DEFAULTS)
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Next:
    """`spent` of the budget; the next call is `due` on that phone, None: there is none. `waits`: for what."""

    spent: int
    due: datetime | None = None
    phone: UUID | None = None
    waits: Waits = Waits.TURN


def plan(calls: Sequence[Made], phones: Sequence[UUID], policy: Policy, zones: Iterable[tzinfo] = ()) -> Next:
    """What follows the last of a lead's `calls` (in order, at least one). `phones`: the person's, in order;
    `zones`: where he may be.
    """
    last, spent = calls[-1], budget_used(calls)
    promised = sum(call.hour is not None for call in calls)
    if last.hour is not None and promised <= CALL_BACKS:
        return Next(spent, next_hour(last.hour, zones, last.at), last.phone, Waits.CALL_BACK)
    rule = policy.rules[last.outcome]
    often = sum(call.outcome is last.outcome for call in calls)
    if spent >= policy.attempts + min(promised, CALL_BACKS) or 0 < rule.times <= often:
        return Next(spent)
    for phone in _turns(last.phone, phones) if rule.next_phone else (last.phone,):
        rested = _rested(phone, calls, policy)
        if rested is not None:
            guarded = last.at + GUARD if last.outcome is Outcome.UNKNOWN else last.at
            due = max(rested, guarded)
            if last.day is None:
                return Next(spent, due, phone)
            return Next(spent, due + (after_day(last.day, zones) - last.at), phone, Waits.PROMISE)
    return Next(spent)


def budget_used(calls: Sequence[Made]) -> int:
    """How much of its budget a lead has used up."""
    refunds = sum(call.refund for call in calls)
    return len(calls) - min(refunds, REFUNDS)


def _turns(last: UUID, phones: Sequence[UUID]) -> list[UUID]:
    """All phones, beginning with the one after the last, which comes at the end."""
    place = phones.index(last) + 1 if last in phones else 0
    return [*phones[place:], *phones[:place]]


def _rested(phone: UUID, calls: Sequence[Made], policy: Policy) -> datetime | None:
    """From when on this phone may be called again; None: never."""
    its = [call for call in calls if call.phone == phone]
    if not its:
        return calls[-1].at
    last = its[-1]
    rule = policy.rules[last.outcome]
    if rule.delay_s is None:
        return None
    rest = rule.rest(sum(call.outcome is last.outcome for call in its)) * policy.scale
    return last.at + (max(rest, GUARD) if last.outcome is Outcome.UNKNOWN else rest)


def next_hour(hour: int, zones: Iterable[tzinfo], at: datetime) -> datetime:
    """The first moment after `at` when it is that hour, in any of these zones (UTC where there is none)."""
    moments = []
    for zone in tuple(zones) or (UTC,):
        today = at.astimezone(zone).replace(hour=hour, minute=0, second=0, microsecond=0)
        days = (today + timedelta(days=ahead) for ahead in range(3))  # a change of clocks may swallow one
        moments.append(min(moment for day in days if (moment := day.astimezone(UTC)) > at))
    return min(moments)


def after_day(day: date, zones: Iterable[tzinfo]) -> datetime:
    """The first moment when that day is over in all of these zones (UTC where there is none)."""
    midnight = datetime.combine(day + timedelta(days=1), time())
    return max(midnight.replace(tzinfo=zone).astimezone(UTC) for zone in tuple(zones) or (UTC,))


def due_after(talk: Talk, zones: Iterable[tzinfo], at: datetime) -> datetime | None:
    """When who talked so at that moment may be called again by his own word; None: he gave none."""
    if talk.day != NO_DAY:
        return after_day(talk.day, zones)
    return next_hour(talk.hour, zones, at) if talk.hour != NO_HOUR else None
