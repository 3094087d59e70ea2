"""The recount: what was noted with a call, against the clock and against the calls that are stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contact.limits import Counts, Limit, Past, Period, Scope, Target
from engine.reports.recount import SENTENCES, local_time, within, wrong
from storage.vocab import CallKind, Outcome

AT = datetime(2026, 1, 21, 12, tzinfo=UTC)  # a Wednesday, 15:00 in Moscow
TARGET = Target("+79211234567", "debt", UUID(int=1))
CALL = Past(AT, TARGET.e164, "debt", UUID(int=1), CallKind.TALK, outcome=Outcome.ANSWERED_HEARD, answered_s=9)
DAY = Limit("day", 1, Scope.PERSON, Counts.CONNECTED, Period.DAY)
GOOD: dict[str, Any] = {
    "law": ["talk 1"],
    "hours": [["Europe/Moscow", "2026-01-21 15:00", "08:00-22:00"]],
    "used": {"talk:day": [0, 1]},
}


def said(permit: dict[str, Any], *earlier: Past, limit: Limit = DAY, at: datetime = AT) -> list[str]:
    return wrong(at, permit, TARGET, earlier, {f"talk:{limit.name}": limit}, "en")


def before(**ago: float) -> Past:
    return replace(CALL, at=AT - timedelta(**ago))


def test_a_call_within_its_hours_and_limits_is_in_order() -> None:
    assert said(GOOD) == []
    assert said(GOOD, before(days=1), replace(CALL, at=AT), before(hours=-1)) == []


def test_what_was_not_noted_is_told() -> None:
    assert said({}) == ["no record of why it was allowed"]
    assert said({"law": [], "hours": [], "used": {}}) == ["no record of the law"]
    assert wrong(AT, {}, TARGET, (), {}, "ru") == ["не записано, почему звонок разрешён"]


@pytest.mark.parametrize(
    "hours, told",
    [
        (
            ["Europe/Moscow", "2026-01-21 14:59", "08:00-22:00"],
            ["Europe/Moscow: recorded 2026-01-21 14:59, but it was 2026-01-21 15:00"],
        ),
        (
            ["Europe/Moscow", "2026-01-21 15:00", "15:01-22:00"],
            ["Europe/Moscow: 2026-01-21 15:00 is outside 15:01-22:00"],
        ),
        (
            ["Europe/Moscow", "2026-01-21 15:00", "-"],
            ["Europe/Moscow: 2026-01-21 15:00 is outside -"],
        ),
        (["Asia/Kamchatka", "2026-01-22 00:00", "00:00-24:00"], []),
        (
            ["No/Such", "?", "00:00-24:00"],
            ["No/Such: ? is outside 00:00-24:00"],
        ),
    ],
)
def test_the_window_is_held_against_the_clock(hours: list[str], told: list[str]) -> None:
    assert said(GOOD | {"hours": [hours]}) == told


def test_each_zone_is_asked() -> None:
    zones = [["Europe/Moscow", "2026-01-21 15:00", "08:00-22:00"]]
    zones += [["Asia/Kamchatka", "2026-01-22 00:00", "08:00-22:00"]]
    assert said(GOOD | {"hours": zones}) == ["Asia/Kamchatka: 2026-01-22 00:00 is outside 08:00-22:00"]


def test_a_limit_that_was_used_up_is_told_whatever_the_pack() -> None:
    assert said(GOOD | {"used": {"gone:week": [2, 2]}}) == ["limit gone:week: 2 of 2 were used already"]


def test_calls_of_the_same_day_are_counted_again() -> None:
    told = ["limit talk:day: recounted, 1 of 1 came before this call"]
    assert said(GOOD, before(hours=14)) == told  # 01:00 of the same day with him
    assert said(GOOD, before(hours=16)) == []  # 23:00 of the day before
    assert said(GOOD, replace(before(hours=1), refund=True, outcome=Outcome.UNREACHABLE)) == []
    assert said(GOOD, replace(before(hours=1), outcome=Outcome.BUSY, answered_s=None)) == []


def test_the_day_counts_in_the_zone_where_most_calls_were() -> None:
    both = [*GOOD["hours"], ["Asia/Tokyo", "2026-01-21 21:00", "08:00-22:00"]]
    early = before(hours=13)  # 23:00 UTC, 02:00 in Moscow, 08:00 in Tokyo
    west = [["America/New_York", "2026-01-21 07:00", "07:00-22:00"]]
    assert said(GOOD | {"hours": west}, early) == []
    assert len(said(GOOD | {"hours": west + both}, early)) == 1


def test_a_calendar_limit_without_a_zone_is_not_counted_and_a_rolling_one_is() -> None:
    rolling = Limit("day", 1, Scope.DEBT, Counts.PLACED, None, timedelta(hours=24))
    homeless = GOOD | {"hours": []}
    assert said(homeless, before(hours=1)) == []
    assert len(said(homeless, before(hours=23.9), limit=rolling)) == 1
    assert said(homeless, before(hours=24), limit=rolling) == []
    assert said(homeless, replace(before(hours=1), debt="other"), limit=rolling) == []


@pytest.mark.parametrize(
    "period, inside, outside",
    [(Period.DAY, 14, 16), (Period.WEEK, 62, 64), (Period.MONTH, 20 * 24 + 14, 20 * 24 + 16)],
)
def test_weeks_begin_on_monday_and_months_on_the_first(period: Period, inside: int, outside: int) -> None:
    limit = Limit("day", 1, Scope.PERSON, Counts.CONNECTED, period)
    assert len(said(GOOD, before(hours=inside), limit=limit)) == 1
    assert said(GOOD, before(hours=outside), limit=limit) == []


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(1, 1440))
def test_a_window_has_its_opening_and_not_its_end(clock: int, opens: int, closes: int) -> None:
    def face(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    assert within(f"2026-01-21 {face(clock)}", f"{face(opens)}-{face(closes)}") == (opens <= clock < closes)


@given(st.text(max_size=20), st.text(max_size=20))
def test_anything_can_be_read(local: str, window: str) -> None:
    assert within(local, window) in (True, False)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), st.sampled_from(["Asia/Omsk", "Asia/Dili"]))
def test_a_local_time_is_the_moment_on_its_clock(moment: datetime, zone: str) -> None:
    at = moment.replace(tzinfo=UTC)
    there = at.astimezone(ZoneInfo(zone))
    back = datetime.fromisoformat(local_time(at, zone)).replace(tzinfo=there.tzinfo, fold=there.fold)
    assert timedelta(0) <= at - back < timedelta(minutes=1)


def test_every_sentence_is_in_both_languages() -> None:
    assert all(len(pair) == 2 and all(pair) and pair[0] != pair[1] for pair in SENTENCES.values())
