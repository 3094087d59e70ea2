"""The register's tables: replaced by name, found in by two keys, read by pages."""

from collections.abc import Iterator

import pytest
from builders import NOON, add_campaign, add_lead, rows_of
from sqlalchemy import Engine

from storage import numbering as store
from storage.db import reading, writing
from storage.numbering import Row


def put(engine: Engine, name: str, *rows: Row) -> None:
    with writing(engine) as connection:
        store.replace(connection, name, rows, ranges=len(rows), sha256="ab", at=NOON)


@pytest.fixture
def filled(engine: Engine) -> Engine:
    put(engine, "DEF-9xx", (79000000010, 79000000019, "A", "a"), (79000000020, 79000000029, "B", "b"))
    put(engine, "ABC-8xx", (78120000000, 78120000009, "C", "c"))
    put(engine, "ported", *((number, number, "P", "") for number in range(79000000012, 79000000018)))
    return engine


@pytest.mark.parametrize(
    "name, number, operators",
    [
        ("DEF-9xx", 79000000009, []),
        ("DEF-9xx", 79000000010, ["A"]),
        ("DEF-9xx", 79000000012, ["A", "P"]),
        ("DEF-9xx", 79000000018, ["A"]),  # there are ported ones before it
        ("DEF-9xx", 79000000029, ["B"]),
        ("DEF-9xx", 79000000030, []),
        ("ABC-8xx", 78120000005, ["C"]),
        ("ABC-8xx", 78120000010, []),
        ("", 12125550123, []),
    ],
)
def test_a_number_is_found_in_its_register_and_among_the_ported(
    filled: Engine, name: str, number: int, operators: list[str]
) -> None:
    with reading(filled) as connection:
        assert sorted(row.operator for row in store.find(connection, name, number)) == operators


def test_a_register_is_replaced_whole_and_others_are_left(filled: Engine) -> None:
    put(filled, "DEF-9xx", (79990000000, 79990000000, "D", "d"))
    kept = [tuple(row) for row in rows_of(filled, store.number_range) if row.register != "ported"]
    assert kept == [
        ("ABC-8xx", 78120000000, 78120000009, "C", "c"),
        ("DEF-9xx", 79990000000, 79990000000, "D", "d"),
    ]
    with reading(filled) as connection:
        assert {row.name: (row.ranges, row.tzdata) for row in store.registers(connection)} == {
            "ABC-8xx": (1, ""),
            "DEF-9xx": (1, ""),
            "ported": (6, ""),
        }


@pytest.mark.parametrize("page", [1, 2, 4, 9, 100])
def test_all_ranges_are_read_in_order_by_pages(
    filled: Engine, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE", page)
    with reading(filled) as connection:
        firsts = [(row.register, row.first) for row in store.ranges(connection)]
    assert firsts == sorted(firsts)
    assert len(firsts) == 9


def test_an_empty_register_has_no_ranges(engine: Engine) -> None:
    with reading(engine) as connection:
        assert list(store.ranges(connection)) == []


def pages(engine: Engine, read: object) -> Iterator[tuple[object, object]]:
    after = None
    with reading(engine) as connection:
        while page := read(connection, after):
            for row in page:
                yield row.person_id, row.id
            after = page[-1].person_id, page[-1].id


@pytest.mark.parametrize("page", [1, 2, 5, 6])
def test_every_phone_and_every_lead_not_over_is_on_one_page(
    engine: Engine, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "PAGE", page)
    campaign = add_campaign(engine)
    leads = [add_lead(engine, campaign) for _ in range(5)]
    add_lead(engine, campaign, state="done")
    found = list(pages(engine, store.leads_after))
    assert sorted(found) == sorted((lead["person_id"], lead["id"]) for lead in leads)
    phones = list(pages(engine, store.phones_after))
    assert len(phones) == len(set(phones)) == 6
