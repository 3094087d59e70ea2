"""Recordings of masked calls: settled when the call is over, heard by those who may, deleted in time."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from builders import NOON, rows_of
from masked_office import CLIENT, DRIVER, ORDER, Office
from prometheus_client import REGISTRY

from engine.errors import Gone, NotFound, Refused, Unreachable, ZvonarError
from engine.masking.recordings import MaskRecordings
from engine.recording.clearing import purge
from engine.recording.shelf import Shelf
from storage import audit, mask_events
from storage import mask_calls as store
from storage.db import new_id, writing
from storage.vocab import MaskEnd, MaskEvent, Recording

SOUND = bytes([0xD5, 0x2A] * 40_000)  # ten seconds


@pytest.fixture
def recordings(masks: Office) -> MaskRecordings:
    masks.bindings.bind(replace(ORDER, record=True), "dispatch")
    return MaskRecordings(masks.engine, masks.settings)


def talk(masks: Office, seconds: float = 10, *, joined: bool = True) -> UUID:
    """A recorded call of the driver's that is over: the whisper took four seconds, the talk so many."""
    line, _ = masks.call(DRIVER)
    masks.calls.taken(str(line.id))
    masks.pass_s(4)
    if joined:
        masks.calls.joined(str(line.id))
        while masks.row(line.id).joined_at is None:
            pass
    masks.pass_s(seconds)
    masks.end(line, MaskEnd.TALKED)
    return line.id


def lay(recordings: MaskRecordings, call: UUID, sound: bytes = SOUND) -> Path:
    """Its file, as Asterisk would have left it."""
    file = recordings.shelf.path(call)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sound)
    return file


def settled(masks: Office, recordings: MaskRecordings) -> None:
    """A moment later they have been looked for."""
    masks.pass_s(11)
    recordings.check()


def counted(state: str) -> float:
    return REGISTRY.get_sample_value("zvonar_recordings_total", {"state": state}) or 0


def ready(masks: Office) -> list[tuple[str, dict[str, Any]]]:
    rows = rows_of(masks.engine, mask_events.mask_event)
    return [(row.order_id, row.body) for row in rows if row.kind == MaskEvent.RECORDING_READY]


def answers(masks: Office) -> list[tuple[str, str, str, str]]:
    """Who asked for which recording of which order, and what he was answered."""
    rows = sorted(rows_of(masks.engine, audit.audit), key=lambda row: row.at)
    found = [row for row in rows if row.deed == "recording.hear"]
    return [(row.actor, row.subject, row.detail["order"], row.detail["answer"]) for row in found]


def test_a_recording_is_settled_once_with_its_hash_and_the_dispatch_is_told(
    masks: Office, recordings: MaskRecordings
) -> None:
    call, kept = talk(masks), counted("kept")
    lay(recordings, call)
    masks.pass_s(5)
    assert (recordings.check(), masks.row(call).recording) == (0, Recording.WANTED)
    masks.pass_s(6)
    assert [recordings.check(), recordings.check()] == [1, 0]
    row, sha256 = masks.row(call), hashlib.sha256(SOUND).hexdigest()
    assert (row.recording, row.sha256, row.bytes) == (Recording.KEPT, sha256, len(SOUND))
    told = {"call": str(call), "ms": 10_000, "sha256": sha256, "path": f"/v1/recordings/{call}"}
    assert ready(masks) == [("A-1", told)]
    assert counted("kept") - kept == 1
    assert REGISTRY.get_sample_value("zvonar_recordings_free_bytes")


@pytest.mark.parametrize(
    ("talked_s", "sound", "state"),
    [
        (10, SOUND, Recording.KEPT),
        (10, SOUND[:40_000], Recording.KEPT),  # both were silent, and sent nothing, for half of it
        (10, SOUND[:24_000], Recording.MISSING),  # the disk was full
        (10, b"", Recording.MISSING),
        (10, None, Recording.MISSING),
        (1.5, SOUND[:4000], Recording.KEPT),
        (0.5, None, Recording.NONE),
        (0.5, b"", Recording.NONE),
    ],
)
def test_it_is_as_long_as_half_the_talk_at_the_least(
    masks: Office, recordings: MaskRecordings, talked_s: float, sound: bytes | None, state: Recording
) -> None:
    call = talk(masks, talked_s)
    if sound is not None:
        lay(recordings, call, sound)
    settled(masks, recordings)
    assert masks.row(call).recording == state
    assert len(ready(masks)) == (state is Recording.KEPT)


def test_who_hangs_up_before_they_talk_leaves_no_recording_that_could_be_missing(
    masks: Office, recordings: MaskRecordings
) -> None:
    in_whisper = talk(masks, joined=False)
    refused, _ = masks.call(DRIVER)
    masks.end(refused, MaskEnd.BUSY)
    assert masks.row(refused.id).recording == Recording.NONE
    settled(masks, recordings)
    assert masks.row(in_whisper).recording == Recording.NONE


def test_a_talk_that_nobody_saw_begin_or_end_is_judged_by_its_file(
    masks: Office, recordings: MaskRecordings
) -> None:
    unseen, lost = talk(masks, joined=False), masks.call(CLIENT)[0].id
    for call in (unseen, lost):
        lay(recordings, call)
    settled(masks, recordings)
    assert (masks.row(unseen).recording, masks.row(lost).recording) == (Recording.KEPT, Recording.WANTED)
    masks.pass_s(3 * 3600)
    recordings.check()
    assert masks.row(lost).recording == Recording.KEPT


def test_a_folder_that_cannot_be_looked_at_settles_nothing(
    masks: Office, recordings: MaskRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = talk(masks)
    lay(recordings, call)
    masks.pass_s(11)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", denied)
        with pytest.raises(PermissionError):
            recordings.check()
        assert not recordings.look()
    assert masks.row(call).recording == Recording.WANTED
    assert not recordings.look()
    assert masks.row(call).recording == Recording.KEPT


def denied(file: Path, _mode: str) -> None:
    raise PermissionError(13, "Permission denied", str(file))


def test_two_who_look_at_once_tell_it_once(masks: Office, recordings: MaskRecordings) -> None:
    call = talk(masks)
    lay(recordings, call)
    masks.pass_s(11)
    found, other = recordings._found, MaskRecordings(masks.engine, masks.settings)

    def meanwhile(row: Any) -> Any:
        other.check()
        return found(row)

    recordings._found = meanwhile  # type: ignore[method-assign]  # the moment between look and write
    recordings.check()
    assert (masks.row(call).recording, len(ready(masks))) == (Recording.KEPT, 1)


def test_a_recording_is_heard_and_who_heard_it_is_in_the_audit(
    masks: Office, recordings: MaskRecordings
) -> None:
    call = talk(masks)
    lay(recordings, call)
    with pytest.raises(Refused, match="not over"):
        recordings.hear(call, "lawyer")
    settled(masks, recordings)
    heard = recordings.hear(call, "lawyer")
    heard.file.seek(0)
    assert (heard.file.read(), heard.size, heard.sha256) == (SOUND, len(SOUND), masks.row(call).sha256)
    heard.file.close()
    who = ("lawyer", str(call), "A-1")
    assert answers(masks) == [(*who, "the call is not over, or was a moment ago"), (*who, "given")]


def test_what_cannot_be_heard_is_told_why_and_that_is_in_the_audit_too(
    masks: Office, recordings: MaskRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, missing, gone, changed = new_id(), talk(masks), talk(masks), talk(masks)
    for call in (gone, changed):
        lay(recordings, call)
    settled(masks, recordings)
    recordings.shelf.path(gone).unlink()
    before = counted("changed")
    lay(recordings, changed, SOUND[::-1])
    for call, error in ((silent, NotFound), (missing, NotFound), (gone, NotFound), (changed, Refused)):
        with pytest.raises(error):
            recordings.hear(call, "lawyer")
        masks.pass_s(1)
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(Unreachable):
        recordings.hear(changed, "lawyer")
    whys = [
        "no such call",
        "its file is missing",
        "its file is missing",
        "its file was changed",
        "cannot be read",
    ]
    told = answers(masks)
    assert [order for _, _, order, _ in told] == ["", "A-1", "A-1", "A-1", "A-1"]
    assert all(why in answer for why, (_, _, _, answer) in zip(whys, told, strict=True))
    assert masks.row(changed).sha256 in told[3][3], "both hashes stand there"
    assert counted("changed") - before == 1


def aged(masks: Office, recordings: MaskRecordings, days: float) -> UUID:
    """The recording of a call of so many days ago."""
    at = NOON - timedelta(days=days)
    row = {"id": new_id(at), "begun_at": at, "did": "", "caller": "", "party": "", "role": "driver"}
    with writing(masks.engine) as connection:
        store.add(connection, row | {"rule": "live", "recording": "kept", "sha256": "ab" * 32, "bytes": 1})
    lay(recordings, row["id"])  # type: ignore[arg-type]  # it is one
    made: UUID = row["id"]  # type: ignore[assignment]  # it is one
    return made


def test_after_its_days_it_is_deleted_and_the_row_says_so(masks: Office, recordings: MaskRecordings) -> None:
    old, young = aged(masks, recordings, 182), aged(masks, recordings, 180)
    stray = lay(recordings, new_id(NOON - timedelta(days=182)))  # its row is not there any more
    gone = aged(masks, recordings, 182)
    recordings.shelf.path(gone).unlink()  # by somebody else
    counts = purge([recordings.clearing], "anna", dry_run=True)
    assert (counts.removed, counts.bytes, stray.exists()) == (2, 2 * len(SOUND), True)
    assert not recordings.clear()
    assert (recordings.shelf.path(old).exists(), stray.exists()) == (False, False)
    assert recordings.shelf.path(young).exists()
    assert (masks.row(old).recording, masks.row(young).recording) == (Recording.REMOVED, Recording.KEPT)
    assert masks.row(gone).recording == Recording.REMOVED
    (note,) = [row for row in rows_of(masks.engine, audit.audit) if row.deed == "recording.purge"]
    assert (note.actor, note.detail["recordings"], note.detail["keep_days"]) == ("zvonar", 2, 180)
    assert note.subject.startswith("masked/")
    with pytest.raises(Gone):
        recordings.hear(old, "lawyer")
    assert answers(masks)[-1][3] == "its time was over, it is deleted"
    with pytest.raises(NotFound):
        purge([recordings.clearing], "anna", dry_run=False)


def test_where_nothing_may_be_deleted_it_is_told_and_tried_the_next_day(
    masks: Office, recordings: MaskRecordings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = aged(masks, recordings, 200)
    with monkeypatch.context() as patched:
        patched.setattr("os.access", lambda _path, _mode: False)
        assert not recordings.clear()
        with pytest.raises(ZvonarError, match="may not delete"):
            purge([recordings.clearing], "anna", dry_run=False)
    assert masks.row(old).recording == Recording.KEPT
    recordings.clear()
    assert masks.row(old).recording == Recording.REMOVED


def test_the_two_kinds_of_recordings_do_not_delete_each_others(
    masks: Office, recordings: MaskRecordings
) -> None:
    masked = recordings.shelf.path(aged(masks, recordings, 5000))
    assert list(Shelf(masks.settings.recordings_dir).folders(NOON)) == []
    assert masked.is_relative_to(masks.settings.recordings_dir / "masked")


def test_an_orders_calls_are_told_the_newest_first_and_nobodys_phone(
    masks: Office, recordings: MaskRecordings
) -> None:
    first, second = talk(masks), talk(masks)
    lay(recordings, second)
    settled(masks, recordings)
    told = recordings.calls("A-1")
    assert [(one["call"], one["recording"], one["ms"]) for one in told["calls"]] == [
        (second, "kept", 10_000),
        (first, "missing", 0),
    ]
    assert {(one["from"], one["reason"], one["talk_s"]) for one in told["calls"]} == {
        ("driver", "talked", 14)
    }
    assert not {DRIVER[-10:], CLIENT[-10:]} & set(str(told))
    assert DRIVER[-10:] not in str(told) and CLIENT[-10:] not in str(told)
    assert recordings.calls("B-1") == {"order": "B-1", "calls": []}
