"""A client's database: only read, never waited for too long, and its troubles told without its password."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_campaign, add_lead, add_phone, settings
from sqlalchemy import Engine, create_engine, text, true

from engine.errors import SettingsError, Unreachable
from engine.gateways.erp import Erp, SourceDown, erp, told
from engine.sections import Source
from lab.postgres import Postgres
from storage import contact
from storage.db import new_id, writing
from storage.vocab import FieldKind

PEOPLE = """
CREATE TABLE people (id INTEGER PRIMARY KEY, fio VARCHAR(50), "Долг" NUMERIC(10, 2), born DATE, vip BOOLEAN)
"""
COLUMNS = {"external_id": "id", "name": "fio", "sum": "Долг", "born": "born", "vip": "vip"}


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """A client's database with three people."""
    engine = create_engine(database_url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.begin() as connection:
        connection.exec_driver_sql(PEOPLE)
        for number, name in ((3, "Вера"), (1, "Пётр"), (2, None)):
            values = {"id": number, "name": name, "sum": number * 100.5}
            connection.execute(
                text("INSERT INTO people VALUES (:id, :name, :sum, '1990-05-01', true)"), values
            )
    engine.dispose()
    yield database_url


def source(url: str, **changes: Any) -> Erp:
    return Erp(Source(**{"name": "erp", "url": url, "table": "people", "columns": COLUMNS} | changes))


def test_fields_are_our_names_with_the_kinds_of_their_columns(url: str) -> None:
    kinds = {name: field.kind for name, field in source(url).fields.items()}
    assert kinds == {
        "external_id": FieldKind.NUMBER,
        "name": FieldKind.TEXT,
        "sum": FieldKind.NUMBER,
        "born": FieldKind.DATE,
        "vip": FieldKind.FLAG,
    }


def test_rows_come_by_their_key_when_order_is_asked_for(url: str) -> None:
    people = source(url)
    names = ["external_id", "name", "sum", "born"]
    found = [tuple(map(told, row)) for row in people.rows(true(), names, ordered=True, limit=2)]
    assert [(row[0], row[1], float(row[2]), row[3]) for row in found] == [
        ("1", "Пётр", 100.5, "1990-05-01"),
        ("2", "", 201.0, "1990-05-01"),
    ]
    assert people.count(true()) == 3
    assert people.count(people.fields["sum"].column > 101) == 2
    assert len(list(people.rows(true(), ["name"]))) == 3


def test_a_query_of_the_administrator_is_a_table_too(url: str) -> None:
    query = "SELECT id, fio || ':x' AS fio, CAST('100%' AS VARCHAR(9)) AS share FROM people WHERE id < 3;"
    found = source(url, table="", query=query, columns={"key": "id", "name": "fio", "share": "share"})
    assert {field.kind for field in found.fields.values()} == {FieldKind.UNKNOWN}
    assert list(found.rows(true(), ["key", "name", "share"], ordered=True)) == [
        (1, "Пётр:x", "100%"),
        (2, None, "100%"),
    ]


@pytest.mark.parametrize("query", ["DELETE FROM people", "SELECT 1 AS id) AS x; DELETE FROM people --"])
def test_nothing_can_be_written(url: str, query: str) -> None:
    with pytest.raises((SettingsError, SourceDown)):
        source(url, table="", query=query, columns={"id": "id"}).count(true())
    with pytest.raises((SettingsError, SourceDown)), source(url)._asking() as connection:
        connection.exec_driver_sql("DELETE FROM people")
    assert source(url).count(true()) == 3


def test_a_slow_question_is_given_up(url: str) -> None:
    sleepy = (
        "SELECT pg_sleep(20) IS NULL AS id"
        if url.startswith("postgresql")
        else "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT max(id) AS id FROM n"
    )
    slow = source(url, table="", query=sleepy, columns={"id": "id"}, statement_timeout_s=0.3)
    with pytest.raises(SourceDown, match=r"source erp does not answer \(it has 0\.3 s\)"):
        list(slow.rows(true(), ["id"]))


def test_whoever_reads_slowly_is_not_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.gateways.erp.BATCH", 1)
    monkeypatch.setattr("engine.gateways.erp.STEPS", 1)
    found = []
    for row in source(url, statement_timeout_s=0.2).rows(true(), ["external_id"]):
        time.sleep(0.3)
        found.append(row)
    assert len(found) == 3


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"table": "peolpe"}, "there is no table peolpe"),
        ({"table": "main.peolpe"}, "there is no table main.peolpe"),
        ({"columns": {"name": "nmae", "sum": "x"}}, "people has no nmae, x"),
    ],
)
def test_a_table_that_is_not_there_is_told(url: str, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=f"source erp.*{told}"):
        list(source(url, **changes).fields)


def test_a_query_that_makes_no_sense_is_told(url: str) -> None:
    with pytest.raises(SettingsError, match=r"source erp refuses what it is asked: .*nowhere"):
        source(url, table="", query="SELECT * FROM nowhere").count(true())


@pytest.mark.parametrize(
    "wrong, told",
    [("nonsense", "its url is none that SQLAlchemy reads"), ("nosuch://x/y", "no driver for its url")],
)
def test_a_url_that_cannot_be_is_told(wrong: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"source erp: {told}"):
        source(wrong).count(true())


def test_a_source_that_is_not_there_is_down_and_its_password_is_not_told(tmp_path: Path) -> None:
    for url in ("postgresql://me:hunter2@127.0.0.1:1/erp", f"sqlite:///{tmp_path}/none/erp.db"):
        with pytest.raises(SourceDown) as error:
            source(url).count(true())
        assert isinstance(error.value, Unreachable)
        assert error.value.exit_code == 5
        assert "hunter2" not in f"{error.value!r}{error.value.__cause__!r}"
    assert not (tmp_path / "none").exists()


def test_a_wrong_password_is_told_without_it(postgres: Postgres, postgres_url: str) -> None:
    with pytest.raises(SourceDown) as error:
        source(postgres_url.replace("postgres@", "nobody:hunter2@")).count(true())
    assert "nobody" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_file_with_odd_letters_in_its_name_is_found(tmp_path: Path) -> None:
    file = tmp_path / "должники #1?.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE people (id)")
        connection.execute("INSERT INTO people VALUES ('D-1')")
        connection.commit()
    url = f"sqlite:///{str(file).replace('?', '%3F')}"
    found = source(url, columns={"external_id": "id"})
    assert list(found.rows(true(), ["external_id"])) == [("D-1",)]


def own(engine: Engine, folder: Path) -> Erp:
    return erp(settings(folder, database_url=engine.url.render_as_string(hide_password=False)), "person")


def test_our_own_people_have_the_number_that_is_tried_first(engine: Engine, tmp_path: Path) -> None:
    first = add_lead(engine, add_campaign(engine), "+79210000001")
    with writing(engine) as connection:
        add_phone(connection, first["person_id"], "+79210000000", 2)
        known = {"id": new_id(), "key": "tel:+79210000009", "name": "Пётр", "created_at": NOON}
        connection.execute(contact.person.insert(), [known | {"lat": 59.9, "lon": 30.3, "city": "Казань"}])
    people = own(engine, tmp_path)
    found = {row[1]: row for row in people.rows(true(), ["person_id", "phone", "name", "city", "lat", "lon"])}
    assert found["+79210000001"] == (str(first["person_id"]), "+79210000001", "", "", None, None)
    assert found[None] == ("", None, "Пётр", "Казань", 59.9, 30.3)
    assert people.count(people.fields["phone"].column == "+79210000001") == 1


def test_a_source_must_be_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no \[\[source\]\] named 'crm'; there are: erp"):
        erp(settings(tmp_path, source={"url": "sqlite:///x", "table": "t", "columns": {"a": "a"}}), "crm")
    with pytest.raises(SettingsError, match="there are: none"):
        erp(settings(tmp_path), "erp")


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "sqlite:///x", "columns": {"a": "a"}},
        {"url": "sqlite:///x", "table": "t", "query": "q", "columns": {"a": "a"}},
        {"url": "sqlite:///x", "table": "t"},
        {"url": "sqlite:///x", "table": "t", "columns": {"a b": "a"}},
        {"name": "person"},
        {"statement_timeout_s": 0},
    ],
)
def test_a_source_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Source(**wrong)


@pytest.mark.parametrize(
    "value, as_text",
    [
        (None, ""),
        (True, "1"),
        (5.0, "5"),
        (5.5, "5.5"),
        (7, "7"),
        (Decimal("5.50"), "5.50"),
        (" a ", "a"),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
    ],
)
def test_values_become_text_as_in_a_sheet(value: Any, as_text: str) -> None:
    assert told(value) == as_text
