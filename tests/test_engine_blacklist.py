"""The blacklist in the hands of operators: entries, lists, undoing, opt-outs."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import PHONE, add_attempt, add_campaign, add_lead, lead_now, rows_of, settings
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from engine.contact import lists
from engine.contact.blacklist import PREFIX, Blacklists, value_of
from engine.contact.lists import moment, plain
from engine.errors import NotFound, UsageError
from engine.files.sheets import rows
from storage import consent
from storage.audit import audit
from storage.blacklist import blacklist, keys_for
from storage.campaign import get
from storage.db import new_id, writing
from storage.vocab import BanKind, ConsentKind, LeadState

NUMBER = BanKind.NUMBER


@pytest.fixture
def bans(engine: Engine, tmp_path: Path) -> Blacklists:
    return Blacklists(engine, settings(tmp_path))


Add = Callable[..., Any]


@pytest.fixture
def add(bans: Blacklists) -> Add:
    def added(value: str = PHONE, kind: BanKind = NUMBER, **more: Any) -> Any:
        return bans.add(value, kind, **{"reason": "asked", "actor": "me"} | more)

    return added


@pytest.mark.parametrize(
    "kind, written, stored",
    [
        ("number", "8 (921) 123-45-67", PHONE),
        ("prefix", "+7 921", "+7921"),
        ("prefix", "+7", "+7"),
        ("prefix", "+79211234567890", "+79211234567890"),
        ("person", "id:42", "id:42"),
        ("person", "tel:89211234567", f"tel:{PHONE}"),
        ("group", " сотрудники ", "сотрудники"),
    ],
)
def test_what_an_entry_names_is_stored_in_one_way(kind: str, written: str, stored: str) -> None:
    assert value_of(BanKind(kind), written, "RU") == stored


@pytest.mark.parametrize(
    "kind, written",
    [
        ("number", "12"),
        ("number", ""),
        *(("prefix", text) for text in ("7921", "8921", "+", "+0", "+7921123456789012", "+79a")),
        *(("person", text) for text in ("42", "id:", "tel:5", "", "id:" + "1" * 240)),
        *(("group", text) for text in ("", "=cmd", "+7", "a\nb", "g" * 240)),
    ],
)
def test_what_cannot_be_an_entry_is_refused(kind: str, written: str) -> None:
    with pytest.raises(UsageError):
        value_of(BanKind(kind), written, "RU")


@given(st.from_regex(PREFIX, fullmatch=True))
def test_every_prefix_that_may_be_entered_is_one_that_is_looked_for(prefix: str) -> None:
    number = prefix.ljust(16, "0")
    assert f"prefix:{prefix}" in keys_for(number, "", ())


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("2026-12-31", "2027-01-01T00:00:00+00:00"),
        ("2026-12-31T18:00+03:00", "2026-12-31T18:00:00+03:00"),
        ("2026-12-31T18:00Z", "2026-12-31T18:00:00+00:00"),
    ],
)
def test_a_date_means_its_end(text: str, wanted: str) -> None:
    found = moment(text, "until")
    assert found is not None and found.isoformat() == wanted


@pytest.mark.parametrize("text", ["31.12.2026", "2026-13-01", "2026-12-31T18:00", "9999-12-31", "x" * 10])
def test_a_moment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^until: "):
        moment(text, "until")


@pytest.mark.parametrize("text", ["", " ", "=1+1", "-1", "@a", "a\0b", "a\x1bb", "x" * 11])
def test_a_text_that_cannot_be_kept_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"^reason: "):
        plain(text, "reason", 10)


def test_an_entry_takes_leads_out_and_its_undoing_gives_them_back(
    engine: Engine, bans: Blacklists, add: Add
) -> None:
    campaign = add_campaign(engine)
    waiting = [
        add_lead(engine, campaign, PHONE),
        add_lead(engine, campaign, PHONE, state=LeadState.NEW, clips=None),
    ]
    done = add(scope="autumn")
    assert done.leads == 2
    assert add(scope="autumn").id is None
    assert {lead_now(engine, row).why for row in waiting} == {f"blacklisted:{done.id}"}
    dry = bans.undo(done.id, actor="boss", dry_run=True)
    assert (dry.entries, dry.leads) == (1, 2)
    assert {lead_now(engine, row).state for row in waiting} == {"blocked"}
    undone = bans.undo(done.id, actor="boss")
    assert (undone.entries, undone.leads) == (1, 2)
    assert [lead_now(engine, row).state for row in waiting] == ["pending", "new"]
    again = bans.undo(done.id, actor="boss")
    assert (again.entries, again.leads) == (0, 0)
    (row,) = rows_of(engine, blacklist)
    assert (row.scope, row.reason, row.actor, row.removed_by) == ("autumn", "asked", "me", "boss")
    notes = [(note.deed, note.actor, note.subject) for note in rows_of(engine, audit)]
    assert notes == [("blacklist.add", "me", str(done.id)), ("blacklist.undo", "boss", str(done.id))]
    assert not any("9211234567" in str(note) for note in rows_of(engine, audit))


def test_an_undoing_that_was_killed_is_finished_by_the_next(
    engine: Engine, bans: Blacklists, add: Add
) -> None:
    row = add_lead(engine, add_campaign(engine), PHONE)
    done = add()
    with writing(engine) as connection:
        connection.execute(update(blacklist).values(removed_at=bans._settings.now()))
    assert bans.undo(done.id, actor="me").leads == 1
    assert lead_now(engine, row).state == "pending"


def test_a_campaign_that_is_not_there_is_told(add: Add, bans: Blacklists) -> None:
    with pytest.raises(NotFound, match="no campaign named 'spring'"):
        add(scope="spring")
    for wanted in (new_id(), UUID(int=0)):
        with pytest.raises(NotFound):
            bans.undo(wanted, actor="me")


@pytest.mark.parametrize("more", [{"reason": " "}, {"until": "2001-01-01"}, {"until": "soon"}])
def test_an_entry_without_a_reason_or_of_the_past_is_refused(
    engine: Engine, add: Add, more: dict[str, str]
) -> None:
    with pytest.raises(UsageError):
        add(**more)
    assert rows_of(engine, blacklist) == []


def test_what_stands_under_a_value_is_removed_in_its_scope_only(
    engine: Engine, add: Add, bans: Blacklists
) -> None:
    add_campaign(engine)
    here, everywhere = add("8 921 123 45 67", scope="autumn"), add()
    with pytest.raises(NotFound):
        bans.remove("+79210000000", NUMBER, actor="me")
    assert bans.remove(PHONE, NUMBER, actor="me", dry_run=True).entries == 1
    assert bans.remove(PHONE, NUMBER, actor="me").entries == 1
    assert [row["id"] for row in bans.entries(9)] == [here.id]
    assert [row["id"] for row in bans.entries(9, removed=True)] == [everywhere.id, here.id]
    with pytest.raises(NotFound):
        bans.remove(PHONE, NUMBER, actor="me")


def test_an_entry_with_a_date_blocks_nothing(engine: Engine, add: Add) -> None:
    row = add_lead(engine, add_campaign(engine), PHONE)
    assert add(until="2100-01-01").leads == 0
    assert lead_now(engine, row).state == "pending"
    assert add().leads == 1  # for good: it takes the other's place


LIST = """value;kind;scope;until;reason
8 921 123-45-67;;;;complaint
+7921;prefix;autumn;2100-01-01;code
12;;;;short
+79211234567;;;;twice
id:42;person;global;;court
staff;group;;;ours
+79210000001;nobody;;;kind
+79210000002;number;spring;;scope
+79210000003;;;1999-01-01;until
+79210000004;;;;=1
+79210000005;;;;more;cells
"""


@pytest.fixture
def load(bans: Blacklists, tmp_path: Path) -> Callable[[str], Any]:
    def loaded(text: str) -> Any:
        (tmp_path / "list.csv").write_text(text)
        return bans.load(rows(tmp_path / "list.csv", "value"), "list.csv", "me")

    return loaded


def test_a_list_goes_in_and_what_is_wrong_is_told_by_line(
    engine: Engine, load: Callable[[str], Any], tmp_path: Path
) -> None:
    waiting = add_lead(engine, add_campaign(engine), PHONE)
    import_id, done = load(LIST)
    assert (done.rows, done.imported, done.duplicates, done.rejected) == (11, 4, 1, 6)
    assert lead_now(engine, waiting).state == "blocked"
    entries = {row.key: row for row in rows_of(engine, blacklist)}
    assert set(entries) == {f"number:{PHONE}", "prefix:+7921", "person:id:42", "group:staff"}
    assert entries["prefix:+7921"].scope == "autumn"
    assert entries["group:staff"].evidence == {"import": str(import_id), "file": "list.csv"}
    with Path(done.rejects_file).open(encoding="utf-8-sig", newline="") as file:
        refused = list(csv.DictReader(file, delimiter=";"))
    assert [(row["rejected_line"], row["rejected_why"].partition(":")[0]) for row in refused] == [
        ("4", "no such number exists"),
        ("8", "kind"),
        ("9", "scope"),
        ("10", "until"),
        ("11", "reason"),
        ("12", "more cells than the header has columns"),
    ]
    assert (refused[1]["value"], refused[1]["reason"]) == ("+79210000001", "kind")
    (note,) = rows_of(engine, audit)
    assert (note.deed, note.subject, note.detail["imported"]) == ("blacklist.import", str(import_id), 4)
    _, again = load(LIST)
    assert (again.imported, again.duplicates) == (0, 5)
    _, clean = load("value;reason\n+79211234567;x\n")
    assert clean.rejects_file is None
    assert list((tmp_path / "rejects").iterdir()) == []


def test_a_whole_import_is_undone_by_its_id(
    engine: Engine, bans: Blacklists, add: Add, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "BATCH", 7)
    monkeypatch.setattr("engine.contact.blacklist.CHUNK", 4)
    campaign = add_campaign(engine)
    numbers = [f"+7921555{n:04}" for n in range(20)]
    leads = [add_lead(engine, campaign, number) for number in numbers]
    kept = add(numbers[0])
    import_id, done = load("value;reason\n" + "".join(f"{number};x\n" for number in numbers))
    assert (done.imported, done.duplicates) == (19, 1)
    assert {lead_now(engine, row).state for row in leads} == {"blocked"}
    dry = bans.undo(import_id, actor="me", dry_run=True)
    assert (dry.entries, dry.leads) == (19, 19)
    undone = bans.undo(import_id, actor="me")
    assert (undone.entries, undone.leads) == (19, 19)
    assert [lead_now(engine, row).state for row in leads] == ["blocked"] + ["pending"] * 19
    assert [row["id"] for row in bans.entries(99)] == [kept.id]
    notes = [(note.deed, note.subject) for note in rows_of(engine, audit)]
    assert notes[-1] == ("blacklist.undo", str(import_id))
    assert len(notes) == 3


def test_what_is_exported_can_be_imported(
    engine: Engine, bans: Blacklists, add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.contact.blacklist.CHUNK", 1)
    add_campaign(engine)
    for n in range(13):
        add(f"+7921555{n:04}", reason=f"no; {n}")
    add("+7921", BanKind.PREFIX, scope="autumn", until="2100-01-01")
    bans.remove("+79215550001", NUMBER, actor="me")
    before = [{**row, "id": 0, "created_at": 0, "evidence": 0} for row in bans.entries(99)]
    assert bans.export(tmp_path / "all.csv") == 13
    assert bans.export(tmp_path / "prefixes.csv", BanKind.PREFIX) == 1
    with writing(engine) as connection:
        connection.execute(blacklist.delete())
    _, done = bans.load(rows(tmp_path / "all.csv", "value"), "all.csv", "me")
    assert (done.imported, done.rejected) == (13, 0)
    after_ = [{**row, "id": 0, "created_at": 0, "evidence": 0} for row in bans.entries(99)]
    assert sorted(map(str, after_)) == sorted(map(str, before))
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["all.csv", "prefixes.csv"]


def test_an_opt_out_is_global_at_once_and_said_once_a_call(
    engine: Engine, bans: Blacklists, add: Add
) -> None:
    add(until="2100-01-01")
    flying = add_lead(engine, add_campaign(engine), PHONE, state=LeadState.IN_FLIGHT)
    waiting = [add_lead(engine, add_campaign(engine, name), PHONE) for name in ("winter", "spring")]
    call = add_attempt(engine, flying)["id"]
    first = bans.opt_out(PHONE, "call", f"call:{call}", call)
    assert (first.said, first.leads) == (True, 2)
    assert {lead_now(engine, row).why for row in waiting} == {f"blacklisted:{first.id}"}
    notes = len(rows_of(engine, audit))
    second = bans.opt_out(PHONE, "call", f"call:{call}", call)
    assert (second.said, second.id, second.leads) == (False, None, 0)
    assert len(rows_of(engine, audit)) == notes
    third = bans.opt_out(PHONE, "letter", "me", proof="17/2026")
    assert (third.said, third.id) == (True, None)
    (entry,) = (row for row in bans.entries(9) if row["reason"] == "opt-out")
    assert (entry["until"], entry["scope"]) == (None, "global")
    assert entry["evidence"] == {"how": "call", "proof": f"call:{call}"}
    assert [(row.source, row.proof) for row in rows_of(engine, consent.consent)] == [
        ("call", f"call:{call}"),
        ("letter", "17/2026"),
    ]


def test_who_agreed_again_since_is_not_barred_by_an_old_refusal(engine: Engine, bans: Blacklists) -> None:
    now = bans._settings.now()
    line = {"subject": f"tel:{PHONE}", "kind": ConsentKind.CALLS, "given": True, "at": now, "until": None}
    with writing(engine) as connection:
        consent.add(connection, [line | {"source": "contract", "proof": "18", "actor": "me"}])
    old = now.replace(year=now.year - 1, day=1)
    assert bans.opt_out(PHONE, "letter", "me", proof="17", at=old).id is None
    assert bans.entries(9) == []
    assert bans.opt_out(PHONE, "letter", "me", proof="19").id is not None


def test_a_number_never_stands_in_the_audit(engine: Engine, bans: Blacklists, add: Add) -> None:
    add()
    bans.opt_out("+79210000001", "call", "me")
    bans.remove(PHONE, NUMBER, actor="me")
    assert len(rows_of(engine, audit)) == 4
    told = [str((note.subject, note.detail)) for note in rows_of(engine, audit)]
    assert not any("921" in re.sub(r"[0-9a-f-]{36}", "", one) for one in told), "ids may have any digits"


def test_the_campaigns_of_a_lead_that_comes_back_stay_as_they_are(
    engine: Engine, bans: Blacklists, add: Add
) -> None:
    campaign = add_campaign(engine, state="done")
    row = add_lead(engine, campaign, PHONE)
    bans.undo(add().id, actor="me")
    assert lead_now(engine, row).state == "pending"

    with writing(engine) as connection:
        assert get(connection, campaign.id).state == "done"
