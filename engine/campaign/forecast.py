"""What will come of a campaign: its days played minute by minute, with counts of like leads. Pure.

    groups of leads + plan (law, limits, fates of calls) -> calls by zone and hour, the finish, who is left

Each minute brings so many calls as calls a second and channels allow (a channel is held while it rings and
while one talks). They go to the highest priority that has leads due in open zones, there to the zones whose
hour is best, there to the longest due. What becomes of them is dealt out by shares, so that the whole numbers
always add up: every lead is reached, called in vain, or left, with one reason.

It takes one lead for one person, and its trunk for nobody else's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from math import ceil
from zoneinfo import ZoneInfo

from engine.campaign.plan import Fate, Group, Plan, Used, limits_of
from engine.contact.law import EVERYWHERE
from engine.contact.limits import Limit, Past, Target, counted, full_until, starts
from engine.contact.rules import Verdict, campaign_rules
from storage.vocab import Outcome

STEP = timedelta(minutes=1)
DAY_STEPS = 24 * 60


@dataclass
class Forecast:
    """What came of it. `finish`: when the last call ends; None: there was none, or some wait on.

    `hours`: (zone set, hour in UTC) -> calls. `left`: reason -> leads that are not called to the end.
    """

    finish: datetime | None = None
    calls: int = 0
    connected_s: float = 0.0
    reached: int = 0
    in_vain: int = 0
    left: Counter[str] = field(default_factory=Counter)
    hours: Counter[tuple[int, datetime]] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)


def forecast(groups: Iterable[Group], plan: Plan) -> Forecast:
    """Play the campaign."""
    return _Run(groups, plan).play()


@dataclass(slots=True)
class _Cohort:
    """Leads that go on alike; `waits`: why they are not due yet."""

    made: int
    used: Used
    leads: int
    waits: str = "time"


_Key = tuple[int, int]  # priority, zone set


class _Run:
    """One play."""

    def __init__(self, groups: Iterable[Group], plan: Plan) -> None:
        self._plan, self._out = plan, Forecast()
        self._limits = limits_of(plan.law)
        self._most = min((pack.max_attempts for pack in plan.law.packs if pack.max_attempts), default=None)
        self._counts = [self._counting(fate) for fate in plan.fates]
        total = sum(fate.share for fate in plan.fates)
        self._shares = [fate.share / total for fate in plan.fates]
        self._dealt: dict[int, list[int]] = {}
        self._serial = count()
        self._queues: dict[_Key, list[tuple[int, int, _Cohort]]] = {}
        self._standing: dict[tuple[_Key, int, int, Used, str], _Cohort] = {}
        self._shut: dict[int, datetime] = {}
        self._never: set[int] = set()
        self._free: dict[tuple[int, Used], datetime | None] = {}
        self._ended = plan.start
        for group in groups:
            self._enter(group)

    def _counting(self, fate: Fate) -> list[bool]:
        """Which limits count a call of this fate."""
        target = Target("")
        answered_s = fate.talk_s if fate.reached or fate.talk_s else None
        rang = fate.outcome in (Outcome.NO_ANSWER, Outcome.REJECTED)
        kind = self._plan.law.kind
        call = Past(
            self._plan.start, "", "", None, kind, outcome=fate.outcome, rang=rang, answered_s=answered_s
        )
        return [bool(counted(limit, target, [call])) for limit in self._limits]

    def _enter(self, group: Group) -> None:
        if not self._plan.zones.get(group.zone) and self._plan.law.schedules:
            self._out.left["zone-unknown"] += group.leads
            return
        used = group.used or ((),) * len(self._limits)
        self._put((group.priority, group.zone), _Cohort(group.made, used, group.leads), group.due)

    def _put(self, key: _Key, cohort: _Cohort, due: datetime) -> None:
        """Into its queue; those who are alike and due in the same minute go together."""
        step = max(0, ceil((due - self._plan.start) / STEP))
        alike = (key, step, cohort.made, cohort.used, cohort.waits)
        if standing := self._standing.get(alike):
            standing.leads += cohort.leads
        else:
            self._standing[alike] = cohort
            heappush(self._queues.setdefault(key, []), (step, next(self._serial), cohort))

    # The clock.

    def play(self) -> Forecast:
        """From the first minute to the last call, or to the last of the days."""
        step, last, budget = 0, self._plan.days * DAY_STEPS, 0.0
        while step < last and any(self._queues.values()):
            at = self._plan.start + step * STEP
            if barred := self._barred(at):
                self._leave(lambda _step, _zone, _cohort: barred)
                break
            budget += self._plan.rate * STEP.total_seconds()
            calls = self._minute(step, at, int(budget))
            idle = calls < int(budget)
            budget = 0.0 if idle else budget - calls
            step = self._next(step) if idle else step + 1
        waiting = (queue for (_, zone), queue in self._queues.items() if zone not in self._never)
        unfinished = any(cohort.leads for queue in waiting for *_due, cohort in queue)
        self._leave(lambda due, zone, cohort: self._why(due >= last, zone, cohort))
        if self._out.calls and not unfinished:
            self._out.finish = self._ended
        return self._out

    def _barred(self, at: datetime) -> str:
        """Why nobody of the campaign may be called on this day; "" when he may."""
        found = campaign_rules(self._plan.law, self._plan.terms, at)
        return next((one.code for one in found if one.verdict is Verdict.NEVER), "")

    def _next(self, step: int) -> int:
        """The next minute in which somebody may be due somewhere."""
        start = self._plan.start
        moments = [
            max(queue[0][0], ceil((self._shut.get(zone, start) - start) / STEP))
            for (_priority, zone), queue in self._queues.items()
            if queue
        ]
        return max(step + 1, min(moments, default=step + 1))

    def _leave(self, why: Callable[[int, int, _Cohort], str]) -> None:
        """Nobody is called any more."""
        for (_priority, zone), queue in self._queues.items():
            for step, _serial, cohort in queue:
                if cohort.leads:
                    self._out.left[why(step, zone, cohort)] += cohort.leads
        self._queues.clear()

    def _why(self, later: bool, zone: int, cohort: _Cohort) -> str:
        if zone in self._never:
            return "hours"
        return cohort.waits if later else "time"

    # A minute.

    def _minute(self, step: int, at: datetime, calls: int) -> int:
        """Make up to so many calls; how many."""
        made = 0
        for priority in sorted({priority for priority, _zone in self._queues}, reverse=True):
            while made < calls and (heads := self._heads(priority, step, at)):
                made += self._call(heads, step, at, calls - made, calls)
        return made

    def _heads(self, priority: int, step: int, at: datetime) -> list[tuple[_Key, _Cohort]]:
        """Who is next: the longest due of the open zones whose hour is best."""
        best: tuple[int, int] | None = None
        heads: list[tuple[_Key, _Cohort]] = []
        for key, queue in self._queues.items():
            if key[0] != priority or not queue or queue[0][0] > step or not self._open(key[1], at):
                continue
            if (cohort := self._callable(key, step, at)) is None:
                continue
            rank = (-self._plan.score(key[1], at), queue[0][0])
            if best is None or rank < best:
                best, heads = rank, []
            if rank == best:
                heads.append((key, cohort))
        return heads

    def _open(self, zone: int, at: datetime) -> bool:
        """May anybody there be called now?"""
        if self._shut.get(zone, at) > at:
            return False
        zones = self._plan.zones.get(zone, ())
        if self._plan.law.open(zones, at):
            return True
        opens = self._plan.law.opens(zones, at)
        if opens is None:
            self._never.add(zone)
        self._shut[zone] = opens or at + timedelta(days=self._plan.days + 1)
        return False

    def _callable(self, key: _Key, step: int, at: datetime) -> _Cohort | None:
        """The first of a queue that is due and whom no limit keeps; those it keeps wait on."""
        queue = self._queues[key]
        while queue and queue[0][0] <= step:
            cohort = queue[0][2]
            free = self._free_at(key[1], cohort.used)
            if cohort.leads and self._most is not None and cohort.made >= self._most:
                self._out.left["attempts-over"] += cohort.leads
            elif cohort.leads and free is not None and free > at:
                self._put(key, _Cohort(cohort.made, cohort.used, cohort.leads, "limit"), free)
            elif cohort.leads:
                return cohort
            cohort.leads = 0
            self._pop(key)
        return None

    def _pop(self, key: _Key) -> None:
        step, _serial, cohort = heappop(self._queues[key])
        self._standing.pop((key, step, cohort.made, cohort.used, cohort.waits), None)

    def _call(
        self, heads: list[tuple[_Key, _Cohort]], step: int, at: datetime, room: int, minute: int
    ) -> int:
        """Call these, each zone by its share; how many calls."""
        total = sum(cohort.leads for _key, cohort in heads)
        taken, passed = 0, 0
        for key, cohort in heads:
            passed += cohort.leads
            upto = passed if total <= room else passed * room // total
            if calls := upto - taken:
                cohort.leads -= calls
                self._place(key, cohort, calls, at)
                taken = upto
        ends = at + STEP * ((minute - room + taken) / max(minute, 1))
        self._ended = max(self._ended, ends + timedelta(seconds=self._plan.hold_s))
        return taken

    # A call.

    def _place(self, key: _Key, cohort: _Cohort, calls: int, at: datetime) -> None:
        """So many of a cohort are called, and go their ways."""
        out, made = self._out, cohort.made + 1
        out.calls += calls
        out.hours[key[1], at.replace(minute=0, second=0, microsecond=0)] += calls
        for place, leads in self._deal(made, calls):
            fate = self._plan.fates[place]
            out.outcomes[fate.outcome] += leads
            out.connected_s += leads * fate.talk_s
            delay = self._plan.retry(fate.outcome, made) if made < self._plan.attempts else None
            if fate.reached:
                out.reached += leads
            elif delay is None:
                out.in_vain += leads
            else:
                used = self._after(key[1], cohort.used, place, at)
                due = at + timedelta(seconds=fate.ring_s + fate.talk_s) + delay
                self._again(key, _Cohort(made, used, leads, "retry"), due)

    def _deal(self, made: int, calls: int) -> Iterator[tuple[int, int]]:
        """(fate's place, calls) of so many calls more: over all calls of this attempt the shares hold."""
        dealt = self._dealt.setdefault(made, [0] * len(self._shares))
        total = sum(dealt) + calls
        lacking = [total * share - had for share, had in zip(self._shares, dealt, strict=True)]
        more = [max(0, int(lack)) for lack in lacking]
        order = sorted(range(len(more)), key=lambda place: more[place] - lacking[place])
        for place in order[: max(0, calls - sum(more))]:
            more[place] += 1
        for place in reversed(order):  # what rounding before had given too many of
            more[place] -= min(more[place], max(0, sum(more) - calls))
        for place, leads in enumerate(more):
            dealt[place] += leads
            if leads:
                yield place, leads

    def _after(self, zone: int, used: Used, place: int, at: datetime) -> Used:
        """What is used of the limits after such a call."""
        counts = self._counts[place]
        if not any(counts):
            return used
        zones = self._plan.zones.get(zone) or EVERYWHERE
        return tuple(
            (*times, _noted(limit, zones, at))[-limit.most :] if counts[n] else times
            for n, (limit, times) in enumerate(zip(self._limits, used, strict=True))
        )

    def _again(self, key: _Key, cohort: _Cohort, due: datetime) -> None:
        """Due again; where a limit is longer than the delay, at its end."""
        free = self._free_at(key[1], cohort.used)
        if free is not None and free > due:
            cohort.waits, due = "limit", free
        self._put(key, cohort, due)

    def _free_at(self, zone: int, used: Used) -> datetime | None:
        """When all limits are free again; None: they never were full."""
        found = (zone, used)
        if found not in self._free:
            zones = self._plan.zones.get(zone) or EVERYWHERE
            long_ago = self._plan.start - timedelta(days=400)
            pairs = zip(self._limits, used, strict=True)
            ends = [full_until(limit, times, zones, long_ago) for limit, times in pairs]
            self._free[found] = max((end for end in ends if end), default=None)
        return self._free[found]


def _noted(limit: Limit, zones: Sequence[ZoneInfo], at: datetime) -> datetime:
    """The moment of a call, as exactly as the limit asks; so that those who are alike stay together."""
    return starts(limit, zones, at)[0] if limit.period and len(zones) == 1 else at
