"""Two crash campaigns: at every named point, and at moments that a seed decides."""

import signal
import time
from collections.abc import Iterable
from random import Random

from chaos.judge import Judgement
from chaos.rig import Rig
from engine.failpoints import POINTS

LONGEST_S = 10.0  # the longest of the lives that end at a random moment
REACHED_S = 20.0  # a point is reached in this time, or never
HEIR_S = 40.0
ENOUGH_S = 120.0  # at the most, until there are calls enough to judge
NATURAL = [point for point in POINTS if point not in ("taken-over", "recalled")]
ONCE = {"lease-taken"}  # of a life


def at_every_point(rig: Rig, nth: Iterable[int]) -> list[str]:
    """Kill dialers at each point, the first time and later ones; the points that none of them reached."""
    todo = [f"{point}:{n}" for point in NATURAL for n in nth if n == 1 or point not in ONCE]
    missed: list[str] = []
    now: dict[str, str] = {}
    began: dict[str, float] = {}
    while todo or now:
        for one in rig.all:
            if one.name not in now and todo:
                now[one.name], began[one.name] = todo.pop(0), time.monotonic()
                rig.start(one, now[one.name])
            elif one.name in now and rig.died(one, 0.02) is not None:
                del now[one.name]
            elif one.name in now and time.monotonic() - began[one.name] > REACHED_S:
                missed.append(now.pop(one.name))
                rig.kill(one)
    return missed


def heirs(rig: Rig) -> list[str]:
    """A dialer dies, its heir dies in the middle of taking over and another time while stopping; what was
    not reached.
    """
    first, second = rig.all[:2]
    missed = []
    rig.start(first), rig.start(second, "taken-over")
    time.sleep(3)
    rig.kill(first)
    if rig.died(second, HEIR_S) is None:
        missed.append("taken-over")
        rig.kill(second)
    rig.start(second, "recalled")
    time.sleep(3)
    if rig.stop(second, 10) != -signal.SIGKILL:
        missed.append("recalled")
    return missed


def at_random(rig: Rig, kills: int, seed: int) -> None:
    """Kill one dialer after another, each at a moment of its own; each is started again at once."""
    random = Random(seed)
    ends: dict[str, float] = {}
    while kills or ends:
        now = time.monotonic()
        for one in rig.all:
            if one.name not in ends and kills:
                rig.start(one)
                # Most die young, where decisions are; a few live to see calls of the dead to their end.
                ends[one.name], kills = now + LONGEST_S * random.random() ** 4, kills - 1
            elif one.name in ends and now >= ends[one.name]:
                del ends[one.name]
                rig.kill(one)
                ended = rig.lives[-1].status
                assert ended == -signal.SIGKILL, f"{one.name} ended by itself with {ended}, see {one.log}"
        time.sleep(0.005)


def to_the_end(rig: Rig, seconds: float, calls: int = 0) -> Judgement:
    """Dialers live again and call whoever is to be called; all is judged when they have ended by themselves.

    `seconds`: the campaigns are given so long, then they are paused; but on a slow machine not before so many
    `calls` have been made, few of which tell little.
    """
    for one in rig.all:
        if not one.pid:
            rig.start(one)
    dry = rig.until(lambda: rig.due() == 0, seconds)
    rig.until(lambda: rig.due() == 0 or rig.attempts() > calls, ENOUGH_S)
    rig.pause()
    quiet = rig.quiet()
    ended = [rig.stop(one) for one in rig.all]
    found = rig.judge()
    found.must(quiet, f"{rig.open_attempts()} attempts are open for ever")
    found.must(set(ended) == {0}, f"dialers ended with {ended}")
    found.must(found.figures["shares left"] == 0, "shares are left when no dialer is")
    found.figures["called dry"] = dry
    return found
