"""Import: what is good goes in once, what is not comes back with line and reason, nothing is half done."""

import csv
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_campaign, rows_of
from sqlalchemy import Engine

from engine.campaign import importing
from engine.campaign.importing import Summary, import_leads, read
from engine.errors import FileError, UsageError
from engine.speech.template import Template, parse
from storage import contact
from storage.campaign import CampaignRow, lead
from storage.db import writing

TEMPLATE = parse('[[fragment]]\ntext = "{name}, {sum}"')
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
        options = {"region": "RU", "rejects": tmp_path / "rejects" / "list.rejected.csv"} | changes
        return import_leads(engine, into, TEMPLATE, file, **options)

    return brought


def counts(summary: Summary) -> tuple[int, int, int, int]:
    return summary.rows, summary.imported, summary.duplicates, summary.rejected


def test_a_row_becomes_a_person_his_phones_and_a_lead(
    engine: Engine, campaign: CampaignRow, bring: Callable[..., Summary]
) -> None:
    row = "d-1;p-1;8 (921) 123-45-67;9211230000;Пётр;100;Europe/Moscow;55,75;37.6;contact\n"
    assert counts(bring(HEAD + row)) == (1, 1, 0, 0)
    (person,), (debt,) = rows_of(engine, contact.person), rows_of(engine, lead)
    phones = {row.e164: row for row in rows_of(engine, contact.phone)}
    assert (person.key, person.name, person.timezone) == ("id:p-1", "Пётр", "Europe/Moscow")
    assert (person.lat, person.lon) == (55.75, 37.6)
    assert {number: row.position for number, row in phones.items()} == {PHONE: 1, "+79211230000": 2}
    assert (debt.key, debt.role, debt.variables) == ("d-1", "contact", {"name": "Пётр", "sum": "100"})
    assert (debt.state, debt.phone_id, debt.person_id) == ("new", phones[PHONE].id, person.id)
    assert (debt.campaign_id, debt.attempts, debt.clips) == (campaign.id, 0, None)


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


def test_a_blacklisted_number_comes_in_blocked(engine: Engine, bring: Callable[..., Summary]) -> None:
    with writing(engine) as connection:
        contact.ban(connection, PHONE, reason="opt-out", at=NOON)
    assert counts(bring(HEAD + "1;;9211234567;;a;1;;;;\n2;;9211230000;;b;1;;;;\n")) == (2, 2, 0, 0)
    assert {row.key: (row.state, row.why) for row in rows_of(engine, lead)} == {
        "1": ("blocked", "blacklisted"),
        "2": ("new", ""),
    }


GOOD = {"phone": PHONE, "name": "Пётр", "sum": "1"}


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"phone": "12345"}, "phone: no such number exists"),
        ({"phone": ""}, "phone: no number"),
        ({"phone2": "abc"}, "phone2: not a phone number"),
        ({"role": "boss"}, "role: 'boss' is neither debtor nor contact"),
        ({"lat": "x"}, "lat: not a number of degrees"),
        ({"lat": "91"}, "lat: beyond 90 degrees"),
        ({"lon": "nan"}, "lon: beyond 180 degrees"),
        ({"timezone": "Mars/Phobos"}, "timezone: 'Mars/Phobos' is not a name"),
        ({"timezone": "../UTC"}, "timezone: '../UTC'"),
        ({"timezone": "Europe"}, "timezone: 'Europe'"),
        ({"sum": " "}, "the template needs a value for: sum"),
        ({"name": "", "sum": ""}, "the template needs a value for: name, sum"),
        ({"name": "a\0"}, "NUL"),
        ({"external_id": "x" * 201}, "external_id: longer than 200"),
        ({"person_id": "x" * 201}, "person_id: longer than 200"),
        ({"+": "more"}, "more cells than the header"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_dialled_is_refused_with_the_reason(changes: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(2, GOOD | changes, TEMPLATE, "RU")


@pytest.mark.parametrize(
    "row, phones",
    [
        ({"phone2": "9211230000", "phone": "9211234567", "phone10": "9211230010"}, "4567 0000 0010"),
        ({"phone": "9211234567", "phone2": "", "phone3": "8 921 123 45 67"}, "4567"),
        ({"phone": "", "phone2": "9211230000"}, "0000"),
        ({"phone": "9211234567", "phone_model": "3310"}, "4567"),
    ],
)
def test_phones_come_in_the_order_of_their_numbers_each_once(row: dict[str, str], phones: str) -> None:
    found = read(2, {"name": "a", "sum": "1"} | row, TEMPLATE, "RU")
    assert [number[-4:] for number in found.phones] == phones.split()


def test_every_other_column_is_a_variable_of_the_template_and_no_more_is_kept() -> None:
    template: Template = parse('[[fragment]]\ntext = "{city} {phone_model}"')
    row = GOOD | {"city": "Омск", "phone_model": "3310", "secret": "x", "external_id": "d"}
    assert read(2, row, template, "RU").variables == {"city": "Омск", "phone_model": "3310"}


def test_refused_rows_come_back_as_a_file_that_can_be_mended_and_brought_again(
    bring: Callable[..., Summary], tmp_path: Path
) -> None:
    summary = bring("phone;name;sum\n9211234567;a;1\n5;Пётр;2\n9211230000;;3\n9211230001;c;4;5\n")
    assert counts(summary) == (4, 1, 0, 3)
    rejects = Path(str(summary.rejects_file))
    assert rejects.parent == tmp_path / "rejects"
    with rejects.open(encoding="utf-8-sig") as file:
        found = list(csv.DictReader(file, delimiter=";"))
    assert [(row["line"], row["phone"], row["name"]) for row in found] == [
        ("3", "5", "Пётр"),
        ("4", "9211230000", ""),
        ("5", "9211230001", "c"),
    ]
    assert found[1]["reason"] == "the template needs a value for: name"
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

    monkeypatch.setattr(importing.store, "add_leads", break_down)
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


def test_an_import_waits_for_another_of_the_same_campaign(
    engine: Engine, campaign: CampaignRow, bring: Callable[..., Summary]
) -> None:
    done: list[Summary] = []
    importing_ = threading.Thread(target=lambda: done.append(bring(HEAD + "1;p;9211234567;;a;1;;;;\n")))
    with writing(engine) as connection:
        importing.store.lock(connection, campaign.id)
        importing_.start()
        importing_.join(0.3)
        row = importing.read(2, GOOD | {"external_id": "1", "person_id": "p"}, TEMPLATE, "RU")
        importing._add(connection, campaign.id, [row])
    importing_.join(30)
    assert [counts(summary) for summary in done] == [(1, 0, 1, 0)]


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
        summaries.append(import_leads(engine, into, TEMPLATE, file, region="RU", rejects=rejects))

    jobs = [(1, campaign, lines), (2, campaign, lines), (3, other, lines[::-1])]
    threads = [threading.Thread(target=bring, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(summary.imported for summary in summaries) == 600
    assert len(rows_of(engine, contact.person)) == len(rows_of(engine, contact.phone)) == 300
