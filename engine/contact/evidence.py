"""When what was seen of a number is enough to blacklist it, and when a trunk's word is not believed. Pure.

| evidence | enough | stands |
|---|---|---|
| permanent (no such number) | 2 hits, on 2 days or on 2 trunks | for good |
| soft (off, out of cover) | 6 hits on 5 days within 30 days | 30 days |

An answer clears all hits of a number. A day is Moscow's (UTC+3): its midnight falls where from Kaliningrad to
Magadan nobody may be called, so two calls minutes apart are not two days. A trunk whose share of permanent
evidence jumps is at fault itself: its hits are put into quarantine, and count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from uuid import UUID

from engine.contact.outcomes import Evidence

OFFICE = timezone(timedelta(hours=3))

PERMANENT_HITS = 2
PERMANENT_SPREAD = 2  # days, or trunks
SOFT_HITS = 6
SOFT_DAYS = 5
SOFT_SPAN = timedelta(days=30)

WINDOW = 200  # calls of a trunk that the breaker looks at
FEW = 20  # calls of which nothing can be said yet
SHARE = 0.20
TIMES = 3.0  # as much as the week before
FEW_PERMANENT = 5  # among the last calls: fewer are chance, whatever the week was
FEW_OF_WEEK = 500  # calls: of fewer no mean is known


@dataclass(frozen=True, slots=True)
class Hit:
    """What one call says against a number."""

    attempt_id: UUID
    trunk: str
    at: datetime
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Sentence:
    """A number is to be blacklisted; `until` None: for good. `hits` are what it rests on."""

    reason: str
    until: datetime | None
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """Of so many calls, so many gave permanent evidence."""

    calls: int = 0
    permanent: int = 0

    @property
    def of_all(self) -> float:
        """From 0 to 1."""
        return self.permanent / self.calls if self.calls else 0.0


def day(at: datetime) -> date:
    """The day that a call counts for."""
    return at.astimezone(OFFICE).date()


def judge(hits: Sequence[Hit], at: datetime) -> Sentence | None:
    """What these hits of one number, all that count, come to."""
    permanent = _of(Evidence.PERMANENT, hits)
    spread = max(len({day(hit.at) for hit in permanent}), len({hit.trunk for hit in permanent}))
    if len(permanent) >= PERMANENT_HITS and spread >= PERMANENT_SPREAD:
        return Sentence("invalid-number", None, permanent)
    soft = tuple(hit for hit in _of(Evidence.SOFT, hits) if hit.at > at - SOFT_SPAN)
    if len(soft) >= SOFT_HITS and len({day(hit.at) for hit in soft}) >= SOFT_DAYS:
        return Sentence("unreachable", at + SOFT_SPAN, soft)
    return None


def _of(evidence: Evidence, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    return tuple(sorted((hit for hit in hits if hit.evidence is evidence), key=lambda hit: hit.at))


def at_fault(last: Share, week: Share) -> bool:
    """Is a trunk's word not to be believed? `last`: its last calls; `week`: the seven days before today."""
    if last.calls < FEW:
        return False
    jumped = week.calls >= FEW_OF_WEEK and last.of_all > TIMES * week.of_all
    return last.of_all > SHARE or (jumped and last.permanent >= FEW_PERMANENT)
