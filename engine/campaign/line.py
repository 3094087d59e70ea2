"""One attempt under way, and the moment by which it is over, whatever is heard of it. Pure.

| last seen | it is closed at the latest after |
|---|---|
| sent | ring time + 10 s |
| OriginateResponse: failure, and no hang-up | 3 s |
| answered | the longest call + 15 s |
| hung up after an answer, its talk not reported | 5 s |
| not among the living channels after a reconnect | 5 s |
"""

from dataclasses import dataclass

from engine.campaign.attempts import Seen
from engine.campaign.errand import Order

RING_GRACE_S = 10
FAILED_GRACE_S = 3
CALL_GRACE_S = 15
TALK_GRACE_S = 5


@dataclass(slots=True)
class Line:
    """One attempt under way; `until` is when it is closed at the latest. `judged`: its trunk was told how it
    went; `counted`: and its campaign.
    """

    order: Order
    seen: Seen
    until: float
    judged: bool = False
    counted: bool = False

    @property
    def busy(self) -> bool:
        """It holds a channel."""
        return self.seen.hangup_at is None and not self.seen.final


def until(line: Line, before: Seen, now: float, max_call_s: int) -> float:
    """When it is closed at the latest, after something more was seen than `before`."""
    if line.seen.hangup_at:
        return min(line.until, now + TALK_GRACE_S)
    if line.seen.answered and not before.answered:
        return now + max_call_s + CALL_GRACE_S
    if line.seen.failed_at and not line.seen.answered:
        return min(line.until, now + FAILED_GRACE_S)
    return line.until
