"""`zvonar recording`: every verb, its words and its exits."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from builders import add_attempt, add_campaign, add_lead
from sqlalchemy import Engine

from cli.main import run
from engine.recording.shelf import Shelf
from storage.db import new_id, open_engine

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recording(ready: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Exit code, data and talk of a verb."""

    def done(*command: str) -> tuple[int, str, str]:
        code = run(["--lang", "en", "recording", *command])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return done


@pytest.fixture
def database(ready: Path) -> Iterator[Engine]:
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    yield engine
    engine.dispose()


@pytest.fixture
def old(database: Engine, home: Path) -> UUID:
    """A call of four years ago, and its file of one second."""
    at = datetime.now(UTC) - timedelta(days=1500)
    campaign = add_campaign(database, "recorded", record=True, law=["none"])
    made = add_attempt(
        database,
        add_lead(database, campaign),
        id=new_id(at),
        prepared_at=at,
        ended_at=at,
        recording="kept",
        outcome="answered-heard",
    )
    file = Shelf(home / "recordings").path(made["id"])
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(8000))
    found: UUID = made["id"]
    return found


def test_what_was_recorded_is_listed_and_shown_without_saying_who_was_called(
    recording: Run, old: UUID
) -> None:
    (row,) = json.loads(recording("list", "--format", "json")[1])
    assert (row["attempt"], row["campaign"], row["recording"]) == (str(old), "recorded", "kept")
    assert str(old) in recording("list", "--campaign", "recorded", "--state", "kept")[1]
    assert recording("list", "--state", "missing", "--format", "json")[1] == "[]\n"
    assert recording("list", "--campaign", "nobody's")[0] == 3
    assert recording("list", "--since", "yesterday")[0] == 2
    code, out, _ = recording("show", str(old))
    assert code == 0 and "kept" in out and f"{old}.alaw" in out
    shown = json.loads(recording("show", str(old), "--format", "json")[1])
    assert (shown["ms"], shown["bytes"]) == (1000, 8000)
    assert not {"phone", "e164", "name"} & (row.keys() | shown.keys())
    assert (recording("show", "x")[0], recording("show", str(new_id()))[0]) == (2, 3)


def test_a_recording_is_handed_out(recording: Run, old: UUID, home: Path) -> None:
    code, out, err = recording("export", str(old), "-o", str(home / "talk.wav"))
    assert (code, out) == (0, "") and "1.0 s" in err
    assert (home / "talk.wav").stat().st_size == 44 + 2 * 8000
    assert recording("export", str(old), "-o", str(home / "talk.mp3"))[0] == 2
    assert recording("export", str(new_id()), "-o", str(home / "talk.wav"))[0] == 3


def test_nothing_is_deleted_unasked(
    recording: Run, old: UUID, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Shelf(home / "recordings").path(old)
    code, out, err = recording("purge")
    assert (code, out) == (2, "") and "1 recordings would be deleted" in err
    would = json.loads(recording("purge", "--dry-run", "--format", "json")[1])
    assert (would["removed"], would["bytes"], would["held"]) == (1, 8000, 0)
    assert file.exists()
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stdin.isatty", lambda: True, raising=False)
        terminal.setattr("click.confirm", lambda text, **_: (_ for _ in ()).throw(KeyboardInterrupt))
        assert recording("purge")[0] == 130
    assert file.exists()
    assert recording("purge", "--yes")[0] == 0
    assert not file.exists()
    assert json.loads(recording("show", str(old), "--format", "json")[1])["recording"] == "removed"
    assert recording("purge", "--yes")[0] == recording("purge", "--dry-run")[0] == 3


def test_those_of_masked_calls_are_deleted_with_the_others(recording: Run, old: UUID, home: Path) -> None:
    call = new_id(datetime.now(UTC) - timedelta(days=200))
    file = Shelf(home / "recordings" / "masked").path(call)
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(800))
    done = json.loads(recording("purge", "--yes", "--format", "json")[1])
    assert (done["removed"], done["bytes"], file.exists()) == (2, 8800, False)
    assert (
        recording("show", str(call))[0] == recording("export", str(call), "-o", str(home / "t.wav"))[0] == 3
    )
