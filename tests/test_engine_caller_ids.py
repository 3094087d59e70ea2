"""The numbers that we call from are counted from results, once each, and laid to rest in the books."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, after, rows_of
from calling import TIME, clocked
from sqlalchemy import Engine

from engine.campaign.caller_ids import CallerIds, learn
from engine.settings import Settings
from storage import audit, callers, calls, feed
from storage.campaign import CampaignRow
from storage.db import writing

ILL, GOOD = "+74950000001", "+74950000002"


@pytest.fixture
def at_noon(tmp_path: Path) -> Settings:
    TIME.at = after(600)
    return clocked(tmp_path)


def add_results(engine: Engine, campaign: CampaignRow, number: str, count: int, **ended: Any) -> None:
    """So many results of one number; each call of its own person."""
    for _ in range(count):
        lead = add_lead(engine, campaign)
        row = add_attempt(engine, lead, caller_id=number, outcome="no-answer")
        with writing(engine) as connection:
            (place,) = feed.places(connection, 1)
            this = calls.attempt.c.id == row["id"]
            values = {"ended_at": after(60), "position": place} | ended
            connection.execute(calls.attempt.update().where(this).values(values))


def stored(engine: Engine) -> dict[str, Any]:
    return {row.number: row for row in rows_of(engine, callers.caller_id)}


def test_each_result_counts_once_and_what_is_sick_rests(engine: Engine, at_noon: Settings) -> None:
    campaign = add_campaign(engine)
    add_results(engine, campaign, GOOD, 3, outcome="answered-heard", answered_at=after(30))
    add_results(engine, campaign, "", 2)
    add_results(engine, campaign, ILL, 2, outcome="rejected", tech_cause=607)
    assert learn(engine, at_noon) == 7
    assert learn(engine, at_noon) == 0
    now = stored(engine)
    assert (now[GOOD].calls, now[GOOD].answered, now[GOOD].short) == (3, 3, 0)
    assert (now[ILL].spam, now[ILL].rests_until) == (2, None)
    assert set(now) == {GOOD, ILL}, "a call without a number is nobody's"
    add_results(engine, campaign, ILL, 1, outcome="rejected", tech_cause=608)
    assert learn(engine, at_noon) == 1
    rested = stored(engine)[ILL]
    assert (rested.why, rested.rests, rested.calls) == ("spam", 1, 0)
    assert rested.rests_until == after(600) + timedelta(hours=4)
    (note,) = rows_of(engine, audit.audit)
    assert (note.deed, note.subject) == ("trunk.rest", ILL)


def test_calls_that_were_under_way_when_it_was_laid_to_rest_do_not_count(
    engine: Engine, at_noon: Settings
) -> None:
    campaign = add_campaign(engine)
    add_results(engine, campaign, ILL, 3, tech_cause=607)
    learn(engine, at_noon)
    add_results(engine, campaign, ILL, 3, tech_cause=607)
    learn(engine, at_noon)
    assert (stored(engine)[ILL].rests, stored(engine)[ILL].spam) == (1, 0)


def test_old_calls_fade_and_short_ones_are_those_cut_by_the_callee(engine: Engine, at_noon: Settings) -> None:
    campaign = add_campaign(engine)
    cut = {"outcome": "answered-partial", "answered_at": after(58)}
    add_results(engine, campaign, GOOD, 4, **cut)
    learn(engine, at_noon)
    TIME.pass_(days=1)
    add_results(engine, campaign, GOOD, 1, **cut | {"answered_at": after(50)})
    learn(engine, at_noon)
    now = stored(engine)[GOOD]
    assert (now.calls, now.answered, now.short) == pytest.approx((3, 3, 2))


def test_what_is_known_is_read_at_most_each_two_seconds(engine: Engine, at_noon: Settings) -> None:
    known = CallerIds()
    with writing(engine) as connection:
        known.read(connection, NOON)
        callers.save(connection, [{"trunk": "trunk", "number": GOOD, "calls": 5.0}])
        known.read(connection, after(1))
        assert known.of("trunk") == {}
        known.read(connection, after(2))
        assert known.of("trunk")[GOOD].calls == 5
