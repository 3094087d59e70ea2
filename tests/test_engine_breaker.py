"""Breakers: a storm stops a trunk or a campaign, and nothing less does."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.breaker import (
    FAILED,
    FEW,
    KEPT,
    LONGEST_S,
    OPEN_S,
    TRIALS,
    WINDOW,
    Breaker,
    CampaignBreaker,
    Position,
)
from storage.db import new_id
from storage.vocab import Outcome

WELL, BAD = None, Outcome.CONGESTION


def heard(breaker: Breaker, outcomes: list[Outcome | None], now: float = 0.0) -> tuple[Breaker, list[UUID]]:
    """After these calls, one after another; with their ids."""
    ids = [new_id() for _ in outcomes]
    for attempt, outcome in zip(ids, outcomes, strict=True):
        breaker = breaker.sent(attempt).heard(attempt, outcome, now)
    return breaker, ids


def opened(times: int = 1) -> tuple[Breaker, float]:
    """One that opened so many times in a row, and when."""
    breaker, now = heard(Breaker(), [BAD] * FEW)[0], 0.0
    for _ in range(times - 1):
        now = breaker.until
        breaker = heard(breaker.at(now), [BAD] * 2, now)[0]
    return breaker, now


@pytest.mark.parametrize(
    "outcomes, opens",
    [
        ([BAD] * 19, False),
        ([BAD] * 20, True),
        ([Outcome.TRUNK_FAULT] * 20, True),
        ([WELL] * 25 + [BAD] * 25, False),
        ([WELL] * 24 + [BAD] * 26, True),
        ([WELL] * 200 + [BAD] * 26, True),
        ([Outcome.BUSY, Outcome.INVALID_NUMBER, Outcome.NO_ANSWER, Outcome.REJECTED] * 20, False),
        ([Outcome.CANCELLED, Outcome.UNKNOWN] * 50 + [BAD] * 19, False),
    ],
)
def test_a_storm_of_failures_opens_it(outcomes: list[Outcome | None], opens: bool) -> None:
    breaker, ids = heard(Breaker(), outcomes)
    assert breaker.position is (Position.OPEN if opens else Position.CLOSED)
    assert breaker.room == (0 if opens else None)
    if opens:
        failed = [one for one, outcome in zip(ids, outcomes, strict=True) if outcome in FAILED]
        assert len(breaker.offenders) == KEPT
        assert set(breaker.offenders) <= set(failed[-KEPT - 1 :])


def test_each_opening_in_a_row_is_twice_as_long_up_to_ten_minutes() -> None:
    lengths = [opened(times)[0].until - opened(times)[1] for times in range(1, 9)]
    assert lengths == [30, 60, 120, 240, 480, 600, 600, 600]


def test_a_storm_long_after_another_is_a_new_one() -> None:
    breaker, _now = opened(3)
    again = breaker.until + LONGEST_S
    closed, _ids = heard(breaker.at(breaker.until), [WELL] * 4, breaker.until)
    assert closed.position is Position.CLOSED
    soon, _ids = heard(closed, [BAD] * FEW, again - 1)
    late, _ids = heard(closed, [BAD] * FEW, again)
    assert (soon.opened, late.opened) == (4, 1)
    assert late.until == again + OPEN_S


def test_a_trial_lets_a_few_through_and_only_they_decide() -> None:
    breaker, _now = opened()
    now = breaker.until
    assert breaker.at(now - 0.01).room == 0
    trial = breaker.at(now)
    assert trial.room == TRIALS
    for attempt in (ids := [new_id() for _ in range(TRIALS)]):
        trial = trial.sent(attempt)
    assert trial.room == 0
    for _ in range(9):
        trial = trial.heard(new_id(), BAD, now)  # sent before it opened
    assert trial.position is Position.TRIAL
    trial = trial.heard(ids[0], Outcome.UNKNOWN, now)
    assert trial.room == 1
    for attempt in ids[1:4]:
        trial = trial.heard(attempt, WELL, now)
    assert trial.position is Position.TRIAL
    assert trial.heard(ids[4], Outcome.BUSY, now).position is Position.CLOSED
    assert trial.heard(ids[4], BAD, now).position is Position.TRIAL


def test_a_trial_whose_calls_are_never_heard_of_begins_again() -> None:
    breaker, _now = opened()
    trial = breaker.at(breaker.until)
    for _ in range(TRIALS):
        trial = trial.sent(new_id())
    assert trial.at(trial.until + LONGEST_S - 1).room == 0
    assert trial.at(trial.until + LONGEST_S).room == TRIALS


def test_a_trial_that_fails_opens_it_again() -> None:
    breaker, _now = opened()
    trial, _ids = heard(breaker.at(30), [WELL, BAD, WELL], 30)
    assert trial.position is Position.TRIAL
    again, (last,) = heard(trial, [BAD], 31)
    assert (again.position, again.opened, again.until) == (Position.OPEN, 2, 31 + 60)
    assert again.offenders[-1] == last
    assert len(again.offenders) == KEPT


@given(st.lists(st.tuples(st.sampled_from([None, *Outcome]), st.floats(0, 90)), max_size=150))
def test_whatever_happens_it_is_never_shut_for_good(day: list[tuple[Outcome | None, float]]) -> None:
    breaker, now = Breaker(), 0.0
    for outcome, passes in day:
        now += passes
        breaker = breaker.at(now)
        if breaker.room != 0:
            breaker, _ids = heard(breaker, [outcome], now)
        assert breaker.until <= now + LONGEST_S
        assert len(breaker.last) <= WINDOW
        assert len(breaker.offenders) <= KEPT
        assert (breaker.room is None) == (breaker.position is Position.CLOSED)
    now += LONGEST_S
    closed, _ids = heard(breaker.at(now), [WELL] * WINDOW, now)
    assert closed.position is Position.CLOSED


@pytest.mark.parametrize("outcome", [Outcome.INVALID_NUMBER, Outcome.REJECTED, Outcome.UNKNOWN])
@pytest.mark.parametrize("good, bad, stops", [(0, 49, False), (0, 50, True), (50, 50, False), (49, 51, True)])
def test_a_campaign_stops_for_what_is_its_own(outcome: Outcome, good: int, bad: int, stops: bool) -> None:
    calls = [(new_id(), Outcome.ANSWERED_HEARD)] * good + [(new_id(), outcome) for _ in range(bad)]
    storm = CampaignBreaker().heard(calls).storm
    assert (storm is not None) is stops
    if storm:
        assert (storm.outcome, storm.count, storm.of) == (outcome, bad, good + bad)
        assert storm.attempts == tuple(attempt for attempt, one in calls if one is outcome)
        assert str(bad) in storm.words("ru") != storm.words("en")


def test_only_the_last_hundred_calls_count() -> None:
    bad = [(new_id(), Outcome.REJECTED) for _ in range(60)]
    good = [(new_id(), Outcome.BUSY) for _ in range(50)]
    breaker = CampaignBreaker().heard(bad)
    assert breaker.storm
    assert breaker.heard(good).storm is None


@given(st.lists(st.sampled_from([*FAILED, Outcome.CANCELLED]), max_size=300))
def test_a_campaign_does_not_stop_for_its_trunk(outcomes: list[Outcome]) -> None:
    breaker = CampaignBreaker().heard((new_id(), outcome) for outcome in outcomes)
    assert breaker == CampaignBreaker()
