"""Reports: every attempt once, in words that people read, in cells that no spreadsheet runs."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_attempt, add_campaign, add_lead, after
from openpyxl import load_workbook
from sqlalchemy import Engine

from engine.errors import NotFound, UsageError
from engine.reports import campaign as module
from engine.reports import sheets
from engine.reports.campaign import COLUMNS, summary, write
from engine.reports.listening import COLUMNS as AMD_COLUMNS
from engine.reports.listening import by_amd
from engine.reports.words import RU, outcome, title
from storage import calls
from storage.contact import person
from storage.db import writing
from storage.vocab import CampaignState, LeadState, Outcome

ENDED = {
    "ringing_at": after(1),
    "answered_at": after(2),
    "ended_at": after(10.5),
    "heard_ms": 900,
    "message_ms": 1000,
    "pressed": "21",
    "cause": 16,
    "state": "ended",
}

Call = Callable[..., None]


@pytest.fixture
def call(engine: Engine) -> Call:
    """An attempt of the campaign that ended so."""
    row = add_campaign(engine)

    def add(outcome: str, name: str = "Пётр", **changes: Any) -> None:
        lead = add_lead(engine, row, key="=cmd|' /C calc'!A0")
        made = add_attempt(engine, lead)
        with writing(engine) as connection:
            connection.execute(person.update().where(person.c.id == lead["person_id"]).values(name=name))
            ended = calls.attempt.update().where(calls.attempt.c.id == made["id"])
            connection.execute(ended.values(**ENDED | {"outcome": outcome} | changes))

    return add


def test_each_fragment_is_told_by_how_many_heard_it_to_its_end(engine: Engine, call: Call) -> None:
    for heard in ("greeting,debt", "greeting", "greeting", ""):
        call("answered-partial", heard=heard)
    call("busy")
    call("machine", heard="greeting")  # nobody heard it there
    assert [row for row in summary(engine, "autumn") if row["outcome"].startswith("heard")] == [
        {"outcome": "heard: greeting", "count": 3, "share": 0.75},
        {"outcome": "heard: debt", "count": 1, "share": 0.25},
    ]
    assert outcome("heard: debt", "ru") == "дослушали: debt"
    assert outcome("called back: answered-promise", "ru") == "перезвонил сам: обещал оплатить"


def test_talks_are_told_by_what_amd_took_them_for(engine: Engine, call: Call) -> None:
    for seconds in (3, 5, 30):
        call("answered-heard", amd="human", ended_at=after(2 + seconds))
    call("machine", amd="machine", ended_at=after(4), pressed="")
    call("answered-heard")
    assert by_amd(engine, "autumn") == [
        dict(zip(AMD_COLUMNS, ("human", 3, 5, 12.7, 3, 1.0), strict=True)),
        dict(zip(AMD_COLUMNS, ("machine", 1, 2, 2.0, 0, 0.0), strict=True)),
    ]
    with pytest.raises(NotFound):
        by_amd(engine, "spring")


def test_a_workbook_has_a_sheet_of_machines_where_they_were_told(
    engine: Engine, call: Call, tmp_path: Path
) -> None:
    call("answered-heard", heard="greeting", promised_on=NOON.date(), amd="human")
    write(engine, "autumn", tmp_path / "r.xlsx", "en")
    book = load_workbook(tmp_path / "r.xlsx")
    assert [cell.value for cell in book["AMD"][2]][:2] == ["human", 1]
    titles, row = [[cell.value for cell in line] for line in book["Calls"].iter_rows(max_row=2)]
    told = dict(zip(titles, row, strict=True))
    assert (told["fragments heard"], told["promised on"], told["amd"]) == ("greeting", "2026-01-21", "human")


def test_attempts_are_summed_by_outcome_with_their_share_and_blocked_leads_below(
    engine: Engine, call: Call
) -> None:
    for ended in ("busy", "answered-heard", "busy", ""):
        call(ended)
    with writing(engine) as connection:
        connection.execute(calls.lead.update().values(state=LeadState.BLOCKED, why="blacklisted"))
    assert summary(engine, "autumn") == [
        {"outcome": "answered-heard", "count": 1, "share": 0.25},
        {"outcome": "busy", "count": 2, "share": 0.5},
        {"outcome": "", "count": 1, "share": 0.25},
        {"outcome": "blocked: blacklisted", "count": 4, "share": 0.0},
    ]
    with pytest.raises(NotFound):
        summary(engine, "none")


def test_whether_the_order_pays_is_told_when_there_is_something_to_compare(
    engine: Engine, call: Call
) -> None:
    for ended in ("answered-heard", "answered-partial", "busy", "machine"):
        call(ended)
    assert [row["outcome"] for row in summary(engine, "autumn")][-1] == "busy"
    for ended in ("answered-heard", "no-answer", "unreachable", "rejected", "invalid-number", "trunk-fault"):
        call(ended, control=True)
    assert summary(engine, "autumn")[-3:] == [
        {"outcome": "answered: at the best hour", "count": 4, "share": 0.5},
        {"outcome": "answered: in turn", "count": 4, "share": 0.25},
        {"outcome": "lift", "count": 8, "share": 0.25},
    ]


def test_a_csv_has_a_row_for_each_attempt_and_no_formula(engine: Engine, call: Call, tmp_path: Path) -> None:
    call("answered-operator", "@Пётр")
    call("busy", "-1", ringing_at=None, answered_at=None, heard_ms=None)
    out = tmp_path / "deep" / "report.CSV"
    assert write(engine, "autumn", out, "ru") == 2
    with out.open(encoding="utf-8-sig", newline="") as file:
        titles, first, second = csv.reader(file, delimiter=";")
    assert titles == [title(column, "ru") for column in COLUMNS]
    assert dict(zip(COLUMNS, first, strict=True)) == {
        "external_id": "'=cmd|' /C calc'!A0",
        "person": "'@Пётр",
        "city": "",
        "phone": PHONE,
        "number": "1",
        "trunk": "trunk",
        "started": "2026-01-21T12:00:00.000+00:00",
        "ringing": "2026-01-21T12:00:01.000+00:00",
        "answered": "2026-01-21T12:00:02.000+00:00",
        "ended": "2026-01-21T12:00:10.500+00:00",
        "outcome": "говорил с оператором",
        "talk_s": "8.5",
        "heard_ms": "900",
        "message_ms": "1000",
        "keys": "21",
        "cause": "16",
        "tech_cause": "",
        "fragments_heard": "",
        "promised_on": "",
        "amd": "",
    }
    assert second[COLUMNS.index("talk_s")] == second[COLUMNS.index("answered")] == ""
    assert second[COLUMNS.index("outcome")] == "занято"
    assert [file.name for file in out.parent.iterdir()] == [out.name]


def test_a_workbook_has_the_summary_and_the_calls(engine: Engine, call: Call, tmp_path: Path) -> None:
    call("answered-heard")
    call("")
    out = tmp_path / "report.xlsx"
    assert write(engine, "autumn", out, "en") == 2
    book = load_workbook(out)
    assert book.sheetnames == ["Summary", "Calls", "Templates"]
    assert list(book["Summary"].values) == [
        ("outcome", "count", "share"),
        ("answered-heard", 1, 0.5),
        ("under way", 1, 0.5),
    ]
    titles, first, _second = book["Calls"].values
    row = dict(zip(titles, first, strict=True))
    assert (row["external id"], row["phone"], row["heard ms"]) == ("=cmd|' /C calc'!A0", PHONE, 900)
    assert row["started"] == NOON.replace(tzinfo=None)
    formula = book["Calls"]["A2"]
    assert formula.data_type == "s"  # text, not a formula


def test_a_campaign_without_attempts_has_an_empty_report(engine: Engine, tmp_path: Path) -> None:
    add_campaign(engine)
    for name in ("a.csv", "a.xlsx"):
        assert write(engine, "autumn", tmp_path / name, "ru") == 0
    assert len(list(load_workbook(tmp_path / "a.xlsx").worksheets[1].values)) == 1
    assert summary(engine, "autumn") == []


def test_what_cannot_be_written_leaves_no_file(
    engine: Engine, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("busy")
    call("busy")
    with pytest.raises(UsageError, match=r"\.xlsx or \.csv"):
        write(engine, "autumn", tmp_path / "a.pdf", "ru")
    with pytest.raises(NotFound):
        write(engine, "none", tmp_path / "a.csv", "ru")
    monkeypatch.setattr(sheets, "MAX_ROWS", 1)
    with pytest.raises(UsageError, match="room for 1 rows"):
        write(engine, "autumn", tmp_path / "a.xlsx", "ru")
    monkeypatch.setattr(module, "_row", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(engine, "autumn", tmp_path / "a.csv", "ru")
    assert list(tmp_path.iterdir()) == []


def test_every_word_of_the_vocabulary_has_its_russian_one() -> None:
    for word in (*Outcome, ""):
        assert outcome(word, "ru") != word
        assert outcome(word, "en")
    for word in (*CampaignState, *LeadState, *COLUMNS):
        assert word in RU
    assert outcome("rejected", "ru") != title("rejected", "ru")  # a call and a row
    assert title("created_at", "en") == "created at"
