"""A rate is kept over every stretch of time, and kept smoothly."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.dispatch import PERMIT
from engine.campaign.pacing import (
    BEAT_LOADED_S,
    BEAT_MOST_S,
    BEAT_S,
    BUSY,
    COMMIT_S,
    EASE_BACK_S,
    FLOOR,
    HOLD_S,
    LARGEST,
    RECOVERY,
    START_S,
    Appetite,
    Heard,
    Pace,
    Room,
    Throttle,
    interval,
    step,
)

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


def test_a_pace_that_becomes_faster_does_not_wait_for_its_old_turn() -> None:
    slow = Pace(0.01, due=1000.0).spend(1000.0)  # the next in 100 s
    assert slow.at_rate(10).due == pytest.approx(1000.1)
    assert slow.at_rate(10).at_rate(0.01).due == pytest.approx(slow.due)


@given(st.lists(st.floats(0.5, 50), min_size=1, max_size=30))
def test_under_a_rate_that_changes_no_stretch_has_more_calls_than_the_highest(changes: list[float]) -> None:
    pace, times, now = Pace(changes[0], due=100.0), [], 100.0
    for rate in changes:
        pace = pace.at_rate(rate)
        for _ in range(20):
            now += 0.01
            while pace.ready(now):
                times.append(now)
                pace = pace.spend(now)
    highest = max(changes)
    for first, earlier in enumerate(times):
        for last, later in enumerate(times[first:], first):
            assert last - first <= highest * (later - earlier + pace.slack_s) + 1 + 1e-6


limits = st.floats(0.1, 1000)
dts = st.sampled_from([0.01, 0.2, 0.2, 0.2, 1.0, 300.0])
heards = st.builds(
    lambda sent, calls, congested, lag_s: Heard(sent, calls, min(calls, congested), lag_s),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 50),
    st.sampled_from([0.0, 0.0, 0.05, 0.3, 5.0]),
)
days = st.lists(st.tuples(heards, dts), max_size=60)


def through(state: Throttle, day: list[tuple[Heard, float]]) -> Throttle:
    for heard, dt in day:
        state = step(state, heard, dt)
    return state


@given(limits, days)
def test_the_rate_stays_between_its_floor_and_its_limit(limit: float, day: list[tuple[Heard, float]]) -> None:
    state = Throttle.fresh(limit)
    for heard, dt in day:
        state = step(state, heard, dt)
        assert 0 < FLOOR * limit <= state.rate(limit) <= limit


@given(limits, days, st.lists(st.tuples(st.integers(1, 50), dts), max_size=40))
def test_without_congestion_the_rate_only_grows_up_to_the_limit_and_never_in_a_leap(
    limit: float, day: list[tuple[Heard, float]], calm: list[tuple[int, float]]
) -> None:
    state = through(Throttle.fresh(limit), day)
    for sent, dt in calm:
        after = step(state, Heard(sent, calls=sent), dt)
        assert after.rate(limit) >= state.rate(limit)
        steepest = 1 / START_S + 1 / EASE_BACK_S
        assert after.rate(limit) <= state.rate(limit) + limit * (steepest * min(dt, 1.0)) + 1e-9
        state = after
    for _ in range(400):
        state = step(state, Heard(1), 1.0)
    assert state.rate(limit) == limit


@given(st.lists(st.tuples(heards, st.just(0.2)), max_size=60))
def test_it_is_halved_once_in_five_seconds_at_most(day: list[tuple[Heard, float]]) -> None:
    state, halved, now = Throttle.fresh(100), [-99.0], 0.0
    for heard, dt in day:
        after = step(state, heard, dt)
        now += dt
        if after.hold_s > state.hold_s:
            assert after.share == max(FLOOR, state.share / 2)
            assert now - halved[-1] > HOLD_S - 1e-6
            halved.append(now)
        state = after


def test_a_start_is_slow_and_takes_ten_seconds_from_its_first_call_on() -> None:
    state = Throttle.fresh(100)
    assert state.rate(100) == 20
    for _ in range(50):
        state = step(state, Heard(), 0.2)
    assert state.rate(100) == 20  # nobody has been called yet
    rates = []
    for _ in range(50):
        state = step(state, Heard(sent=1), 0.2)
        rates.append(state.rate(100))
    assert rates[9] == pytest.approx(40)
    assert rates[38] < 100 == rates[-1]


def test_a_small_trunk_starts_at_its_limit() -> None:
    assert Throttle.fresh(5).rate(5) == 5
    assert Throttle.fresh(10).rate(10) == 5


def test_after_a_minute_without_a_call_it_starts_slowly_again() -> None:
    state = Throttle(base=0.2, share=1.0, starting=False, idle_s=0)
    for _ in range(59):
        state = step(state, Heard(), 1.0)
    assert state.share == 1.0
    state = step(state, Heard(), 1.0)
    assert (state.share, state.starting) == (0.2, True)


@pytest.mark.parametrize(
    "calls, congested, halves",
    [(100, 10, False), (100, 11, True), (14, 14, False), (15, 15, True)],
    ids=["a tenth", "more", "too few", "enough"],
)
def test_congestion_halves_the_rate(calls: int, congested: int, halves: bool) -> None:
    state = Throttle(share=0.8, starting=False, idle_s=0)
    after = step(state, Heard(5, calls, congested), 0.2)
    assert (after.share == 0.4) is halves
    assert after.rate(100) == pytest.approx(40 if halves else 80 + 100 * 0.2 * RECOVERY)


def test_congestion_of_long_ago_is_forgotten() -> None:
    state = step(Throttle(share=0.8, starting=False, idle_s=0), Heard(5, 14, 5), 0.2)
    for _ in range(150):
        state = step(state, Heard(1), 1.0)
    assert state.calls < 0.2
    assert step(state, Heard(30, 30, 1), 0.2).share >= state.share


def test_a_tenth_of_the_limit_comes_back_in_thirty_seconds() -> None:
    state = Throttle(share=0.5, starting=False, idle_s=0)
    for _ in range(150):
        state = step(state, Heard(1, 5), 0.2)
    assert state.share == pytest.approx(0.6)


def test_late_events_slow_it_down_at_once_and_not_for_long() -> None:
    state = Throttle(share=1.0, starting=False, idle_s=0)
    for _ in range(10):
        state = step(state, Heard(1, lag_s=0.3), 0.2)
    assert state.rate(100) == pytest.approx(25)
    for _ in range(25):
        state = step(state, Heard(1, lag_s=0.1), 0.2)
    assert state.rate(100) == 100


@given(st.floats(0, 0.3), st.floats(0, 0.01))
def test_a_beat_that_costs_much_takes_less_until_it_ends_in_time(fixed: float, each: float) -> None:
    appetite = Appetite()
    lasted = []
    for _ in range(60):
        lasted.append(fixed + each * int(appetite.most))
        appetite = appetite.after(lasted[-1])
    settled = lasted[20:]
    assert max(settled) < 2 * BEAT_MOST_S, "what it takes is still allowed when it is done"
    assert each * LARGEST + fixed <= BEAT_MOST_S or max(settled) > BEAT_MOST_S / 2, (
        "and it is no less than can be"
    )


def test_a_beat_without_trouble_takes_all_that_is_wanted() -> None:
    assert Appetite().after(0.1).most == LARGEST


def test_one_slow_beat_is_soon_forgotten() -> None:
    appetite = Appetite().after(30)
    assert appetite.most == LARGEST / 4
    for _ in range(8):
        appetite = appetite.after(0.1)
    assert appetite.most == LARGEST


@given(st.floats(0, 10))
def test_beats_take_a_fifth_of_the_time_and_are_never_far_apart(spent_s: float) -> None:
    assert BEAT_S <= interval(spent_s) <= BEAT_LOADED_S
    if BEAT_S < interval(spent_s) < BEAT_LOADED_S:
        assert interval(spent_s) == pytest.approx(5 * spent_s)


def test_what_waits_lasts_from_a_beat_to_the_end_of_the_next_one() -> None:
    assert COMMIT_S >= BUSY * BEAT_LOADED_S, "as long as a beat may take before beats are further apart"
    assert PERMIT.total_seconds() > BEAT_LOADED_S + COMMIT_S, "the last that waits may still be sent"
