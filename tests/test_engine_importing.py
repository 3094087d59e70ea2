"""Import: what is good goes in once, what is not comes back with line and reason, nothing is half done."""

import csv
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, after, ban, rows_of, settings
from sqlalchemy import Engine

from engine.campaign import importing
from engine.campaign.importing import import_rows, newer
from engine.campaign.timing import is_control
from engine.contact.lists import Summary
from engine.errors import FileError
from engine.files.sheets import rows
from storage import blacklist, contact
from storage.campaign import CampaignRow, lead
from storage.db import new_id, writing

HEAD = "external_id;person_id;phone;phone2;name;sum;timezone;lat;lon;role\n"


@pytest.fixture
def campaign(engine: Engine) -> CampaignRow:
    return add_campaign(engine)


@pytest.fixture
def bring(engine: Engine, campaign: CampaignRow, tmp_path: Path) -> Callable[..., Summary]:
    """Import a list of these lines."""

    def brought(text: str, into: CampaignRow = campaign, **changes: Any) -> Summary:
        file = tmp_path / "list.csv"
        file.write_text(text)
        options = {"rejects": tmp_path / "rejects" / "list.rejected.csv"} | changes
        return import_rows(engine, into, rows(file), settings(tmp_path), **options)

    return brought


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.rows, summary.imported, summary.duplicates, summary.rejected


def test_a_row_becomes_a_person_his_phones_and_a_lead(
    engine: Engine, campaign: CampaignRow, bring: Callable[..., Summary]
) -> None:
    row = "d-1;p-1;8 (921) 123-45-67;9211230000;Пётр;100;Europe/Moscow;55,75;37.6;debtor\n"
    assert counts(bring(HEAD + row)) == (1, 1, 0, 0)
    (person,), (debt,) = rows_of(engine, contact.person), rows_of(engine, lead)
    phones = {row.e164: row for row in rows_of(engine, contact.phone)}
    assert (person.key, person.name, person.timezone) == ("id:p-1", "Пётр", "Europe/Moscow")
    assert (person.lat, person.lon) == (55.75, 37.6)
    assert {number: row.position for number, row in phones.items()} == {PHONE: 1, "+79211230000": 2}
    assert (debt.key, debt.role, debt.variables) == ("d-1", "debtor", {"name": "Пётр", "sum": "100"})
    assert (debt.state, debt.phone_id, debt.person_id) == ("new", phones[PHONE].id, person.id)
    assert (debt.campaign_id, debt.attempts, debt.clips) == (campaign.id, 0, None)
    assert (debt.waits, debt.outcome, debt.why, debt.checked_at) == ("", "", "", None)
    zones = {row.id: row.zones for row in rows_of(engine, contact.zone_set)}
    assert zones[debt.zone_id] == "Europe/Moscow"
    assert {row.kind for row in phones.values()} == {"mobile"}


def test_without_ids_a_person_and_his_debt_are_known_by_the_number(
    engine: Engine, bring: Callable[..., Summary]
) -> None:
    assert counts(bring("phone;name;sum\n89211234567;a;1\n+79211234567;a;1\n")) == (2, 1, 1, 0)
    assert [row.key for row in rows_of(engine, lead)] == [f"tel:{PHONE}"]


def test_the_same_list_again_changes_nothing(engine: Engine, bring: Callable[..., Summary]) -> None:
    debts = ["1;1;9211234567;;a;1", *2 * ["2;1;9211234567;9211230000;a;2"], ";;5;;a;1"]
    text = HEAD + "".join(f"{debt};;;;\n" for debt in debts)
    first = bring(text)
    assert counts(first) == (4, 2, 1, 1)
    tables = contact.person, contact.phone, lead
    before = [rows_of(engine, table) for table in tables]
    assert counts(bring(text)) == (4, 0, 3, 1)
    assert [rows_of(engine, table) for table in tables] == before
    assert counts(bring(text + "3;2;9211239999;;b;3;;;;\n")) == (5, 1, 3, 1)


def test_a_person_is_shared_by_his_debts_and_by_campaigns(
    engine: Engine, bring: Callable[..., Summary]
) -> None:
    bring(HEAD + "1;p;9211234567;;a;1;;;;\n2;p;9211230000;;a;2;;;;\n")
    bring(HEAD + "1;p;9211230000;;a;1;;;;\n", into=add_campaign(engine, "winter"))
    (person,) = rows_of(engine, contact.person)
    assert len(rows_of(engine, contact.phone)) == 2
    assert [row.person_id for row in rows_of(engine, lead)] == [person.id] * 3


@pytest.mark.parametrize(
    "key, changes, blocked",
    [
        (f"number:{PHONE}", {}, True),
        (f"number:{PHONE}", {"scope": "autumn"}, True),
        (f"number:{PHONE}", {"scope": "winter"}, False),
        (f"number:{PHONE}", {"until": after(9e9)}, False),
        ("number:+79211230000", {}, False),
        ("prefix:+7921", {}, True),
        (f"prefix:{PHONE}", {}, True),
        ("prefix:+7922", {}, False),
        ("person:id:p", {}, True),
        ("person:id:q", {}, False),
        ("group:staff", {}, True),
        ("group:vip", {}, True),
        ("group:crew", {}, False),
    ],
)
def test_who_is_blacklisted_for_good_comes_in_blocked(
    engine: Engine, bring: Callable[..., Summary], key: str, changes: dict[str, Any], blocked: bool
) -> None:
    with writing(engine) as connection:
        entry = ban(connection, key, reason="test", at=NOON, actor="me", **changes)
    head = "external_id;person_id;phone;phone2;group;name;sum\n"
    bring(head + "0;p;9061112233;;vip;a;1\n", into=add_campaign(engine, "before"))
    assert counts(bring(head + "1;p;9211234567;;staff;a;1\n2;;9031230001;9211234567;;b;1\n")) == (2, 2, 0, 0)
    found = {row.key: (row.state, row.why) for row in rows_of(engine, lead)}
    if key == "group:vip":  # the newest row says which groups he is in
        blocked = False
    assert found["1"] == (("blocked", f"blacklisted:{entry}") if blocked else ("new", ""))
    assert found["2"] == ("new", "")


def test_a_removed_entry_blocks_nobody(engine: Engine, bring: Callable[..., Summary]) -> None:
    with writing(engine) as connection:
        ban(connection, f"number:{PHONE}", reason="test", at=NOON, actor="me")
        connection.execute(blacklist.blacklist.update().values(removed_at=NOON))
    bring("phone;name;sum\n9211234567;a;1\n")
    assert [row.state for row in rows_of(engine, lead)] == ["new"]


PERSON = "external_id;person_id;phone;name;sum;city;region;address;lat;lon;timezone;group\n"


def test_the_newest_row_of_a_person_wins_field_by_field(
    engine: Engine, bring: Callable[..., Summary]
) -> None:
    bring(PERSON + "1;p;9211234567;Анна;1;Омск;;ул. Мира, 1;55;73;;vip,staff\n")
    (before,) = rows_of(engine, contact.person)
    bring(PERSON + "2;p;9211234567;Анна Ильина;1;Омск;Омская обл.;;;;;crew\n3;p;9211234567;Яна;1;;;;;;;\n")
    (person,) = rows_of(engine, contact.person)
    assert (person.id, person.key, person.created_at) == (before.id, before.key, before.created_at)
    assert (person.name, person.city, person.region) == ("Яна", "Омск", "Омская обл.")
    assert (person.address, person.lat, person.lon, person.groups) == ("ул. Мира, 1", 55, 73, ["crew"])


def test_a_row_of_a_debt_that_is_there_changes_nothing_of_the_person(
    engine: Engine, bring: Callable[..., Summary]
) -> None:
    bring(PERSON + "1;p;9211234567;Анна;1;Омск;;;;;;\n")
    assert counts(bring(PERSON + "1;p;9211234567;Яна;1;Уфа;;;;;;\n")) == (1, 0, 1, 0)
    (person,) = rows_of(engine, contact.person)
    assert (person.name, person.city) == ("Анна", "Омск")


AT_HOME = {"name": "Анна", "city": "Омск", "region": "", "address": "ул. Мира, 1", "lat": 55.0, "lon": 73.0}
AT_HOME |= {"timezone": "Asia/Omsk", "groups": ["vip"]}
NOTHING = {**dict.fromkeys(AT_HOME, ""), "lat": None, "lon": None, "groups": []}


@pytest.mark.parametrize(
    "brought, changed",
    [
        ({}, {}),
        ({"name": "Яна"}, {"name": "Яна"}),
        ({"city": "Омск", "address": "ул. Ленина, 2"}, {"address": "ул. Ленина, 2"}),
        ({"region": "Омская обл."}, {"region": "Омская обл."}),  # it was not known: that is no move
        ({"lat": 0.0, "lon": 0.0}, {"lat": 0.0, "lon": 0.0}),
        ({"city": "Уфа"}, {"city": "Уфа", "address": "", "lat": None, "lon": None, "timezone": ""}),
        (
            {"city": "Уфа", "lat": 54.7, "lon": 56.0},
            {"city": "Уфа", "address": "", "lat": 54.7, "lon": 56.0, "timezone": ""},
        ),
    ],
)
def test_who_is_said_to_live_elsewhere_has_left_his_old_place(
    brought: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert newer({"id": 5, **AT_HOME}, NOTHING | brought) == {"id": 5, **AT_HOME, **changed}


def test_refused_rows_come_back_as_a_file_that_can_be_mended_and_brought_again(
    bring: Callable[..., Summary], tmp_path: Path
) -> None:
    summary = bring("phone;name;sum\n9211234567;a;1\n5;Пётр;2\n9211230000;;3\n9211230001;c;4;5\n")
    assert counts(summary) == (4, 1, 0, 3)
    rejects = Path(str(summary.rejects_file))
    assert rejects.parent == tmp_path / "rejects"
    with rejects.open(encoding="utf-8-sig") as file:
        found = list(csv.DictReader(file, delimiter=";"))
    assert [(row["rejected_line"], row["phone"], row["name"]) for row in found] == [
        ("3", "5", "Пётр"),
        ("4", "9211230000", ""),
        ("5", "9211230001", "c"),
    ]
    assert found[1]["rejected_why"] == "the template needs a value for: name"
    assert [file.name for file in rejects.parent.iterdir()] == [rejects.name]  # no draft is left
    mended = rejects.read_text("utf-8-sig").replace(";5;", ";9211230005;").replace(";5\n", ";\n")
    mended = mended.replace("9211230000;;", "9211230000;b;")
    again = bring(mended)
    assert (counts(again), again.rejects_file) == ((3, 3, 0, 0), None)
    assert not rejects.exists()


def test_an_import_that_dies_leaves_whole_batches_and_the_next_adds_the_rest(
    engine: Engine, bring: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 4)
    text = "phone;name;sum\n" + "".join(f"921123{n:04};a;1\n" for n in range(10))

    def die(done: int) -> None:
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(text, progress=die)
    assert len(rows_of(engine, lead)) == 8
    done: list[int] = []
    assert counts(bring(text, progress=done.append)) == (10, 2, 8, 0)
    assert done == [4, 8, 10]


def test_a_batch_that_breaks_in_the_middle_leaves_nothing_of_itself(
    engine: Engine, bring: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing.barring, "why", break_down)
    with writing(engine) as connection:
        ban(connection, f"number:{PHONE}", reason="test", at=NOON, actor="me")
    with pytest.raises(ZeroDivisionError):
        bring(HEAD + "1;;9211234567;;a;1;;;;\n")
    assert rows_of(engine, contact.person) == rows_of(engine, contact.phone) == []


def test_a_list_that_turns_out_broken_keeps_what_was_read_before(
    engine: Engine, bring: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    with pytest.raises(FileError, match="line 4"):
        bring('phone;name;sum\n9211234567;a;1\n9211230000;b;1\n9211230001;"c;1\n')
    assert len(rows_of(engine, lead)) == 2


@pytest.mark.parametrize("own", [True, False])
def test_an_import_waits_for_another(
    engine: Engine, campaign: CampaignRow, bring: Callable[..., Summary], own: bool
) -> None:
    """Of the same campaign, for it may bring the same debt; of any, for it may bring the same person."""
    done: list[Summary] = []
    late = threading.Thread(target=lambda: done.append(bring(HEAD + "1;p;9211234567;;a;1;;;;\n")))
    with writing(engine) as connection:
        if own:
            importing.store.lock(connection, campaign.id)
        else:
            importing.bulk.take_turn(connection)
        late.start()
        late.join(0.5)
        assert not done
        person = {"id": new_id(), "key": "id:p", "created_at": NOON}
        connection.execute(contact.person.insert(), [person])
    late.join(30)
    assert [counts(summary) for summary in done] == [(1, 1, 0, 0)]
    assert [row.id for row in rows_of(engine, contact.person)] == [person["id"]]


LOOP = """
import sys
from pathlib import Path
from engine.campaign import importing
from engine.files import sheets
from engine.settings import Settings
from storage import campaign
from storage.db import open_engine, reading

importing.BATCH = 200
engine = open_engine(sys.argv[1])
with reading(engine) as connection:
    row = campaign.find(connection, "autumn")
folder = Path(sys.argv[2])
source = sheets.rows(folder / "list.csv")
options = {"rejects": folder / "list.rejected.csv", "progress": lambda done: print(done, flush=True)}
importing.import_rows(engine, row, source, Settings(data_dir=folder), **options)
"""


def test_a_killed_import_leaves_whole_batches_and_the_same_list_again_adds_the_rest(
    engine: Engine, campaign: CampaignRow, bring: Callable[..., Summary], tmp_path: Path
) -> None:
    text = "external_id;person_id;phone;name;sum\n" + "".join(
        f"{n};p{n};921{n:07};a;1\n" if n % 10 else f"{n};p{n};5;a;1\n" for n in range(12_000)
    )
    (tmp_path / "list.csv").write_text(text)
    url = engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", LOOP, url, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for told in process.stdout:
            if int(told) >= 1000:
                process.kill()
    assert process.returncode == -signal.SIGKILL
    there = len(rows_of(engine, lead))
    assert 900 <= there < 10_800
    assert there % 180 == 0  # of each 200 rows 20 are refused
    assert counts(bring(text)) == (12_000, 10_800 - there, there, 1200)
    keys = {row.key for row in rows_of(engine, lead)}
    assert keys == {str(n) for n in range(12_000) if n % 10}
    assert len(rows_of(engine, contact.person)) == len(rows_of(engine, contact.phone)) == 10_800


def test_imports_at_once_bring_each_lead_and_person_once(
    engine: Engine, campaign: CampaignRow, tmp_path: Path
) -> None:
    """Two people import the same list, and its reverse into another campaign."""
    lines = [f"{n};p{n};921123{n:04};a;1\n" for n in range(300)]
    other = add_campaign(engine, "winter")
    summaries: list[Summary] = []

    def bring(number: int, into: CampaignRow, text: list[str]) -> None:
        file = tmp_path / f"{number}.csv"
        file.write_text("external_id;person_id;phone;name;sum\n" + "".join(text))
        rejects = tmp_path / f"{number}.rejected.csv"
        summaries.append(import_rows(engine, into, rows(file), settings(tmp_path), rejects=rejects))

    jobs = [(1, campaign, lines), (2, campaign, lines), (3, other, lines[::-1])]
    threads = [threading.Thread(target=bring, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(summary.imported for summary in summaries) == 600
    assert len(rows_of(engine, contact.person)) == len(rows_of(engine, contact.phone)) == 300


def test_a_list_tells_priorities_and_one_lead_in_ten_is_a_control_lead(
    engine: Engine, bring: Callable[..., Summary]
) -> None:
    lines = "".join(f"9211{n:06d};a;1;{n % 3}\n" for n in range(1000))
    assert counts(bring("phone;name;sum;priority\n" + lines)) == (1000, 1000, 0, 0)
    leads = rows_of(engine, lead)
    assert Counter(row.priority for row in leads) == {0: 334, 1: 333, 2: 333}
    assert 50 < sum(row.control for row in leads) < 160
    assert all(row.control == is_control(row.id.int) for row in leads)
