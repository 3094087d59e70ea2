"""The register is loaded whole or not at all, found in by one query, and moves people to other zones."""

from pathlib import Path
from typing import Any

import pytest
from builders import NOON, add_campaign, add_lead, lead_now, rows_of, settings
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from engine.contact import zones
from engine.contact.numbering import Numbering, Range, Register, read
from engine.errors import FileError, UsageError
from engine.settings import share
from storage import audit, contact, numbering
from storage import campaign as campaigns
from storage.db import reading, writing

SAMPLE = share("etc/numbering") / "sample-DEF-9xx.csv"
SIX = "DEF;От;До;Емкость;Оператор;Регион"
RUSSIA = ",".join(sorted(zones.prefix_zones("+79351234567")))


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Numbering:
    return Numbering(engine, settings(tmp_path))


def written(folder: Path, *lines: str) -> Path:
    path = folder / "register.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_load_takes_the_place_of_the_one_before(service: Numbering, engine: Engine, tmp_path: Path) -> None:
    ported = written(tmp_path, "number;operator;region", "+79000000001;X;")
    service.load(ported, "me", ported=True)
    first = service.load(SAMPLE, "me")
    second = service.load(written(tmp_path, SIX, "900;0000000;0000009;10;АО Связь;Омская обл."), "you")
    assert (first.register, first.ranges, second.ranges) == ("DEF-9xx", 19, 1)
    kept = {row.name: row for row in rows_of(engine, numbering.register)}
    assert {name: row.ranges for name, row in kept.items()} == {"DEF-9xx": 1, "ported": 1}
    assert {row.tzdata for row in kept.values()} == {zones.version()}
    assert [tuple(row) for row in rows_of(engine, numbering.number_range)] == [
        ("DEF-9xx", 79000000000, 79000000009, "АО Связь", "Омская обл."),
        ("ported", 79000000001, 79000000001, "X", ""),
    ]
    notes = [(row.actor, row.deed, row.subject) for row in sorted(rows_of(engine, audit.audit))]
    assert notes == [
        ("me", "numbering.load", "ported"),
        ("me", "numbering.load", "DEF-9xx"),
        ("you", "numbering.load", "DEF-9xx"),
    ]


def test_a_broken_file_leaves_the_old_register(service: Numbering, engine: Engine, tmp_path: Path) -> None:
    service.load(SAMPLE, "me")
    before = rows_of(engine, numbering.number_range), rows_of(engine, numbering.register)
    with pytest.raises(FileError, match="line 3"):
        service.load(written(tmp_path, SIX, "900;0000000;0000009;10;X;Y", "900;0;1;2;X;Y"), "me")
    assert (rows_of(engine, numbering.number_range), rows_of(engine, numbering.register)) == before
    assert len(rows_of(engine, audit.audit)) == 1


def test_a_load_that_is_broken_off_leaves_the_old_register(
    service: Numbering, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.load(SAMPLE, "me")
    before = rows_of(engine, numbering.number_range), rows_of(engine, numbering.register)

    def gone(*_: Any, **__: Any) -> None:
        raise OSError

    with monkeypatch.context() as broken, pytest.raises(OSError):
        broken.setattr(audit, "note", gone)
        service.load(SAMPLE, "me")
    assert (rows_of(engine, numbering.number_range), rows_of(engine, numbering.register)) == before


FOUND = {
    "+79142223344": ("Республика Саха /Якутия/", "numbering", "mobile", 5),
    "8 (911) 456-78-90": ("Калининградская обл.", "numbering", "mobile", 1),
    "+79000061999": ("Краснодарский край", "numbering", "mobile", 1),
    "+79009999999": ("", "prefix", "mobile", 27),
    "+79351234567": ("", "prefix", "mobile", 27),
    "+78432001234": ("г. Казань|Республика Татарстан", "numbering", "fixed", 1),
    "+74957397000": ("", "prefix", "fixed", 1),
    "+77011234567": ("", "prefix", "mobile", 7),
    "+442071234567": ("", "prefix", "fixed", 1),
}


def test_one_number_is_found_with_all_that_is_known_of_it(service: Numbering) -> None:
    service.load(SAMPLE, "me")
    service.load(share("etc/numbering") / "sample-ABC-8xx.csv", "me")
    for phone, (region, source, kind, count) in FOUND.items():
        found = service.find(phone)
        assert list(found) == ["phone", "operator", "region", "zones", "source", "kind"]
        assert (found["region"], found["source"], found["kind"]) == (region, source, kind), phone
        assert (len(found["zones"]), bool(found["operator"])) == (count, bool(region))
    assert service.find("8 (911) 456-78-90")["phone"] == "+79114567890"
    with pytest.raises(UsageError):
        service.find("112")


def test_a_ported_number_is_that_of_its_new_operator(service: Numbering, tmp_path: Path) -> None:
    service.load(SAMPLE, "me")
    lines = ["+79000000005;Новый;", "+79000000006;Новый;Омская обл.", "+79351234567;Новый;"]
    service.load(written(tmp_path, "number;operator;region", *lines), "me", ported=True)
    regions = {n: service.find(f"+7900000000{n}")["region"] for n in (4, 5, 6, 7)}
    assert regions == dict.fromkeys((4, 5, 7), "Краснодарский край") | {6: "Омская обл."}
    operators = [service.find(f"+7900000000{n}")["operator"] for n in (4, 5, 6, 7)]
    assert [operator == "Новый" for operator in operators] == [False, True, True, False]
    nowhere = service.find("+79351234567")
    assert (nowhere["operator"], nowhere["region"], nowhere["source"]) == ("Новый", "", "prefix")


def test_the_register_in_memory_says_what_the_query_says(
    service: Numbering, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(numbering, "PAGE", 3)  # several pages
    service.load(SAMPLE, "me")
    service.load(share("etc/numbering") / "sample-ABC-8xx.csv", "me")
    service.load(written(tmp_path, "number;operator;region", "+79000000005;Новый;"), "me", ported=True)
    with reading(engine) as connection:
        register = read(connection)
    for number in (*FOUND, "+79000000005", "+79000000004"):
        found = service.find(number)
        whose = register.find(found["phone"]) or Range("", "")
        assert whose == Range(found["operator"], found["region"])


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), max_size=8),
    st.sets(st.integers(0, 400)),
    st.integers(0, 400),
)
def test_bisection_finds_what_a_walk_finds(
    spans: list[tuple[int, int]], single: set[int], number: int
) -> None:
    rows, at = [], 0
    for gap, more in spans:
        rows.append(("DEF-9xx", at + gap, at + gap + more, f"operator {at}", "here"))
        at += gap + more
    ported = [("ported", one, one, "new", "there") for one in sorted(single)]
    walked = [row for row in (*ported, *rows) if row[1] <= number <= row[2]]
    expected = Range(*walked[0][3:]) if walked else None
    assert Register([*rows, *ported]).find(f"+{number}") == expected


def zones_now(engine: Engine, lead: dict[str, Any]) -> str:
    with reading(engine) as connection:
        return contact.zone_sets(connection)[lead_now(engine, lead).zone_id]


def test_people_are_moved_to_the_zones_that_a_new_register_tells(
    service: Numbering, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "PAGE", 2)  # several pages
    campaign = add_campaign(engine)
    by_state = {
        state: add_lead(engine, campaign, "+79114567890", state=state)
        for state in ("new", "pending", "in-flight", "blocked", "done")
    }
    unknown = add_lead(engine, campaign, "+79351234567")
    lives, stands, said = (add_lead(engine, campaign, "+79114567890") for _ in range(3))
    with writing(engine) as connection:
        for lead, values in (
            (lives, {"region": "Якутия", "city": "Якутск"}),
            (stands, {"lat": 55.03, "lon": 82.92, "region": "Якутия"}),
            (said, {"timezone": "Asia/Omsk", "lat": 55.03, "lon": 82.92}),
        ):
            one = contact.person.c.id == lead["person_id"]
            connection.execute(update(contact.person).where(one).values(values))
    heard: list[int] = []
    changed = service.load(SAMPLE, "me", progress=heard.append)
    assert {state: zones_now(engine, lead) for state, lead in by_state.items()} == dict.fromkeys(
        ("new", "pending", "in-flight", "blocked"), "Europe/Kaliningrad"
    ) | {"done": "Europe/Moscow"}
    assert zones_now(engine, unknown) == RUSSIA
    assert [zones_now(engine, lead) for lead in (lives, stands, said)] == [
        "Asia/Yakutsk",
        "Asia/Novosibirsk",
        "Asia/Omsk",
    ]
    assert (changed.phones, changed.leads, sum(heard)) == (9, 8, 17)
    phones = {(row.e164, row.kind, row.region) for row in rows_of(engine, contact.phone)}
    assert phones == {
        ("+79114567890", "mobile", "Калининградская обл."),
        ("+79351234567", "mobile", ""),
    }
    again = service.refresh()
    assert (again.phones, again.leads) == (0, 0)


def test_a_load_broken_off_is_finished_by_a_refresh(
    service: Numbering, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = add_lead(engine, add_campaign(engine), "+79114567890")

    def gone(*_: Any) -> None:
        raise OSError

    with monkeypatch.context() as broken, pytest.raises(OSError):
        broken.setattr(numbering, "set_zones", gone)
        service.load(SAMPLE, "me")
    assert [row.tzdata for row in rows_of(engine, numbering.register)] == [""]
    assert zones_now(engine, lead) == "Europe/Moscow"
    assert service.refresh().leads == 1
    assert [row.tzdata for row in rows_of(engine, numbering.register)] == [zones.version()]
    assert zones_now(engine, lead) == "Europe/Kaliningrad"


def test_what_the_lead_itself_knows_is_left_alone(service: Numbering, engine: Engine) -> None:
    lead = add_lead(engine, add_campaign(engine), "+79114567890")
    before = lead_now(engine, lead)._asdict()
    service.load(SAMPLE, "me")
    after = lead_now(engine, lead)._asdict()
    assert {name for name, value in after.items() if value != before[name]} <= {"zone_id", "by_number"}
    assert before["due_at"] == NOON
    assert campaigns.lead.c.keys() == list(after)
