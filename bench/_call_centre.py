"""A call centre simulated event by event: operators, callees who answer or not, and a pacing under test.

Only `engine.campaign.predictive` is real. Time is simulated; a run of hours takes seconds, and the same seed
gives the same run.
"""

import heapq
from dataclasses import dataclass, field
from itertools import count
from random import Random

from engine.campaign.predictive import Observed, State, step
from storage.vocab import Pacing

PATIENCE_S = 2.0  # an answered callee is abandoned when no operator is there by then
RINGS_S = 35.0


@dataclass(frozen=True, slots=True)
class Centre:
    """What is simulated: answer `rates` and `staff` are (from second, value), in order; `talk_s` is the mean
    of a talk with the work after it.
    """

    rates: tuple[tuple[float, float], ...] = ((0, 0.35),)
    staff: tuple[tuple[float, int], ...] = ((0, 10),)
    talk_s: float = 90.0
    hours: float = 3.0
    abandon: float = 0.03
    step_s: float = 0.2


@dataclass(slots=True)
class Day:
    """What came of it. `manned_s`: operator-seconds; `busy_s` of them in a talk. `left`: operators."""

    calls: int = 0
    answered: int = 0
    abandoned: int = 0
    left: int = 0
    manned_s: float = 0.0
    busy_s: float = 0.0
    unmanned: int = 0  # calls placed while no operator was there

    @property
    def utilisation(self) -> float:
        """The part of their time that operators talk."""
        return self.busy_s / self.manned_s if self.manned_s else 0.0

    @property
    def share(self) -> float:
        """Abandoned calls of answered ones."""
        return self.abandoned / self.answered if self.answered else 0.0


@dataclass(slots=True)
class _News:
    answers: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    talks: list[float] = field(default_factory=list)
    abandoned: int = 0


class Simulation:
    """One run; see `run`."""

    def __init__(self, centre: Centre, pacing: Pacing, seed: int) -> None:
        self._centre, self._random = centre, Random(seed)
        self._state = State(pacing, centre.abandon)
        self._now, self._order = 0.0, count()
        self._events: list[tuple[float, int, str, int]] = []
        self._ringing: dict[int, float] = {}
        self._talking: dict[int, float] = {}
        self._waiting: dict[int, float] = {}
        self._free, self._busy = 0, 0
        self._news, self.day = _News(), Day()

    def run(self) -> Day:
        """The whole of it."""
        end = self._centre.hours * 3600
        while self._now < end:
            self._until(self._now + self._centre.step_s)
            self._staffed()
            self._step()
            self.day.manned_s += self._centre.step_s * (self._free + self._busy)
            self.day.busy_s += self._centre.step_s * self._busy
        return self.day

    def _until(self, moment: float) -> None:
        while self._events and self._events[0][0] <= moment:
            self._now, _, kind, call = heapq.heappop(self._events)
            getattr(self, f"_{kind}")(call)
        self._now = moment

    def _later(self, seconds: float, kind: str, call: int) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._order), kind, call))

    def _valid(self, steps: tuple[tuple[float, float], ...]) -> float:
        return [value for begins, value in steps if begins <= self._now][-1]

    def _staffed(self) -> None:
        """Operators come and go; one who talks leaves after it."""
        wanted = int(self._valid(self._centre.staff))
        present = self._free + self._busy
        if wanted > present:
            self._free += wanted - present
            self._serve()
        leaving = max(0, min(self._free, present - wanted))
        self._free -= leaving
        self.day.left += leaving

    def _step(self) -> None:
        observed = Observed(
            channels=1000,
            free=self._free,
            busy=self._busy,
            waiting=len(self._waiting),
            ringing=tuple(self._now - began for began in self._ringing.values()),
            answers=tuple(self._news.answers),
            losses=tuple(self._news.losses),
            talks=tuple(self._news.talks),
            abandoned=self._news.abandoned,
        )
        self._news = _News()
        self._state, calls = step(self._state, observed, self._centre.step_s)
        if not self._free + self._busy:
            self.day.unmanned += calls
        for _ in range(calls):
            self._place()

    def _place(self) -> None:
        self.day.calls += 1
        call, chance = self.day.calls, self._random
        self._ringing[call] = self._now
        if chance.random() < self._valid(self._centre.rates):
            self._later(3 + chance.gammavariate(2.0, 4.0), "answered", call)
        else:  # busy or switched off at once, or rung to the end
            self._later(chance.choice([3.0, 5.0, RINGS_S, RINGS_S]), "lost", call)

    def _lost(self, call: int) -> None:
        self._news.losses.append(self._now - self._ringing.pop(call))

    def _answered(self, call: int) -> None:
        self._news.answers.append(self._now - self._ringing.pop(call))
        self.day.answered += 1
        self._waiting[call] = self._now
        self._later(PATIENCE_S, "gave_up", call)
        self._serve()

    def _gave_up(self, call: int) -> None:
        if self._waiting.pop(call, None) is not None:
            self.day.abandoned += 1
            self._news.abandoned += 1

    def _serve(self) -> None:
        while self._free and self._waiting:
            call = min(self._waiting, key=self._waiting.__getitem__)
            del self._waiting[call]
            self._free, self._busy = self._free - 1, self._busy + 1
            self._talking[call] = self._now
            self._later(self._random.gammavariate(2.0, self._centre.talk_s / 2), "freed", call)

    def _freed(self, call: int) -> None:
        self._news.talks.append(self._now - self._talking.pop(call))
        self._free, self._busy = self._free + 1, self._busy - 1
        self._serve()


def run(centre: Centre, pacing: Pacing, seed: int = 1) -> Day:
    """One run of a centre under a pacing."""
    return Simulation(centre, pacing, seed).run()
