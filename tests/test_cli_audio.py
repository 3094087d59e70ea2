"""`zvonar audio cache` and `campaign prepare`: every verb, its words and its exits."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from builders import NOON, VOICE, add_campaign, add_lead, add_program, add_template, tone
from sqlalchemy import Engine

from cli.main import run
from engine import telemetry
from engine.speech import service
from storage.db import open_engine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def zvonar(ready: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Exit code, data and talk of a command; the voice is ours."""
    (ready / "tone.wav").write_bytes(tone())
    add_program(monkeypatch, ready, "espeak-ng", VOICE)
    # A logger writes to the standard error that it first wrote to, which was another test's.
    monkeypatch.setattr(service, "log", telemetry.logger("speech"))

    def done(*command: str) -> tuple[int, str, str]:
        code = run(["--lang", "en", *command])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return done


@pytest.fixture
def people(ready: Path) -> Iterator[Engine]:
    """A draft of three leads without audio, one of whom cannot be named."""
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    template = add_template(engine, "hello", '[[fragment]]\ntext = "Здравствуйте, {name}"')
    campaign = add_campaign(engine, "people", state="draft", template_id=template, phrases={})
    for name in ("Пётр", "Анна", "немо"):
        add_lead(engine, campaign, variables={"name": name}, state="new", clips=None, due_at=NOON)
    yield engine
    engine.dispose()


def test_a_campaign_is_prepared_and_it_is_told_what_there_was_to_do(zvonar: Run, people: Engine) -> None:
    code, out, _ = zvonar("campaign", "prepare", "people", "--dry-run", "--format", "json")
    plan = json.loads(out)
    assert (code, plan["leads"], plan["pieces"], plan["ready"], plan["to_make"]) == (0, 3, 3, 0, 3)
    code, out, err = zvonar("campaign", "prepare", "people", "--format", "json")
    assert (code, json.loads(out)["done"]) == (0, 3)
    assert "3 of 3 fragments to make" in err
    _, out, _ = zvonar("campaign", "status", "people", "--format", "json")
    assert json.loads(out)["audio"] == {"needed": 2, "ready": 2}
    code, out, err = zvonar("campaign", "prepare", "people", "--again", "--format", "json")
    assert (code, json.loads(out)["done"]) == (0, 1)
    assert "1 leads are tried again" in err
    assert zvonar("campaign", "prepare", "nobody")[0] == 3


def test_the_cache_tells_what_it_holds_drops_and_mends(zvonar: Run, people: Engine, ready: Path) -> None:
    assert zvonar("campaign", "prepare", "people")[0] == 0
    code, out, _ = zvonar("audio", "cache", "stats", "--format", "json")
    stats = json.loads(out)
    assert (code, stats["files"], stats["played"] > 0) == (0, 1, True)
    assert zvonar("audio", "cache", "stats")[1].count("fragments") >= 2
    (file,) = (ready / "audio").rglob("*.alaw")
    file.write_bytes(file.read_bytes()[:160])
    code, out, _ = zvonar("audio", "cache", "verify", "--format", "json")
    found = json.loads(out)
    assert (code, found["broken"], found["rebuilt"]) == (0, 1, stats["fragments"])
    assert found["leads"] == 3, "two of this campaign, and one whose file was never there"
    file.unlink()
    (ready / "espeak-ng").write_text("#!/bin/sh\nexit 1\n")
    code, out, _ = zvonar("audio", "cache", "verify", "--format", "json")
    assert (code, json.loads(out)["failed"]) == (1, stats["fragments"])


def test_nothing_is_dropped_unasked(zvonar: Run, people: Engine, ready: Path) -> None:
    stray = ready / "audio" / "cd" / f"{'cd' * 32}.alaw"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(bytes(160))
    os.utime(stray, (0, 0))
    code, _, err = zvonar("audio", "cache", "gc")
    assert (code, "1 files would be dropped" in err, stray.exists()) == (2, True, True)
    code, out, _ = zvonar("audio", "cache", "gc", "--dry-run", "--format", "json")
    assert (code, json.loads(out)["strays"], stray.exists()) == (0, 1, True)
    code, out, _ = zvonar("audio", "cache", "gc", "--yes", "--format", "json")
    assert (code, json.loads(out)["dropped"], stray.exists()) == (0, 1, False)


def test_a_worker_needs_a_broker(zvonar: Run) -> None:
    code, _, err = zvonar("serve", "speech")
    assert (code, "celery.broker_url" in err) == (2, True)
