"""When a number that we call from is sick, how long it rests, and which is used meanwhile."""

from dataclasses import replace
from datetime import timedelta

from builders import NOON, after
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.callers import (
    FEW,
    NEW,
    OPERATOR,
    QUARANTINE,
    SHORT,
    SPAM,
    Call,
    Health,
    Marks,
    sickness,
    usable,
)

MARKS = Marks()
WELL = Health(calls=400, answered=120, short=6)
HOURS = timedelta(hours=1)


def judged(others=WELL, **mine):
    return sickness(Health(**mine), others, MARKS)


def test_three_calls_refused_as_spam_are_enough():
    health = NEW
    for code in (607, 603, 608):
        health = health.heard(Call(tech_cause=code), MARKS)
    assert sickness(health, WELL, MARKS) == ""
    assert sickness(health.heard(Call(tech_cause=607), MARKS), WELL, MARKS) == SPAM
    assert sickness(health.heard(Call(tech_cause=607), MARKS), NEW, MARKS) == SPAM, "whatever the others do"


def test_a_short_call_is_one_that_the_callee_cut_within_seconds():
    calls = [Call(2, True), Call(3, True), Call(3.1, True), Call(2, False), Call()]
    health = NEW
    for call in calls:
        health = health.heard(call, MARKS)
    assert health == Health(calls=5, answered=4, short=2)


def test_short_calls_count_as_a_share_and_beside_the_others():
    assert judged(calls=60, answered=20, short=7) == SHORT
    assert judged(calls=60, answered=20, short=6) == ""
    assert judged(calls=60, answered=19, short=19) == "", "too few to say"
    assert judged(calls=60, answered=20, short=7, others=Health(400, 120, 30)) == "", "all have them"
    assert judged(calls=60, answered=20, short=7, others=NEW) == SHORT


def test_few_answers_are_told_from_chance():
    assert judged(calls=200, answered=20) == FEW
    assert judged(calls=49, answered=0) == "", "too few calls"
    assert judged(calls=200, answered=35) == "", "more than half of the others' rate"
    assert judged(calls=60, answered=8) == "", "chance makes that"
    assert judged(calls=200, answered=0, others=NEW) == "", "nothing to compare with"
    assert sickness(Health(200, 1), WELL, replace(MARKS, answer_share=0.0)) == ""


@given(st.integers(50, 5000), st.floats(0, 1))
def test_numbers_that_all_do_alike_are_never_laid_to_rest_for_few_answers(calls, rate):
    mine = Health(calls, calls * rate)
    assert sickness(mine, mine + mine, MARKS) == ""


def test_it_rests_longer_each_time_and_then_until_somebody_wakes_it():
    first = Health(100, 10).laid_to_rest(SHORT, NOON, 4 * HOURS)
    assert first == Health(rests=1, rests_until=NOON + 4 * HOURS, why=SHORT), "and is counted afresh"
    second = first.laid_to_rest(SHORT, after(86400), 4 * HOURS)
    assert second.rests_until == after(86400) + 24 * HOURS
    third = second.laid_to_rest(SPAM, after(3 * 86400), 4 * HOURS)
    assert third.rests_until == after(3 * 86400) + QUARANTINE
    later = second.laid_to_rest(SHORT, after(60 * 86400), 4 * HOURS)
    assert (later.rests, later.rests_until) == (1, after(60 * 86400) + 4 * HOURS), "as new after a month"


def test_old_calls_lose_half_their_weight_in_a_day():
    assert Health(8, 4, 2, 1, rests=1, why="x").faded(timedelta(days=2)) == Health(
        2, 1, 0.5, 0.25, rests=1, why="x"
    )


def rests(hours, why=SHORT, times=1):
    return Health(rests=times, rests_until=NOON + hours * HOURS, why=why)


def test_the_well_are_used_then_the_least_sick_and_never_those_that_an_operator_rests():
    numbers = ["a", "b", "c", "d"]
    assert usable(numbers, {}, NOON) == numbers
    known = {"a": rests(4), "b": rests(2), "c": rests(-1), "d": rests(1, OPERATOR)}
    assert usable(numbers, known, NOON) == ["c"]
    assert usable(["a", "b", "d"], known, NOON) == ["b"]
    assert usable(["d"], known, NOON) == []
    assert usable(["d"], known, NOON + 2 * HOURS) == ["d"]
    assert usable([], known, NOON) == []
