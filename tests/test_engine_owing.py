"""Still owes? The source is asked before a lead is due; who has paid is blocked."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_campaign, add_lead, after, lead_now, settings
from sqlalchemy import Engine, create_engine, text

from engine.campaign import owing
from engine.campaign.owing import NO_ID, PAID, Owing
from engine.errors import SettingsError, Unreachable
from engine.settings import Settings
from storage.campaign import CampaignRow
from storage.vocab import LeadState, Waits


class Desk:
    """A campaign that asks, and the client's table of debts."""

    def __init__(self, engine: Engine, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.url, self.folder = engine, url, folder
        self.campaign = add_campaign(engine, owes="erp")
        self.erp = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
        self.now = NOON
        monkeypatch.setattr(Settings, "now", lambda _self: self.now)

    def debts(self, ids: str, *rows: tuple[Any, float | None]) -> None:
        with self.erp.begin() as connection:
            connection.execute(
                text(f"CREATE TABLE debts (nr {ids}, client VARCHAR(20), debt NUMERIC(10, 2))")
            )
            for nr, debt in rows:
                values = {"nr": nr, "client": f"P{nr}", "debt": debt}
                connection.execute(text("INSERT INTO debts VALUES (:nr, :client, :debt)"), values)

    def run(self, statement: str) -> None:
        with self.erp.begin() as connection:
            connection.exec_driver_sql(statement)

    def lead(self, key: str, **changes: Any) -> dict[str, Any]:
        return add_lead(self.engine, self.campaign, key=key, **changes)

    def asking(self, **changes: Any) -> Owing:
        columns = {"external_id": "nr", "sum": "debt"}
        source = {"url": self.url, "table": "debts", "columns": columns} | changes
        return Owing(self.engine, settings(self.folder, source=source))

    def step(self, campaign: CampaignRow | None = None, **changes: Any) -> int:
        return self.asking(**changes).step(campaign or self.campaign)

    def told(self, lead: dict[str, Any]) -> tuple[str, str, Any]:
        row = lead_now(self.engine, lead)
        return row.state, row.why, row.checked_at


@pytest.fixture
def desk(
    engine: Engine, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Any:
    sqlite = engine.dialect.name == "sqlite"
    url = f"sqlite:///{tmp_path / 'erp.db'}" if sqlite else request.getfixturevalue("postgres_url")
    made = Desk(engine, url, tmp_path, monkeypatch)
    yield made
    made.erp.dispose()


def test_who_owes_may_be_called_and_who_has_paid_is_blocked(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("a", 100), ("b", 0), ("c", None), ("d", -5), ("e", 0), ("e", 0.01))
    leads = {key: desk.lead(key) for key in "abcdef"}
    assert desk.step() == 6
    owes, paid = ("pending", "", NOON), ("blocked", PAID, None)
    assert [desk.told(leads[key]) for key in "abcdef"] == [owes, paid, paid, paid, owes, paid]
    assert desk.step() == 0


def test_without_a_sum_a_row_is_a_debt(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("a", 0))
    leads = [desk.lead("a"), desk.lead("b")]
    assert desk.step(columns={"external_id": "nr"}) == 2
    assert [desk.told(lead)[0] for lead in leads] == ["pending", "blocked"]


def test_numbers_as_ids_and_a_query_as_a_source(desk: Desk) -> None:
    desk.debts("INTEGER", (7, 100), (8, 0))
    leads = [desk.lead(key) for key in ("7", "8", "007", "D-7", "9" * 30)]
    assert desk.step() == 5
    assert [desk.told(lead)[:2] for lead in leads] == [
        ("pending", ""),
        ("blocked", PAID),
        ("pending", ""),
        ("blocked", NO_ID),
        ("blocked", NO_ID),
    ]
    fresh = [
        desk.lead(key, person_id=leads[0]["person_id"], phone_id=leads[0]["phone_id"]) for key in ("70", "80")
    ]
    query = "SELECT nr * 10 AS nr, debt FROM debts"
    assert desk.step(table="", query=query) == 2
    assert [desk.told(lead)[0] for lead in fresh] == ["pending", "blocked"]


def test_a_lead_without_an_id_of_its_own_cannot_be_asked_about(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("1", 100))
    leads = [desk.lead("id:P1"), desk.lead("tel:+79210000000")]
    assert desk.step() == 2
    assert [desk.told(lead)[:2] for lead in leads] == [("blocked", NO_ID)] * 2


def test_a_source_of_people_is_asked_by_the_person(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("1", 100), ("2", 0))
    leads = [desk.lead(key) for key in ("id:P1", "id:P2", "1")]
    assert desk.step(columns={"person_id": "client", "sum": "debt"}) == 3
    assert [desk.told(lead)[:2] for lead in leads] == [("pending", ""), ("blocked", PAID), ("blocked", NO_ID)]


def test_an_answer_holds_for_its_time(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("a", 100))
    lead = desk.lead("a")
    desk.step()
    desk.run("DELETE FROM debts")
    desk.now = after(600)
    assert desk.step(fresh_s=600) == 0
    desk.now = after(601)
    assert desk.step(fresh_s=600) == 1
    assert desk.told(lead) == ("blocked", PAID, NOON)


def test_only_leads_that_are_due_soon_are_asked_about_the_first_due_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.debts("VARCHAR(20)", *((key, 100) for key in "abcdef"))
    soon, later = NOON + owing.AHEAD, NOON + owing.AHEAD + timedelta(seconds=1)
    second, first = desk.lead("a", due_at=soon), desk.lead("b", due_at=NOON - timedelta(days=1))
    others = [
        desk.lead("c", due_at=later),
        desk.lead("d", state=LeadState.IN_FLIGHT),
        desk.lead("e", state=LeadState.NEW),
        add_lead(desk.engine, add_campaign(desk.engine, "other"), key="f"),
    ]
    monkeypatch.setattr(owing, "BATCH", 1)
    assert desk.step() == 1
    assert [desk.told(lead)[2] for lead in (first, second)] == [NOON, None]
    assert [desk.step(), desk.step()] == [1, 0]
    assert desk.told(second)[2] == NOON
    assert [desk.told(lead)[2] for lead in others] == [None] * 4


def test_who_waited_for_the_answer_is_due_now(desk: Desk) -> None:
    desk.debts("VARCHAR(20)", ("a", 100), ("b", 100))
    waiting = desk.lead("a", due_at=after(60), waits=Waits.OWES)
    limited = desk.lead("b", due_at=after(60), waits=Waits.LIMIT)
    desk.step()
    found = [lead_now(desk.engine, lead) for lead in (waiting, limited)]
    assert [(row.due_at, row.waits) for row in found] == [(NOON, ""), (after(60), "limit")]


def test_a_source_that_is_down_changes_nothing(desk: Desk) -> None:
    desk.debts("VARCHAR(20)")
    lead = desk.lead("a")
    with pytest.raises(Unreachable):
        desk.step(url="postgresql://me:hunter2@127.0.0.1:1/erp")
    desk.run("DROP TABLE debts")
    with pytest.raises(SettingsError):
        desk.step()
    assert desk.told(lead) == ("pending", "", None)


def test_a_source_that_cannot_be_asked_is_told(desk: Desk) -> None:
    desk.debts("VARCHAR(20)")
    desk.lead("a")
    with pytest.raises(SettingsError, match="neither external_id nor person_id"):
        desk.step(columns={"sum": "debt"})


def test_a_campaign_that_asks_nobody(desk: Desk) -> None:
    free = add_campaign(desk.engine, "free")
    add_lead(desk.engine, free)
    assert desk.step(free) == 0
