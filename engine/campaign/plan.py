"""What a forecast is made of: leads that are alike, the fates of calls, and what holds for all. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.contact.law import Law, Terms
from engine.contact.limits import Limit
from storage.vocab import Outcome

Used = tuple[tuple[datetime, ...], ...]  # for each limit, when the calls were that it counts
Retry = Callable[[Outcome, int], timedelta | None]


@dataclass(frozen=True, slots=True)
class Group:
    """Leads that are alike: `made` attempts, not `due` before, `used` of `limits_of` the law."""

    zone: int
    priority: int
    made: int
    due: datetime
    leads: int
    used: Used = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a share of all calls: it rings for `ring_s`; answered, they talk for `talk_s`."""

    outcome: Outcome
    share: float
    ring_s: float
    talk_s: float = 0.0
    reached: bool = False


@dataclass(frozen=True)
class Plan:
    """What holds for the whole campaign.

    `attempts`: of a lead, at most. `retry`: outcome and attempts made -> the delay before the next; None: no
    more. `score`: how good an hour is in a zone set; the higher goes first.
    """

    law: Law
    terms: Terms
    zones: Mapping[int, tuple[ZoneInfo, ...]]
    cps: float
    channels: int
    attempts: int
    fates: Sequence[Fate]
    retry: Retry
    start: datetime
    days: int
    score: Callable[[int, datetime], int] = lambda _zone, _at: 0

    @property
    def hold_s(self) -> float:
        """How long a call holds its channel, on the whole."""
        return sum(fate.share * (fate.ring_s + fate.talk_s) for fate in self.fates)

    @property
    def rate(self) -> float:
        """Calls a second that the limits allow."""
        return min(self.cps, self.channels / self.hold_s) if self.hold_s else self.cps


def limits_of(law: Law) -> tuple[Limit, ...]:
    """All limits of a law, in the order of `Group.used`."""
    return tuple(limit for pack in law.packs for limit in pack.limits)
