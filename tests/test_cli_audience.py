"""`zvonar audience` from the definition to the filled campaign, with the exit codes of the contract."""

import csv
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from cli.main import run
from engine.settings import share

SETTINGS = """
[[source]]
name = "crm"
url = "sqlite:///crm.db"
table = "debtors"
columns = {external_id = "nr", phone = "tel", name = "fio", sum = "debt", lat = "lat", lon = "lon"}

[[source]]
name = "lost"
url = "postgresql://me:hunter2@127.0.0.1:1/crm"
table = "debtors"
columns = {phone = "tel"}
"""
Do = Callable[..., str]


@pytest.fixture
def do(ready: Path, capsys: pytest.CaptureFixture[str]) -> Do:
    """A command with the exit code that is expected; what it printed."""
    (ready / "zvonar.toml").write_text(SETTINGS)
    with closing(sqlite3.connect(ready / "crm.db")) as connection:
        connection.execute(
            "CREATE TABLE debtors (nr TEXT, tel TEXT, fio TEXT, debt REAL, lat REAL, lon REAL)"
        )
        rows = [("D-1", "9210000001", "Вера", 900, 59.917, 30.319), ("D-2", "9210000002", "Пётр", 60, 1, 1)]
        connection.executemany("INSERT INTO debtors VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    assert run(["audience", "places", "load", str(share("etc/demo/places.csv"))]) == 0

    def done(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(["audience", *words]) == code
        shown = capsys.readouterr()
        assert "hunter2" not in shown.out + shown.err
        return shown.out if code == 0 else shown.err

    return done


def test_from_the_definition_to_the_filled_campaign(do: Do, ready: Path) -> None:
    station = ["--near", "metro:технологический институт", "--within", "1500"]
    do("define", "near", "--source", "crm", "--where", "sum >= 500", *station)
    assert json.loads(do("count", "near", "--format", "json")) == {"name": "near", "count": 1}
    shown = json.loads(do("show", "near", "--format", "json"))
    assert (shown["where"], shown["within"]) == ("sum >= 500", 1500.0)
    assert [row["name"] for row in json.loads(do("list", "--format", "json"))] == ["near"]
    (person,) = json.loads(do("list", "near", "--format", "json"))
    assert person == {
        "external_id": "D-1",
        "phone": "9210000001",
        "name": "Вера",
        "sum": "900",
        "lat": "59.917",
        "lon": "30.319",
    }
    do("export", "near", "-o", "near.csv")
    assert (ready / "near.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("D-1;9210000001;")
    plan = json.loads(do("fill", "near", "autumn", "--dry-run", "--format", "json"))
    assert {key: plan[key] for key in ("rows", "new", "gone", "withdrawn")} == {
        "rows": 1,
        "new": 1,
        "gone": 1,
        "withdrawn": 0,
    }
    assert json.loads(do("fill", "near", "autumn", "--withdraw", "--format", "json"))["withdrawn"] == 1
    again = json.loads(do("fill", "near", "autumn", "--format", "json"))
    assert (again["new"], again["there"], again["gone"]) == (0, 1, 0)


def test_the_limit_of_people(do: Do) -> None:
    do("define", "all", "--source", "crm")
    rows = list(csv.DictReader(StringIO(do("list", "all", "--limit", "1", "--format", "csv"))))
    assert [row["external_id"] for row in rows] == ["D-1"]


def test_our_own_people_are_the_default(do: Do) -> None:
    do("define", "ours", "--where", "phone ~ '921'")
    assert "1" in do("count", "ours")


@pytest.mark.parametrize(
    "words, code, told",
    [
        (["define", "x", "--source", "crm", "--where", "ctiy = 1"], 2, "column 1: there is no field 'ctiy'"),
        (["define", "x", "--source", "none"], 2, "there are: crm, lost"),
        (["define", "x", "--source", "lost"], 5, "source lost does not answer"),
        (["define", "x", "--near", "metro:Парк Победы", "--within", "5"], 2, "in several cities"),
        (["define", "x", "--near", "metro:Атлантида", "--within", "5"], 3, "no place"),
        (["count", "none"], 3, "no audience named 'none'"),
        (["fill", "none", "autumn"], 3, "no audience"),
        (["places", "load", "none.csv"], 2, "No such file"),
    ],
)
def test_what_goes_wrong_has_its_exit_code(do: Do, words: list[str], code: int, told: str) -> None:
    assert told in do(*words, code=code)


def test_places_are_listed(do: Do) -> None:
    found = json.loads(do("places", "list", "--kind", "district", "--format", "json"))
    assert found == [
        {
            "kind": "district",
            "name": "Адмиралтейский",
            "city": "Санкт-Петербург",
            "lat": None,
            "lon": None,
            "polygon": 7,
        }
    ]
    assert "город" in do("places", "list")
    assert len(json.loads(do("places", "list", "--format", "json"))) == 16
