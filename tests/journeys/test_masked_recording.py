"""A recorded call, from what was said in it to who may hear it; and with no room for its file. On a real
Asterisk.
"""

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from journeys.conftest import in_business
from journeys.taxi import SPEECH, WORDS, Taxi, speaks, until, words

from lab.ear import ALAW, RATE, Sound, decode, load, match
from lab.kinds import number
from lab.mouth import say
from lab.ports import is_free
from lab.postgres import Postgres
from storage.db import Record

pytestmark = pytest.mark.timeout(180)

ROOM = 1 << 18
AMONG = 0.35  # how like a voice is to two at once; nobody's is below 0.2
HANG_UP = "the caller hangs up"


def recorded(taxi: Taxi, order: str, *client: str, end: str = "") -> tuple[Record, Path]:
    """The driver calls his client and they talk; the call once its recording was looked for, and the file."""
    driver = number("listens", int(order[2:]))
    taxi.bind(order, driver, list(client), record=True)
    call = taxi.caller(driver).start()
    if end == HANG_UP:
        call.until(lambda one: speaks(one.heard()) and words(taxi.of(client[-1])))
        call.hang_up()
    else:
        call.to_the_end()
    taxi.ended(order)
    until(lambda: taxi.calls(order)[0].recording != "wanted", 40)
    (row,) = taxi.calls(order)
    return row, file_of(taxi, row)


def file_of(taxi: Taxi, row: Record) -> Path:
    """Where a call's recording lies."""
    name = str(row.id)
    return taxi.stand.settings.recordings_dir / "masked" / name[:4] / name[:7] / f"{name}.alaw"


def is_empty(file: Path) -> bool:
    """Is there nothing in it, or no file at all?"""
    return not file.exists() or file.stat().st_size == 0


def has_both_voices(sound: Sound) -> bool:
    """The caller's, and that of who was called."""
    voices = (decode(say(WORDS), ALAW), SPEECH[int(5.0 * RATE) : int(6.5 * RATE)])
    return min(match(sound, voice).correlation for voice in voices) >= AMONG


def has(taxi: Taxi, sound: Sound, *phrases: str) -> bool:
    """Is any of these in it?"""
    return max(match(sound, taxi.said(name)).correlation for name in phrases) >= AMONG


@pytest.mark.parametrize(
    ("order", "phones", "end"),
    [
        ("R-0601", [number("operator", 601)], HANG_UP),
        ("R-0602", [number("announcement", 602)], "the callee hangs up"),
        ("R-0603", [number("busy", 603), number("operator", 603)], HANG_UP),
    ],
)
def test_what_two_say_to_each_other_is_recorded_and_nothing_else(
    taxi: Taxi, order: str, phones: list[str], end: str
) -> None:
    row, file = recorded(taxi, order, *phones, end=end)
    sound, content = load(file), file.read_bytes()
    assert (row.recording, row.bytes) == ("kept", len(content))
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    assert has_both_voices(sound)
    assert not has(taxi, sound, "recorded", "from-driver"), "what we say is none of their talk"
    assert len(sound) / RATE <= (row.ended_at - row.joined_at).total_seconds() + 0.5, "from the talk on"
    assert taxi.heard(taxi.of(phones[-1]), "from-driver", "recorded"), "who is called is told"


def test_who_hangs_up_before_they_talk_is_not_missed(taxi: Taxi) -> None:
    row, file = recorded(taxi, "R-0604", number("hangs-up", 604, 1))
    assert (row.answered_at is not None, row.joined_at, row.recording) == (True, None, "")
    assert is_empty(file)


def test_what_is_said_to_the_call_centre_is_not_recorded(taxi: Taxi) -> None:
    driver = number("listens", 607)
    taxi.bind("R-0607", driver, number("no-circuit", 607), record=True)
    call = taxi.caller(driver).start()
    call.until(lambda one: speaks(one.heard()))
    call.hang_up()
    assert taxi.ended("R-0607") == ["centre"]
    (row,) = taxi.calls("R-0607")
    assert row.recording == ""
    assert is_empty(file_of(taxi, row))


@pytest.fixture
def web(taxi: Taxi) -> Iterator[Callable[..., tuple[int, bytes, str]]]:
    """Our HTTP: status, body and ETag of a GET with a key that is good for `scope`."""
    server, keys = taxi.shell.serve("web"), {}
    root = f"http://{taxi.stand.settings.web.bind}"

    def get(path: str, scope: str) -> tuple[int, bytes, str]:
        if scope not in keys:
            named = ("--scope", scope)
            keys[scope] = taxi.shell.zvonar("web", "key", "add", scope.replace(":", "-"), *named).strip()
        bearer = {"Authorization": f"Bearer {keys[scope]}"}
        answer = requests.get(root + path, headers=bearer, timeout=30)
        return answer.status_code, answer.content, answer.headers.get("ETag", "")

    until(lambda: not is_free(int(root.rpartition(":")[2])))
    yield get
    server.stop(5)


def test_it_is_heard_over_http_by_who_may_and_by_nobody_else(
    taxi: Taxi, web: Callable[..., tuple[int, bytes, str]]
) -> None:
    row, file = recorded(taxi, "R-0605", number("operator", 605), end=HANG_UP)
    path = f"/v1/recordings/{row.id}"
    status, sound, etag = web(path, "recordings:read")
    assert (status, etag) == (200, f'"{row.sha256}"')
    (taxi.shell.folder / "talk.wav").write_bytes(sound)
    assert np.array_equal(load(taxi.shell.folder / "talk.wav"), load(file))
    assert web(path, "bindings:read")[0] == 403
    assert b'"kept"' in web("/v1/calls?order=R-0605", "bindings:read")[1]
    file.write_bytes(file.read_bytes()[::-1])
    assert web(path, "recordings:read")[0] == 409, "it was changed"
    file.unlink()
    assert web(path, "recordings:read")[0] == 404


@pytest.fixture(params=["full", "read-only"])
def no_room(request: pytest.FixtureRequest, tmp_path: Path, postgres: Postgres) -> Iterator[Taxi]:
    """A company whose folder of recordings has no room, or cannot be written at all."""
    folder = tmp_path / "stand" / "var" / "recordings"
    folder.mkdir(parents=True)
    url = postgres.database()
    how = f"size={ROOM}" if request.param == "full" else "ro"
    subprocess.run(["mount", "-t", "tmpfs", "-o", how, "recordings", str(folder)], check=True)
    try:
        if request.param == "full":
            (folder / "others").write_bytes(bytes(ROOM))
        with in_business(tmp_path, url) as company:
            yield company
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    postgres.drop(url)


def test_with_no_room_for_it_they_talk_and_the_recording_is_told_to_be_missing(no_room: Taxi) -> None:
    client = number("operator", 606)
    row, file = recorded(no_room, "R-0606", client, end=HANG_UP)
    assert (row.ended, row.recording, row.sha256, row.bytes) == ("talked", "missing", "", 0)
    assert words(no_room.of(client))
    assert is_empty(file)
    assert "recordings missing" in no_room.shell.logs()
