"""Audiences: what is saved, whom it finds, what a campaign becomes when it is filled from one."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, rows_of, settings
from sqlalchemy import Engine, create_engine, text, update

from engine.campaign.audience import Audiences, Wanted, plain
from engine.campaign.filling import WITHDRAWN, Filling
from engine.campaign.places import load
from engine.errors import NotFound, Refused, SettingsError, UsageError
from engine.settings import share
from storage import campaign as campaigns
from storage.audience import audience
from storage.audit import audit
from storage.db import writing

TABLE = """CREATE TABLE debtors (
    nr VARCHAR(20), client VARCHAR(20), tel VARCHAR(30), fio VARCHAR(50), debt NUMERIC(10, 2),
    lat FLOAT, lon FLOAT
)"""
COLUMNS = {
    "external_id": "nr",
    "person_id": "client",
    "phone": "tel",
    "name": "fio",
    "sum": "debt",
    "lat": "lat",
    "lon": "lon",
}
PEOPLE = [
    ("D-1", "P-1", "8 921 000-00-01", "Вера", 900, 59.9170, 30.3190),  # at the station
    ("D-2", "P-2", "+79210000002", "Пётр", 600, 59.9254, 30.3187),  # a kilometre to the north
    ("D-3", "P-3", "9210000003", "Иван", 300, 59.9354, 30.3270),  # two
    ("D-4", "P-4", "12", "Зоя", 700, None, None),  # a number that cannot be
]
STATION = "metro:Технологический институт"


class Office:
    """Our database, and a client's with four debtors."""

    def __init__(self, engine: Engine, erp_url: str, folder: Path) -> None:
        self.engine, self.url = engine, erp_url
        self.erp = create_engine(erp_url.replace("postgresql:", "postgresql+psycopg2:"))
        self.settings = settings(
            folder,
            database_url=engine.url.render_as_string(hide_password=False),
            source={"url": erp_url, "table": "debtors", "columns": COLUMNS},
        )
        self.run(TABLE)
        self.add(*PEOPLE)
        self.audiences, self.filling = Audiences(engine, self.settings), Filling(engine, self.settings)
        load(engine, share("etc/demo/places.csv"))

    def run(self, statement: str, *rows: dict[str, Any]) -> None:
        with self.erp.begin() as connection:
            connection.execute(text(statement), list(rows) or None)

    def add(self, *people: tuple[Any, ...]) -> None:
        names = ("nr", "client", "tel", "fio", "debt", "lat", "lon")
        line = "INSERT INTO debtors VALUES (:nr, :client, :tel, :fio, :debt, :lat, :lon)"
        self.run(line, *(dict(zip(names, one, strict=True)) for one in people))

    def define(self, name: str = "some", **wanted: Any) -> bool:
        return self.audiences.define(name, Wanted(**{"source": "erp"} | wanted), "me")

    def found(self, name: str = "some") -> list[str]:
        selection = self.audiences.selection(name)
        people = sorted(row["external_id"] for row in selection.rows())
        assert selection.count() == len(people)
        assert [row["external_id"] for row in selection.rows(100)] == people
        return people

    def fill(self, **how: bool) -> dict[str, Any]:
        return self.filling.fill("some", "autumn", "me", **how).as_json()

    def leads(self) -> dict[str, tuple[str, str]]:
        return {row.key: (row.state, row.why) for row in rows_of(self.engine, campaigns.lead)}


@pytest.fixture
def office(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """The client's database is of the same kind as ours."""
    sqlite = engine.dialect.name == "sqlite"
    url = f"sqlite:///{tmp_path / 'erp.db'}" if sqlite else request.getfixturevalue("postgres_url")
    made = Office(engine, url, tmp_path)
    yield made
    made.erp.dispose()


@pytest.mark.parametrize(
    "wanted, people",
    [
        ({}, ["D-1", "D-2", "D-3", "D-4"]),
        ({"where": "sum >= 600"}, ["D-1", "D-2", "D-4"]),
        ({"near": STATION, "within": 500.0}, ["D-1"]),
        ({"near": STATION, "within": 1500.0}, ["D-1", "D-2"]),
        ({"near": "59.9354, 30.3270", "within": 50}, ["D-3"]),
        ({"inside": "district:адмиралтейский"}, ["D-1", "D-2"]),
        ({"inside": "district:адмиралтейский", "where": "sum < 700"}, ["D-2"]),
        ({"inside": "district:Адмиралтейский", "near": STATION, "within": 500}, ["D-1"]),
    ],
)
def test_whom_an_audience_finds(office: Office, wanted: dict[str, Any], people: list[str]) -> None:
    assert office.define(**wanted) is True
    assert office.found() == people


def test_the_first_people_come_by_their_key(office: Office) -> None:
    for inside in ("", "district:Адмиралтейский"):
        office.define(inside=inside)
        assert [row["external_id"] for row in office.audiences.selection("some").rows(1)] == ["D-1"]


def test_an_audience_is_shown_as_it_could_be_defined_again(office: Office) -> None:
    office.define(
        where="sum>=600 and name ~ 'П'", near=STATION, within=1500.0, inside="district:Адмиралтейский"
    )
    shown = office.audiences.show("some")
    assert office.audiences.all() == [shown]
    again = {name: shown[name] for name in ("source", "where", "near", "within", "inside")}
    assert again == {
        "source": "erp",
        "where": "sum >= 600 and name ~ 'П'",
        "near": "metro:Технологический институт, Санкт-Петербург",
        "within": 1500.0,
        "inside": "district:Адмиралтейский, Санкт-Петербург",
    }
    assert office.define("twin", **again) is True
    assert office.found("twin") == office.found() == ["D-2"]
    stored = {row.name: row.filter for row in rows_of(office.engine, audience)}
    assert stored["twin"] == stored["some"]


def test_defined_again_it_means_something_else(office: Office) -> None:
    assert office.define() is True
    assert office.define(where="sum > 800", near="59.9,30.3", within=9000) is False
    assert office.found() == ["D-1"]
    assert office.audiences.show("some")["near"] == "59.9,30.3"
    assert [row.deed for row in rows_of(office.engine, audit)] == ["audience.define"] * 2


@pytest.mark.parametrize(
    "wanted, told",
    [
        ({"where": "debt > 1"}, "there is no field 'debt'; there are: external_id, lat"),
        ({"near": STATION}, "go together"),
        ({"within": 500}, "go together"),
        ({"near": STATION, "within": 0.5}, "1 to 1000000 metres"),
        ({"near": "district:Адмиралтейский", "within": 500}, "no coordinates"),
        ({"inside": STATION}, "no polygon"),
        ({"near": "91,30", "within": 500}, "beyond 90"),
        ({"near": "metro:Парк Победы", "within": 500}, "in several cities"),
    ],
)
def test_what_makes_no_sense_is_not_saved(office: Office, wanted: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        office.define(**wanted)
    assert office.audiences.all() == []


def test_names_that_are_not_known(office: Office) -> None:
    with pytest.raises(SettingsError, match="no \\[\\[source\\]\\] named 'crm'"):
        office.define(source="crm")
    with pytest.raises(NotFound, match="no audience named 'none'"):
        office.audiences.selection("none")
    with pytest.raises(UsageError, match="a name has"):
        office.define("a/b")


def test_a_source_without_coordinates_has_nobody_near(office: Office) -> None:
    columns = {"external_id": "nr", "lat": "fio", "lon": "lon"}
    changed = office.settings.source[0].model_copy(update={"columns": columns})
    office.settings.source[0] = changed
    with pytest.raises(UsageError, match="has no lat that is a number"):
        office.define(near=STATION, within=500)


def test_a_place_that_moves_moves_the_audience(office: Office, tmp_path: Path) -> None:
    office.define(near=STATION, within=500)
    file = tmp_path / "places.csv"
    file.write_text(
        "kind;name;city;lat;lon\nmetro;Технологический институт;Санкт-Петербург;59.9354;30.3270\n"
    )
    load(office.engine, file)
    assert office.found() == ["D-3"]
    file.write_text("kind;name;city;lat;lon\nmetro;Купчино;Санкт-Петербург;59.9354;30.3270\n")
    load(office.engine, file)
    with pytest.raises(NotFound, match="is no more"):
        office.found()


def test_an_export_is_a_list_that_spreadsheets_cannot_be_hurt_by(office: Office, tmp_path: Path) -> None:
    office.run("UPDATE debtors SET fio = '=1+1' WHERE nr = 'D-2'")
    office.define(where="sum > 500")
    file = tmp_path / "people.csv"
    assert office.audiences.export("some", file) == 3
    with file.open(encoding="utf-8-sig") as opened:
        rows = {row["external_id"]: row for row in csv.DictReader(opened, delimiter=";")}
    assert rows["D-2"]["name"] == "'=1+1"
    assert rows["D-2"]["phone"] == "+79210000002"
    assert (rows["D-1"]["lat"], rows["D-4"]["lat"]) == ("59.917", "")
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    "cell, written",
    [("=x", "'=x"), ("-5.5", "-5.5"), ("+79210000000", "+79210000000"), ("@x", "'@x"), ("", "")],
)
def test_cells_of_an_export(cell: str, written: str) -> None:
    assert plain(cell) == written


def test_more_than_the_source_may_give_is_refused(office: Office, tmp_path: Path) -> None:
    office.settings.source[0] = office.settings.source[0].model_copy(update={"max_rows": 3})
    add_campaign(office.engine)
    for inside in ("", "district:Адмиралтейский"):
        office.define(inside=inside)
        if inside:
            assert office.audiences.export("some", tmp_path / "x.csv") == 2
            continue
        with pytest.raises(Refused, match="4 people are more than source erp gives at once"):
            office.audiences.export("some", tmp_path / "x.csv")
        with pytest.raises(Refused, match="max_rows = 3"):
            office.fill()
    assert office.leads() == {}


def test_a_campaign_is_filled_and_filled_again(office: Office) -> None:
    add_campaign(office.engine)
    office.define(where="sum >= 600")
    nothing = {"gone": 0, "withdrawn": 0, "returned": 0, "rejects_file": None}
    assert office.fill(dry_run=True) == {"rows": 3, "new": 2, "there": 0, "rejected": 1} | nothing
    assert office.leads() == {}
    done = office.fill()
    rejects = Path(str(done.pop("rejects_file")))
    assert done == {"rows": 3, "new": 2, "there": 0, "rejected": 1, "gone": 0, "withdrawn": 0, "returned": 0}
    assert "phone" in rejects.read_text(encoding="utf-8-sig")
    assert set(office.leads()) == {"D-1", "D-2"}
    office.add(("D-5", "P-5", "9210000005", "Анна", 650, None, None))
    again = office.fill(dry_run=True)
    assert (again["new"], again["there"], again["rejected"]) == (1, 2, 1)
    assert (office.fill()["new"], set(office.leads())) == (1, {"D-1", "D-2", "D-5"})
    deeds = [row.detail for row in rows_of(office.engine, audit) if row.deed == "audience.fill"]
    assert [(one["campaign"], one["new"]) for one in deeds] == [("autumn", 2), ("autumn", 1)]


def test_who_is_no_longer_in_it_is_withdrawn_and_comes_back(office: Office) -> None:
    campaign = add_campaign(office.engine)
    office.define(where="sum >= 300 and sum != 700")
    office.fill()
    office.run("UPDATE debtors SET debt = 0 WHERE nr = 'D-2'")
    assert office.fill(dry_run=True)["gone"] == 1
    assert office.fill()["withdrawn"] == 0
    assert office.leads()["D-2"] == ("new", "")
    done = office.fill(withdraw=True)
    assert (done["gone"], done["withdrawn"], done["there"]) == (1, 1, 2)
    assert office.leads() == {"D-1": ("new", ""), "D-2": ("blocked", WITHDRAWN), "D-3": ("new", "")}
    assert office.fill(withdraw=True)["withdrawn"] == 0
    office.run("UPDATE debtors SET debt = 600 WHERE nr = 'D-2'")
    assert office.fill(dry_run=True)["returned"] == 0
    assert office.leads()["D-2"][0] == "blocked"
    assert office.fill()["returned"] == 1
    assert office.leads()["D-2"] == ("new", "")
    assert campaign.name == "autumn"


def test_who_was_called_or_blocked_for_another_reason_stays(office: Office) -> None:
    campaign = add_campaign(office.engine)
    called = add_lead(office.engine, campaign, "+79215550001", key="old-1", attempts=1)
    add_lead(office.engine, campaign, "+79215550002", key="old-2", state="in-flight")
    add_lead(office.engine, campaign, "+79215550003", key="old-3", state="blocked", why="blacklisted")
    add_lead(office.engine, campaign, "+79215550004", key="D-1", state="blocked", why="blacklisted")
    other = add_campaign(office.engine, "other")
    add_lead(office.engine, other, "+79215550005", key="old-4")
    add_attempt(office.engine, called)
    office.define(where="sum = 900")
    done = office.fill(withdraw=True)
    assert (done["there"], done["gone"], done["withdrawn"], done["returned"]) == (1, 0, 0, 0)
    assert office.leads() == {
        "old-1": ("pending", ""),
        "old-2": ("in-flight", ""),
        "old-3": ("blocked", "blacklisted"),
        "old-4": ("pending", ""),
        "D-1": ("blocked", "blacklisted"),
    }


def test_a_wrong_number_is_no_reason_to_be_withdrawn(office: Office) -> None:
    add_campaign(office.engine)
    office.define()
    office.fill()
    office.run("UPDATE debtors SET tel = '5' WHERE nr = 'D-1'")
    done = office.fill(withdraw=True)
    assert (done["rejected"], done["gone"], done["withdrawn"]) == (2, 0, 0)


def test_an_empty_audience_withdraws_nobody(office: Office) -> None:
    add_lead(office.engine, add_campaign(office.engine))
    office.define(where="sum > 100000")
    with pytest.raises(NotFound, match="nobody is in audience 'some'; nothing was changed"):
        office.fill(withdraw=True)
    with pytest.raises(NotFound, match="no campaign named 'none'"):
        office.filling.fill("some", "none", "me")
    assert {state for state, _why in office.leads().values()} == {"pending"}


def test_our_own_people_are_an_audience_too(office: Office) -> None:
    first = add_campaign(office.engine)
    office.define()
    office.fill()
    with writing(office.engine) as connection:
        campaigns.add(connection, replace(first, id=rows_of(office.engine, audit)[0].id, name="second"))
        connection.execute(update(campaigns.campaign).values(changed_at=NOON))
    office.define("ours", source="person", where="name in ('Вера', 'Пётр')", near=STATION, within=500)
    with pytest.raises(UsageError):
        office.define("ours", source="person", where="sum > 1")
    people = list(office.audiences.selection("ours").rows())
    assert [(row["person_id"], row["phone"], row["name"]) for row in people] == [
        ("P-1", "+79210000001", "Вера")
    ]
    done = office.filling.fill("ours", "second", "me").as_json()
    assert (done["rows"], done["new"], done["rejected"]) == (1, 0, 1)  # the template wants a sum
