"""May our clock be believed? Whom the law lets us call hangs on it. Pure.

It is doubted while it differs from the database's, and for a while after it jumped: the wall clock is held
against the monotonic one. In doubt nothing new is dialled; calls under way go on.
"""

from dataclasses import dataclass, replace

SKEW_S = 5.0  # between us and the database
STEP_S = 2.0  # a jump, between two looks
HOLD_S = 10.0  # so long after a jump nothing is dialled: who set the clock may not have done yet


@dataclass(frozen=True, slots=True)
class Clock:
    """`offset`: wall minus monotonic seconds when last looked at; doubted until monotonic `until`."""

    offset: float | None = None
    until: float = 0.0
    why: str = ""

    def look(self, wall: float, monotonic: float, skew_s: float) -> "Clock":
        """The clock after a look; `skew_s`: how much later it is here than in the database."""
        offset = wall - monotonic
        jump = 0.0 if self.offset is None else offset - self.offset
        if abs(jump) > STEP_S:
            return Clock(offset, monotonic + HOLD_S, f"the clock jumped by {jump:+.0f} s")
        if abs(skew_s) > SKEW_S:
            return Clock(offset, monotonic + 1, f"the clock is {skew_s:+.0f} s beside the database's")
        return replace(self, offset=offset, why=self.why if monotonic < self.until else "")

    def doubted(self, monotonic: float) -> bool:
        """Is it not to be believed now?"""
        return monotonic < self.until
