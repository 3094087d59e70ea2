"""Reports read page by page and miss nothing."""

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead
from sqlalchemy import Engine

from storage import reports
from storage.db import new_id, reading


def test_every_attempt_comes_once_in_the_order_of_dialling(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "PAGE", 3)
    campaign = add_campaign(engine)
    lead = add_lead(engine, campaign, key="debt-1")
    wanted = [add_attempt(engine, lead, ended_at=NOON)["id"] for _ in range(7)]
    add_attempt(engine, add_lead(engine, add_campaign(engine, "winter")))
    with reading(engine) as connection:
        rows = list(reports.attempts_of(connection, campaign.id))
    assert [row.id for row in rows] == wanted
    assert {row.key for row in rows} == {"debt-1"}


def test_blocked_leads_are_counted_by_reason_and_the_blacklists_entries_together(engine: Engine) -> None:
    campaign = add_campaign(engine)
    for why in (f"blacklisted:{new_id()}", "no audio", f"blacklisted:{new_id()}"):
        add_lead(engine, campaign, state="blocked", why=why)
    add_lead(engine, campaign)
    with reading(engine) as connection:
        assert reports.blocked_of(connection, campaign.id) == [("blacklisted", 2), ("no audio", 1)]
