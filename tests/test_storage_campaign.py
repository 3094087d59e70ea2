"""Leads: which are taken, in what order, by whom, and what takes them out."""

from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, after, lead_now
from sqlalchemy import Engine

from storage import bulk, due, turns
from storage import campaign as store
from storage.campaign import CampaignRow
from storage.db import reading, writing
from storage.vocab import CampaignState, LeadState, Waits

FAR = "Asia/Vladivostok"


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


def zones_of(*leads: dict[str, Any]) -> list[int]:
    """The zone sets that these leads refer to."""
    return sorted({lead["zone_id"] for lead in leads})


def test_only_a_lead_in_flight_is_released(engine: Engine, campaign: CampaignRow) -> None:
    flying, blocked = (
        add_lead(engine, campaign, state=state) for state in (LeadState.IN_FLIGHT, LeadState.BLOCKED)
    )
    rows = [
        {"person_id_": row["person_id"], "id_": row["id"], "state_": LeadState.PENDING}
        | {"due_at_": after(60), "attempts_": 1, "outcome_": "busy", "waits_": "", "avoids_": "main"}
        for row in (flying, blocked)
    ]
    with writing(engine) as connection:
        turns.release(connection, rows)
    now = lead_now(engine, flying)
    assert (now.state, now.due_at, now.attempts) == ("pending", after(60), 1)
    assert (now.outcome, now.avoids) == ("busy", "main")
    assert lead_now(engine, blocked).state == "blocked"


def test_audio_is_set_only_for_leads_that_wait_for_it(engine: Engine, campaign: CampaignRow) -> None:
    new, blocked = (add_lead(engine, campaign, state=s, clips=None) for s in (LeadState.NEW, "blocked"))
    with writing(engine) as connection:
        (found,) = turns.claim(connection, campaign.id, NOON, after(60), 10)
        assert turns.claim(connection, campaign.id, NOON, after(60), 10) == [], "claimed"
    assert (found.id, found.variables, found.due_at) == (new["id"], new["variables"], NOON)
    assert lead_now(engine, new).due_at == after(60)
    made = [
        {"person_id_": row["person_id"], "id_": row["id"], "clips_": [["x", 1]], "why_": ""}
        | {"state_": "pending", "due_at_": NOON}
        for row in (new, blocked)
    ]
    with writing(engine) as connection:
        turns.set_audio(connection, made)
    assert (lead_now(engine, new).state, lead_now(engine, new).clips) == ("pending", [["x", 1]])
    assert lead_now(engine, new).due_at == NOON
    assert lead_now(engine, blocked).state == "blocked"  # he opted out while it was spoken


@pytest.mark.parametrize(
    "state, left",
    [("new", True), ("pending", True), ("in-flight", True), ("done", False), ("blocked", False)],
)
def test_a_campaign_is_unfinished_while_a_lead_is_not_over(
    engine: Engine, campaign: CampaignRow, state: str, left: bool
) -> None:
    add_lead(engine, add_campaign(engine, "winter"))
    add_lead(engine, campaign, state=state)
    with reading(engine) as connection:
        assert store.unfinished(connection, campaign.id) is left
        assert store.lead_counts(connection, campaign.id) == {LeadState(state): 1}


def test_campaigns_are_found_by_name_id_and_state_the_urgent_first(engine: Engine) -> None:
    rows = {
        name: add_campaign(engine, name, **changes)
        for name, changes in {
            "old": {"created_at": after(-9)},
            "new": {},
            "urgent": {"priority": 3, "created_at": after(9)},
            "draft": {"state": CampaignState.DRAFT},
        }.items()
    }
    with writing(engine) as connection:
        running = store.campaigns(connection, [CampaignState.RUNNING])
        assert running == [rows["urgent"], rows["old"], rows["new"]]
        assert len(store.campaigns(connection)) == 4
        assert store.find(connection, "draft", lock=True) == store.get(connection, rows["draft"].id)
        assert store.find(connection, "none") is None
        store.change(connection, rows["draft"].id, after(5), state=CampaignState.RUNNING, phrases={"a": []})
        now = store.get(connection, rows["draft"].id)
    assert (now.state, now.phrases, now.changed_at) == (CampaignState.RUNNING, {"a": []}, after(5))


def test_known_leads_are_found_among_very_many_keys(engine: Engine, campaign: CampaignRow) -> None:
    add_lead(engine, campaign, key="1200")
    add_lead(engine, add_campaign(engine, "winter"), key="7")
    with reading(engine) as connection:
        known = bulk.leads_known(connection, campaign.id, [str(n) for n in range(1500)])
    assert known == {"1200"}


def test_the_newest_lead_of_a_number(engine: Engine, campaign: CampaignRow) -> None:
    add_lead(engine, campaign, PHONE, variables={"name": "old"})
    add_lead(engine, add_campaign(engine, "winter", trunks=["second"]), PHONE, variables={"name": "new"})
    with reading(engine) as connection:
        found = store.newest_lead(connection, PHONE)
        assert found is not None
        assert (found.variables, found.trunks) == ({"name": "new"}, ["second"])
        assert store.newest_lead(connection, "+79990000000") is None


def test_who_waited_for_a_call_or_a_limit_is_looked_at_again(engine: Engine, campaign: CampaignRow) -> None:
    later = after(3600)
    waiting = {waits: add_lead(engine, campaign, due_at=later, waits=waits) for waits in Waits}
    his = [row["e164"] for row in waiting.values()]
    other_phone = add_lead(
        engine, campaign, "+79990000001", of=waiting[Waits.LINE], due_at=later, waits="limit"
    )
    flying = add_lead(engine, campaign, due_at=later, waits=Waits.LINE, state=LeadState.IN_FLIGHT)
    stranger = add_lead(engine, campaign, due_at=later, waits=Waits.LINE)
    with writing(engine) as connection:
        turns.wake(connection, [*his, flying["e164"]], NOON)
        turns.wake(connection, [], NOON)
    now = {waits: lead_now(engine, row) for waits, row in waiting.items()}
    woken = {waits for waits, row in now.items() if row.due_at == NOON}
    assert woken == {Waits.LINE, Waits.LIMIT}
    assert {now[waits].waits for waits in woken} == {""}
    assert {lead_now(engine, row).due_at for row in (flying, stranger)} == {later}
    assert lead_now(engine, other_phone).due_at == NOON


def test_leads_are_put_off_blocked_and_sent_each_by_itself(engine: Engine, campaign: CampaignRow) -> None:
    off, barred, going, left = (add_lead(engine, campaign, waits=Waits.LINE) for _ in range(4))

    def who(row: dict[str, Any]) -> dict[str, Any]:
        return {"person_id_": row["person_id"], "id_": row["id"]}

    with writing(engine) as connection:
        ranking = due.Ranking(dict.fromkeys(zones_of(off), 100), 10)
        rows = due.take(connection, campaign.id, NOON, 9, 0, ranking)
        (taken,) = (row for row in rows if row.id == going["id"])
        turns.defer(connection, [who(off) | {"due_at_": after(60), "waits_": Waits.LIMIT}])
        turns.block(connection, [who(barred) | {"why_": "refused"}])
        turns.set_in_flight(connection, [taken])
        for nothing in (turns.defer, turns.block, turns.set_in_flight):
            nothing(connection, [])
    now = [lead_now(engine, row) for row in (off, barred, going, left)]
    assert [(row.state, row.why, row.due_at, row.waits) for row in now] == [
        ("pending", "", after(60), "limit"),
        ("blocked", "refused", NOON, "line"),
        ("in-flight", "", NOON, ""),
        ("pending", "", NOON, "line"),
    ]
