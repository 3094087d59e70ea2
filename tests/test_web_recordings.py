"""Masked calls over HTTP: an order's calls, and what was said in them, for those who may hear it."""

import hashlib
import wave
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from builders import rows_of
from office import Office
from sqlalchemy import Engine

from engine.recording import sound
from storage import audit, mask_calls
from storage.db import new_id, writing
from storage.vocab import Recording, Scope

ALAW = bytes(range(256)) * 900  # more than one piece of it


@pytest.fixture
def office(engine: Engine, tmp_path: Path) -> Office:
    return Office(engine, tmp_path)


def called(office: Office, state: Recording, sound: bytes = ALAW) -> UUID:
    """A call of order A-1 whose recording became this."""
    at = office.now() - timedelta(minutes=5)
    row = {"id": new_id(at), "begun_at": at, "did": "+78120000001", "caller": "+79210000001", "rule": "live"}
    row |= {"party": "d7", "role": "driver", "order_id": "A-1", "peer": "+79210000002", "ended": "talked"}
    row |= {"answered_at": at, "joined_at": at, "ended_at": at + timedelta(seconds=28), "recording": state}
    row |= {"sha256": hashlib.sha256(sound).hexdigest(), "bytes": len(sound)}
    with writing(office.engine) as connection:
        mask_calls.add(connection, row)
    call = UUID(str(row["id"]))
    file = office.recordings.shelf.path(call)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(sound)
    return call


def key(office: Office, *scopes: Scope) -> dict[str, str]:
    """A key good for these alone."""
    name = "-".join(scope.replace(":", ".") for scope in scopes)
    return {"Authorization": f"Bearer {office.keys.add(name, scopes, 'anna')}"}


def get(office: Office, call: object, **headers: str) -> httpx.Response:
    return office.ask("GET", f"/v1/recordings/{call}", **headers)


def asked(office: Office) -> list[tuple[str, str, str]]:
    """Who asked for what, and was answered what."""
    rows = [row for row in rows_of(office.engine, audit.audit) if row.deed == "recording.hear"]
    return [(row.actor, row.subject, row.detail["answer"]) for row in sorted(rows, key=lambda row: row.id)]


def test_a_recording_is_handed_out_as_sound_that_any_player_plays(office: Office) -> None:
    call = called(office, Recording.KEPT)
    answer = get(office, call, **key(office, Scope.RECORDINGS_READ))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.headers["content-disposition"] == f'attachment; filename="{call}.wav"'
    assert answer.headers["etag"] == f'"{hashlib.sha256(ALAW).hexdigest()}"'
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)
    with wave.open(BytesIO(answer.content)) as heard:
        assert (heard.getnchannels(), heard.getsampwidth(), heard.getframerate()) == (1, 2, 8000)
        assert heard.readframes(10**9) == sound.linear(ALAW)
    assert asked(office) == [("recordings.read", str(call), "given")]


def test_without_the_right_nobody_hears_a_word(office: Office) -> None:
    call = called(office, Recording.KEPT)
    others = [scope for scope in Scope if scope is not Scope.RECORDINGS_READ]
    denied = get(office, call, **key(office, *others))
    assert (denied.status_code, denied.json()["error"]) == (403, "denied")
    assert get(office, call, Authorization="Bearer x").status_code == 401
    assert office.ask("GET", "/v1/calls?order=A-1", **key(office, Scope.RECORDINGS_READ)).status_code == 403
    assert asked(office) == []


def test_what_cannot_be_heard_has_its_own_answer_and_stands_in_the_audit(office: Office) -> None:
    changed = called(office, Recording.KEPT)
    office.recordings.shelf.path(changed).write_bytes(ALAW[1:])
    missing = called(office, Recording.KEPT)
    office.recordings.shelf.path(missing).unlink()
    wanted = {
        changed: (409, "refused-by-policy"),
        missing: (404, "not-found"),
        called(office, Recording.WANTED): (409, "refused-by-policy"),
        called(office, Recording.NONE): (404, "not-found"),
        called(office, Recording.REMOVED): (410, "gone"),
        new_id(): (404, "not-found"),
    }
    for call, (status, error) in wanted.items():
        answer = get(office, call)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
        assert set(answer.json()) == {"error", "message", "details"}
    assert [(actor, call) for actor, call, _ in asked(office)] == [("dispatch", str(call)) for call in wanted]
    assert get(office, "..%2f..%2fetc%2fpasswd").status_code in (404, 422)
    assert get(office, "x").status_code == 422


def test_an_orders_calls_tell_what_became_of_their_recordings_and_nobodys_phone(office: Office) -> None:
    call = called(office, Recording.KEPT)
    reader = key(office, Scope.BINDINGS_READ)
    answer = office.ask("GET", "/v1/calls?order=A-1", **reader)
    (one,) = answer.json()["calls"]
    assert (one["call"], one["from"], one["reason"], one["talk_s"]) == (str(call), "driver", "talked", 28)
    assert (one["recording"], one["ms"]) == ("kept", len(ALAW) // 8)
    assert one["sha256"] == hashlib.sha256(ALAW).hexdigest()
    assert "921000000" not in answer.text
    assert office.ask("GET", "/v1/calls?order=B-1", **reader).json() == {"order": "B-1", "calls": []}
    for wrong in ("", "?order=", "?order=%00", "?order=" + "x" * 65):
        assert office.ask("GET", f"/v1/calls{wrong}", **reader).status_code == 422
