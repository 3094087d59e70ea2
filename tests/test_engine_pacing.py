"""A rate is kept over every stretch of time, and kept smoothly."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.pacing import Pace, Room

rates = st.floats(0.1, 200)


def sent(pace: Pace, moments: list[float]) -> list[float]:
    """When calls went out, of a caller who always has another and looks at these moments."""
    times = []
    for now in moments:
        while pace.ready(now):
            times.append(now)
            pace = pace.spend(now)
    return times


@given(rates, st.floats(0, 2), st.lists(st.floats(0.001, 5), min_size=1, max_size=60))
def test_no_stretch_of_time_has_more_calls_than_its_rate(
    rate: float, slack: float, steps: list[float]
) -> None:
    moments = [1000 + sum(steps[:n]) for n in range(len(steps))]
    times = sent(Pace(rate, slack_s=slack), moments)
    earliest = float("inf")
    for count, now in enumerate(times):  # calls from any moment to this one <= rate * (seconds + slack) + 1
        earliest = min(earliest, count - rate * now)
        assert count - rate * now <= earliest + rate * slack + 1e-6


@given(rates)
def test_the_rate_is_reached_and_calls_are_evenly_apart(rate: float) -> None:
    looks = 0.01
    times = sent(Pace(rate), [n * looks for n in range(2000)])
    assert abs(len(times) - 20 * rate) <= 2
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(abs(gap - 1 / rate) <= looks + 1e-6 for gap in gaps)


def test_a_delay_is_made_up_for_but_not_more_than_the_slack() -> None:
    pace = Pace(10, slack_s=0.2).spend(0)
    assert len(sent(pace, [60.0])) == 3  # its turn, and two for the 0.2 s


@pytest.mark.parametrize("rate, ready", [(1, False), (100, True)])
def test_a_changed_rate_holds_from_the_next_call_on(rate: float, ready: bool) -> None:
    pace = Pace(1).at_rate(rate).spend(0)
    assert pace.ready(0.5) is ready


def test_a_room_needs_both_a_turn_and_a_channel() -> None:
    room = Room(Pace(10), channels=2).take(0)
    assert not room.ready(0)
    assert room.ready(0.1)
    full = room.take(0.1)
    assert not full.ready(9)
    assert full.used_more(-1).ready(9)
    assert full.limited(10, 3).ready(9)
    assert full.limited(10, 1).used == 2  # those under way go on
    assert room.used_more(-5).used == 0
