"""When somebody is best called: an hour beside its zone's other lawful hours."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from builders import NOON, settings
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.timing import EVEN, STEP, WEEK, Tally, hour_of, is_control, lawful, score
from engine.contact.packs import law_of
from storage.db import new_id

MOSCOW, VLADIVOSTOK = ZoneInfo("Europe/Moscow"), ZoneInfo("Asia/Vladivostok")
DAY = range(8, 22)
weeks = st.dictionaries(
    st.integers(0, WEEK - 1),
    st.builds(lambda placed, share: Tally(placed, placed * share), st.floats(0, 1e6), st.floats(0, 1)),
)


def test_the_hour_of_the_week_is_local() -> None:
    assert hour_of(NOON, MOSCOW) == 2 * 24 + 15
    assert hour_of(NOON, VLADIVOSTOK) == 2 * 24 + 22
    assert hour_of(datetime(2026, 1, 18, 21, tzinfo=UTC), MOSCOW) == 0


def test_lawful_hours_are_those_of_the_law_in_all_zones(tmp_path: Path) -> None:
    law = law_of(settings(tmp_path), ["ru-230fz-talk"])
    workday, saturday = {24 + hour for hour in DAY}, {5 * 24 + hour for hour in range(9, 20)}
    one = lawful(law, [MOSCOW], NOON)
    assert {hour for hour in one if hour // 24 == 1} == workday
    assert {hour for hour in one if hour // 24 == 5} == saturday
    both = lawful(law, [MOSCOW, VLADIVOSTOK], NOON)
    assert {hour for hour in both if hour // 24 == 1} == {24 + hour for hour in range(8, 15)}
    assert len(lawful(law_of(settings(tmp_path), ["none"]), [MOSCOW], NOON)) == WEEK


def test_a_good_hour_scores_high_and_a_bad_one_low() -> None:
    week = {hour: Tally(10_000, 10_000 * (0.6 if hour >= 18 else 0.3)) for hour in DAY}
    assert score(week, 19, DAY) > 130 > EVEN > 90 > score(week, 9, DAY)


def test_zones_are_compared_with_themselves() -> None:
    """That hardly anybody answers in a zone says nothing of its hours."""
    poor = {hour: Tally(10_000, 500) for hour in DAY}
    assert {score(poor, hour, DAY) for hour in DAY} == {EVEN}


def test_a_few_lucky_calls_decide_nothing() -> None:
    week = {hour: Tally(1000, 300) for hour in DAY} | {9: Tally(3, 3)}
    assert score(week, 9, DAY) <= EVEN + STEP


@given(weeks, st.integers(0, WEEK - 1), st.sets(st.integers(0, WEEK - 1)))
def test_a_score_is_a_number_of_steps(week: dict[int, Tally], hour: int, hours: set[int]) -> None:
    found = score(week, hour, hours)
    assert found >= 0 and found % STEP == 0
    if not week or not hours:
        assert found == EVEN


@given(weeks, st.integers(0, WEEK - 1), st.floats(1, 1e5))
def test_more_answers_never_make_an_hour_worse(week: dict[int, Tally], hour: int, more: float) -> None:
    hours = sorted({*week, hour})
    tally = week.get(hour, Tally())
    better = week | {hour: Tally(tally.placed + more, tally.answered + more)}
    if any(one.placed for one in week.values()):
        assert score(better, hour, hours) >= score(week, hour, hours)


@pytest.mark.parametrize("at", [NOON, NOON + timedelta(seconds=1)])
def test_one_lead_in_ten_is_a_control_lead(at: datetime) -> None:
    assert 800 < sum(is_control(new_id(at).int) for _ in range(10_000)) < 1200
