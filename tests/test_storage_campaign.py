"""Leads: which are taken, in what order, by whom, and what takes them out."""

from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, add_lead, after, lead_now
from sqlalchemy import Engine, event, select, text

from storage import campaign as store
from storage import contact
from storage.campaign import CampaignRow, take_due
from storage.db import open_engine, reading, writing
from storage.migrations import upgrade
from storage.vocab import CampaignState, LeadState


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


def take(engine: Engine, campaign: CampaignRow, limit: int = 10) -> list[Any]:
    with writing(engine) as connection:
        return [row.id for row in take_due(connection, campaign.id, NOON, limit)]


def test_the_urgent_are_taken_first_then_those_that_wait_longest(
    engine: Engine, campaign: CampaignRow
) -> None:
    order = [(0, -10), (5, 0), (0, -30), (5, -20), (-1, -99)]
    made = {key: add_lead(engine, campaign, priority=key[0], due_at=after(key[1]))["id"] for key in order}
    wanted = [(5, -20), (5, 0), (0, -30), (0, -10), (-1, -99)]
    assert take(engine, campaign) == [made[key] for key in wanted]
    assert take(engine, campaign, limit=2) == [made[key] for key in wanted[:2]]


@pytest.mark.parametrize(
    "changes",
    [
        {"due_at": after(1)},
        *({"state": state} for state in LeadState if state is not LeadState.PENDING),
    ],
    ids=str,
)
def test_what_is_not_due_or_not_pending_is_not_taken(
    engine: Engine, campaign: CampaignRow, changes: dict[str, Any]
) -> None:
    add_lead(engine, campaign, **changes)
    due = add_lead(engine, campaign)
    assert take(engine, campaign) == [due["id"]]


def test_another_campaigns_leads_are_not_taken(engine: Engine, campaign: CampaignRow) -> None:
    add_lead(engine, add_campaign(engine, "winter"))
    assert take(engine, campaign) == []


def test_a_taken_lead_brings_all_that_dialling_needs(engine: Engine, campaign: CampaignRow) -> None:
    row = add_lead(engine, campaign, attempts=2)
    with writing(engine) as connection:
        (taken,) = take_due(connection, campaign.id, NOON, 1)
    assert tuple(taken) == (row["person_id"], row["id"], row["phone_id"], PHONE, 2)


def test_a_blacklisted_lead_is_blocked_and_not_returned(engine: Engine, campaign: CampaignRow) -> None:
    banned, free = add_lead(engine, campaign), add_lead(engine, campaign, "+79211230000")
    with writing(engine) as connection:
        assert contact.ban(connection, PHONE, reason="complaint", at=NOON)
    assert take(engine, campaign) == [free["id"]]
    now = lead_now(engine, banned)
    assert (now.state, now.why) == ("blocked", "blacklisted")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_dialers_never_take_the_same_lead_and_do_not_wait_for_each_other(engine: Engine) -> None:
    """SQLite has one writer at a time; on PostgreSQL the second skips what the first has locked."""
    campaign = add_campaign(engine)
    made = {add_lead(engine, campaign)["id"] for _ in range(6)}
    with writing(engine) as first, writing(engine) as second:
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        ours = {row.id for row in take_due(first, campaign.id, NOON, 3)}
        theirs = {row.id for row in take_due(second, campaign.id, NOON, 10)}
    assert (len(ours), len(theirs)) == (3, 3)
    assert ours | theirs == made


def test_only_the_index_of_due_leads_is_read(postgres_url: str) -> None:
    """With 20,000 leads, of which 200 are due, PostgreSQL takes the first from ix_lead_due."""
    engine = open_engine(postgres_url)
    upgrade(engine)
    campaign = add_campaign(engine)
    first = add_lead(engine, campaign)
    columns = "person_id, campaign_id, phone_id, role, variables, priority, attempts, outcome, why"
    copies = text(
        f"INSERT INTO lead (id, key, state, due_at, {columns})"  # noqa: S608 - our own words only
        " SELECT gen_random_uuid(), n::text, CASE n % 100 WHEN 0 THEN 'pending' ELSE 'done' END,"
        f" due_at - n * interval '1 s', {columns} FROM lead, generate_series(1, 20000) n WHERE id = :id"
    )
    plans: list[str] = []
    with writing(engine) as connection:
        connection.execute(copies, {"id": first["id"]})
        connection.execute(text("ANALYZE lead"))

        @event.listens_for(engine, "before_cursor_execute")
        def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "SKIP LOCKED" in statement:
                cursor.execute("EXPLAIN " + statement, parameters)
                plans.append("\n".join(row[0] for row in cursor.fetchall()))

        taken = take_due(connection, campaign.id, NOON, 150)
        due = dict(connection.execute(select(store.lead.c.id, store.lead.c.due_at)).all())
    assert [due[row.id] for row in taken] == sorted(due[row.id] for row in taken)
    assert len(taken) == 150
    (plan,) = plans
    assert "Index Scan using ix_lead_due on lead" in plan
    assert "Seq Scan on lead" not in plan
    assert "Sort" not in plan.partition("CTE due")[2].partition("ix_lead_due")[0]
    engine.dispose()


def test_only_a_lead_in_flight_is_released(engine: Engine, campaign: CampaignRow) -> None:
    flying, blocked = (
        add_lead(engine, campaign, state=state) for state in (LeadState.IN_FLIGHT, LeadState.BLOCKED)
    )
    rows = [
        {"person_id_": row["person_id"], "id_": row["id"], "state_": LeadState.PENDING}
        | {"due_at_": after(60), "attempts_": 1, "outcome_": "busy"}
        for row in (flying, blocked)
    ]
    with writing(engine) as connection:
        store.release(connection, rows)
    now = lead_now(engine, flying)
    assert (now.state, now.due_at, now.attempts, now.outcome) == ("pending", after(60), 1, "busy")
    assert lead_now(engine, blocked).state == "blocked"


def test_audio_is_set_only_for_leads_that_wait_for_it(engine: Engine, campaign: CampaignRow) -> None:
    new, blocked = (add_lead(engine, campaign, state=s, clips=None) for s in (LeadState.NEW, "blocked"))
    with reading(engine) as connection:
        (found,) = store.without_audio(connection, campaign.id, 10)
        assert (found.id, found.variables) == (new["id"], new["variables"])
    made = [
        {"person_id_": row["person_id"], "id_": row["id"], "clips": [["x", 1]], "state": "pending", "why": ""}
        for row in (new, blocked)
    ]
    with writing(engine) as connection:
        store.set_audio(connection, made)
    assert (lead_now(engine, new).state, lead_now(engine, new).clips) == ("pending", [["x", 1]])
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
        known = store.leads_known(connection, campaign.id, [str(n) for n in range(1500)])
    assert known == {"1200"}


def test_the_newest_lead_of_a_number(engine: Engine, campaign: CampaignRow) -> None:
    add_lead(engine, campaign, variables={"name": "old"})
    add_lead(engine, add_campaign(engine, "winter", trunk="second"), variables={"name": "new"})
    with reading(engine) as connection:
        found = store.newest_lead(connection, PHONE)
        assert found is not None
        assert (found.variables, found.trunk) == ({"name": "new"}, "second")
        assert store.newest_lead(connection, "+79990000000") is None
