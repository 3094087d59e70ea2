"""How well the numbers that we call from are: counted, judged, rested. Pure.

Subscribers' phones and carriers mark numbers that call much: people then do not answer, or hang up at once. A
number is judged against the trunk's others, by counts in which a call loses half its weight in a day.

| sign | enough |
|---|---|
| spam: the carrier answered 607 or 608 | 3 such calls |
| short calls: the callee hung up within `short_s` | `short_share` of 20 answers, and twice the others' |
| few answers | below `answer_share` of the others' rate over 50 calls each, and no chance (3 sigma) |

A sick number rests for `rest_h` hours, the next time for six times as long; the third time it is in
quarantine until somebody wakes it. Thirty days without a rest and it is as new. After a rest it is counted
afresh.

When all numbers of a trunk rest, calls go on from the one that is to rest the shortest (least sick), and that
is said: dialling does not stop by itself because of a statistic. Numbers that an operator has laid to rest
are not used whatever happens.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import sqrt

SPAM, SHORT, FEW, OPERATOR = "spam", "short-calls", "few-answers", "operator"
SPAM_CODES = (607, 608)
HALF_LIFE = timedelta(days=1)
SPAM_CALLS = 3
ANSWERS = 20  # of which the share of short calls is a share
CALLS = 50  # of which the answer rate is a rate
SIGMA = 3.0
LONGER = 6  # times as long: the second rest
QUARANTINE = timedelta(days=3650)  # until somebody wakes it
QUARANTINED = 3  # the rest from which on it is that
AS_NEW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Marks:
    """What makes a number sick, as the settings say; times in seconds, shares from 0 to 1."""

    short_s: float = 3.0
    short_share: float = 0.3
    answer_share: float = 0.5
    rest: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Call:
    """One result: `lasted_s` from answer to end, None where nobody answered; `cut`: the callee ended it
    before the message did.
    """

    lasted_s: float | None = None
    cut: bool = False
    tech_cause: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one number; counts with old calls for less. `rests`: how many times in a row."""

    calls: float = 0.0
    answered: float = 0.0
    short: float = 0.0
    spam: float = 0.0
    rests: int = 0
    rests_until: datetime | None = None
    why: str = ""

    def __add__(self, other: "Health") -> "Health":
        """Counts of two numbers together."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return replace(self, **sums)

    def resting(self, now: datetime) -> bool:
        """Is it not to be called from?"""
        return self.rests_until is not None and now < self.rests_until

    def faded(self, passed: timedelta) -> "Health":
        """The same some time later."""
        kept = 0.5 ** (passed / HALF_LIFE)
        return replace(self, **{name: getattr(self, name) * kept for name in COUNTS})

    def heard(self, call: Call, marks: Marks) -> "Health":
        """One call more."""
        answered = call.lasted_s is not None
        short = call.lasted_s is not None and call.cut and call.lasted_s <= marks.short_s
        spam = call.tech_cause in SPAM_CODES
        return self + Health(1.0, float(answered), float(short), float(spam))

    def laid_to_rest(self, why: str, now: datetime, rest: timedelta) -> "Health":
        """It rests from now on, the longer the more often it had to; then it is counted afresh."""
        fresh = self.rests_until is not None and now - self.rests_until > AS_NEW
        rests = 1 if fresh else self.rests + 1
        length = QUARANTINE if rests >= QUARANTINED else rest * (1 if rests == 1 else LONGER)
        return Health(rests=rests, rests_until=now + length, why=why)


COUNTS = ("calls", "answered", "short", "spam")
NEW = Health()


def sickness(mine: Health, others: Health, marks: Marks) -> str:
    """What is wrong with a number, beside the trunk's others; "" when it is well."""
    if mine.spam >= SPAM_CALLS * 0.9:  # old ones have faded a little
        return SPAM
    if mine.answered >= ANSWERS:
        share = mine.short / mine.answered
        usual = others.short / others.answered if others.answered >= ANSWERS else 0.0
        if share > marks.short_share and share > 2 * usual:
            return SHORT
    return FEW if _answers_too_few(mine, others, marks.answer_share) else ""


def _answers_too_few(mine: Health, others: Health, share: float) -> bool:
    """Is its answer rate below that share of the others', and by more than chance makes?"""
    if mine.calls < CALLS or others.calls < CALLS:
        return False
    rate, usual = mine.answered / mine.calls, others.answered / others.calls
    both = (mine.answered + others.answered) / (mine.calls + others.calls)
    chance = sqrt(both * (1 - both) * (1 / mine.calls + 1 / others.calls))
    return rate < share * usual and usual - rate > SIGMA * chance


def usable(numbers: Collection[str], known: Mapping[str, Health], now: datetime) -> list[str]:
    """The numbers to call from: the well ones; for want of them the least sick that no operator rests."""
    allowed = [one for one in numbers if not _by_operator(known.get(one, NEW), now)]
    well = [one for one in allowed if not known.get(one, NEW).resting(now)]
    if well or not allowed:
        return well
    return [min(allowed, key=lambda one: (known[one].rests_until or now, known[one].rests, one))]


def _by_operator(health: Health, now: datetime) -> bool:
    return health.resting(now) and health.why == OPERATOR
