"""Recordings: what became of each, handed out, deleted when nobody has to keep them any longer."""

import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, add_attempt, add_campaign, add_lead, attempt_now, rows_of
from calling import TIME, clocked
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from sqlalchemy import Engine

from engine.errors import NotFound, UsageError, ZvonarError
from engine.recording import service, sound
from engine.recording.clearing import purge
from engine.recording.service import Recordings
from engine.recording.shelf import Shelf
from engine.recording.verdict import verdict
from storage import audit
from storage.db import new_id
from storage.vocab import Recording


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    TIME.at = NOON
    yield
    TIME.at = NOON


@pytest.fixture
def recordings(engine: Engine, tmp_path: Path) -> Recordings:
    return Recordings(engine, clocked(tmp_path))


def call(engine: Engine, at: datetime = NOON, *, law: list[str] | None = None, **changes: Any) -> UUID:
    """A recorded call of a person of its own that is over: ten seconds, five of the message heard."""
    campaign = add_campaign(engine, f"c{new_id()}", record=True, law=law or ["none"])
    times = {"prepared_at": at, "answered_at": at, "ended_at": at + timedelta(seconds=10)}
    made = {"id": new_id(at), "recording": "wanted", "heard_ms": 5000, "outcome": "answered-heard"}
    written: UUID = add_attempt(engine, add_lead(engine, campaign), **made | times | changes)["id"]
    return written


def lay(recordings: Recordings, attempt: UUID, size: int = 80_000) -> Path:
    """Its file, as Asterisk would have left it."""
    file = recordings.shelf.path(attempt)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes([0xD5, 0x2A] * (size // 2)))
    return file


def state(engine: Engine, attempt: UUID) -> str:
    found: str = attempt_now(engine, attempt).recording
    return found


@pytest.mark.parametrize(
    ("lasted_ms", "heard_ms", "size", "wanted"),
    [
        (10_000, 9_000, 80_000, Recording.KEPT),
        (10_000, 9_000, 64_000, Recording.KEPT),  # a second may be lost to the two clocks
        (10_000, 9_000, 63_000, Recording.MISSING),
        (10_000, 0, 1, Recording.KEPT),
        (10_000, 0, 0, Recording.MISSING),
        (10_000, 0, None, Recording.MISSING),
        (0, 0, None, Recording.NONE),
        (900, 0, None, Recording.NONE),  # gone before the first sound
        (0, 500, None, Recording.MISSING),  # the answer was not seen, but he listened
    ],
)
def test_a_recording_is_as_long_as_what_was_heard(
    lasted_ms: int, heard_ms: int, size: int | None, wanted: Recording
) -> None:
    assert verdict(lasted_ms, heard_ms, size) is wanted


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**8))
def test_more_of_a_file_is_never_worse(lasted_ms: int, heard_ms: int, size: int) -> None:
    if verdict(lasted_ms, heard_ms, size) is Recording.KEPT:
        assert verdict(lasted_ms, heard_ms, size + 1) is Recording.KEPT


@given(st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1)), st.integers(0, 2 * 10**6))
def test_a_folder_is_old_when_all_that_can_lie_in_it_is(at: datetime, later_ms: int) -> None:
    import tempfile

    at = at.replace(tzinfo=UTC, microsecond=0)
    with tempfile.TemporaryDirectory() as root:
        shelf = Shelf(Path(root))
        shelf.path(new_id(at)).parent.mkdir(parents=True)
        before = at + timedelta(milliseconds=later_ms)
        for folder in shelf.folders(before):
            assert at < folder.until <= before
        assert list(shelf.folders(at)) == []
        assert len(list(shelf.folders(at + timedelta(milliseconds=1 << 20)))) == 1


def test_a_look_settles_each_call_once(
    engine: Engine, recordings: Recordings, caplog: pytest.LogCaptureFixture
) -> None:
    def counted() -> list[float]:
        names = ("kept", "missing", "none")
        return [REGISTRY.get_sample_value("zvonar_recordings_total", {"state": name}) or 0 for name in names]

    whole, cut, gone, nobody = (call(engine) for _ in range(4))
    add_attempt(engine, add_lead(engine, add_campaign(engine)), ended_at=NOON)  # asked for none
    silent = call(engine, answered_at=None, heard_ms=None)
    fresh = call(engine, NOON + timedelta(seconds=5))
    for attempt, size in ((whole, 80_000), (cut, 4096), (nobody, 0), (fresh, 80_000)):
        lay(recordings, attempt, size)
    TIME.pass_(seconds=21)
    before = counted()
    assert recordings.check() == 5
    assert [state(engine, one) for one in (whole, cut, gone, nobody)] == ["kept", *["missing"] * 3]
    assert (state(engine, silent), state(engine, fresh)) == ("", "wanted")
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 3, 1]
    assert recordings.check() == 0
    TIME.pass_(seconds=5)
    assert recordings.check() == 1
    assert REGISTRY.get_sample_value("zvonar_recordings_free_bytes")


def test_a_folder_that_cannot_be_looked_at_settles_nothing(
    engine: Engine, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = call(engine)
    TIME.pass_(hours=1)

    def broken(_shelf: Shelf, _attempt: UUID) -> int:
        raise PermissionError(13, "Permission denied", "/recordings")

    monkeypatch.setattr(Shelf, "size", broken)
    with pytest.raises(PermissionError):
        recordings.check()
    assert state(engine, attempt) == "wanted"


def test_the_list_and_one_of_it(engine: Engine, recordings: Recordings) -> None:
    first, second = call(engine), call(engine, NOON + timedelta(days=1), recording="missing")
    file = lay(recordings, first)
    rows = list(recordings.list())
    assert [(row["attempt"], row["recording"]) for row in rows] == [(first, "wanted"), (second, "missing")]
    assert [row["attempt"] for row in recordings.list(state="missing")] == [second]
    assert [row["attempt"] for row in recordings.list(since="2026-01-22")] == [second]
    assert [row["attempt"] for row in recordings.list(campaign=rows[0]["campaign"])] == [first]
    with pytest.raises(NotFound, match="no campaign"):
        list(recordings.list(campaign="nobody's"))
    shown = recordings.show(str(first))
    assert (shown["file"], shown["bytes"], shown["ms"]) == (str(file), 80_000, 10_000)
    assert recordings.show(str(second))["file"] == ""
    plain = add_attempt(engine, add_lead(engine, add_campaign(engine)))["id"]
    for unknown in (str(new_id()), str(plain)):
        with pytest.raises(NotFound, match="no recorded attempt"):
            recordings.show(unknown)
    with pytest.raises(UsageError, match="no attempt's id"):
        recordings.show("../../etc/passwd")


def test_who_took_a_recording_is_in_the_audit(engine: Engine, recordings: Recordings, tmp_path: Path) -> None:
    attempt = call(engine)
    out = tmp_path / "talk.wav"
    with pytest.raises(NotFound, match="no recording"):
        recordings.export(str(attempt), out, "anna")
    file = lay(recordings, attempt)
    assert recordings.export(str(attempt), out, "anna") == 10_000
    with wave.open(str(out)) as heard:
        assert (heard.getnchannels(), heard.getsampwidth(), heard.getframerate()) == (1, 2, 8000)
        assert heard.getnframes() == 80_000
    recordings.export(str(attempt), tmp_path / "talk.alaw", "anna")
    assert (tmp_path / "talk.alaw").read_bytes() == file.read_bytes()
    with pytest.raises(UsageError, match=r"\.wav or \.alaw"):
        recordings.export(str(attempt), tmp_path / "talk.mp3", "anna")
    assert not list(tmp_path.glob("*mp3*"))
    notes = rows_of(engine, audit.audit)
    assert [(note.deed, note.actor, note.subject) for note in notes] == [
        ("recording.export", "anna", str(attempt))
    ] * 2
    assert len(notes[0].detail["sha256"]) == 64


def test_sound_is_what_g711_says() -> None:
    """As the lab's ear decodes it, which is checked against Asterisk's own."""
    from lab.ear import ALAW_TABLE

    every = bytes(range(256))
    samples = memoryview(sound.linear(every)).cast("h")
    assert list(samples) == [round(value * 32768) for value in ALAW_TABLE]


def aged(engine: Engine, recordings: Recordings, days: float, **changes: Any) -> UUID:
    """A recording that was made so many days ago."""
    attempt = call(engine, NOON - timedelta(days=days), recording="kept", **changes)
    lay(recordings, attempt)
    return attempt


def test_what_nobody_has_to_keep_is_deleted_and_the_rest_is_not(
    engine: Engine, recordings: Recordings
) -> None:
    old, lawful, young = (
        aged(engine, recordings, days, law=law)
        for days, law in ((1098, ["none"]), (1096.5, ["none", "ru-230fz-talk"]), (1094, ["none"]))
    )
    stray = lay(recordings, new_id(NOON - timedelta(days=1098)))  # its call is not in the books any more
    strange = recordings.shelf.path(old).with_name("readme.txt")
    strange.write_text("not ours")
    counted = purge([recordings.clearing], "anna", dry_run=True)
    assert (counted.removed, counted.bytes, counted.held) == (2, 160_000, 1)
    assert recordings.shelf.path(old).exists() and state(engine, old) == "kept"
    assert not rows_of(engine, audit.audit)
    done = purge([recordings.clearing], "anna", dry_run=False)
    assert done == counted
    assert not recordings.shelf.path(old).exists() and not stray.exists() and strange.exists()
    assert [state(engine, one) for one in (old, lawful, young)] == ["removed", "kept", "kept"]
    assert recordings.shelf.path(lawful).exists() and recordings.shelf.path(young).exists()
    notes = rows_of(engine, audit.audit)
    assert {(note.deed, note.actor) for note in notes} == {("recording.purge", "anna")}
    assert sum(note.detail["recordings"] for note in notes) == 2
    with pytest.raises(NotFound, match="1 are held"):
        purge([recordings.clearing], "anna", dry_run=False)
    TIME.pass_(days=2)
    assert purge([recordings.clearing], "anna", dry_run=False).removed == 1
    assert not recordings.shelf.path(lawful).parent.exists(), "an empty folder goes too"


def test_two_who_purge_at_once_are_not_in_each_others_way(engine: Engine, recordings: Recordings) -> None:
    aged(engine, recordings, 2000)
    (folder,) = recordings.shelf.folders(NOON)
    assert purge([recordings.clearing], "anna", dry_run=False).removed == 1
    assert not folder.path.exists()
    assert folder.files() == {}


def test_a_pack_that_is_gone_keeps_its_recordings(engine: Engine, recordings: Recordings) -> None:
    aged(engine, recordings, 9999, law=["our-own-of-2020"])
    with pytest.raises(NotFound, match="1 are held"):
        purge([recordings.clearing], "anna", dry_run=False)


def test_a_purge_that_was_cut_short_is_made_good(
    engine: Engine, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = aged(engine, recordings, 2000)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda _path, missing_ok: (_ for _ in ()).throw(OSError("cut")))
        with pytest.raises(OSError, match="cut"):
            purge([recordings.clearing], "anna", dry_run=False)
    assert (state(engine, attempt), recordings.shelf.path(attempt).exists()) == ("removed", True)
    assert purge([recordings.clearing], "anna", dry_run=False).removed == 1
    assert not recordings.shelf.path(attempt).exists()


def test_nothing_is_called_deleted_where_we_may_not_delete(
    engine: Engine, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = aged(engine, recordings, 2000)
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    with pytest.raises(ZvonarError, match="may not delete"):
        purge([recordings.clearing], "anna", dry_run=False)
    assert state(engine, attempt) == "kept"


def test_a_folder_that_cannot_be_looked_at_is_told_and_looked_at_again(
    engine: Engine, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = call(engine)
    lay(recordings, attempt)
    TIME.pass_(hours=1)
    told: list[str] = []
    monkeypatch.setattr(service.log, "error", lambda event, **more: told.append(f"{event}: {more['reason']}"))
    with monkeypatch.context() as away:
        away.setattr(recordings.shelf, "size", failing(PermissionError(13, "Permission denied")))
        assert recordings.look() is False
    assert (told, state(engine, attempt)) == (["recordings cannot be looked at: Permission denied"], "wanted")
    assert recordings.look() is False
    assert state(engine, attempt) == "kept"


def test_more_may_be_waiting_behind_a_whole_batch(
    engine: Engine, recordings: Recordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BATCH", 1)
    for _ in range(2):
        lay(recordings, call(engine))
    TIME.pass_(hours=1)
    assert [recordings.look() for _ in range(3)] == [True, True, False]


def failing(error: Exception) -> Callable[..., int]:
    """What always fails so."""

    def fails(*_: object) -> int:
        raise error

    return fails
