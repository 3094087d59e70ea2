"""What came of dialling at a rate for a while, and the search for the highest rate that is held."""

import time
from collections.abc import Callable
from dataclasses import dataclass

HELD = 0.97  # of the calls that the rate makes
STEP_S = 12
CLIMB = 1.2
FINE = 1.03
DRAIN_S = 15


@dataclass(frozen=True, slots=True)
class Window:
    """Calls made and heard, calls without an end, CPU ms a call by process. Of Zvonar also: CPU of its own
    with PostgreSQL, p99 of event lag (the bound of a bucket) and of answer to first audio (of a sample),
    growth of its memory.
    """

    rate: float
    seconds: float
    made: int
    heard: int
    lost: int
    cpu_ms: dict[str, float]
    ours_ms: float | None = None
    lag_s: float | None = None
    audio_s: float | None = None
    sample: int = 0
    grown_mb: float | None = None

    @property
    def held(self) -> bool:
        """The rate was kept."""
        return (
            self.lost == 0
            and self.heard >= HELD * self.rate * self.seconds
            and self.heard >= 0.99 * self.made
        )

    def __str__(self) -> str:
        told = [
            f"  {self.rate:6.1f}/s for {self.seconds:3.0f} s: {self.made} made, {self.heard} heard, "
            f"{self.lost} open, {'held' if self.held else 'NOT HELD'}",
            "CPU ms a call: " + " ".join(f"{name} {ms:.2f}" for name, ms in self.cpu_ms.items()),
        ]
        if self.ours_ms is not None:
            told += [f"ours {self.ours_ms:.2f}", f"event lag p99 <= {1000 * (self.lag_s or 0):.0f} ms"]
        if self.audio_s is not None:
            told += [f"first audio p99 {1000 * self.audio_s:.0f} ms (of {self.sample})"]
        if self.grown_mb is not None:
            told += [f"memory {self.grown_mb:+.1f} MB"]
        return "; ".join(told)


def search(window: Callable[[float, float], Window], start: float, seconds: float, top: float) -> Window:
    """The highest rate that is held for `seconds`.

    First in short windows: by a fifth a step up to one that is not held (or `top`), then halving between it
    and the last that was, down to 3 %. Then the long window, a twentieth lower each time it is not held.
    """

    def tried(rate: float, for_s: float) -> Window:
        found = window(rate, for_s)
        print(found, flush=True)
        if not found.held:
            time.sleep(DRAIN_S)  # an Asterisk that was asked too much needs time to come to itself
        return found

    held, failed = 0.0, 0.0
    rate = start
    while not failed and held < top:
        if tried(rate, STEP_S).held:
            held, rate = rate, min(top, round(rate * CLIMB))
        else:
            failed = rate
    held = held or start / 2
    while failed > held * FINE:
        rate = round((held + failed) / 2)
        if rate in (held, failed):
            break
        held, failed = (rate, failed) if tried(rate, STEP_S).held else (held, rate)
    while True:
        found = tried(held, seconds)
        if found.held or held < 1:
            return found
        held = round(held * 0.95)
