"""engine.contact.hours against a reference that looks at the local clock, minute by minute."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.contact.hours import HORIZON, UNSETTLED, Calendar, DayKind, Schedule, Window, day_start, window

MINUTE = timedelta(minutes=1)
NONE = timedelta(0)
MOSCOW = ZoneInfo("Europe/Moscow")
NEW_YORK = ZoneInfo("America/New_York")
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
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "Asia/Kathmandu",
    )
]
# Where clocks change at midnight, or once went over a whole day.
ODD = [ZoneInfo(name) for name in ("America/Havana", "Asia/Beirut", "Pacific/Apia", "America/St_Johns")]
MOMENTS = st.datetimes(datetime(2024, 12, 20), datetime(2027, 1, 20), timezones=st.just(UTC))
# Weeks in which clocks change somewhere, days are moved, years end.
CHANGES = st.one_of(
    *(
        st.datetimes(start, start + timedelta(days=8), timezones=st.just(UTC))
        for start in (
            datetime(2025, 3, 6),
            datetime(2025, 3, 27),
            datetime(2025, 4, 2),
            datetime(2025, 9, 25),
            datetime(2025, 10, 2),
            datetime(2025, 10, 23),
            datetime(2025, 10, 30),
            datetime(2025, 12, 28),
        )
    )
)
LONG_AGO = st.datetimes(datetime(2011, 12, 25), datetime(2012, 1, 5), timezones=st.just(UTC))


def clock(minutes: int) -> time:
    """A time of day; 1440 is its end."""
    return time(minutes // 60 % 24, minutes % 60)


@st.composite
def windows(draw: st.DrawFn, first: int = 0) -> Window:
    """On half hours; `first`: no edge between midnight and that minute."""
    edges = st.sampled_from([0, *range(max(first, 30), 1441, 30)])
    opens, closes = sorted(draw(st.lists(edges, min_size=2, max_size=2, unique=True)))
    return Window(clock(opens), clock(closes))


@st.composite
def schedules(draw: st.DrawFn, first: int = 0) -> Schedule:
    kinds = st.sampled_from(DayKind)
    hours = draw(st.dictionaries(kinds, windows(first), min_size=1))
    special = draw(st.dictionaries(st.dates(date(2024, 12, 20), date(2026, 1, 20)), kinds, max_size=40))
    settled = draw(st.sampled_from([None, date(2025, 10, 26)]))
    return Schedule(hours, Calendar(special, known_until=settled))


def is_open(schedule: Schedule, zone: ZoneInfo, at: datetime) -> bool:
    """What the clock on his wall says."""
    local = at.astimezone(zone)
    allowed = schedule.window(local.date())
    if allowed is None:
        return False
    return allowed.opens <= local.time() and (allowed.closes == time(0) or local.time() < allowed.closes)


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        yield start
        start += MINUTE


def whole(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


@given(schedules(first=240), st.sampled_from(ZONES), MOMENTS | CHANGES)
def test_it_opens_when_the_wall_clock_says_so_and_not_before(
    schedule: Schedule, zone: ZoneInfo, at: datetime
) -> None:
    at = whole(at)
    until = schedule.closed_until(zone, at, NONE)
    assert (until is None) == is_open(schedule, zone, at)
    if until is not None:
        assert until > at
        soon = min(until, at + timedelta(days=4))
        assert not any(is_open(schedule, zone, moment) for moment in minutes(at, soon))
        assert until == at + HORIZON or is_open(schedule, zone, until)


@given(schedules(first=240), st.sampled_from(ZONES), MOMENTS | CHANGES, st.integers(1, 90))
def test_no_call_begins_in_the_last_moments(
    schedule: Schedule, zone: ZoneInfo, at: datetime, minutes_: int
) -> None:
    at, margin = whole(at), timedelta(minutes=minutes_)

    def lasts(moment: datetime) -> bool:
        return all(is_open(schedule, zone, one) for one in minutes(moment, moment + margin + MINUTE))

    until = schedule.closed_until(zone, at, margin)
    assert (until is None) == lasts(at)
    if until is not None and until < at + HORIZON:
        assert until > at and lasts(until)
        assert not any(lasts(moment) for moment in minutes(at, min(until, at + timedelta(days=1))))


@given(schedules(), st.sampled_from(ODD + ZONES), CHANGES | LONG_AGO)
def test_whatever_clocks_do_what_is_open_is_so_on_the_wall(
    schedule: Schedule, zone: ZoneInfo, at: datetime
) -> None:
    at = whole(at)
    until = schedule.closed_until(zone, at, NONE)
    if until is None:
        assert is_open(schedule, zone, at)
    else:
        assert until == at + HORIZON or (until > at and is_open(schedule, zone, until))


ALWAYS = Schedule(dict.fromkeys(DayKind, Window(time(0), time(0))))


@given(st.sampled_from(ZONES), MOMENTS | CHANGES)
def test_round_the_clock_has_no_midnight(zone: ZoneInfo, at: datetime) -> None:
    assert ALWAYS.closed_until(zone, at, timedelta(hours=1)) is None


def test_an_edge_that_clocks_make_doubtful_is_read_strictly() -> None:
    """New York, 2025: at 02:00 clocks go to 03:00 on 9 March, and to 01:00 on 2 November."""
    at_night = Schedule(dict.fromkeys(DayKind, Window(time(1, 30), time(2, 30))))
    spring, autumn = datetime(2025, 3, 9, 5, tzinfo=UTC), datetime(2025, 11, 2, 4, tzinfo=UTC)
    opens = at_night.closed_until(NEW_YORK, spring, NONE)
    assert opens == datetime(2025, 3, 10, 5, 30, tzinfo=UTC)  # the window of the 9th has no time left in it
    opens = at_night.closed_until(NEW_YORK, autumn, NONE)
    assert opens == datetime(2025, 11, 2, 6, 30, tzinfo=UTC)  # the second 01:30
    assert at_night.closed_until(NEW_YORK, datetime(2025, 11, 2, 7, 29, tzinfo=UTC), NONE) is None


def test_a_day_may_be_of_any_kind_beyond_the_calendar() -> None:
    hours = {
        DayKind.WORKING: Window(time(8), time(22)),
        DayKind.WEEKEND: Window(time(9), time(20)),
        DayKind.HOLIDAY: Window(time(10), time(0)),
    }
    calendar = Calendar({date(2028, 1, 1): DayKind.HOLIDAY}, known_until=date(2027, 12, 31))
    assert window(hours, calendar, date(2027, 12, 31)) == hours[DayKind.WORKING]
    assert window(hours, calendar, date(2028, 1, 1)) == hours[DayKind.HOLIDAY]
    assert window(hours, calendar, date(2028, 1, 3)) == Window(time(10), time(20))
    assert window(hours, UNSETTLED, date(2020, 1, 3)) == Window(time(10), time(20))
    del hours[DayKind.WEEKEND]
    assert window(hours, calendar, date(2028, 1, 3)) is None
    assert window(hours, calendar, date(2027, 12, 25)) is None
    hours = {DayKind.WORKING: Window(time(8), time(12)), DayKind.WEEKEND: Window(time(12), time(20))}
    apart = hours | {DayKind.HOLIDAY: Window(time(8), time(20))}
    assert window(apart, calendar, date(2028, 1, 3)) is None


@pytest.mark.parametrize(
    "one, other, common",
    [
        ((8, 22), (9, 20), "09:00-20:00"),
        ((8, 20), (9, 0), "09:00-20:00"),
        ((8, 0), (9, 0), "09:00-24:00"),
        ((0, 0), (23, 0), "23:00-24:00"),
    ],
)
def test_windows_meet(one: tuple[int, int], other: tuple[int, int], common: str) -> None:
    first, second = (Window(time(a), time(b)) for a, b in (one, other))
    assert str(first.common(second)) == str(second.common(first)) == common


def test_windows_that_do_not_meet_are_empty() -> None:
    assert not Window(time(8), time(12)).common(Window(time(12), time(20)))


def test_nobody_waits_for_ever() -> None:
    never = Schedule({}, Calendar())
    at = datetime(2026, 1, 21, 12, tzinfo=UTC)
    assert never.closed_until(MOSCOW, at, NONE) == at + HORIZON


@given(st.sampled_from(ODD + ZONES), st.dates(date(2012, 1, 1), date(2030, 1, 1)))
@example(ZoneInfo("Pacific/Apia"), date(2011, 12, 31))
@example(ZoneInfo("America/Havana"), date(2025, 3, 9))
@example(ZoneInfo("America/Havana"), date(2025, 11, 2))
@example(ZoneInfo("Asia/Beirut"), date(2025, 3, 30))
def test_a_day_begins_once(zone: ZoneInfo, day: date) -> None:
    start = day_start(day, zone)
    assert start.astimezone(zone).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day
