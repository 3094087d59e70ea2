"""The auditor's report: every attempt with what was noted of it, recounted; on paper without any surprise."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_attempt, add_campaign, add_lead, after, ban, rows_of, settings
from calling import ENDINGS, TIME, Line, clocked
from openpyxl import load_workbook
from sqlalchemy import Engine

from engine.errors import NotFound, UsageError
from engine.reports import papers
from engine.reports.auditor import Auditor
from engine.reports.papers import BRIEF, COLUMNS, ENTRY, shown, told
from engine.reports.words import RU
from engine.settings import Settings
from storage import audit, blacklist, calls, consent, contact
from storage import reports as store
from storage.db import new_id, writing
from storage.vocab import CallKind, ConsentKind

LAW = "ru-230fz-talk 2026-11"
PERMIT = {
    "law": [LAW, "own 1"],
    "hours": [["Europe/Moscow", "2026-01-21 15:00", "08:00-22:00"]],
    "used": {"ru-230fz-talk:day": [0, 1], "own:day": [0, 3]},
}
ENDED = {
    "ringing_at": after(1),
    "answered_at": after(2),
    "ended_at": after(10.5),
    "heard_ms": 900,
    "message_ms": 1400,
    "pressed": "2",
    "cause": 16,
    "tech_cause": 200,
    "state": "ended",
    "outcome": "answered-partial",
}
HOSTILE = "<script>alert('1')</script>"
CLIPS = [["ab" * 32, 900], ["cd" * 32, 500]]

Called = Callable[..., dict[str, Any]]


@pytest.fixture
def told_to(tmp_path: Path) -> Settings:
    return settings(tmp_path, lang="en")


@pytest.fixture
def auditor(engine: Engine, told_to: Settings) -> Auditor:
    return Auditor(engine, told_to)


@pytest.fixture
def called(engine: Engine) -> Called:
    """An attempt that ended, of a lead of its own or of one more number; `days` after noon."""
    campaign = add_campaign(engine)

    def add(*, days: float = 0, permit: Any = PERMIT, lead: Any = None, **changes: Any) -> dict[str, Any]:
        at = NOON + timedelta(days=days)
        lead = lead or add_lead(engine, campaign, clips=CLIPS)
        made = add_attempt(
            engine, lead, id=new_id(at), prepared_at=at, permit=permit, caller_id="+78120000000"
        )
        with writing(engine) as connection:
            query = calls.attempt.update().where(calls.attempt.c.id == made["id"])
            connection.execute(query.values(**ENDED | changes))
        return lead | {"attempt": str(made["id"]), "campaign": campaign}

    return add


def test_an_attempt_has_all_that_was_noted_and_seen(auditor: Auditor, called: Called) -> None:
    lead = called()
    (row,), entries = auditor.draw(auditor.ask("8 921 123-45-67"), "me")
    assert tuple(sorted(row)) == tuple(sorted(COLUMNS))
    assert row == {
        "at_utc": NOON,
        "local": "2026-01-21 15:00",
        "zones": "Europe/Moscow",
        "attempt": lead["attempt"],
        "window": "08:00-22:00",
        "limits": "own:day 0/3; ru-230fz-talk:day 0/1",
        "law": f"{LAW}; own 1",
        "person_key": f"id:{lead['person_id']}",
        "external_id": lead["key"],
        "phone": PHONE,
        "campaign": "autumn",
        "number": 1,
        "kind": CallKind.TALK,
        "trunk": "trunk",
        "caller_id": "+78120000000",
        "ringing_utc": after(1),
        "answered_utc": after(2),
        "ended_utc": after(10.5),
        "outcome": "answered-partial",
        "keys": "2",
        "call_back": None,
        "promised_on": "",
        "cause": 16,
        "tech_cause": 200,
        "counts": True,
        "heard_ms": 900,
        "message_ms": 1400,
        "fragments_heard": "",
        "clips": "ab" * 32,
        "recording": "",
        "recount": "ok",
    }
    assert entries == []


@pytest.mark.parametrize(
    "state, told", [("", "не велась"), ("kept", "хранится"), ("removed", "удалена по сроку")]
)
def test_what_became_of_the_recording_is_told(
    auditor: Auditor, called: Called, state: str, told: str
) -> None:
    called(recording=state)
    (row,), _ = auditor.draw(auditor.ask(PHONE), "me")
    assert (row["recording"], shown(row, "ru")["recording"]) == (state, told)


@pytest.mark.parametrize("heard, clips", [(None, []), (0, []), (900, CLIPS[:1]), (901, CLIPS), (1400, CLIPS)])
def test_clips_are_those_that_began_to_sound(
    auditor: Auditor, called: Called, heard: int | None, clips: list[Any]
) -> None:
    called(heard_ms=heard)
    (row,), _ = auditor.draw(auditor.ask(PHONE), "me")
    assert row["clips"].split() == [name for name, _ms in clips]


def test_a_number_stands_for_all_who_have_it_and_all_their_phones(
    engine: Engine, auditor: Auditor, called: Called
) -> None:
    first = called()
    other = add_lead(engine, first["campaign"], "+79219999999", of=first)
    called(lead=other, days=1)
    shared = add_lead(engine, first["campaign"], PHONE)
    called(lead=shared, days=2)
    called(days=3)  # of somebody else
    rows, _ = auditor.draw(auditor.ask(PHONE), "me")
    assert [row["phone"] for row in rows] == [PHONE, "+79219999999", PHONE]
    assert len(auditor.draw(auditor.ask("+79219999999"), "me")[0]) == 2


def test_a_time_is_days_of_utc_with_both_ends_in_it(auditor: Auditor, called: Called) -> None:
    for days in (-0.51, -0.5, 0, 0.49, 0.51):
        called(days=days, permit={})

    def found(**question: str) -> int:
        return len(auditor.draw(auditor.ask(**question), "me")[0])

    assert found(since="2026-01-21", until="2026-01-21") == 3
    assert found(since="2026-01-20", until="2026-01-22") == 5
    assert found(since="2026-01-21T15:00+03:00", until="2026-01-22") == 3
    assert found(phone=PHONE, since="2026-01-20") == 1
    for question in ({}, {"since": "2026-01-21"}, {"until": "2026-01-21"}, {"campaign": "autumn"}):
        with pytest.raises(UsageError, match="PHONE, or a time"):
            auditor.ask(**question)
    with pytest.raises(UsageError, match="before"):
        auditor.ask(since="2026-01-22", until="2026-01-21")
    for question in ({"since": "x", "until": "2026-01-21"}, {"since": "2026-99-99", "until": "2026-01-21"}):
        with pytest.raises(UsageError, match="--from"):
            auditor.ask(**question)


def test_a_campaign_narrows_it(engine: Engine, auditor: Auditor, called: Called) -> None:
    called()
    winter = add_campaign(engine, "winter")
    called(lead=add_lead(engine, winter), days=1)
    week = {"since": "2026-01-20", "until": "2026-01-27"}
    assert [row["campaign"] for row in auditor.draw(auditor.ask(**week), "me")[0]] == ["autumn", "winter"]
    (row,), _ = auditor.draw(auditor.ask(**week, campaign="winter"), "me")
    assert row["campaign"] == "winter"
    with pytest.raises(NotFound, match="none"):
        auditor.ask(**week, campaign="none")


def test_pages_follow_one_another(auditor: Auditor, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PAGE", 2)
    wanted = [called(days=day)["attempt"] for day in range(5)]
    rows, _ = auditor.draw(auditor.ask(since="2026-01-01", until="2026-02-01"), "me")
    assert [row["attempt"] for row in rows] == wanted


def test_a_call_too_many_shows_though_nothing_of_it_was_noted(
    engine: Engine, auditor: Auditor, called: Called
) -> None:
    lead = called()
    second = add_lead(engine, lead["campaign"], of=lead)
    hours = [["Europe/Moscow", "2026-01-21 19:48", "08:00-22:00"]]
    called(lead=second, days=0.2, permit=PERMIT | {"hours": hours})
    again = [["Europe/Moscow", "2026-01-21 21:00", "08:00-20:00"]]
    called(lead=second, days=0.25, permit=PERMIT | {"hours": again, "law": ["ru-230fz-talk 1999-01"]})
    first, broken, late = (row["recount"] for row in auditor.draw(auditor.ask(PHONE), "me")[0])
    assert first == "ok"
    assert broken == "limit ru-230fz-talk:day: recounted, 1 of 1 came before this call"
    assert late == "Europe/Moscow: 2026-01-21 21:00 is outside 08:00-20:00"  # that version nobody knows


def test_calls_of_before_law_packs_and_of_unknown_zones_are_told_as_they_are(
    engine: Engine, auditor: Auditor, called: Called
) -> None:
    lead = called(permit={}, outcome="unreachable", refund=True, heard_ms=None)
    homeless = add_lead(engine, lead["campaign"], zones="", of=lead)
    called(lead=homeless, days=1, permit={"law": ["own 1"], "hours": [], "used": {}})
    old, new = auditor.draw(auditor.ask(PHONE), "me")[0]
    assert (old["local"], old["zones"], old["window"]) == ("2026-01-21 15:00", "Europe/Moscow", "")
    assert (old["recount"], old["counts"]) == ("no record of why it was allowed", False)
    assert (new["local"], new["zones"], new["recount"]) == ("", "", "ok")


def test_several_zones_are_told_each_with_its_window(auditor: Auditor, called: Called) -> None:
    hours = [*PERMIT["hours"], ["Asia/Omsk", "2026-01-21 18:00", "08:00-22:00"]]
    called(permit=PERMIT | {"hours": hours})
    (row,), _ = auditor.draw(auditor.ask(PHONE), "me")
    assert row["local"] == "2026-01-21 15:00; 2026-01-21 18:00"
    assert row["zones"] == "Europe/Moscow; Asia/Omsk"
    assert row["window"] == "Europe/Moscow 08:00-22:00; Asia/Omsk 08:00-22:00"


@pytest.fixture
def registered(engine: Engine) -> None:
    """What the registers may say of PHONE."""
    with writing(engine) as connection:
        standing = {"reason": HOSTILE, "at": NOON, "actor": "me"}
        entry = ban(connection, f"number:{PHONE}", **standing, evidence={"days": 2})
        assert entry
        blacklist.remove(connection, [entry], after(60), "boss")
        ban(connection, "prefix:+7921", **standing, scope="autumn")
        ban(connection, "prefix:+7922", **standing)
        said = {"until": None, "source": "letter", "proof": "№ 7", "actor": "me", "at": NOON}
        agreed = {"subject": f"tel:{PHONE}", "kind": ConsentKind.CALLS, "given": False}
        consent.add(connection, [said | agreed, said | agreed | {"subject": "tel:+79210000000"}])


def test_the_registers_tell_of_the_number_and_of_who_has_it(
    engine: Engine, auditor: Auditor, called: Called, registered: None
) -> None:
    lead = called()
    with writing(engine) as connection:
        query = contact.person.update().where(contact.person.c.id == lead["person_id"])
        connection.execute(query.values(groups=["police"]))
        ban(connection, "group:police", reason="r", at=after(9), actor="me", until=after(99))
    _, entries = auditor.draw(auditor.ask(PHONE), "me")
    assert all(tuple(entry) == ENTRY for entry in entries)
    brief = [(entry["register"], entry["kind"], entry["subject"], entry["scope"]) for entry in entries]
    assert brief == [
        ("blacklist", "number", PHONE, "global"),
        ("blacklist", "prefix", "+7921", "autumn"),
        ("blacklist", "group", "police", "global"),
        ("consent", "calls", f"tel:{PHONE}", ""),
    ]
    assert entries[0]["removed"] == "2026-01-21 12:01:00 UTC, boss"
    assert json.loads(entries[0]["proof"]) == {"days": 2}
    assert (entries[2]["until"], entries[2]["proof"]) == (after(99), "")
    assert (entries[3]["says"], entries[3]["proof"]) == ("no", "№ 7")
    assert told(entries[3], "ru")["kind"] == "звонки"
    assert told(entries[3], "ru")["says"] == "нет"
    assert told(entries[2], "en")["kind"] == "group"
    assert auditor.draw(auditor.ask(since="2026-01-20", until="2026-01-22"), "me")[1] == []


def test_a_number_that_was_never_called_may_be_in_a_register(auditor: Auditor, registered: None) -> None:
    rows, entries = auditor.draw(auditor.ask(PHONE), "me")
    assert (rows, len(entries)) == ([], 3)


def test_nothing_to_tell_is_said_and_leaves_no_file(auditor: Auditor, called: Called, tmp_path: Path) -> None:
    called()
    asked = auditor.ask("+74951234567")
    with pytest.raises(NotFound, match="no attempts"):
        auditor.draw(asked, "me")
    for ending in ("xlsx", "html", "csv"):
        with pytest.raises(NotFound, match="no attempts"):
            auditor.write(asked, tmp_path / f"a.{ending}", "me")
    with pytest.raises(UsageError, match=r"\.xlsx, \.html or \.csv"):
        auditor.write(auditor.ask(PHONE), tmp_path / "a.pdf", "me")
    assert list(tmp_path.iterdir()) == []
    assert rows_of(auditor._engine, audit.audit) == []


def test_that_it_was_drawn_is_in_the_audit_without_the_number(
    engine: Engine, auditor: Auditor, called: Called, tmp_path: Path
) -> None:
    lead = called()
    auditor.draw(auditor.ask(PHONE), "clerk")
    auditor.write(
        auditor.ask(since="2026-01-21", until="2026-01-21", campaign="autumn"), tmp_path / "a.csv", "boss"
    )
    first, second = rows_of(engine, audit.audit)
    assert (first.actor, first.deed) == ("clerk", "report.auditor")
    assert first.detail == {
        "campaign": "",
        "since": "",
        "before": "",
        "attempts": 1,
        "people": [str(lead["person_id"])],
    }
    assert (second.actor, second.detail["since"]) == ("boss", "2026-01-21 00:00 UTC")
    assert (second.detail["before"], second.detail["campaign"]) == ("2026-01-22 00:00 UTC", "autumn")
    assert PHONE[1:] not in f"{first}{second}"


def test_a_workbook_has_the_calls_and_the_registers(
    auditor: Auditor, called: Called, registered: None, tmp_path: Path
) -> None:
    called(pressed="=1+1")
    out = tmp_path / "a.xlsx"
    assert auditor.write(auditor.ask(PHONE), out, "me") == 1
    book = load_workbook(out)
    assert book.sheetnames == ["Calls", "Register entries"]
    titles, row = book["Calls"].values
    assert titles == tuple(name.replace("_", " ") for name in COLUMNS)
    found = dict(zip(COLUMNS, row, strict=True))
    assert (found["phone"], found["counts"], found["recount"], found["heard_ms"]) == (PHONE, "yes", "ok", 900)
    assert found["at_utc"] == NOON.replace(tzinfo=None)
    keys = book["Calls"].cell(2, COLUMNS.index("keys") + 1)
    assert (keys.value, keys.data_type) == ("=1+1", "s")
    registers = list(book["Register entries"].values)
    assert registers[0] == ENTRY
    assert registers[1][ENTRY.index("says")] == HOSTILE
    assert len(registers) == 4


def test_a_csv_has_the_calls(auditor: Auditor, called: Called, registered: None, tmp_path: Path) -> None:
    called(outcome="busy", answered_at=None, heard_ms=None)
    out = tmp_path / "a.csv"
    assert auditor.write(auditor.ask(PHONE), out, "me") == 1
    with out.open(encoding="utf-8-sig", newline="") as file:
        titles, row = csv.reader(file, delimiter=";")
    found = dict(zip(titles, row, strict=True))
    assert (found["answered utc"], found["outcome"], found["clips"]) == ("", "busy", "")
    assert found["at utc"] == "2026-01-21T12:00:00.000+00:00"


def test_what_the_dialer_does_stands_up_to_the_recount(engine: Engine, tmp_path: Path) -> None:
    line = Line(engine, clocked(tmp_path))
    campaigns = [
        add_campaign(engine, name, law=law, attempts=20)
        for name, law in (
            ("ru", ["ru-230fz-talk"]),
            ("both", ["ru-230fz-talk", "us-regf"]),
            ("none", ["none"]),
        )
    ]
    first = add_lead(engine, campaigns[0])
    for campaign in campaigns:
        add_lead(engine, campaign, "+79031234567", of=first)
        add_lead(engine, campaign, zones="Europe/Moscow,Asia/Kamchatka")
    TIME.at = NOON
    try:
        for step in range(60):  # of 7 hours and a bit: all times of the day, two weeks and a half
            line.take([campaign.id for campaign in campaigns])
            line.close(list(ENDINGS)[step % len(ENDINGS)])
            TIME.pass_(hours=7, minutes=11)
    finally:
        TIME.at = NOON
    auditor = Auditor(engine, clocked(tmp_path))
    rows, _ = auditor.draw(auditor.ask(since="2026-01-21", until="2026-02-28"), "me")
    assert {row["campaign"] for row in rows} == {"ru", "both", "none"}
    assert len(rows) > 10
    assert {row["recount"] for row in rows} == {"ok"}


class Page(HTMLParser):
    """Tags and text of a page; what it asks for from outside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.outside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.outside += [name for name, _value in attrs if name in ("src", "href", "style")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data.strip())


def test_the_page_parses_asks_for_nothing_and_runs_nothing(
    engine: Engine, told_to: Settings, called: Called, registered: None, tmp_path: Path
) -> None:
    russian = Auditor(engine, told_to.model_copy(update={"lang": "ru"}))
    lead = called()
    with writing(engine) as connection:
        connection.execute(calls.lead.update().values(key=HOSTILE))
    called(lead=add_lead(engine, lead["campaign"], of=lead), permit={}, days=1)
    out = tmp_path / "a.html"
    assert russian.write(russian.ask(PHONE), out, "<b>me") == 2
    text = out.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == page.outside == []
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert page.tags.count("tr") == 1 + 2 + 1 + 3
    assert page.tags.count("td") == 2 * len(papers.GROUPS) + 3 * len(ENTRY)
    assert {HOSTILE, PHONE, "ab" * 32, "прослушал не всё", "ok", "составил: <b>me"} <= set(page.text)
    assert text.count('class="wrong"') == 1
    assert "size: A4 landscape" in text
    assert "url(" not in text and "@import" not in text and "//" not in text


def test_a_page_without_entries_has_one_table(auditor: Auditor, called: Called, tmp_path: Path) -> None:
    called()
    out = tmp_path / "A.HTML"
    auditor.write(auditor.ask(since="2026-01-21", until="2026-01-21"), out, "me")
    page = Page(out.read_text(encoding="utf-8"))
    assert page.tags.count("table") == 1
    assert {"since: 2026-01-21 00:00 UTC", "before: 2026-01-22 00:00 UTC", "phone: all"} <= set(page.text)


def test_words_are_the_readers(auditor: Auditor, called: Called) -> None:
    called(refund=True)
    (row,), _ = auditor.draw(auditor.ask(PHONE), "me")
    assert [shown(row, "ru")[name] for name in ("kind", "outcome", "counts")] == [
        *("разговор", "прослушал не всё", "нет")
    ]
    assert {*COLUMNS, *ENTRY, *BRIEF, *CallKind} <= set(RU)
