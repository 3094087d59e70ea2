"""Commands that print data: a table for people in their language, one JSON document, or CSV."""

import csv
import json
import os
import wave
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, PHONE, add_attempt, ban, rows_of

from cli.main import run
from storage import campaign as campaigns
from storage.db import new_id, open_engine, writing
from storage.vocab import Outcome

Show = Callable[..., str]


@pytest.fixture
def show(ready: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """The standard output of a command that goes well."""

    def shown(command: str, *more: str) -> str:
        assert run([*command.split(), *more]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return shown


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


LISTS = {
    "campaign list": ["name", "state", "trunks", "cps", "channels", "attempts", "priority", "created_at"],
    "template list": ["name", "version", "created_at"],
    "config show": ["setting", "value", "source"],
}


@pytest.mark.parametrize("command, columns", LISTS.items())
def test_lists_are_one_json_document_or_csv_of_the_same_keys(
    show: Show, command: str, columns: list[str]
) -> None:
    found = json.loads(show(f"{command} --format json"))
    assert [list(row) for row in found] == [columns] * len(found)
    assert len(found) >= 2
    assert rows(show(f"{command} --format csv")) == [
        {key: cell(value) for key, value in row.items()} for row in found
    ]


def cell(value: Any) -> str:
    """As CSV has it."""
    return " ".join(value) if isinstance(value, list) else "" if value is None else str(value)


@pytest.mark.parametrize(
    "command, russian, english",
    [
        (
            "campaign list",
            ["название", "состояние", "идёт", "черновик"],
            ["name", "state", "running", "draft"],
        ),
        ("template list", ["название", "версия"], ["name", "version"]),
        ("config show", ["настройка", "откуда"], ["setting", "source"]),
        (
            "campaign status autumn",
            ["состояние", "идёт", "должников всего"],
            ["state", "leads.total", "running"],
        ),
        ("report campaign autumn", ["исход", "доля"], ["outcome", "share"]),
    ],
)
def test_tables_speak_the_readers_language(
    show: Show, command: str, russian: list[str], english: list[str]
) -> None:
    assert all(word in show(command) for word in russian)
    assert all(word in show(f"--lang en {command}") for word in english)
    english_only = show(f"--lang en {command}").lower().replace("звонарь", "")
    assert not any("а" <= letter <= "я" for letter in english_only)


def test_the_status_as_json_has_the_contracts_keys(show: Show) -> None:
    now = json.loads(show("campaign status autumn --format json"))
    keys = ["name", "state", "leads", "attempts", "rate", "operators", "audio", "why", "offenders"]
    assert list(now) == keys
    assert (now["name"], now["state"]) == ("autumn", "running")
    assert set(now["leads"]) == {"total", "pending", "in_flight", "done", "blocked"}
    assert set(now["attempts"]) == {"total", *Outcome}
    assert set(now["rate"]) == {"cps", "cps_limit", "channels", "channels_limit"}
    assert set(now["audio"]) == {"needed", "ready"}
    (flat,) = rows(show("campaign status autumn --format csv"))
    assert (flat["name"], flat["leads.total"], flat["audio.ready"]) == ("autumn", "1", "1")


def test_an_import_as_json_has_the_contracts_keys(show: Show, ready: Path) -> None:
    (ready / "list.csv").write_text("phone;name;sum\n9211230000;a;1\n5;b;2\n")
    summary = json.loads(show("campaign import draft list.csv --format json"))
    file = str(ready / "rejects" / "draft-list.rejected.csv")
    assert summary == {"rows": 2, "imported": 1, "duplicates": 0, "rejected": 1, "rejects_file": file}
    assert Path(file).is_file()
    again = json.loads(show("campaign import draft list.csv --format json"))
    assert (again["imported"], again["duplicates"]) == (0, 1)


def test_a_campaign_from_its_template_to_its_report(show: Show, ready: Path, capsys: Any) -> None:
    show("template set debt debt.toml")
    show(
        "campaign create spring --template debt --trunk trunk --cps 2 --channels 3 --attempts 4 --priority -5"
    )
    (ready / "list.csv").write_text("phone;name;sum\n9211230000;a;1\n")
    show("campaign import spring list.csv")
    for verb in ("start", "pause", "resume", "stop", "start"):
        show(f"campaign {verb} spring")
    made = {row["name"]: row for row in json.loads(show("campaign list --format json"))}["spring"]
    assert {key: made[key] for key in ("state", "cps", "channels", "attempts", "priority")} == {
        "state": "running",
        "cps": 2.0,
        "channels": 3,
        "attempts": 4,
        "priority": -5,
    }
    show("report campaign spring -o spring.xlsx")
    show("report campaign spring -o spring.csv")
    assert (ready / "spring.xlsx").read_bytes().startswith(b"PK")
    assert json.loads(show("report campaign spring --format json")) == []


def test_a_template_is_shown_as_it_was_given_or_taken_apart(show: Show, ready: Path) -> None:
    show("template set debt debt.toml")
    assert show("template show debt").strip() == (ready / "debt.toml").read_text().strip()
    found = json.loads(show("template show debt --format json"))
    assert (found["name"], found["version"], found["lang"]) == ("debt", 1, "ru")
    assert found["variables"] == ["name", "sum"]
    assert [part["name"] for part in found["fragments"]] == ["greeting", "debt"]


def test_a_template_is_rendered_as_it_is_heard(show: Show, ready: Path) -> None:
    show("template render autumn --var sum=100 -o out.wav --var", "name=Пётр = сын")
    with wave.open(str(ready / "out.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        assert sound.getnframes() > 8000


def test_a_rehearsal_is_what_he_would_hear(show: Show) -> None:
    found = json.loads(show("rehearse debtor --from 9211234567 --keys -,9 --format json"))
    assert list(found) == ["steps", "outcome"]
    assert found["outcome"] == "answered-opt-out"
    assert [step["step"] for step in found["steps"]] == ["play", "ask", "tell", "play"]
    assert "Здравствуйте, Пётр!" in found["steps"][0]["say"]
    assert json.loads(show("campaign status autumn --format json"))["leads"]["blocked"] == 0
    assert "answered-heard" in show("rehearse debtor --from 9211234567")
    assert rows(show("rehearse debtor --from 9211234567 --format csv"))[-1]["said"] == "answered-heard"


def test_asterisks_configuration_is_rendered_and_checked(show: Show, ready: Path, capsys: Any) -> None:
    show("asterisk render --out conf")
    found = json.loads(show("asterisk check --dir conf --format json"))
    assert {row["verdict"] for row in found} == {"same"}
    (ready / "conf" / "extensions.conf").write_text("")
    (ready / "conf" / "pjsip.conf").unlink()
    assert run(["asterisk", "check", "--dir", "conf", "--format", "json"]) == 1
    verdicts = {row["file"]: row["verdict"] for row in json.loads(capsys.readouterr().out)}
    assert (verdicts["extensions.conf"], verdicts["pjsip.conf"]) == ("differs", "missing")


def test_secrets_are_not_shown_with_the_settings(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZVONAR_ASTERISK__SECRET", "hunter2")
    found = {row["setting"]: row for row in json.loads(show("config show --format json"))}
    assert found["asterisk.0.secret"] == {
        "setting": "asterisk.0.secret",
        "value": "**********",
        "source": "ZVONAR_ASTERISK__SECRET",
    }
    assert "hunter2" not in show("config show")
    assert 'level = "info"' in show("config sample")


def test_the_database_is_checked(show: Show) -> None:
    assert json.loads(show("db check --format json")) == {
        "database": "sqlite",
        "schema": "0006",
        "needed": "0006",
        "ok": True,
    }


def test_the_auditors_report_on_the_terminal_and_as_files(show: Show, ready: Path) -> None:
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    (lead,) = rows_of(engine, campaigns.lead)
    add_attempt(engine, lead._asdict(), id=new_id(NOON))
    with writing(engine) as connection:
        ban(connection, f"number:{PHONE}", reason="because", at=NOON, actor="me")
    engine.dispose()
    found = json.loads(show(f"report auditor {PHONE} --format json"))
    assert [row["phone"] for row in found["attempts"]] == [PHONE]
    assert [row["says"] for row in found["registers"]] == ["because"]
    day = "--from 2026-01-21 --to 2026-01-21"
    (row,) = rows(show(f"report auditor {day} --campaign autumn --format csv"))
    assert list(row) == list(found["attempts"][0])
    russian = show(f"report auditor {PHONE}")
    assert all(word in russian for word in ("местное время", "на линии", "чёрный список", "because"))
    assert "register" not in show(f"--lang en report auditor {day}")
    show(f"report auditor {PHONE} -o out/audit.html")
    assert "because" in (ready / "out" / "audit.html").read_text(encoding="utf-8")
    assert run(["report", "auditor", "+74951234567"]) == 3
    assert run(["report", "auditor"]) == 2
