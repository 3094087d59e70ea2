"""engine.contact.limits against a naive count: every call is put into its period by the local calendar."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.limits import (
    CONNECTED_S,
    Counts,
    Limit,
    Past,
    Period,
    Scope,
    Target,
    counted,
    full_until,
    starts,
    used,
)
from storage.vocab import CallKind, Outcome

PHONE, OTHER = "+79211234567", "+79211234568"
ONE, TWO = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 1, 21, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MOSCOW, KAMCHATKA = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Kamchatka")
ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Moscow",
        "Europe/Kaliningrad",
        "Asia/Kamchatka",
        "Europe/London",
        "America/New_York",
        "America/St_Johns",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Havana",
        "Asia/Beirut",
    )
]
ZONE_SETS = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True)
MOMENTS = st.one_of(
    *(
        st.datetimes(start, start + timedelta(days=45), timezones=st.just(UTC))
        for start in (datetime(2024, 12, 10), datetime(2025, 3, 1), datetime(2025, 10, 1))
    )
)
TIMES = st.lists(MOMENTS, max_size=12).map(sorted)
PERIODS = st.builds(
    Limit,
    st.just("some"),
    st.integers(1, 4),
    st.just(Scope.PERSON),
    st.just(Counts.PLACED),
    st.sampled_from(Period),
)
ROLLING = st.builds(
    Limit,
    st.just("some"),
    st.integers(1, 4),
    st.just(Scope.PERSON),
    st.just(Counts.PLACED),
    rolling=st.timedeltas(timedelta(minutes=1), timedelta(days=31)),
)


def period(limit: Limit, zone: ZoneInfo, at: datetime) -> tuple[int, ...]:
    day = at.astimezone(zone).date()
    match limit.period:
        case Period.DAY:
            return (day.toordinal(),)
        case Period.WEEK:
            return tuple(day.isocalendar()[:2])
        case _:
            return (day.year, day.month)


def naive(limit: Limit, times: list[datetime], zones: list[ZoneInfo], at: datetime) -> int:
    if limit.period is None:
        return sum(call > at - limit.rolling for call in times)
    return max(sum(period(limit, zone, call) >= period(limit, zone, at) for call in times) for zone in zones)


@given(PERIODS | ROLLING, TIMES, ZONE_SETS, MOMENTS)
def test_it_is_full_until_the_naive_count_says_no(
    limit: Limit, times: list[datetime], zones: list[ZoneInfo], at: datetime
) -> None:
    count = naive(limit, times, zones, at)
    assert used(limit, times, zones, at) == count
    until = full_until(limit, times, zones, at)
    assert (until is None) == (count < limit.most)
    if until is not None:
        assert until > at
        assert naive(limit, times, zones, until) < limit.most
        for before in (until - TICK, at + (until - at) / 2, at + (until - at) / 3):
            assert naive(limit, times, zones, before) >= limit.most


@given(PERIODS | ROLLING, TIMES, ZONE_SETS, MOMENTS, MOMENTS)
def test_another_call_never_makes_room(
    limit: Limit, times: list[datetime], zones: list[ZoneInfo], at: datetime, call: datetime
) -> None:
    before = full_until(limit, times, zones, at) or at
    assert (full_until(limit, sorted([*times, call]), zones, at) or at) >= before


def test_the_year_ends_within_a_week() -> None:
    week = Limit("week", 1, Scope.PERSON, Counts.PLACED, Period.WEEK)
    month = Limit("month", 1, Scope.PERSON, Counts.PLACED, Period.MONTH)
    call = datetime(2025, 12, 31, 20, 59, tzinfo=UTC)  # 23:59 in Moscow
    assert full_until(week, [call], [MOSCOW], call) == datetime(2026, 1, 4, 21, tzinfo=UTC)
    assert full_until(month, [call], [MOSCOW], call) == datetime(2025, 12, 31, 21, tzinfo=UTC)
    assert full_until(month, [call], [MOSCOW, KAMCHATKA], call) == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_where_calls_begin_to_count() -> None:
    day = Limit("day", 1, Scope.PERSON, Counts.PLACED, Period.DAY)
    begin = [datetime(2026, 1, 20, 21, tzinfo=UTC), datetime(2026, 1, 21, 12, tzinfo=UTC)]
    assert starts(day, [MOSCOW, KAMCHATKA], NOON) == begin
    gap = Limit("gap", 1, Scope.PERSON, Counts.PLACED, rolling=timedelta(hours=1))
    assert starts(gap, [MOSCOW], NOON) == [NOON - timedelta(hours=1) + TICK]


def past(**changes: object) -> Past:
    words = {"at": NOON, "e164": PHONE, "debt": "A", "campaign_id": ONE, "kind": CallKind.TALK}
    return Past(**words | {"outcome": Outcome.NO_ANSWER} | changes)


# outcome, rang, seconds answered, what it counts as
PLACED, RANG, CONNECTED, DELIVERED, TALKED = "p", "pr", "prc", "prcd", "prcdt"
ENDINGS = [
    (Outcome.ANSWERED_OPERATOR, True, 30.0, TALKED),
    (Outcome.ANSWERED_OPT_OUT, True, 30.0, TALKED),
    (Outcome.ANSWERED_PAID_CLAIM, False, None, TALKED),
    (Outcome.ANSWERED_PROMISE, False, None, TALKED),
    (Outcome.ANSWERED_HEARD, True, 30.0, DELIVERED),
    (Outcome.ANSWERED_PARTIAL, True, 2.0, CONNECTED),
    (Outcome.ANSWERED_PARTIAL, True, CONNECTED_S, CONNECTED),
    (Outcome.ANSWERED_PARTIAL, True, CONNECTED_S - 0.01, RANG),
    (Outcome.ANSWERED_PARTIAL, False, 0.0, RANG),
    (Outcome.MACHINE, False, 5.0, CONNECTED),
    (Outcome.MACHINE, False, None, CONNECTED),
    (Outcome.TRUNK_FAULT, False, 3.0, CONNECTED),
    (Outcome.NO_ANSWER, True, None, RANG),
    (Outcome.CANCELLED, True, None, RANG),
    (Outcome.BUSY, False, None, PLACED),
    (Outcome.UNREACHABLE, False, None, PLACED),
    (Outcome.INVALID_NUMBER, False, None, PLACED),
    (Outcome.REJECTED, False, None, PLACED),
    (Outcome.CONGESTION, False, None, PLACED),
    (Outcome.UNKNOWN, False, None, TALKED),
]


@pytest.mark.parametrize("outcome, rang, answered_s, what", ENDINGS)
def test_what_a_call_counts_as(outcome: Outcome, rang: bool, answered_s: float | None, what: str) -> None:
    ended = past(outcome=outcome, rang=rang, answered_s=answered_s)
    counts = [one for one in Counts if ended.counts_as(one)]
    assert counts == list(Counts)[: len(what)]


def test_every_outcome_is_in_the_table() -> None:
    assert {outcome for outcome, *_ in ENDINGS} == set(Outcome)


@pytest.mark.parametrize("what", Counts)
def test_a_call_under_way_holds_its_place_and_gives_it_back(what: Counts) -> None:
    assert past(open=True).counts_as(what)
    assert past(open=True, refund=True).counts_as(what)
    assert not past(outcome=Outcome.TRUNK_FAULT, refund=True).counts_as(what)


@pytest.mark.parametrize(
    "scope, calls",
    [
        (Scope.PERSON, [1, 2, 3, 4]),
        (Scope.NUMBER, [1, 3, 4]),
        (Scope.DEBT, [1, 2, 4]),
        (Scope.CAMPAIGN, [1, 2, 3]),
    ],
)
def test_whose_calls_are_counted(scope: Scope, calls: list[int]) -> None:
    made = [
        past(at=NOON + timedelta(seconds=1)),
        past(at=NOON + timedelta(seconds=2), e164=OTHER),
        past(at=NOON + timedelta(seconds=3), debt="B"),
        past(at=NOON + timedelta(seconds=4), campaign_id=TWO),
    ]
    limit = Limit("some", 1, scope, Counts.PLACED, Period.DAY)
    found = counted(limit, Target(PHONE, "A", ONE), reversed(made))
    assert found == [NOON + timedelta(seconds=each) for each in calls]


@pytest.mark.parametrize(
    "kind, calls",
    [
        (None, 4),
        (CallKind.TALK, 2),
        (CallKind.MESSAGE, 3),
    ],
)
def test_a_message_on_which_he_asked_for_an_operator_is_both(kind: CallKind | None, calls: int) -> None:
    made = [
        past(kind=CallKind.TALK),
        past(kind=CallKind.MESSAGE),
        past(kind=CallKind.MESSAGE),
        past(kind=CallKind.MESSAGE, outcome=Outcome.ANSWERED_OPERATOR),
    ]
    limit = Limit("some", 1, Scope.PERSON, Counts.PLACED, Period.DAY, kind=kind)
    assert len(counted(limit, Target(PHONE), made)) == calls


def test_what_does_not_count_is_left_out() -> None:
    limit = Limit("some", 1, Scope.PERSON, Counts.CONNECTED, Period.DAY)
    assert counted(limit, Target(PHONE), [past(), past(outcome=Outcome.MACHINE)]) == [NOON]
