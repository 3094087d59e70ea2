"""How many calls each of one dialer's trunks takes at present, and why not more.

The limit is the settings' (or this dialer's share of it). Under it the throttle holds the rate, and the
breaker shuts the trunk for a while (`pacing`, `breaker`). Each call is judged once: well when its phone
rings or is answered, else by its outcome. Two dialers on one trunk each judge by their own calls.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any
from uuid import UUID

from engine import telemetry
from engine.campaign.breaker import TRIAL_CPS, Breaker, Position
from engine.campaign.pacing import BEAT_S, COMMIT_S, Heard, Pace, Room, Throttle, step
from engine.sections import Trunk
from storage.vocab import Outcome

SHUT = {Position.CLOSED: 0, Position.TRIAL: 1, Position.OPEN: 2}

log = telemetry.logger("trunks")


@dataclass(slots=True)
class Valve:
    """A trunk's; `sent`, `calls` and `congested` are those since the last step."""

    limit: float
    room: Room
    throttle: Throttle
    breaker: Breaker = field(default_factory=Breaker)
    sent: int = 0
    calls: int = 0
    congested: int = 0

    @property
    def rate(self) -> float:
        """Calls a second at present."""
        if self.breaker.position is Position.TRIAL:
            return min(self.limit, TRIAL_CPS)
        return self.throttle.rate(self.limit)


class Valves:
    """By trunk. Of a name that is not there every question has the answer "no call"."""

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        self._valves: dict[str, Valve] = {}
        self._stepped: float | None = None
        self.ahead_s = BEAT_S + COMMIT_S  # so long lasts what waits to be sent
        self.limits(trunks, {})

    @property
    def used(self) -> dict[str, int]:
        """Trunk -> channels in use."""
        return {name: valve.room.used for name, valve in self._valves.items()}

    @property
    def out_of_order(self) -> frozenset[str]:
        """The trunks that take no call for some time."""
        return frozenset(name for name in self._valves if self.shut(name))

    def limits(self, trunks: Iterable[Trunk], used: Mapping[str, int]) -> None:
        """These trunks with these limits, from now on; a new one may have calls under valve already."""
        valves: dict[str, Valve] = {}
        for trunk in trunks:
            valve = self._valves.get(trunk.name)
            if valve is None:
                throttle = Throttle.fresh(trunk.cps)
                room = Room(Pace(throttle.rate(trunk.cps)), trunk.channels, used.get(trunk.name, 0))
                valve = Valve(trunk.cps, room, throttle)
            valve.limit = trunk.cps
            valve.room = valve.room.limited(valve.rate, trunk.channels)
            valves[trunk.name] = valve
        self._valves = valves

    def step(self, now: float, lag_s: float, next_s: float = BEAT_S) -> None:
        """Once a beat, the next after `next_s`: throttles and breakers move on; events are `lag_s` late."""
        self.ahead_s = next_s + COMMIT_S
        dt = 0.0 if self._stepped is None else now - self._stepped
        self._stepped = now
        for name, valve in self._valves.items():
            heard = Heard(valve.sent, valve.calls, valve.congested, lag_s)
            valve.sent = valve.calls = valve.congested = 0
            before, valve.throttle = valve.throttle, step(valve.throttle, heard, dt)
            if valve.throttle.hold_s > before.hold_s:
                log.warning("congestion: rate halved", trunk=name, share=round(valve.throttle.share, 3))
            self._moved(name, valve, valve.breaker.at(now), now)
            valve.room = valve.room.limited(valve.rate, valve.room.channels)
            telemetry.trunk_rate.labels(name).set(0 if self.shut(name) else valve.rate)
            telemetry.trunk_breaker.labels(name).set(SHUT[valve.breaker.position])

    def ready(self, name: str, now: float) -> bool:
        """May one more call go out over it now?"""
        valve = self._valves.get(name)
        return valve is not None and valve.breaker.room != 0 and valve.room.ready(now)

    def shut(self, name: str) -> bool:
        """It takes no call for some time: what waits for it need not."""
        valve = self._valves.get(name)
        return valve is None or valve.breaker.position is Position.OPEN

    def take(self, name: str, attempt: UUID, now: float) -> None:
        """One call more goes out over it, which is `ready`."""
        valve = self._valves[name]
        valve.room = valve.room.take(now)
        valve.breaker = valve.breaker.sent(attempt)
        valve.sent += 1

    def used_more(self, name: str, change: int) -> None:
        """So many channels more (or fewer) are in use."""
        if valve := self._valves.get(name):
            valve.room = valve.room.used_more(change)

    def judge(self, name: str, attempt: UUID, outcome: Outcome | None, now: float) -> None:
        """How a call went; None: its phone rings, or was answered."""
        valve = self._valves.get(name)
        if valve is None:
            return
        if outcome not in (Outcome.CANCELLED, Outcome.UNKNOWN):
            valve.calls += 1
            valve.congested += outcome is Outcome.CONGESTION
        self._moved(name, valve, valve.breaker.heard(attempt, outcome, now), now)

    def unsent(self, name: str, attempt: UUID) -> None:
        """A call did not go out after all."""
        if valve := self._valves.get(name):
            valve.breaker = valve.breaker.heard(attempt, Outcome.CANCELLED, 0.0)

    def free(self, waiting: Mapping[str, int]) -> dict[str, int]:
        """Trunk -> how many orders to fetch, when so many wait already."""
        found = {}
        for name, valve in self._valves.items():
            room = valve.room.lacking(waiting.get(name, 0), self.ahead_s)
            most = valve.breaker.room
            found[name] = room if most is None else min(room, max(0, most - waiting.get(name, 0)))
        return found

    def told(self, now: float) -> dict[str, dict[str, Any]]:
        """What watchers see: trunk -> rate and limit, channels, breaker, seconds until its trial, and the
        last calls that opened it.
        """
        return {
            name: {
                "cps": round(0.0 if self.shut(name) else valve.rate, 2),
                "cps_limit": valve.limit,
                "channels": valve.room.used,
                "channels_limit": valve.room.channels,
                "breaker": valve.breaker.position.value,
                "opens_in_s": max(0, ceil(valve.breaker.until - now)) if self.shut(name) else 0,
                "offenders": [str(attempt) for attempt in valve.breaker.offenders],
            }
            for name, valve in self._valves.items()
        }

    def _moved(self, name: str, valve: Valve, breaker: Breaker, now: float) -> None:
        """Take the breaker over, and say so when it has opened or closed."""
        before, valve.breaker = valve.breaker.position, breaker
        if breaker.position is before:
            return
        if breaker.position is Position.OPEN:
            calls = [str(attempt) for attempt in breaker.offenders]
            log.error("trunk fails: not used", trunk=name, for_s=round(breaker.until - now), calls=calls)
        elif breaker.position is Position.TRIAL:
            log.warning("trunk is tried again", trunk=name)
        else:
            log.warning("trunk is well again", trunk=name)
            valve.throttle = Throttle.fresh(valve.limit)
