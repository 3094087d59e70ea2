"""engine.contact.law: packs together, in all the zones where somebody may be."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.hours import HORIZON, Calendar, DayKind, Schedule, Window
from engine.contact.law import EVERYWHERE, Law, Pack
from engine.contact.limits import Counts, Limit, Period, Scope
from storage.vocab import CallKind

NONE = timedelta(0)
STEP = timedelta(minutes=10)
NIGHT, NOON = datetime(2026, 1, 21, 1, tzinfo=UTC), datetime(2026, 1, 21, 12, tzinfo=UTC)
MOSCOW, KAMCHATKA, APIA = (ZoneInfo(name) for name in ("Europe/Moscow", "Asia/Kamchatka", "Pacific/Apia"))
ZONES = [
    MOSCOW,
    KAMCHATKA,
    APIA,
    *(ZoneInfo(name) for name in ("Europe/Kaliningrad", "America/New_York", "Asia/Kolkata")),
]
BARE = Pack("bare", "1", {"ru": "без часов", "en": "no hours"}, date(2020, 1, 1))
SPECIAL = {date(2026, 1, day): DayKind.HOLIDAY for day in range(1, 10)}


def pack(name: str, opens: int, closes: int, weekend: bool = True) -> Pack:
    window = Window(time(opens), time(closes))
    kinds = DayKind if weekend else [DayKind.WORKING, DayKind.HOLIDAY]
    return replace(BARE, name=name, country="RU", hours=dict.fromkeys(kinds, window))


def law(*packs: Pack, margin: timedelta = NONE) -> Law:
    return Law(packs, {"RU": Calendar(SPECIAL)}, margin)


PACKS = st.builds(pack, st.sampled_from("ab"), st.integers(0, 11), st.integers(12, 23), st.booleans())
LAWS = st.builds(
    lambda packs, margin: law(*packs, margin=margin),
    st.lists(PACKS, min_size=1, max_size=2, unique_by=lambda one: one.name),
    st.sampled_from([NONE, timedelta(minutes=7)]),
)
PLACES = st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True)
MOMENTS = st.datetimes(datetime(2025, 12, 26), datetime(2026, 4, 10), timezones=st.just(UTC))


def open_everywhere(law: Law, zones: list[ZoneInfo], at: datetime) -> bool:
    return all(
        Schedule(pack.hours, law.calendars[pack.country]).closed_until(zone, at, law.margin) is None
        for pack in law.packs
        if pack.hours is not None
        for zone in zones
    )


@given(LAWS, PLACES, MOMENTS)
def test_all_packs_must_allow_in_all_zones(law: Law, zones: list[ZoneInfo], at: datetime) -> None:
    opens = law.opens(zones, at)
    assert law.open(zones, at) == (opens == at) == open_everywhere(law, zones, at)
    assert opens is None or (at <= opens < at + HORIZON and open_everywhere(law, zones, opens))
    moment = at
    while moment < min(opens or at + HORIZON, at + timedelta(days=4)):
        assert not open_everywhere(law, zones, moment)
        moment += STEP


def test_zones_may_never_meet() -> None:
    """Apia and New York: 18 hours apart in winter."""
    short, apart = law(pack("a", 9, 12)), [APIA, ZoneInfo("America/New_York")]
    assert not short.open(apart, NOON)
    assert short.opens(apart, NOON) is None


def test_where_nobody_knows_the_zone_nobody_knows_the_hours() -> None:
    allday = law(pack("a", 0, 0))
    assert allday.open([MOSCOW], NOON)
    assert not allday.open([], NOON)
    assert allday.opens([], NOON) is None


def test_without_hours_it_is_never_closed() -> None:
    assert law(BARE).open([], NIGHT)
    assert law(BARE).open([MOSCOW], NIGHT)
    assert law(BARE).opens([], NIGHT) == NIGHT


def test_everywhere_is_every_hour_of_the_earth() -> None:
    assert sorted(NOON.astimezone(zone).utcoffset() for zone in EVERYWHERE) == [
        timedelta(hours=hours) for hours in range(-12, 15)
    ]


def test_without_a_calendar_any_day_may_be_a_holiday() -> None:
    hours = dict.fromkeys(DayKind, Window(time(8), time(22))) | {DayKind.HOLIDAY: Window(time(13), time(14))}
    strict = Law((replace(BARE, hours=hours, country="XX"),), {"RU": Calendar()})
    assert strict.opens([ZoneInfo("UTC")], NOON) == NOON + timedelta(hours=1)
    nowhere = Law((replace(BARE, hours=hours),), {})
    assert nowhere.opens([ZoneInfo("UTC")], NOON) == NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    "kinds, expected",
    [
        ([], CallKind.TALK),
        ([None], CallKind.TALK),
        ([CallKind.TALK, None], CallKind.TALK),
        ([CallKind.MESSAGE, None], CallKind.MESSAGE),
        ([CallKind.MESSAGE, CallKind.TALK], CallKind.TALK),
    ],
)
def test_a_call_is_a_message_only_where_no_pack_says_talk(
    kinds: list[CallKind | None], expected: CallKind
) -> None:
    assert law(*(replace(BARE, name=str(at), kind=kind) for at, kind in enumerate(kinds))).kind is expected


def test_memory_is_as_long_as_the_longest_limit() -> None:
    month = Limit("month", 1, Scope.PERSON, Counts.PLACED, Period.MONTH)
    stretch = Limit("long", 1, Scope.PERSON, Counts.PLACED, rolling=timedelta(days=90))
    assert law(BARE).memory == law(replace(BARE, limits=(month,))).memory >= timedelta(days=31, hours=26)
    assert law(BARE, replace(BARE, name="b", limits=(month, stretch))).memory == timedelta(days=90)


def test_a_figure_without_a_source_is_its_packs() -> None:
    known = replace(BARE, sources={"hours": "the law"})
    assert (known.source("hours"), known.source("label")) == ("the law", "bare")
