"""The board on any day: whatever comes in whatever order, limits hold and each order has one end."""

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

from board_clock import DIALER, NODE, NODES, PERMIT_S, campaign, keep_all, orders
from builders import after
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.campaign.attempts import Seen, Talk
from engine.campaign.board import Board
from engine.campaign.errand import Errand, News, Order
from engine.campaign.pacing import Pace
from engine.sections import Trunk
from storage.vocab import Outcome

witnesses = st.sampled_from(
    ["ringing_at", "answered_at", "failed_at", "hangup_at", "refused", "talk", "closed"]
)


class AnyDay(RuleBasedStateMachine):
    """Whatever comes in whatever order: limits hold, and each order has one end."""

    def __init__(self) -> None:
        super().__init__()
        trunks = [Trunk(name="a", cps=4, channels=3), Trunk(name="b", cps=2, channels=9)]
        self.trunks = {trunk.name: trunk for trunk in trunks}
        self.board = Board(DIALER, trunks)
        self.now, self.nodes = 0.0, NODES
        rows = [
            campaign(name="one", trunks=["a"], cps=3.0, channels=2, priority=1),
            campaign(name="two", trunks=["a", "b"], cps=3.0, channels=5, weight=2),
            campaign(name="three", trunks=["b"], cps=9.0, channels=2),
        ]
        self.rows = {row.id: row for row in rows}
        self.running = {row.id for row in rows}
        self.handed: dict[UUID, Order] = {}
        self.ended: Counter[UUID] = Counter()
        self.sent: dict[str, list[float]] = {"a": [], "b": []}
        self.under_way: Errand | None = None

    @initialize(count=st.integers(0, 5))
    def adopt(self, count: int) -> None:
        for order in orders(next(iter(self.rows.values())), count):
            self.handed[order.id] = order
            self.board.adopt(order, Seen(sent_at=after(-5)), self.now)

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.2, 1.0, 7.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for order in self.board.due(self.now, after(self.now)):
            assert after(self.now) <= order.until
            self.sent[order.trunk].append(self.now)
            self.within("trunk", order.trunk, self.trunks[order.trunk].channels)
            self.within("campaign_id", order.campaign_id, self.rows[order.campaign_id].channels)

    def within(self, part: str, value: object, channels: int) -> None:
        busy = [
            line for line in self.board.lines.values() if line.busy and getattr(line.order, part) == value
        ]
        assert len(busy) <= channels

    @rule(pick=st.randoms(use_true_random=False), name=witnesses)
    @precondition(lambda self: self.board.lines)
    def something_is_seen(self, pick: Any, name: str) -> None:
        values: dict[str, Any] = {
            "refused": "no",
            "talk": Talk(Outcome.ANSWERED_HEARD, 5, 5),
            "closed": True,
        }
        attempt = pick.choice(list(self.board.lines))
        self.board.witness(attempt, Seen(**{name: values.get(name, after(self.now))}), self.now)

    @rule(pick=st.randoms(use_true_random=False))
    @precondition(lambda self: self.board.lines)
    def it_was_not_sent(self, pick: Any) -> None:
        self.board.unsend(pick.choice(list(self.board.lines)))

    @rule(pick=st.randoms(use_true_random=False))
    def the_events_come_back(self, pick: Any) -> None:
        live = frozenset(str(attempt) for attempt in self.board.lines if pick.random() < 0.5)
        self.board.reconnected(NODE, live, after(self.now - 30), self.now, after(self.now))

    @rule()
    def one_turns_up_that_was_never_in_hand(self) -> None:
        (order,) = orders(next(iter(self.rows.values())), 1)
        self.handed[order.id] = order
        self.board.give_back(order)
        assert not self.board.empty

    @rule()
    def the_node_goes_or_comes(self) -> None:
        self.nodes = {} if self.nodes else NODES

    @rule(which=st.integers(0, 2))
    def a_campaign_is_paused_or_resumed(self, which: int) -> None:
        self.running ^= {list(self.rows)[which]}

    @rule(lag_s=st.sampled_from([0.0, 0.0, 0.4]))
    @precondition(lambda self: self.under_way is None)
    def a_beat_begins(self, lag_s: float = 0.0) -> None:
        self.board.step(self.now, lag_s)
        self.under_way = self.board.errand(self.nodes, self.now, after(self.now))

    @rule(written=st.booleans())
    @precondition(lambda self: self.under_way is not None)
    def the_beat_ends(self, written: bool) -> None:
        errand, self.under_way = self.under_way, None
        assert errand is not None
        if not written:
            return
        self.ended.update(closing.order.id for closing in errand.closings)
        self.ended.update(order.id for order in errand.given_back)
        news, free = [], Counter(errand.free)
        for campaign_id in sorted(self.running, key=lambda key: -self.rows[key].priority):
            row = self.rows[campaign_id]
            turns = [name for name in row.trunks for _ in range(free[name])]
            for name in turns[: errand.wants.get(campaign_id, 0)]:
                news += orders(replace(row, trunks=[name]), 1, self.now + PERMIT_S)
                free[name] -= 1
        self.handed |= {order.id: order for order in news}
        self.board.saved(errand)
        self.board.refresh(News([row for row in self.rows.values() if row.id in self.running], {}, news))
        keep_all(self.board)

    @invariant()
    def little_waits(self) -> None:
        """Who opts out is not dialled long after from a queue: each order has a channel and a turn soon."""
        assert self.board.waiting <= sum(min(t.channels, t.cps + 1) for t in self.trunks.values())

    def teardown(self) -> None:
        self.nodes = {}
        for _ in range(4):
            if self.under_way is None:
                self.a_beat_begins()
            self.the_beat_ends(True)
            self.now += 1000
        assert self.ended == Counter(self.handed.keys())
        assert self.board.empty
        for name, times in self.sent.items():
            rate = self.trunks[name].cps
            for first, earlier in enumerate(times):
                for last, later in enumerate(times[first:], first):
                    assert last - first + 1 <= rate * (later - earlier + Pace(rate).slack_s) + 1 + 1e-6


TestAnyDay = AnyDay.TestCase
TestAnyDay.settings = examples(max_examples=60, stateful_step_count=60, deadline=None)
