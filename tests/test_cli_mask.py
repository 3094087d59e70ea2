"""`mask`: what operators see and do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rung import SECRET, asterisk, originated, running

from cli.main import run

COMPANY = "+78120000001"
BIND = ["mask", "bind", "A-1", "--driver", "89210000001", "--client", "8 921 000-00-02"]
Said = pytest.CaptureFixture[str]


def told(capsys: Said, *words: str) -> Any:
    assert run([*words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_an_order_from_its_binding_to_its_end(ready: Path, capsys: Said) -> None:
    assert run(BIND) == 4
    assert "zvonar mask pool add DID --shared" in capsys.readouterr().err
    assert run(["mask", "pool", "add", "8 812 000-00-01", "--shared", "--label", "Такси"]) == 0
    assert run(["mask", "pool", "add", "8 812 000-00-01", "--shared", "--label", "Такси"]) == 0
    assert "already" in capsys.readouterr().err
    bound = told(capsys, *BIND)
    assert (bound["order"], bound["version"], bound["driver_dials"]) == ("A-1", 1, COMPANY)
    assert told(capsys, *BIND)["version"] == 2  # without a version each is a new one
    assert run([*BIND, "--version", "1"]) == 4
    (row,) = told(capsys, "mask", "list")
    assert (row["order"], row["state"], row["mode"], row["ended"]) == ("A-1", "live", "replace", "")
    why = told(capsys, "mask", "explain", "--from", "9210000001", "--to", COMPANY)
    assert (why["decision"], why["peer"], why["role"]) == ("connect", "+79210000002", "driver")
    assert why["why"].startswith("Звонит водитель заказа A-1")
    assert told(capsys, "mask", "explain", "--to", COMPANY)["decision"] == "code"
    assert run(["mask", "close", "A-1", "--grace", "0"]) == 0
    assert "order A-1 is over" in capsys.readouterr().err
    assert told(capsys, "mask", "list") == []
    assert run(["mask", "list"]) == 0
    assert "заказ" in capsys.readouterr().out


def test_a_pool_gives_each_order_of_a_driver_a_number_until_it_is_drained(ready: Path, capsys: Said) -> None:
    assert run(["mask", "pool", "add", COMPANY, "--shared"]) == 0
    assert run(["mask", "pool", "add", "+78120000002"]) == 0
    assert told(capsys, *BIND, "--mode", "pool")["driver_dials"] == "+78120000002"
    other = ["mask", "bind", "A-2", "--driver", "89210000001", "--client", "89210000003", "--mode", "pool"]
    assert run(other) == 4
    assert "no number is free" in capsys.readouterr().err
    assert run(["mask", "pool", "drain", "+78120000002"]) == 0
    assert "2 routes still have it" in capsys.readouterr().err
    assert run(["mask", "pool", "add", "+78120000003"]) == 0
    assert run(["mask", "pool", "add", "+78120000004"]) == 0
    assert run(other) == 0
    capsys.readouterr()
    assert run(["mask", "pool", "list"]) == 0
    assert "gives out 2; the phone with the most orders has 2 of them, 0 are free" in capsys.readouterr().err
    rows = {row["did"]: row for row in told(capsys, "mask", "pool", "list")}
    assert (rows["+78120000002"]["state"], rows["+78120000002"]["routes"]) == ("drain", 2)
    assert told(capsys, "mask", "pool", "plan", "--drivers", "2", "--clients", "3") == {
        "numbers": 3,
        "per_order": 4,
    }


def test_a_side_is_rung_when_the_operator_means_it(
    ready: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["mask", "pool", "add", COMPANY, "--shared"]) == 0
    assert run(BIND) == 0
    call = ["mask", "call", "A-1", "--from", "driver"]
    fake = asterisk()
    with running(fake) as node:
        monkeypatch.setenv("ZVONAR_ASTERISK__PORT", str(node.port))
        monkeypatch.setenv("ZVONAR_ASTERISK__SECRET", SECRET)
        assert run([*call, "--dry-run"]) == 0
        assert f"would be rung, and see {COMPANY}" in capsys.readouterr().err
        assert run(call) == 2
        assert "Say --yes, or --dry-run" in capsys.readouterr().err
        assert originated(fake) == []
        record = told(capsys, *call, "--yes")
        assert (record["order"], record["rings"], record["accepted"]) == ("A-1", "driver", True)
        (sent,) = originated(fake)
        assert sent.get("ChannelId") == record["call"]
        card = told(capsys, "mask", "card", record["call"])
        assert (card["order"], card["role"], card["rule"]) == ("A-1", "driver", "call-back")
        assert run(["mask", "card", record["call"]]) == 0
        assert "Система звонит первой" in capsys.readouterr().out
        for words in ([*call, "--yes"], [*call, "--dry-run"]):
            assert run(words) == 4
            assert "they are being connected" in capsys.readouterr().err
    assert run(["mask", "call", "A-9", "--from", "client", "--yes"]) == 3
    assert run(["mask", "card", "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55"]) == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("bind A-1 --driver 112 --client 89210000002", 2, "driver.phones[0]: "),
        ("bind A-1 --driver 89210000001 --client 89210000001", 2, "on both sides"),
        (
            "bind A-1 --driver 89210000001 --client +12025550123",
            2,
            "client.phones[0]: no number may be called",
        ),
        ("bind A-1 --driver 89210000001 --client 89210000002 --ttl 5", 2, "ttl_s: a whole number from 60"),
        ("bind A-1 --driver 89210000001", 2, "--client"),
        ("close A-9", 3, "no order 'A-9'"),
        ("explain --to nothing", 2, "not a phone number"),
        ("pool add 112", 2, "no such number"),
        ("pool drain 88120000009", 3, "is no masking number"),
        ("pool plan --drivers 0 --clients 1", 2, "at least one order"),
    ],
)
def test_what_cannot_be_is_told(ready: Path, capsys: Said, words: str, code: int, said: str) -> None:
    assert run(["mask", "pool", "add", COMPANY, "--shared"]) == 0
    assert run(["mask", *words.split()]) == code
    assert said in capsys.readouterr().err


def test_a_call_is_rehearsed_without_the_hidden_number(ready: Path, capsys: Said) -> None:
    assert run(["mask", "pool", "add", COMPANY, "--shared"]) == 0
    assert run(BIND) == 0
    capsys.readouterr()
    words = ["rehearse", "mask", "--from", "89210000001", "--to", COMPANY]
    played = told(capsys, *words)
    assert list(played) == ["steps", "outcome"]
    assert (played["steps"][1]["to"], played["outcome"]) == ("*0002", "talked")
    assert run([*words, "--keys", "busy"]) == 0
    said = capsys.readouterr()
    assert "Телефон занят." in said.out
    assert "занято" in said.out
    assert "Звонит водитель заказа A-1" in said.err
    assert "9210000002" not in said.out + said.err
    assert run(["rehearse", "mask", "--to", COMPANY, "--keys", "x", "--format", "csv"]) == 0
    assert "outcome,,abandoned," in capsys.readouterr().out
    assert run(["rehearse", "mask", "--to", "nothing"]) == 2


def test_the_last_calls_are_listed_and_reported_without_whole_numbers(ready: Path, capsys: Said) -> None:
    assert told(capsys, "mask", "calls") == []
    assert told(capsys, "report", "masking")["calls"] == 0
    assert run(["mask", "calls"]) == 0
    assert run(["report", "masking"]) == 0
    out = capsys.readouterr().out
    assert "звонящий" in out
    assert "доля соединённых" in out
    assert run(["report", "masking", "--since", "2026-01-02", "--until", "2026-01-01"]) == 2
    assert run(["report", "masking", "--since", "yesterday"]) == 2
    assert run(["report", "masking", "-o", "masking.html"]) == 0
    assert "0 rows" in capsys.readouterr().err
    assert run(["report", "masking", "-o", "masking.pdf"]) == 2


def leak_test(*words: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it: it becomes another program."""
    command = [str(Path(sys.executable).with_name("zvonar")), "mask", "leak-test", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.real
def test_the_leak_test_plays_what_it_is_asked_and_tells_what_it_saw(ready: Path) -> None:
    done = leak_test("--scenario", "recorded", "--format", "json")
    assert done.returncode == 0, done.stderr
    *calls, files, logs, webhook, metrics = json.loads(done.stdout)
    assert [(row["scenario"], row["role"], row["verdict"]) for row in calls] == [
        ("recorded", "driver", "clean"),
        ("recorded", "client", "clean"),
    ]
    assert min(row[side] for row in calls for side in ("to_caller", "to_callee", "told")) >= 3
    assert [row["scenario"] for row in (files, logs, webhook, metrics)] == [
        "files",
        "logs",
        "webhook",
        "metrics",
    ]


def test_a_leak_test_that_cannot_be_says_why(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = leak_test("--scenario", "nothing")
    assert (done.returncode, "callee-transfers" in done.stderr) == (2, True)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    done = leak_test()
    assert (done.returncode, "apt-get install sip-tester" in done.stderr) == (5, True)
    assert "Traceback" not in done.stderr
