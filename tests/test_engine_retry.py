"""When a lead is called again: within its budget, phone by phone, later and later, and no more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from builders import NOON, after
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.campaign.attempts import Talk
from engine.campaign.retry import (
    CALL_BACKS,
    REFUNDS,
    Made,
    Next,
    Policy,
    after_day,
    budget_used,
    due_after,
    next_hour,
    plan,
)
from engine.campaign.retry_rules import DEFAULTS, GUARD, LONGEST_S, Rule, rules_of
from storage.vocab import Outcome, Waits

A, B, C = (UUID(int=number) for number in (1, 2, 3))
MOSCOW, TOKYO = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Tokyo")


def made(outcome: str, at: datetime = NOON, phone: UUID = A, **more: object) -> Made:
    return replace(Made(phone, Outcome(outcome), at), **more)


def policy(attempts: int = 9, scale: float = 1.0, **rules: str) -> Policy:
    own = {name.replace("_", "-"): text for name, text in rules.items()}
    return Policy(attempts, rules_of(own), scale)


def test_the_same_phone_rests_and_longer_each_time_up_to_the_longest() -> None:
    rules = policy(busy="10m x2 max 1h")
    calls: list[Made] = []
    rests = []
    for minute in range(5):
        calls.append(made("busy", after(minute * 60)))
        next_ = plan(calls, [A], rules)
        assert next_.due is not None
        assert next_.phone == A
        rests.append((next_.due - calls[-1].at).total_seconds() / 60)
    assert rests == [10, 20, 40, 60, 60]


def test_the_budget_is_one_for_all_outcomes() -> None:
    calls = [made("busy"), made("no-answer"), made("machine")]
    assert plan(calls, [A], policy(4)).due
    assert plan(calls, [A], policy(3)) == Next(spent=3)


def test_an_outcome_may_come_so_often_and_no_more() -> None:
    rules = policy(no_answer="1h times 2")
    assert plan([made("no-answer"), made("busy")], [A], rules).due
    assert plan([made("no-answer"), made("busy"), made("no-answer")], [A], rules) == Next(spent=3)


@pytest.mark.parametrize("outcome", ["rejected", "answered-heard", "answered-opt-out", "invalid-number"])
def test_never_is_never(outcome: str) -> None:
    assert plan([made(outcome)], [A], policy(rejected="never")) == Next(spent=1)


def test_the_next_phone_is_called_at_once_and_the_first_again_when_it_has_rested() -> None:
    rules = policy(no_answer="2h next-phone")
    calls: list[Made] = []
    for minute, phone in enumerate((A, B, C)):
        calls.append(made("no-answer", after(60 * minute), phone))
    phones = [A, B, C]
    assert plan(calls[:1], phones, rules) == Next(1, NOON, B)
    assert plan(calls[:2], phones, rules) == Next(2, after(60), C)
    assert plan(calls, phones, rules) == Next(3, after(7200), A)


def test_an_invalid_number_is_left_for_good_and_when_all_are_the_lead_is_done() -> None:
    phones = [A, B]
    first, second = made("invalid-number", phone=A), made("busy", after(60), B)
    assert plan([first], phones, policy()) == Next(1, NOON, B)
    assert plan([first, second], phones, policy(busy="10m next-phone")).phone == B
    assert plan([first, made("invalid-number", phone=B)], phones, policy()) == Next(spent=2)
    assert plan([first], [A], policy()) == Next(spent=1)
    assert plan([first], phones, policy(1)) == Next(spent=1)


def test_a_phone_that_is_no_more_gives_way_to_the_first() -> None:
    assert plan([made("invalid-number", phone=C)], [A, B], policy()).phone == A


def test_what_was_given_back_is_free_but_not_for_ever() -> None:
    silent = made("congestion", refund=True)
    assert plan([silent] * REFUNDS, [A], policy(1)).spent == 0
    assert plan([silent] * REFUNDS, [A], policy(1)).due
    assert plan([silent] * (REFUNDS + 1), [A], policy(1)) == Next(spent=1)
    assert plan([made("congestion")], [A], policy(1)) == Next(spent=1)


@pytest.mark.parametrize("scale", [0, 1])
@pytest.mark.parametrize("rule", ["1d", "1d next-phone"])
def test_nothing_is_called_while_an_unknown_call_may_have_been_one(rule: str, scale: float) -> None:
    next_ = plan([made("unknown")], [A, B], policy(scale=scale, unknown=rule))
    assert next_.due == NOON + GUARD


def test_the_scale_shortens_delays() -> None:
    assert plan([made("busy")], [A], policy(scale=0.5)).due == after(600)


def test_a_call_back_is_promised_at_his_hour_and_adds_a_call_to_the_budget() -> None:
    asked = made("answered-heard", hour=18, phone=B)
    three_hours = datetime(2026, 1, 21, 15, tzinfo=UTC)  # 18:00 in Moscow
    assert plan([asked], [A, B], policy(1), [MOSCOW]) == Next(1, three_hours, B, Waits.CALL_BACK)
    silent = made("no-answer", three_hours, B)
    assert plan([asked, silent], [A, B], policy(1)) == Next(spent=2)
    assert plan([asked, silent], [A, B], policy(2)).due


def test_call_backs_are_not_promised_for_ever() -> None:
    asked = made("answered-partial", hour=18)
    assert plan([asked] * CALL_BACKS, [A], policy(1)).waits is Waits.CALL_BACK
    assert plan([asked] * (CALL_BACKS + 1), [A], policy(1)) == Next(CALL_BACKS + 1)


@pytest.mark.parametrize(
    "rule, zones, due",
    [
        ("0s", [MOSCOW], "2026-01-25T21:00"),
        ("0s", [MOSCOW, TOKYO], "2026-01-25T21:00"),  # the day is over in Tokyo first
        ("0s", [TOKYO], "2026-01-25T15:00"),
        ("0s", [], "2026-01-26T00:00"),
        ("36h", [MOSCOW], "2026-01-27T09:00"),
    ],
)
def test_who_promised_to_pay_is_called_when_the_day_is_over_if_attempts_are_left(
    rule: str, zones: Sequence[ZoneInfo], due: str
) -> None:
    said = Made(B, Outcome.ANSWERED_PROMISE, NOON, day=date(2026, 1, 25))
    again = plan([said], [A, B], policy(2, **{"answered-promise": rule}), zones)
    assert again == Next(1, datetime.fromisoformat(due).replace(tzinfo=UTC), B, Waits.PROMISE)
    assert plan([said], [A, B], policy(1), zones) == Next(1)
    assert plan([said], [A, B], policy(2, **{"answered-promise": "never"}), zones) == Next(1)
    assert after_day(date(2026, 1, 25), zones) <= again.due


def test_a_word_is_kept_until_it_is_due_whoever_gave_it() -> None:
    assert due_after(Talk(Outcome.ANSWERED_HEARD), [MOSCOW], NOON) is None
    assert due_after(Talk(Outcome.ANSWERED_HEARD, hour=18), [MOSCOW], NOON) == after(3 * 3600)
    promise = Talk(Outcome.ANSWERED_PROMISE, day=NOON.date())
    assert due_after(promise, [MOSCOW], NOON) == after(9 * 3600)


@pytest.mark.parametrize(
    "hour, zones, due",
    [
        (15, [MOSCOW], "2026-01-22T12:00"),  # it is 15:00 there at this moment: tomorrow
        (16, [MOSCOW], "2026-01-21T13:00"),
        (0, [MOSCOW], "2026-01-21T21:00"),
        (22, [MOSCOW, TOKYO], "2026-01-21T13:00"),  # in Tokyo
        (13, [], "2026-01-21T13:00"),
    ],
)
def test_his_hour_is_by_his_own_clock(hour: int, zones: Sequence[ZoneInfo], due: str) -> None:
    assert next_hour(hour, zones, NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@given(
    st.integers(0, 23),
    st.sampled_from(["Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo"]),
    st.datetimes(datetime(2017, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
)
def test_his_hour_comes_within_a_day_or_a_change_of_clocks(hour: int, name: str, at: datetime) -> None:
    due = next_hour(hour, [ZoneInfo(name)], at)
    assert at < due <= at + timedelta(hours=25)
    local = due.astimezone(ZoneInfo(name))
    assert local.minute == 0
    assert local.hour in (hour, (hour + 1) % 24)  # the second where a change of clocks swallows the first


RULES = st.builds(
    Rule,
    st.integers(0, LONGEST_S) | st.none(),
    st.floats(1, 10),
    st.just(LONGEST_S),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)
PHONES = st.sampled_from([[A], [A, B], [A, B, C]])
ENDS = st.tuples(st.sampled_from([one for one in Outcome if one.value[:8] != "answered"]), st.booleans())


def lived(
    ends: Sequence[tuple[Outcome, bool]], phones: Sequence[UUID], rules: Policy, hours: Sequence[int | None]
) -> list[Made]:
    """A lead's calls, each made when the one before says, until there are no more."""
    calls: list[Made] = []
    at, phone = NOON, phones[0]
    for (outcome, refund), hour in zip(ends, hours, strict=False):
        outcome = Outcome.ANSWERED_HEARD if hour is not None else outcome
        refund = refund and outcome in (Outcome.CONGESTION, Outcome.TRUNK_FAULT)
        calls.append(Made(phone, outcome, at, refund, hour))
        next_ = plan(calls, phones, rules)
        if next_.due is None or next_.phone is None:
            break
        assert next_.due >= at
        at, phone = next_.due, next_.phone
    return calls


@given(
    st.lists(ENDS, min_size=80, max_size=80),
    PHONES,
    st.integers(1, 20),
    st.dictionaries(st.sampled_from(list(Outcome)), RULES),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.lists(st.none() | st.integers(0, 23), min_size=80, max_size=80),
)
def test_never_more_calls_than_the_budget_what_was_given_back_and_what_was_promised(
    ends: list[tuple[Outcome, bool]],
    phones: list[UUID],
    attempts: int,
    rules: dict[Outcome, Rule],
    scale: float,
    hours: list[int | None],
) -> None:
    calls = lived(ends, phones, Policy(attempts, {**DEFAULTS, **rules}, scale), hours)
    refunds = sum(call.refund for call in calls)
    promises = sum(call.hour is not None for call in calls[:-1])
    assert len(calls) <= attempts + min(refunds, REFUNDS) + min(promises, CALL_BACKS)
    assert budget_used(calls) == len(calls) - min(refunds, REFUNDS)
    for one, then in pairwise(calls):
        if one.outcome is Outcome.UNKNOWN:
            assert then.at - one.at >= GUARD


@given(
    st.lists(ENDS, min_size=30, max_size=30), PHONES, st.dictionaries(st.sampled_from(list(Outcome)), RULES)
)
def test_phones_come_in_order_and_none_is_skipped_but_for_good(
    ends: list[tuple[Outcome, bool]], phones: list[UUID], own: dict[Outcome, Rule]
) -> None:
    rules = Policy(99, {**DEFAULTS, **own})
    calls = lived(ends, phones, rules, [None] * 30)
    gone: set[UUID] = set()
    for one, then in pairwise(calls):
        if rules.rules[one.outcome].delay_s is None:
            gone.add(one.phone)
        assert then.phone not in gone
        if rules.rules[one.outcome].next_phone:
            place = phones.index(one.phone)
            order = [phone for phone in [*phones[place + 1 :], *phones[: place + 1]] if phone not in gone]
            assert then.phone == order[0]
        else:
            assert then.phone == one.phone


@given(RULES, st.integers(1, 40))
def test_delays_grow_and_are_bounded(rule: Rule, longest_s: int) -> None:
    assume(rule.delay_s is not None)
    bounded = replace(rule, longest_s=max(longest_s, rule.delay_s or 0))
    rests = [bounded.rest(nth) for nth in range(1, 200)]
    assert rests == sorted(rests)
    assert rests[0] == timedelta(seconds=rule.delay_s or 0)
    assert rests[-1] <= timedelta(seconds=bounded.longest_s)
