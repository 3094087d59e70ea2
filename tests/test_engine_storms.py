"""A campaign that a storm stops: paused in the books, with its reason and its calls."""

from pathlib import Path

import pytest
from builders import NOON, add_campaign, add_lead, after, books_of, rows_of, settings
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from engine.campaign.breaker import KEPT, Storm
from engine.campaign.errand import Errand
from engine.campaign.service import Campaigns
from engine.campaign.storms import pause
from storage.audit import audit
from storage.db import new_id, writing
from storage.vocab import CampaignState, Outcome

STORM = Storm(Outcome.INVALID_NUMBER, 61, 100, tuple(new_id() for _ in range(61)))
WHY = "61 из последних 100 звонков: номер не существует"


def test_a_storm_pauses_its_campaign_before_it_takes_another_lead(engine: Engine, tmp_path: Path) -> None:
    bad, good = add_campaign(engine, "bad"), add_campaign(engine, "good")
    for row in (bad, good):
        add_lead(engine, row)
    before = REGISTRY.get_sample_value("zvonar_campaign_storms_total", {"outcome": "invalid-number"}) or 0
    errand = Errand(
        storms={bad.id: STORM}, wants={bad.id: 5, good.id: 5}, free={"trunk": 9}, nodes={"asterisk": 9}
    )
    news = books_of(engine, settings(tmp_path)).beat(errand)
    assert [row.id for row in news.campaigns] == [good.id]
    assert [order.campaign_id for order in news.orders] == [good.id]
    assert (
        REGISTRY.get_sample_value("zvonar_campaign_storms_total", {"outcome": "invalid-number"}) == before + 1
    )
    (note,) = rows_of(engine, audit)
    assert (note.actor, note.deed, note.subject) == ("breaker", "campaign.pause", "bad")
    assert note.detail["calls"] == [str(attempt) for attempt in STORM.attempts]
    status = Campaigns(engine, settings(tmp_path)).status("bad")
    assert (status["state"], status["why"]) == ("paused", WHY)
    assert status["offenders"] == [str(attempt) for attempt in STORM.attempts[-KEPT:]]


@pytest.mark.parametrize("verb", ["resume", "stop"])
def test_what_an_operator_does_next_clears_the_reason(engine: Engine, tmp_path: Path, verb: str) -> None:
    row = add_campaign(engine)
    add_lead(engine, row)
    campaigns = Campaigns(engine, settings(tmp_path))
    with writing(engine) as connection:
        pause(connection, {row.id: STORM}, "ru", NOON)
    campaigns.turn("autumn", verb, "anna")
    status = campaigns.status("autumn")
    assert (status["why"], status["offenders"]) == ("", [])


@pytest.mark.parametrize("state", [CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.DONE])
def test_a_campaign_that_does_not_run_any_more_is_left_as_it_is(engine: Engine, state: CampaignState) -> None:
    row = add_campaign(engine, state=state)
    with writing(engine) as connection:
        pause(connection, {row.id: STORM}, "ru", NOON)
    assert rows_of(engine, audit) == []


def test_of_two_dialers_one_writes_it_and_a_later_storm_is_told_anew(engine: Engine, tmp_path: Path) -> None:
    row = add_campaign(engine)
    add_lead(engine, row)
    campaigns = Campaigns(engine, settings(tmp_path))
    later = Storm(Outcome.REJECTED, 50, 50, tuple(new_id() for _ in range(50)))
    with writing(engine) as connection:
        pause(connection, {row.id: STORM}, "en", NOON)
        pause(connection, {row.id: later}, "en", after(1))
    assert campaigns.status("autumn")["why"].startswith("61 of the last 100")
    campaigns.turn("autumn", "resume", "anna")
    with writing(engine) as connection:
        pause(connection, {row.id: later}, "en", after(2))
    status = campaigns.status("autumn")
    assert status["why"] == "50 of the last 50 calls were rejected"
    assert status["offenders"] == [str(attempt) for attempt in later.attempts[-KEPT:]]
