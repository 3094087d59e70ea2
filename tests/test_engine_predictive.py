"""The pacing for operators: nobody is called for whom nobody could be there, few answer in vain, and the
operators are busier than by plain progressive dialling. In a simulated call centre, hour by hour.
"""

import math
from dataclasses import replace

import pytest
from _call_centre import Centre, Day, run
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from engine.campaign.predictive import MOST_RISK, SEVERAL, Mean, Observed, State, step
from storage.vocab import Pacing

LIMIT = 0.03
PACINGS = st.sampled_from(Pacing)
seconds = st.floats(0, 600)
several = st.lists(seconds, max_size=6).map(tuple)


@st.composite
def observations(draw: st.DrawFn) -> Observed:
    answers = draw(several)
    return Observed(
        channels=draw(st.integers(0, 300)),
        free=draw(st.integers(0, 30)),
        busy=draw(st.integers(0, 30)),
        waiting=draw(st.integers(0, 3)),
        ringing=draw(st.lists(seconds, max_size=40).map(tuple)),
        answers=answers,
        losses=draw(several),
        talks=draw(several),
        abandoned=draw(st.integers(0, len(answers))),
    )


def both(centre: Centre, seed: int = 1) -> tuple[Day, Day]:
    """Progressive and predictive, on the same callees."""
    return run(centre, Pacing.PROGRESSIVE, seed), run(centre, Pacing.PREDICTIVE, seed)


@pytest.mark.parametrize("rate", [0.10, 0.20, 0.35, 0.60])
@pytest.mark.parametrize("staff", [5, 20])
def test_few_answer_in_vain_and_operators_are_busier(rate: float, staff: int) -> None:
    plain, ahead = both(Centre(((0, rate),), ((0, staff),), hours=2, step_s=0.5))
    assert plain.abandoned == 0
    assert 0 < ahead.share <= LIMIT
    # Where most answer little can be won, and five operators share the chance badly.
    gain = -0.01 if rate > 0.5 else 0.05
    assert ahead.utilisation > plain.utilisation + gain


def test_fifty_operators() -> None:
    plain, ahead = both(Centre(((0, 0.35),), ((0, 50),), hours=1, step_s=0.5))
    assert ahead.share <= LIMIT
    assert ahead.utilisation > plain.utilisation + 0.1


@pytest.mark.parametrize("abandon", [0.01, 0.05])
def test_the_share_is_the_campaigns_own(abandon: float) -> None:
    ahead = run(Centre(((0, 0.2),), ((0, 20),), hours=3, abandon=abandon, step_s=0.5), Pacing.PREDICTIVE)
    assert abandon / 3 < ahead.share <= abandon


@pytest.mark.parametrize("rates", [((0, 0.1), (3600, 0.6)), ((0, 0.6), (3600, 0.1))])
def test_an_answer_rate_that_jumps(rates: tuple[tuple[float, float], ...]) -> None:
    """All the calls under way are too many at once; the share is under the limit again within the day."""
    plain, ahead = both(Centre(rates, ((0, 30),), hours=3, step_s=0.5))
    assert ahead.share <= LIMIT
    assert ahead.utilisation > plain.utilisation + 0.05


def test_operators_who_leave_and_come_back() -> None:
    staff = ((0, 20), (2000, 6), (4000, 0), (5000, 20))
    plain, ahead = both(Centre(((0, 0.2),), staff, hours=2.5, step_s=0.5))
    assert ahead.left > 10
    assert ahead.share <= LIMIT
    assert plain.unmanned == ahead.unmanned == 0
    assert ahead.utilisation > plain.utilisation + 0.1


@given(
    st.floats(0.05, 1),
    st.lists(st.integers(0, 12), min_size=1, max_size=5),
    st.integers(0, 2**16),
)
@hypothesis(max_examples=15)
def test_progressive_abandons_no_more_than_operators_leave(rate: float, staff: list[int], seed: int) -> None:
    shifts = tuple((300.0 * n, some) for n, some in enumerate(staff))
    day = run(Centre(((0, rate),), shifts, hours=0.4, step_s=1), Pacing.PROGRESSIVE, seed)
    assert day.abandoned <= day.left
    assert day.unmanned == 0


@given(st.floats(0.05, 1), st.integers(1, 12), st.integers(0, 2**16))
@hypothesis(max_examples=15)
def test_no_share_gets_far_above_the_limit(rate: float, staff: int, seed: int) -> None:
    """Nothing is known at first: what is lost before it is, is little."""
    day = run(Centre(((0, rate),), ((0, staff),), hours=0.5, step_s=1), Pacing.PREDICTIVE, seed)
    assert day.abandoned <= LIMIT * day.answered + 3


@given(PACINGS, st.lists(observations(), min_size=1, max_size=8), st.floats(0.001, 0.2), st.floats(0, 60))
def test_whatever_is_observed(pacing: Pacing, seen: list[Observed], abandon: float, dt: float) -> None:
    state = State(pacing, abandon)
    for one in seen:
        state, calls = step(state, one, dt)
        assert 0 <= calls <= one.channels
        if pacing is not Pacing.FILL:
            operators = one.free + one.busy
            assert operators or not calls
            assert calls + len(one.ringing) <= max(SEVERAL * operators, len(one.ringing))
        if pacing is Pacing.PROGRESSIVE:
            assert calls + len(one.ringing) + one.waiting <= max(one.free, len(one.ringing) + one.waiting)
        assert 0 <= state.share <= 1
        assert 0 < state.risk <= MOST_RISK
        assert 0 <= state.rate.value <= 1
        assert math.isfinite(state.talk_s.value)


def test_fill_takes_every_channel_and_asks_for_no_operator() -> None:
    assert step(State(Pacing.FILL), Observed(channels=70), 1)[1] == 70


def test_predictive_never_places_fewer_than_progressive() -> None:
    observed = Observed(channels=100, free=6, busy=2, waiting=1, ringing=(1.0, 20.0))
    assert step(State(Pacing.PROGRESSIVE), observed, 1)[1] == 3
    assert step(State(Pacing.PREDICTIVE), observed, 1)[1] >= 3


def test_over_the_limit_it_is_progressive() -> None:
    observed = Observed(channels=100, free=6, busy=20)
    state = replace(State(Pacing.PREDICTIVE, risk=0.5), rate=Mean(0.1), answered=100, abandoned=2.9)
    assert step(state, observed, 1)[1] > 6
    assert step(replace(state, abandoned=3.1), observed, 1)[1] == 6
    assert step(replace(state, abandon=0.05, abandoned=3.1), observed, 1)[1] > 6, "the limit was changed"


def test_an_abandoned_call_lowers_the_risk_and_served_ones_raise_it_slowly() -> None:
    calm = Observed(channels=1)
    state = State(Pacing.PREDICTIVE, risk=0.1)
    lower = step(state, replace(calm, answers=(5.0,), abandoned=1), 1)[0].risk
    higher = step(state, replace(calm, answers=(5.0,)), 1)[0].risk
    assert lower < 0.1 < higher
    assert (0.1 - lower) > 20 * (higher - 0.1)


def test_estimates_follow_what_is_seen_and_forget_it() -> None:
    mean = Mean(0.5, memory=20, weight=5)
    low = mean.seen(*[0.0] * 100)
    assert low.value < 0.15
    assert low.seen(*[1.0] * 40).value > 0.6
    assert low.aged(24 * 3600).value == pytest.approx(0.5, abs=0.01)


def test_who_refuses_at_once_counts_when_others_would_have_answered() -> None:
    """Else the first refusals, which come before the first answers, would make it call far too many."""
    refused = Observed(channels=1, losses=(1.0,) * 50)
    state, _ = step(State(Pacing.PREDICTIVE), refused, 1)
    assert state.rate.value == pytest.approx(0.6)
    for _ in range(25):
        state, _ = step(state, Observed(channels=1), 1)
    assert state.rate.value < 0.2


def test_a_call_that_has_rung_long_counts_for_little() -> None:
    fresh = Observed(channels=100, free=2, busy=5, ringing=(1.0,) * 5)
    old = replace(fresh, ringing=(30.0,) * 5)
    state = replace(State(Pacing.PREDICTIVE), rate=Mean(0.2))
    assert step(state, old, 1)[1] > step(state, fresh, 1)[1]
