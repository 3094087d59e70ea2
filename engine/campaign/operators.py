"""The operators whom campaigns call for: who is free, and how many calls each campaign may place for them.

In memory, no I/O. Operators are told by AMI (`Member`), calls are the board's own, abandoned ones come from
the books. What happened since the last beat is the difference between the calls then and now;
`predictive.step` decides. Campaigns of one queue share its operators: the urgent is asked first, its calls
count for the others.

An operator who is free is so after his rest. A call answered within the last seconds waits for an operator,
unless one became busy meanwhile.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from engine.campaign.attempts import Seen
from engine.campaign.errand import Order
from engine.campaign.predictive import Observed, State, step
from engine.gateways.ami_members import Duty, Member
from storage.campaign import CampaignRow
from storage.vocab import Pacing

FRESH_S = 3.0  # from an answer until an operator is surely ringing, or the caller was given up


@dataclass(slots=True)
class _Operator:
    """`since`: he has been busy; `rests_until`: the queue does not ring him before."""

    duty: Duty
    since: float
    rests_until: float = 0.0


@dataclass(slots=True)
class _Call:
    """A call that was seen before: what has been counted of it."""

    campaign: UUID
    answered: bool = False
    lost: bool = False
    abandoned: bool = False


@dataclass(slots=True)
class _News:
    """Of a campaign since its last step."""

    answers: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    talks: list[float] = field(default_factory=list)
    abandoned: int = 0


class Operators:
    """What one dialer knows of them. `now` is monotonic seconds, `at` UTC."""

    def __init__(self) -> None:
        self._operators: dict[tuple[str, str, str], _Operator] = {}  # (node, queue, interface)
        self._calls: dict[UUID, _Call] = {}
        self._queues: dict[UUID, str] = {}
        self._states: dict[UUID, tuple[State, float | None]] = {}  # and when it was stepped last
        self._news: defaultdict[UUID, _News] = defaultdict(_News)

    def heard(self, node: str, member: Member, now: float) -> None:
        """An operator is free, busy or away from now on."""
        key = (node, member.queue, member.interface)
        before = self._operators.get(key) or _Operator(Duty.AWAY, now)
        busy = before.duty is Duty.BUSY
        after = _Operator(member.duty, before.since if busy else now, before.rests_until)
        if busy and member.duty is not Duty.BUSY:
            after.rests_until = now + member.wrapup_s
            for campaign, queue in self._queues.items():
                if queue == member.queue:
                    self._news[campaign].talks.append(after.rests_until - before.since)
        self._operators[key] = after

    def lost(self, node: str) -> None:
        """A node tells nothing any more: nobody there is known to be free."""
        self._operators = {key: one for key, one in self._operators.items() if key[0] != node}

    def abandoned(self, attempts: Collection[UUID]) -> None:
        """Nobody was there in time for these; each counts once."""
        for attempt in attempts:
            call = self._calls.get(attempt)
            if call and not call.abandoned:
                call.abandoned = True
                self._news[call.campaign].abandoned += 1

    def begin(self, campaign: UUID, answered: int, abandoned: int) -> None:
        """A campaign that is new here; what had come of it under an earlier run, or another dialer."""
        state = State(Pacing.PROGRESSIVE, answered=answered, abandoned=abandoned)
        self._states.setdefault(campaign, (state, None))

    def wants(
        self,
        campaigns: Iterable[CampaignRow],
        lines: Iterable[tuple[Order, Seen]],
        waiting: Mapping[UUID, int],
        room: Mapping[UUID, int],
        node: str,
        now: float,
        at: datetime,
    ) -> dict[UUID, int]:
        """How many calls each of these campaigns, the urgent first, is to place on `node` now: of those that
        call for operators no more than they can take, of others all that there is `room` for.

        `lines`: calls under way, `waiting`: how many of a campaign are about to be sent.
        """
        campaigns = list(campaigns)
        self._queues = {row.id: row.queue for row in campaigns if row.pacing is not Pacing.FILL}
        if not self._queues:
            self._calls.clear()
            return dict(room)
        ringing, fresh = self._compared(lines, node, at)
        for campaign, queue in self._queues.items():
            ringing[queue] += [0.0] * waiting.get(campaign, 0)
        found = dict(room)
        for row in campaigns:
            if row.id in self._queues:
                found[row.id] = self._step(row, ringing[row.queue], fresh, room.get(row.id, 0), node, now)
                ringing[row.queue] += [0.0] * found[row.id]
        return found

    def _compared(
        self, lines: Iterable[tuple[Order, Seen]], node: str, at: datetime
    ) -> tuple[defaultdict[str, list[float]], Counter[str]]:
        """Count what is new of the calls; by queue on this node: ages of those that ring, fresh answers."""
        ringing: defaultdict[str, list[float]] = defaultdict(list)
        fresh: Counter[str] = Counter()
        calls: dict[UUID, _Call] = {}
        for order, seen in lines:
            if order.campaign_id not in self._queues or seen.sent_at is None:
                continue
            call = calls[order.id] = self._calls.get(order.id) or _Call(order.campaign_id)
            queue, over = self._queues[order.campaign_id], seen.final or seen.hangup_at is not None
            self._counted(call, seen, over, at)
            if not over and not seen.answered and order.node == node:
                ringing[queue].append((at - seen.sent_at).total_seconds())
            if not over and seen.answered_at and order.node == node:
                fresh[queue] += (at - seen.answered_at).total_seconds() < FRESH_S
        self._calls = calls
        return ringing, fresh

    def _counted(self, call: _Call, seen: Seen, over: bool, at: datetime) -> None:
        """An answer, or an end without one, is told once."""
        sent = seen.sent_at or at
        if seen.answered and not call.answered:
            call.answered = True
            self._news[call.campaign].answers.append(((seen.answered_at or at) - sent).total_seconds())
        elif over and not seen.answered and not call.lost:
            call.lost = True
            self._news[call.campaign].losses.append(((seen.hangup_at or at) - sent).total_seconds())

    def _step(
        self, row: CampaignRow, ringing: list[float], fresh: Counter[str], room: int, node: str, now: float
    ) -> int:
        state, last = self._states.get(row.id) or (State(row.pacing), None)
        free, busy, just_busy = self._present(row.queue, node, now)
        news = self._news.pop(row.id, _News())
        observed = Observed(
            channels=room,
            free=free,
            busy=busy,
            waiting=max(0, fresh[row.queue] - just_busy),
            ringing=tuple(ringing),
            answers=tuple(news.answers),
            losses=tuple(news.losses),
            talks=tuple(news.talks),
            abandoned=news.abandoned,
        )
        state = replace(state, pacing=row.pacing, abandon=row.abandon)
        state, calls = step(state, observed, now - (now if last is None else last))
        self._states[row.id] = state, now
        return calls

    def _present(self, queue: str, node: str, now: float) -> tuple[int, int, int]:
        """Operators of a queue: free, busy (or at rest), and busy for some seconds only."""
        free = busy = just_busy = 0
        for (where, name, _), one in self._operators.items():
            if (where, name) != (node, queue) or one.duty is Duty.AWAY:
                continue
            if one.duty is Duty.FREE and now >= one.rests_until:
                free += 1
            else:
                busy += 1
                just_busy += one.duty is Duty.BUSY and now - one.since < FRESH_S
        return free, busy, just_busy
