"""The board and its trunks: whose turn it is, which of them fails, what slows them down."""

from collections import Counter
from dataclasses import replace

from board_clock import DIALER, Clock, campaign, keep_all, orders
from builders import after

from engine.campaign.board import Board
from engine.campaign.errand import News
from engine.sections import Trunk
from storage.vocab import Outcome


def test_equals_take_turns_by_weight_whoever_waited_first() -> None:
    clock = Clock(cps=1)
    heavy, light = campaign(weight=3), campaign()
    clock.refresh(News([light, heavy], {}, [*orders(light, 20), *orders(heavy, 20)]))
    sent = Counter(order.campaign_id for n in range(20) for order in clock.send(float(n)))
    assert sent == {heavy.id: 15, light.id: 5}


def test_a_trunk_without_a_turn_does_not_hold_up_another_trunks_calls() -> None:
    row = campaign(trunks=["slow", "fast"])
    board = Board(DIALER, [Trunk(name="slow", cps=1), Trunk(name="fast", cps=5)])
    slow, fast = (orders(replace(row, trunks=[trunk]), 3) for trunk in row.trunks)
    board.refresh(News([row], {}, [*slow, *fast]))
    keep_all(board)
    sent = [order for n in range(50) for order in board.due(n / 100, after(n / 100))]
    assert sent == [slow[0], *fast]


def test_who_waited_too_long_for_a_channel_is_given_back() -> None:
    clock = Clock(channels=1)
    clock.call()
    late = clock.waits(2, until=3)
    assert clock.send(4) == []
    assert clock.errand(4).given_back == late


def test_a_trunk_that_fails_is_left_alone_and_what_waits_for_it_is_given_back() -> None:
    clock = Clock(cps=5)
    for _ in range(20):
        clock.see(clock.call(), clock.now, hangup_at=after(clock.now), cause=34, tech_cause=503)
        clock.now += 0.2
    waiting = clock.waits(3)
    assert clock.send() == []
    errand = clock.errand(clock.now)
    assert (errand.given_back, errand.free, errand.shut) == (waiting, {"trunk": 0}, {"trunk"})
    told = clock.board.told(clock.now)["trunk"]
    assert (told["breaker"], told["cps"], told["opens_in_s"]) == ("open", 0, 30)
    last = [str(closing.order.id) for closing in errand.closings[-10:]]
    assert told["offenders"] == last
    clock.board.saved(errand)
    clock.now += 30
    clock.board.step(clock.now, 0)
    assert clock.errand(clock.now).free == {"trunk": 1}
    clock.waits(9)
    (first,) = clock.send()
    clock.board.unsend(first.id)
    clock.now += 1
    tried = [order for n in range(100) for order in clock.send(clock.now + n / 10)]
    assert len(tried) == 5  # one a second, until they have told
    for order in tried:
        clock.see(order, clock.now, ringing_at=after(clock.now))
    clock.board.step(clock.now + 0.2, 0)
    assert clock.board.told(clock.now)["trunk"]["breaker"] == "closed"


def test_a_ringing_phone_speaks_for_its_trunk_whatever_comes_after() -> None:
    clock = Clock(cps=5)
    for _ in range(60):
        order = clock.call()
        clock.see(order, clock.now, ringing_at=after(clock.now))
        clock.see(order, clock.now, hangup_at=after(clock.now), cause=34, tech_cause=503)
        clock.now += 0.2
    assert clock.board.told(clock.now)["trunk"]["breaker"] == "closed"


def test_a_call_speaks_for_its_trunk_once() -> None:
    clock = Clock(cps=5)
    rings = clock.call()
    for n in range(60):
        clock.see(rings, n / 10, ringing_at=after(1))
    clock.now = 6
    for _ in range(19):
        clock.see(clock.call(), clock.now, hangup_at=after(clock.now), cause=34, tech_cause=503)
        clock.now += 0.25
    assert clock.board.told(clock.now)["trunk"]["breaker"] == "open"


def test_congestion_slows_a_trunk_down() -> None:
    clock = Clock(cps=5)
    for n in range(40):
        cause = {"cause": 34, "tech_cause": 503} if n % 4 == 0 else {"cause": 17, "tech_cause": 486}
        clock.see(clock.call(), clock.now, hangup_at=after(clock.now), **cause)
        clock.now += 0.2
    assert clock.board.told(clock.now)["trunk"]["cps"] == 5
    clock.board.step(clock.now, 0)
    told = clock.board.told(clock.now)["trunk"]
    assert (told["cps"], told["cps_limit"], told["breaker"]) == (2.5, 5, "closed")


def test_late_events_slow_every_trunk_down() -> None:
    clock = Clock(cps=5)
    for n in range(11):
        clock.board.step(n / 10, 0.5)
    assert clock.board.told(1)["trunk"]["cps"] == 2.5


def test_limits_change_at_once_and_calls_under_way_are_counted() -> None:
    clock = Clock(cps=5, channels=3)
    order = clock.call()
    clock.board.limits([Trunk(cps=1, channels=1), Trunk(name="new", cps=2, channels=4)])
    keep_all(clock.board)
    told = clock.board.told(0)
    assert {name: (one["cps"], one["channels_limit"]) for name, one in told.items()} == {
        "trunk": (1, 1),
        "new": (2, 4),
    }
    clock.waits(2)
    assert clock.send(10) == []
    clock.board.limits([Trunk(name="new")])
    assert clock.send(11) == []
    clock.board.limits([Trunk(cps=5, channels=2)])
    assert clock.board.used == {"trunk": 1}
    clock.waits(2)
    assert len(clock.send(12)) == 1
    clock.see(order, 12.5, hangup_at=after(12.5))
    assert len(clock.send(13)) == 1


def test_a_campaign_whose_calls_are_all_rejected_is_to_be_paused_until_that_is_written() -> None:
    clock = Clock(cps=5)
    for _ in range(50):
        assert not clock.errand(clock.now).storms
        clock.see(clock.call(), clock.now, hangup_at=after(clock.now), cause=21, tech_cause=603)
        clock.now += 0.2
    for _ in range(2):  # the first is not written
        (storm,) = clock.errand(clock.now).storms.values()
        assert (storm.outcome, storm.count, len(storm.attempts)) == (Outcome.REJECTED, 50, 50)
    clock.board.saved(clock.errand(clock.now))
    clock.refresh(News([], {}, []))
    clock.refresh(News([clock.row], {}, []))
    assert not clock.errand(clock.now).storms


def test_ends_that_nobody_saw_pause_no_campaign() -> None:
    clock = Clock(cps=5)
    for _ in range(60):
        clock.see(clock.call(), clock.now, closed=True)
        clock.now += 0.2
    errand = clock.errand(clock.now)
    assert len(errand.closings) == 60
    assert not errand.storms
