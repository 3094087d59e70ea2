"""Leads: which are taken, in what order, by whom, and what takes them out."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, PHONE, ZONE, add_campaign, add_lead, after, lead_now
from sqlalchemy import Engine, event, select, text

from storage import bulk, contact
from storage import campaign as store
from storage.campaign import CampaignRow, take_due
from storage.db import open_engine, reading, writing
from storage.migrations import upgrade
from storage.vocab import CampaignState, LeadState, Role, Waits

FAR = "Asia/Vladivostok"


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


def zones_of(*leads: dict[str, Any]) -> list[int]:
    """The zone sets that these leads refer to."""
    return sorted({lead["zone_id"] for lead in leads})


def take(engine: Engine, campaign: CampaignRow, *zones: int, limit: int = 10) -> list[UUID]:
    """Ids of the leads that are taken in these zone sets; of all when none is named."""
    with writing(engine) as connection:
        rows = take_due(connection, campaign.id, NOON, limit, zones or contact.zone_sets(connection))
        return [row.id for row in rows]


def test_those_that_wait_longest_are_taken_first_whatever_their_zones(
    engine: Engine, campaign: CampaignRow
) -> None:
    order = [(-10, ZONE), (0, FAR), (-30, ZONE), (-20, FAR), (-99, ZONE)]
    made = {due: add_lead(engine, campaign, zones=zone, due_at=after(due))["id"] for due, zone in order}
    wanted = [made[due] for due in (-99, -30, -20, -10, 0)]
    assert take(engine, campaign) == wanted
    assert take(engine, campaign, limit=2) == wanted[:2]


def test_a_list_is_called_from_its_top_whatever_the_zones(engine: Engine, campaign: CampaignRow) -> None:
    made = [add_lead(engine, campaign, zones=zones)["id"] for zones in (ZONE, FAR, FAR, ZONE, FAR, ZONE)]
    assert take(engine, campaign, limit=4) == made[:4]


def test_only_leads_of_the_named_zone_sets_are_taken(engine: Engine, campaign: CampaignRow) -> None:
    near, far, both, unknown = (
        add_lead(engine, campaign, zones=zones) for zones in (ZONE, FAR, f"{FAR},{ZONE}", "")
    )
    assert take(engine, campaign, *zones_of(far)) == [far["id"]]
    assert set(take(engine, campaign, *zones_of(near, both))) == {near["id"], both["id"]}
    assert take(engine, campaign, *zones_of(unknown)) == [unknown["id"]]
    assert take(engine, campaign, 10**6) == []
    with writing(engine) as connection:
        assert take_due(connection, campaign.id, NOON, 10, []) == []


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


def test_a_taken_lead_brings_all_that_dispatch_needs(engine: Engine, campaign: CampaignRow) -> None:
    row = add_lead(engine, campaign, attempts=2, role=Role.CONTACT, checked_at=after(-60))
    with writing(engine) as connection:
        (taken,) = take_due(connection, campaign.id, NOON, 1, zones_of(row))
    wanted = {name: row[name] for name in ("person_id", "id", "key", "phone_id", "role", "zone_id")}
    assert taken._asdict() == wanted | {"checked_at": after(-60), "attempts": 2, "avoids": ""}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_dialers_never_take_the_same_lead_and_do_not_wait_for_each_other(engine: Engine) -> None:
    """SQLite has one writer at a time; on PostgreSQL the second skips what the first has locked."""
    campaign = add_campaign(engine)
    made = [add_lead(engine, campaign, zones=zones) for zones in (ZONE, ZONE, ZONE, FAR, FAR, FAR)]
    with writing(engine) as first, writing(engine) as second:
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        ours = {row.id for row in take_due(first, campaign.id, NOON, 3, zones_of(*made))}
        theirs = {row.id for row in take_due(second, campaign.id, NOON, 10, zones_of(*made))}
    assert (len(ours), len(theirs)) == (3, 3)
    assert ours | theirs == {row["id"] for row in made}


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_dialer_finds_as_many_as_it_wants_behind_those_that_others_have_locked(engine: Engine) -> None:
    campaign = add_campaign(engine)
    made = [add_lead(engine, campaign, due_at=after(n - 99)) for n in range(8)]
    ids = [row["id"] for row in made]
    with ExitStack() as dialers:
        for n in range(4):
            dialer = dialers.enter_context(writing(engine))
            dialer.execute(text("SET LOCAL lock_timeout = '2s'"))
            taken = take_due(dialer, campaign.id, NOON, 2, zones_of(*made))
            assert [row.id for row in taken] == ids[2 * n : 2 * n + 2]


class Crowd:
    """A campaign of so many leads on PostgreSQL, all copies of one, and how leads are looked up in it."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        upgrade(self.engine)
        self.campaign = add_campaign(self.engine)
        self.open, self.closed = (add_lead(self.engine, self.campaign, zones=z) for z in (ZONE, FAR))
        self.plans: list[str] = []
        event.listen(self.engine, "before_cursor_execute", self._explain)

    def _explain(self, _connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "SKIP LOCKED" in statement:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement, parameters)
            self.plans.append("\n".join(row[0] for row in cursor.fetchall()))

    def grow(self, like: dict[str, Any], leads: int, pending: int) -> None:
        """More leads like this one, evenly mixed, so many of them pending; all are due, seconds apart."""
        columns = "person_id, campaign_id, phone_id, role, variables, attempts, outcome, why, waits, zone_id"
        copies = text(
            f"INSERT INTO lead (id, key, state, due_at, {columns})"  # noqa: S608 - our own words only
            " SELECT gen_random_uuid(), id || ':' || n, CASE n % :every WHEN 0 THEN 'pending' ELSE 'done' END"
            f", due_at - n * interval '1 s', {columns} FROM lead, generate_series(1, :leads) n WHERE id = :id"
        )
        with writing(self.engine) as connection:
            connection.execute(copies, {"id": like["id"], "leads": leads, "every": leads // pending})
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE lead"))

    def take(self, limit: int) -> tuple[list[datetime], str]:
        """When those that are taken were due, and how PostgreSQL found them."""
        with writing(self.engine) as connection:
            taken = take_due(connection, self.campaign.id, NOON, limit, zones_of(self.open))
            due = dict(connection.execute(select(store.lead.c.id, store.lead.c.due_at)).all())
        return [due[row.id] for row in taken], self.plans.pop()


@pytest.fixture
def crowd(postgres_url: str) -> Iterator[Crowd]:
    made = Crowd(postgres_url)
    yield made
    made.engine.dispose()


def test_only_the_index_of_due_leads_is_read(crowd: Crowd) -> None:
    """With 20,000 leads, of which 200 are due, PostgreSQL takes the first from ix_lead_due."""
    crowd.grow(crowd.open, 20_000, pending=200)
    due, plan = crowd.take(150)
    assert due == [after(-100 * n) for n in range(200, 50, -1)]
    assert re.search(r"Index (Only )?Scan using ix_lead_due on lead", plan)
    assert "Seq Scan on lead" not in plan


def test_leads_of_zones_where_it_is_night_cost_nothing(crowd: Crowd) -> None:
    """20,000 people are due and asleep, a few are awake: as many pages are read as two indexes are deep."""
    crowd.grow(crowd.open, 5_000, pending=1)
    crowd.grow(crowd.closed, 20_000, pending=20_000)
    due, plan = crowd.take(1)
    assert due == [after(-5_000)]
    assert re.search(r"Index (Only )?Scan using ix_lead_due on lead", plan)
    (pages, *_parts) = re.findall(r"Buffers: shared hit=(\d+)", plan)
    assert int(pages) <= 20


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
        store.wake(connection, [*his, flying["e164"]], NOON)
        store.wake(connection, [], NOON)
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
        (taken,) = (
            row for row in take_due(connection, campaign.id, NOON, 9, zones_of(off)) if row.id == going["id"]
        )
        store.defer(connection, [who(off) | {"due_": after(60), "waits_": Waits.LIMIT}])
        store.block(connection, [who(barred) | {"why_": "refused"}])
        store.set_in_flight(connection, [taken])
        for nothing in (store.defer, store.block, store.set_in_flight):
            nothing(connection, [])
    now = [lead_now(engine, row) for row in (off, barred, going, left)]
    assert [(row.state, row.why, row.due_at, row.waits) for row in now] == [
        ("pending", "", after(60), "limit"),
        ("blocked", "refused", NOON, "line"),
        ("in-flight", "", NOON, ""),
        ("pending", "", NOON, "line"),
    ]
