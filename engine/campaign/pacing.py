"""How fast: a smooth rate, and the throttle that holds it below its limit, as pure values.

A pace (the generic cell rate algorithm) of 5 a second lets one call through every 200 ms, not five at the
start of each second. `slack_s` is how much of a delay (a busy loop, a slow database) may be made up for by
calls close together.

The throttle tells how much of a trunk's limit is used:

| what is seen | rate |
|---|---|
| the first call, or one after a minute without any | 20 % of the limit, all of it within 10 s |
| congestion: over 10 % of the calls of 30 s, of 15 at least | half, at most once in 5 s |
| no congestion | 10 % of the limit more in 30 s |
| our own handling of events is late: p99 over 200 ms | halved each second; back within 5 s |

A start is never slower than 5 calls a second: so few harm nobody. The rate never falls below 5 % of the
limit: without calls nobody would see that the carrier has room again.
"""

from dataclasses import dataclass, replace
from math import exp

START, START_CPS, START_S, IDLE_S = 0.2, 5.0, 10.0, 60.0
MEMORY_S = 30.0  # calls count for less the older they are: after this long for a third
FEW, CONGESTED = 15, 0.10  # some twenty calls, faded a little
HOLD_S = 5.0  # what ends in this time was sent before the rate was halved
RECOVERY = 0.10 / 30.0  # of the limit, a second
LATE_S, EASE_HALF_S, EASE_BACK_S = 0.2, 1.0, 5.0
FLOOR = 0.05
BEAT_S, BEAT_LOADED_S, BUSY = 0.2, 0.5, 0.2
COMMIT_S = 0.3  # what waits to be sent lasts until the next beat, and so long for its commit
BEAT_MOST_S = 0.4  # so that half of a permit's second is left for sending
SMALLEST, LARGEST, GROW, SHRINK = 5.0, 1000.0, 1.25, 0.25
STEP_S = 1.0  # a longer silence (the database was away) proves no more than this


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate` calls a second; `due` is the moment (seconds, monotonic) that the next call is due."""

    rate: float
    due: float = 0.0
    slack_s: float = 0.1

    def ready(self, now: float) -> bool:
        """May one more call go out now?"""
        return now >= self.due

    def spend(self, now: float) -> "Pace":
        """The pace after a call at `now`."""
        return replace(self, due=max(self.due, now - self.slack_s) + 1 / self.rate)

    def at_rate(self, rate: float) -> "Pace":
        """The same pace under a changed limit: the next call is due so long after the last as that asks."""
        if rate == self.rate:
            return self
        return replace(self, rate=rate, due=self.due - 1 / self.rate + 1 / rate)


@dataclass(frozen=True, slots=True)
class Room:
    """What a trunk or a campaign has room for: `used` of `channels`, and its pace."""

    pace: Pace
    channels: int
    used: int = 0

    def ready(self, now: float) -> bool:
        """Is there both a channel and a turn?"""
        return self.used < self.channels and self.pace.ready(now)

    def take(self, now: float) -> "Room":
        """One call more."""
        return replace(self, pace=self.pace.spend(now), used=self.used + 1)

    def used_more(self, change: int) -> "Room":
        """So many channels more (or fewer) are in use."""
        return replace(self, used=max(0, self.used + change))

    def lacking(self, waiting: int, within_s: float) -> int:
        """How many orders to fetch so that no turn is missed in this time; it has a channel for each."""
        enough = min(int(self.pace.rate * within_s) + 1, self.channels - self.used)
        return max(0, enough - waiting)

    def limited(self, rate: float, channels: int) -> "Room":
        """The same room under changed limits; calls under way go on."""
        return replace(self, pace=self.pace.at_rate(rate), channels=channels)


@dataclass(frozen=True, slots=True)
class Appetite:
    """How many leads a beat may take of each campaign. What it takes may be dialled for a second from the
    beat's begin; a beat that lasts longer brings nothing but work, and so would the next one.
    """

    most: float = LARGEST

    def after(self, spent_s: float) -> "Appetite":
        """Of the next beat, when this one lasted so long."""
        if spent_s > BEAT_MOST_S:
            return Appetite(max(SMALLEST, self.most * max(BEAT_MOST_S / spent_s, SHRINK)))
        return Appetite(min(LARGEST, self.most * GROW))


def interval(spent_s: float) -> float:
    """Seconds from a beat's begin to the next one's, when it lasted so long: beats take a fifth of the time.

    A beat costs something whatever is in it: under load fewer and larger ones are cheaper.
    """
    return min(BEAT_LOADED_S, max(BEAT_S, spent_s / BUSY))


@dataclass(frozen=True, slots=True)
class Heard:
    """What a trunk's calls told since the last step: so many were sent, of so many it is known how they
    went, and so many of these met congestion. `lag_s`: how late events are handled (p99, seconds).
    """

    sent: int = 0
    calls: int = 0
    congested: int = 0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Throttle:
    """`share` of the limit is what the carrier takes, `ease` of that is what we keep up with ourselves.

    `base` is the share that a start begins with; `calls` and `congested` are those of the last 30 s.
    """

    base: float = START
    share: float = START
    ease: float = 1.0
    starting: bool = True
    idle_s: float = IDLE_S
    calls: float = 0.0
    congested: float = 0.0
    hold_s: float = 0.0

    @classmethod
    def fresh(cls, limit: float) -> "Throttle":
        """Before the first call of a trunk of so many calls a second."""
        base = min(1.0, max(START, START_CPS / limit))
        return cls(base=base, share=base)

    def rate(self, limit: float) -> float:
        """Calls a second at present, of a limit; above 0."""
        return limit * max(FLOOR, self.share * self.ease)


def step(state: Throttle, heard: Heard, dt: float) -> Throttle:
    """The throttle `dt` seconds later."""
    dt = min(dt, STEP_S)
    state = _eased(state, heard.lag_s, dt)
    idle_s = 0.0 if heard.sent else min(IDLE_S, state.idle_s + dt)
    state = replace(state, idle_s=idle_s)
    if state.hold_s > 0:
        return replace(state, hold_s=max(0.0, state.hold_s - dt))
    fade = exp(-dt / MEMORY_S)
    calls, congested = state.calls * fade + heard.calls, state.congested * fade + heard.congested
    if heard.congested and calls >= FEW and congested > CONGESTED * calls:
        share = max(FLOOR, state.share / 2)
        return replace(state, share=share, starting=False, calls=0.0, congested=0.0, hold_s=HOLD_S)
    state = replace(state, calls=calls, congested=congested)
    if idle_s >= IDLE_S:
        return replace(state, share=min(state.share, state.base), starting=True)
    share = min(1.0, state.share + dt * (1 / START_S if state.starting else RECOVERY))
    return replace(state, share=share, starting=state.starting and share < 1.0)


def _eased(state: Throttle, lag_s: float, dt: float) -> Throttle:
    """Less while our own events are late: their calls are decided on too late as well."""
    if lag_s > LATE_S:
        return replace(state, ease=max(FLOOR, state.ease * 0.5 ** (dt / EASE_HALF_S)))
    return state if state.ease == 1.0 else replace(state, ease=min(1.0, state.ease + dt / EASE_BACK_S))
