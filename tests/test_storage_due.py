"""Who is next: priorities, two streams, zones by their hour, and what it costs among very many."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, ZONE, add_campaign, add_lead, after
from sqlalchemy import Connection, Engine, event, select, text

from storage import contact
from storage import due as store
from storage.campaign import CampaignRow, lead
from storage.db import Record, new_id, open_engine, writing
from storage.due import Ranking
from storage.migrations import upgrade
from storage.vocab import LeadState, Role

FAR = "Asia/Vladivostok"


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


def zones_of(*leads: dict[str, Any]) -> list[int]:
    """The zone sets that these leads refer to."""
    return sorted({row["zone_id"] for row in leads})


def take(engine: Engine, campaign: CampaignRow, *zones: int, limit: int = 10) -> list[UUID]:
    """Ids of the leads that are taken in these zone sets; of all when none is named."""
    with writing(engine) as connection:
        rows = due(connection, campaign, limit, zones or contact.zone_sets(connection))
        return [row.id for row in rows]


def due(
    connection: Connection, campaign: CampaignRow, limit: int, zones: Collection[int], level: int = 0
) -> list[Record]:
    """What is taken where all hours are alike."""
    return store.take(connection, campaign.id, NOON, limit, level, Ranking(dict.fromkeys(zones, 100), 10))


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
        assert due(connection, campaign, 10, []) == []


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
    ripe = add_lead(engine, campaign)
    assert take(engine, campaign) == [ripe["id"]]


def test_another_campaigns_leads_are_not_taken(engine: Engine, campaign: CampaignRow) -> None:
    add_lead(engine, add_campaign(engine, "winter"))
    assert take(engine, campaign) == []


def test_a_taken_lead_brings_all_that_dispatch_needs(engine: Engine, campaign: CampaignRow) -> None:
    hears = new_id()
    row = add_lead(engine, campaign, attempts=2, role=Role.CONTACT, checked_at=after(-60), template_id=hears)
    with writing(engine) as connection:
        (taken,) = due(connection, campaign, 1, zones_of(row))
    wanted = {name: row[name] for name in ("person_id", "id", "key", "phone_id", "role", "zone_id")}
    assert taken._asdict() == wanted | {
        "checked_at": after(-60),
        "attempts": 2,
        "control": False,
        "avoids": "",
        "template_id": hears,
    }


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_dialers_never_take_the_same_lead_and_do_not_wait_for_each_other(engine: Engine) -> None:
    """SQLite has one writer at a time; on PostgreSQL the second skips what the first has locked."""
    campaign = add_campaign(engine)
    made = [add_lead(engine, campaign, zones=zones) for zones in (ZONE, ZONE, ZONE, FAR, FAR, FAR)]
    with writing(engine) as first, writing(engine) as second:
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        ours = {row.id for row in due(first, campaign, 3, zones_of(*made))}
        theirs = {row.id for row in due(second, campaign, 10, zones_of(*made))}
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
            taken = due(dialer, campaign, 2, zones_of(*made))
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
        if "SKIP LOCKED" in statement or "RECURSIVE" in statement:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) " + statement, parameters)
            self.plans.append("\n".join(row[0] for row in cursor.fetchall()))

    def grow(self, like: dict[str, Any], leads: int, pending: int) -> None:
        """More leads like this one, evenly mixed, so many of them pending; all are due, seconds apart."""
        columns = "person_id, campaign_id, phone_id, role, variables, attempts, outcome, why, waits, zone_id"
        columns += ", by_number, priority, control, avoids, lang"
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
            taken = due(connection, self.campaign, limit, zones_of(self.open))
            moments = dict(connection.execute(select(lead.c.id, lead.c.due_at)).all())
        return [moments[row.id] for row in taken], self.plans.pop()


@pytest.fixture
def crowd(postgres_url: str) -> Iterator[Crowd]:
    made = Crowd(postgres_url)
    yield made
    made.engine.dispose()


def test_only_the_index_of_due_leads_is_read(crowd: Crowd) -> None:
    """With 20,000 leads, of which 200 are due, PostgreSQL takes the first from ix_lead_due."""
    crowd.grow(crowd.open, 20_000, pending=200)
    moments, plan = crowd.take(150)
    assert moments == [after(-100 * n) for n in range(200, 50, -1)]
    assert re.search(r"Index (Only )?Scan using ix_lead_due on lead", plan)
    assert "Seq Scan on lead" not in plan


def test_leads_of_zones_where_it_is_night_cost_nothing(crowd: Crowd) -> None:
    """20,000 people are due and asleep, a few are awake: as many pages are read as three indexes are deep."""
    crowd.grow(crowd.open, 5_000, pending=1)
    crowd.grow(crowd.closed, 20_000, pending=20_000)
    moments, plan = crowd.take(1)
    assert moments == [after(-5_000)]
    assert re.search(r"Index (Only )?Scan using ix_lead_due on lead", plan)
    (pages, *_parts) = re.findall(r"Buffers: shared hit=(\d+)", plan)
    assert int(pages) <= 24


def test_priorities_are_looked_up_however_many_are_due(crowd: Crowd) -> None:
    crowd.grow(crowd.open, 20_000, pending=20_000)
    with writing(crowd.engine) as connection:
        assert store.levels(connection, crowd.campaign.id, NOON, zones_of(crowd.open)) == [0]
    assert "Seq Scan on lead" not in crowd.plans[-1]


def ranked(
    engine: Engine, campaign: CampaignRow, limit: int, scores: dict[int, int], turn: float
) -> list[UUID]:
    """Ids of those that are taken where hours differ."""
    with writing(engine) as connection:
        rows = store.take(connection, campaign.id, NOON, limit, 0, Ranking(scores, 10, turn))
        return [row.id for row in rows]


def test_the_zone_whose_hour_is_best_goes_first(engine: Engine, campaign: CampaignRow) -> None:
    near = [add_lead(engine, campaign, due_at=after(-99 + n)) for n in range(3)]
    far = [add_lead(engine, campaign, zones=FAR, due_at=after(-50 + n)) for n in range(3)]
    scores = {near[0]["zone_id"]: 95, far[0]["zone_id"]: 110}
    assert ranked(engine, campaign, 9, scores, 0.5) == [row["id"] for row in (*far, *near)]


def test_control_leads_have_their_part_of_the_turns_and_go_in_turn(
    engine: Engine, campaign: CampaignRow
) -> None:
    zones = (ZONE, FAR)
    made = [
        add_lead(engine, campaign, zones=zones[n % 2], control=n < 4, due_at=after(n - 99)) for n in range(40)
    ]
    controls = [row["id"] for row in made[:4]]
    scores = {made[0]["zone_id"]: 95, made[1]["zone_id"]: 110}
    taken = ranked(engine, campaign, 40, scores, 0.5)
    assert [one for one in taken if one in controls] == controls  # whatever their zones' hours
    assert [place for place, one in enumerate(taken) if one in controls] == [4, 14, 24, 34]


@pytest.mark.parametrize("control", [True, False])
def test_when_one_stream_is_empty_the_other_has_all_the_turns(
    engine: Engine, campaign: CampaignRow, control: bool
) -> None:
    made = [add_lead(engine, campaign, control=control, due_at=after(n - 99)) for n in range(5)]
    far = add_lead(engine, campaign, zones=FAR, state=LeadState.DONE)
    scores = {made[0]["zone_id"]: 95, far["zone_id"]: 110}
    assert ranked(engine, campaign, 5, scores, 0.9) == [row["id"] for row in made]


def test_only_priorities_with_somebody_due_are_told_the_highest_first(
    engine: Engine, campaign: CampaignRow
) -> None:
    rows = [add_lead(engine, campaign, priority=priority) for priority in (0, 100, -100, 5, 5)]
    add_lead(engine, campaign, priority=50, due_at=after(1))
    add_lead(engine, campaign, priority=60, state=LeadState.DONE)
    add_lead(engine, add_campaign(engine, "another"), priority=70)
    asleep = add_lead(engine, campaign, priority=80, zones=FAR)
    with writing(engine) as connection:
        assert store.levels(connection, campaign.id, NOON, zones_of(*rows)) == [100, 5, 0, -100]
        assert store.levels(connection, campaign.id, NOON, zones_of(asleep)) == [80]
        assert store.levels(connection, campaign.id, NOON, []) == []
        taken = Counter(row.id for row in due(connection, campaign, 9, zones_of(*rows), 5))
    assert taken == Counter([rows[3]["id"], rows[4]["id"]])
