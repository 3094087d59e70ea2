"""What must hold after a crash campaign, by a plain count of the carrier's log and the attempt table. Pure.

It knows nothing of how the dialer works: it counts calls of a number, calls at a time, and rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from chaos.carrier import Placed

WINDOW_S = 5.0  # calls a second are counted over so long
SLACK_S = 0.1  # of a pace: so much of a delay may be made up for
LATE_S = 1.5  # a permit is a second old at most when its call goes out, and the machine is slow
ZONE = ZoneInfo("Europe/Moscow")


@dataclass(frozen=True, slots=True)
class Limits:
    """What nobody may exceed. `channels`: trunk, node or campaign -> calls at a time; `cps`: trunk -> calls a
    second; `day`: calls a person and day; `gap_s`: between two of his.
    """

    channels: Mapping[str, int]
    cps: Mapping[str, float]
    day: int
    gap_s: float


@dataclass(frozen=True, slots=True)
class Life:
    """One process that dialled; `in_flight`: its attempts that stood open when it was killed."""

    dialer: str
    born: float
    died: float
    in_flight: int = 0
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt as written; `given_back`: as one that was never sent. Seconds since 1970."""

    number: str
    campaign: str
    outcome: str
    prepared: float
    over: bool
    given_back: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was written down. `again`: channels asked for twice. `attempts`: by id.
    `leads`: rows with id, state, outcome.
    """

    placed: Sequence[Placed]
    again: Sequence[str]
    attempts: Mapping[str, Row]
    leads: Sequence[Any]
    lives: Sequence[Life]


@dataclass(slots=True)
class Judgement:
    """`broken` is empty when all is well; `figures` for whoever reads."""

    broken: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def must(self, holds: object, what: str) -> None:
        """Note it when it does not hold."""
        if not holds:
            self.broken.append(what)


def judge(seen: Evidence, limits: Limits) -> Judgement:
    """All of it."""
    found = Judgement()
    _once(seen, limits, found)
    _within(seen, limits, found)
    _accounted(seen, found)
    return found


def counts(number: str) -> bool:
    """Does a call of this number count? One that met congestion rang nowhere and is given back."""
    return not number.endswith("02")


def _once(seen: Evidence, limits: Limits, found: Judgement) -> None:
    """No number twice inside its guard interval, none too often."""
    found.must(not seen.again, f"asked for twice: {seen.again}")
    of: dict[str, list[Placed]] = defaultdict(list)
    for one in seen.placed:
        of[one.number].append(one)
    doubles = 0
    for number, calls in of.items():
        for before, after in pairwise(calls):
            apart = after.began - before.began
            if before.ended is None or after.began < before.ended:
                doubles += 1
                found.broken.append(f"{number} called while he was on the line, {apart:.2f} s after")
            elif counts(number) and apart < limits.gap_s - LATE_S:
                doubles += 1
                found.broken.append(f"{number} called again after {apart:.2f} s")
        if counts(number):
            days = Counter(datetime.fromtimestamp(one.began, UTC).astimezone(ZONE).date() for one in calls)
            most = max(days.values())
            found.must(most <= limits.day, f"{number} called {most} times a day")
    doubles += _after_unknown(seen, found)
    found.figures |= {"calls": len(seen.placed), "doubles": doubles}


def _after_unknown(seen: Evidence, found: Judgement) -> int:
    """A call whose end nobody saw counts as made: no second one for the same lead. How many there were."""
    when = {
        (row.number, row.campaign): row.prepared for row in seen.attempts.values() if row.outcome == "unknown"
    }
    doubles = 0
    for one in seen.placed:
        row = seen.attempts.get(one.channel)
        if row and row.prepared > when.get((row.number, row.campaign), row.prepared):
            doubles += 1
            found.broken.append(f"{one.number} called for {row.campaign} after a call whose end nobody saw")
    return doubles


def _within(seen: Evidence, limits: Limits, found: Judgement) -> None:
    """No limit of calls at a time, or a second, exceeded."""
    keys: dict[str, list[Placed]] = defaultdict(list)
    for one in seen.placed:
        row = seen.attempts.get(one.channel)
        for key in (one.endpoint, one.node, row.campaign if row else ""):
            keys[key].append(one)
    for key, cap in limits.channels.items():
        most = at_once(keys[key])
        found.figures[f"most at once, {key}"] = f"{most} of {cap}"
        found.must(most <= cap, f"{key}: {most} calls at a time, {cap} are allowed")
    for key, cps in limits.cps.items():
        for one in keys[key]:
            sent = sum(one.began <= other.began < one.began + WINDOW_S for other in keys[key])
            lives = sum(life.born < one.began + WINDOW_S and life.died > one.began for life in seen.lives)
            allowed = cps * WINDOW_S + lives * (cps * SLACK_S + 1)
            found.must(sent <= allowed, f"{key}: {sent} calls in {WINDOW_S:g} s, {allowed:.0f} are allowed")


def at_once(calls: Iterable[Placed]) -> int:
    """The most of these calls that were up at one moment."""
    steps = [(one.began, 1) for one in calls]
    steps += [(one.ended, -1) for one in calls if one.ended is not None]
    now = most = 0
    for _at, change in sorted(steps):
        now += change
        most = max(most, now)
    return most


def _accounted(seen: Evidence, found: Judgement) -> None:
    """Every call has its row, written before it; every row its end; every lead its place."""
    placed = {one.channel for one in seen.placed}
    unwritten = [one.channel for one in seen.placed if not one.written or one.channel not in seen.attempts]
    found.must(not unwritten, f"calls without an attempt written before them: {unwritten}")
    rows = seen.attempts
    found.must(all(row.over for row in rows.values()), "attempts without an end")
    given_back = [key for key, row in rows.items() if row.given_back and key in placed]
    found.must(not given_back, f"called, and written down as never sent: {given_back}")
    states = Counter(lead.state for lead in seen.leads)
    found.must(not states["in-flight"], f"{states['in-flight']} leads are in flight for ever")
    lost = [lead.id for lead in seen.leads if lead.state == "done" and not lead.outcome]
    found.must(not lost, f"leads done without an outcome: {lost}")
    skipped = sum(row.outcome == "unknown" and key not in placed for key, row in rows.items())
    in_flight = sum(life.in_flight for life in seen.lives)
    found.must(skipped <= in_flight, f"{skipped} leads skipped, {in_flight} were in flight")
    found.figures |= {
        "attempts": len(rows),
        "skipped": skipped,
        "in flight when killed": in_flight,
        "kills": sum(life.status == -9 for life in seen.lives),
        "outcomes": dict(Counter(row.outcome for row in rows.values())),
        "leads": dict(states),
    }
