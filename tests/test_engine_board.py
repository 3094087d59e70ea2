"""The board under a clock of our own: limits, deadlines, and that no order is ever lost or counted twice."""

from typing import Any

import pytest
from board_clock import NODE, Clock, campaign, orders
from builders import NOON, after

from engine.campaign.attempts import Seen, Talk
from engine.campaign.errand import News
from storage.campaign import CampaignRow
from storage.db import new_id
from storage.vocab import Outcome


def test_calls_go_out_smoothly_not_in_bursts() -> None:
    clock = Clock(cps=5)
    clock.waits(50)
    sent = [len(clock.send(n / 100)) for n in range(200)]
    assert set(sent) == {0, 1}
    assert sum(sent) == 10


@pytest.mark.parametrize(
    "row, trunk", [(campaign(channels=3), {}), (campaign(), {"channels": 3})], ids=["campaign", "trunk"]
)
def test_channels_are_limited_and_come_free_with_the_hangup(row: CampaignRow, trunk: dict[str, Any]) -> None:
    clock = Clock(row, **trunk)
    clock.waits(9)
    sent = [order for n in range(100) for order in clock.send(n / 10)]
    assert len(sent) == 3
    clock.see(sent[0], 10, answered_at=after(10))
    assert clock.send(10.1) == []
    clock.see(sent[0], 11, hangup_at=after(11))
    assert len(clock.send(11.1)) == 1


def test_the_urgent_campaign_goes_first() -> None:
    clock = Clock(cps=1)
    calm, urgent = campaign(), campaign(priority=1)
    (late,), (early,) = orders(calm, 1), orders(urgent, 1)
    clock.refresh(News([urgent, calm], {}, [late, early]))
    assert clock.send(0) + clock.send(0.5) + clock.send(1) == [early, late]


def test_an_order_that_is_out_of_date_is_given_back_and_takes_no_turn() -> None:
    clock = Clock(cps=1)
    late, fresh = clock.waits(2, until=3), clock.waits(1, until=4)
    assert clock.send(3.01) == fresh
    assert clock.board.used == {"trunk": 1}
    assert clock.errand(3.01).given_back == late
    assert clock.board.lines.keys() == {fresh[0].id}


def test_an_order_is_sent_up_to_its_very_last_moment() -> None:
    clock = Clock()
    order = clock.waits(1, until=3)
    assert clock.send(3) == order


def test_a_pause_gives_back_what_waits_and_lets_calls_go_on() -> None:
    clock = Clock()
    order = clock.call()
    waiting = clock.waits(3)
    clock.refresh(News([], {}, []))
    assert clock.send(1) == []
    errand = clock.errand(1)
    assert (errand.given_back, errand.closings) == (waiting, [])
    assert clock.board.waiting == 0
    clock.board.saved(errand)
    assert clock.errand(2).given_back == []
    assert order.id in clock.board.lines


@pytest.mark.parametrize(
    "seen, deadline",
    [
        ({}, 30 + 10),
        ({"ringing_at": 5}, 30 + 10),
        ({"failed_at": 5}, 5 + 3),
        ({"answered_at": 5}, 5 + 100 + 15),
        ({"answered_at": 5, "hangup_at": 5}, 5 + 5),
        ({"refused": "no such extension"}, 5),
        ({"hangup_at": 5}, 5),
        ({"hangup_at": 5, "talk": Talk(Outcome.ANSWERED_HEARD)}, 5),
    ],
    ids=str,
)
def test_every_attempt_is_over_by_its_deadline(seen: dict[str, Any], deadline: float) -> None:
    clock = Clock()
    order = clock.call()
    times = {name: after(at) if isinstance(at, int) else at for name, at in seen.items()}
    clock.see(order, 5, **times)
    assert clock.errand(deadline - 0.01).closings == [] or deadline == 5
    (closing,) = clock.errand(deadline).closings
    assert closing.order == order
    assert closing.seen.final
    assert closing.at == after(seen.get("hangup_at", deadline))


def test_a_deadline_is_not_put_off_by_witnesses_that_come_late_or_twice() -> None:
    clock = Clock()
    order = clock.call()
    clock.see(order, 5, hangup_at=after(5))
    clock.see(order, 6, answered_at=after(4))
    for now in (7, 8, 9):
        clock.see(order, now, hangup_at=after(5))
        clock.see(order, now, answered_at=after(4))
    assert clock.errand(11).closings != []


def test_an_answer_told_twice_does_not_put_off_the_end_of_the_call() -> None:
    clock = Clock()
    order = clock.call()
    for now in (5, 50, 100):
        clock.see(order, now, answered_at=after(5))
    assert clock.errand(5 + 100 + 15).closings != []


def test_a_failure_told_of_a_call_that_was_answered_does_not_end_it() -> None:
    clock = Clock()
    order = clock.call()
    clock.see(order, 5, answered_at=after(5))
    clock.see(order, 6, failed_at=after(6))
    assert clock.errand(100).closings == []


def test_talks_are_asked_for_once_the_call_is_over_or_nearly_so() -> None:
    clock = Clock()
    order = clock.call()
    clock.see(order, 5, answered_at=after(5))
    assert clock.errand(50).listening == []
    assert clock.errand(5 + 115 - 4).listening == [order.id]
    clock.see(order, 60, hangup_at=after(60))
    assert clock.errand(61).listening == [order.id]
    clock.refresh(News([clock.row], {order.id: Talk(Outcome.ANSWERED_HEARD, 5, 5)}, []))
    (closing,) = clock.errand(62).closings
    assert closing.seen.verdict().outcome is Outcome.ANSWERED_HEARD
    assert closing.at == after(60)


@pytest.mark.parametrize(
    "sent, started, live, ends",
    [
        (0, -99, False, True),  # the channel is gone
        (0, -99, True, False),  # it is there
        (9.5, -99, False, False),  # too young to have a channel
        (9.5, 9.9, False, True),  # but Asterisk has started since
    ],
)
def test_after_a_reconnect_what_is_not_alive_ends_soon(
    sent: float, started: float, live: bool, ends: bool
) -> None:
    clock = Clock()
    clock.now = sent
    order = clock.call()
    living = frozenset({str(order.id)} if live else {"other"})
    clock.board.reconnected("another node", frozenset(), after(99), 10, after(10))
    clock.board.reconnected(NODE, living, after(started), 10, after(10))
    assert clock.errand(10 + 4.9).closings == []
    assert bool(clock.errand(10 + 5).closings) is ends


def test_a_call_that_shows_life_after_a_reconnect_goes_on() -> None:
    clock = Clock()
    order = clock.call()
    clock.board.reconnected(NODE, frozenset(), after(0), 10, after(10))
    clock.see(order, 12, answered_at=after(12))
    assert clock.errand(100).closings == []


def test_what_was_not_sent_after_all_is_given_back_and_its_channel_is_free() -> None:
    clock = Clock(channels=1)
    order = clock.call()
    clock.board.unsend(order.id)
    clock.board.unsend(order.id)
    assert clock.errand(1).given_back == [order]
    clock.waits(1)
    assert len(clock.send(1)) == 1


def test_what_is_over_cannot_be_taken_back() -> None:
    clock = Clock()
    order = clock.call()
    clock.see(order, 1, refused="no such extension")
    clock.board.unsend(order.id)
    errand = clock.errand(1)
    assert ([closing.order for closing in errand.closings], errand.given_back) == ([order], [])


def test_without_a_node_all_that_waits_is_given_back_and_nothing_is_wanted() -> None:
    clock = Clock()
    waiting = clock.waits(3)
    errand = clock.errand(0, nodes={})
    assert (errand.given_back, errand.wants, errand.free, errand.nodes) == (waiting, {}, {}, {})


@pytest.mark.parametrize(
    "row, trunk, wanted, free",
    [
        (campaign(cps=5.0), {"cps": 100}, 3, 11),  # 0.5 s of its own pace, and the turn at hand
        (campaign(cps=100.0), {"cps": 5}, 30, 3),  # of its trunk's
        (campaign(channels=2), {}, 2, 11),  # a trunk begins with a fifth of its limit
        (campaign(), {"channels": 3}, 30, 3),
    ],
)
def test_as_much_is_wanted_as_can_be_sent_until_the_next_beats(
    row: CampaignRow, trunk: dict[str, Any], wanted: int, free: int
) -> None:
    clock = Clock(row, **trunk)
    clock.waits(0)
    errand = clock.errand(0)
    assert (errand.wants, errand.free) == ({row.id: wanted}, {"trunk": free})
    clock.waits(2)
    errand = clock.errand(0)
    assert (errand.wants, errand.free) == ({row.id: wanted - 2}, {"trunk": free - 2})


def test_adopted_attempts_count_even_before_their_campaign_is_known() -> None:
    clock = Clock(campaign(channels=3))
    left = orders(clock.row, 2)
    for order in left:
        clock.board.adopt(order, Seen(sent_at=after(-20)), 0)
    clock.waits(3)
    sent = [order for n in range(50) for order in clock.send(n / 10)]
    assert len(sent) == 1
    clock.see(left[0], 6, hangup_at=after(6))
    assert [len(clock.send(n / 10)) for n in range(61, 99)].count(1) == 1
    assert clock.board.holds(left[1].id)
    assert {closing.order.id for closing in clock.errand(30 + 100 + 15).closings} >= {left[1].id}


def test_it_holds_what_waits_what_is_sent_and_what_is_returned() -> None:
    clock = Clock(cps=1)
    sent = clock.call()
    (waiting,) = clock.waits(1)
    assert [clock.board.holds(order.id) for order in (sent, waiting)] == [True, True]
    clock.board.recall()
    assert clock.board.holds(waiting.id)
    assert not clock.board.holds(new_id())


def test_what_is_seen_of_a_stranger_is_nothing() -> None:
    clock = Clock()
    clock.board.witness(new_id(), Seen(hangup_at=NOON), 0)
    assert clock.errand(0).closings == []
