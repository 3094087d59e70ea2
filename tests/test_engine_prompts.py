"""The audio cache: a file that is there is whole, and its name says what is in it."""

import hashlib
import multiprocessing
import os
import threading
import wave
from pathlib import Path

import pytest
from builders import tone

from engine.errors import VoiceError
from engine.speech import sound
from engine.speech.prompts import AudioCache, Kind, key_of, name_of

SOUND = sound.finish(tone(seconds=0.25), "alaw")
OTHER = sound.finish(tone(seconds=0.4), "alaw")


def test_keys_differ_by_all_that_decides_a_sound() -> None:
    given = [
        ("alaw", "v1", Kind.WHOLE, "a"),
        ("ulaw", "v1", Kind.WHOLE, "a"),
        ("alaw", "v2", Kind.WHOLE, "a"),
    ]
    given += [
        ("alaw", "v1", Kind.ATOM, "a"),
        ("alaw", "v1", Kind.JOINED, "a"),
        ("alaw", "v1", Kind.WHOLE, "b"),
    ]
    keys = {key_of(*one) for one in given}
    assert len(keys) == len(given)
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in keys)
    assert key_of(*given[0]) in keys


def test_a_file_is_named_by_its_content_and_readable_for_asterisk(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path / "audio", "alaw")
    name = hashlib.sha256(SOUND).hexdigest()
    assert not cache.has(name)
    assert cache.put(SOUND) == name_of(SOUND) == name
    assert cache.has(name) and cache.has(name, len(SOUND)) and cache.whole(name)
    assert cache.path(name) == tmp_path / "audio" / name[:2] / f"{name}.alaw"
    assert cache.read(name) == SOUND
    assert cache.path(name).stat().st_mode & 0o777 == 0o644


def test_a_file_that_is_cut_or_changed_is_not_taken_for_whole(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path, "alaw")
    name = cache.put(SOUND)
    cache.path(name).write_bytes(SOUND[:-160])
    assert (cache.has(name, len(SOUND)), cache.whole(name)) == (False, False)
    cache.path(name).write_bytes(b"x" + SOUND[1:])
    assert (cache.has(name, len(SOUND)), cache.whole(name)) == (True, False)
    cache.path(name).write_bytes(b"")
    assert not cache.has(name)
    assert cache.put(SOUND) == name
    assert cache.whole(name), "made again, it is mended"
    cache.drop(name)
    cache.drop(name)
    assert not cache.has(name)
    with pytest.raises(VoiceError, match="not in the audio cache"):
        cache.read(name)


@pytest.mark.parametrize("content", [b"", SOUND[:-1], SOUND + b"x"])
def test_what_is_not_whole_frames_is_not_stored(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(VoiceError, match="whole frames"):
        AudioCache(tmp_path, "alaw").put(content)
    assert list(tmp_path.rglob("*")) == []


def test_files_of_before_are_found_with_the_ending_that_they_have(tmp_path: Path) -> None:
    cache, name = AudioCache(tmp_path, "ulaw"), "ab" * 32
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / f"{name}.wav").write_bytes(tone(8000))
    assert cache.has(name) and cache.whole(name)
    assert cache.path(name).suffix == ".wav"
    (tmp_path / "ab" / f"{name}.wav").write_bytes(tone(8000)[:-100])
    assert not cache.whole(name)


def test_a_reader_sees_all_of_a_file_or_none(tmp_path: Path) -> None:
    cache, name, seen = AudioCache(tmp_path, "alaw"), name_of(SOUND), []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                seen.append(cache.path(name).stat().st_size)
            except FileNotFoundError:
                continue

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        cache.put(SOUND)
        cache.drop(name)
    stop.set()
    reader.join()
    assert set(seen) <= {len(SOUND)}


def write(folder: str) -> None:
    """In a process of its own."""
    cache = AudioCache(Path(folder), "alaw")
    for _ in range(200):
        assert cache.put(SOUND) == name_of(SOUND)
        cache.drop(name_of(SOUND))


def test_two_processes_write_one_file_and_neither_fails(tmp_path: Path) -> None:
    fresh = multiprocessing.get_context("spawn")
    both = [fresh.Process(target=write, args=(str(tmp_path),)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


def test_a_disk_that_is_full_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        AudioCache(tmp_path, "alaw").put(SOUND)
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


def test_files_of_any_format_are_joined_in_order_without_a_gap(tmp_path: Path) -> None:
    cache, mu = AudioCache(tmp_path, "alaw"), AudioCache(tmp_path, "ulaw")
    first, second, third = cache.put(SOUND), mu.put(sound.finish(tone(), "ulaw")), "ab" * 32
    (tmp_path / "ab").mkdir(exist_ok=True)
    (tmp_path / "ab" / f"{third}.wav").write_bytes(tone(8000, seconds=0.1))
    out = tmp_path / "deep" / "message.wav"
    ms = cache.join([first, second, third, first], out)
    lengths = [sound.length_ms(cache.read(name), "alaw") for name in (first, second)]
    assert ms == 2 * lengths[0] + lengths[1] + 100
    with wave.open(str(out)) as joined:
        frames = joined.readframes(joined.getnframes())
    one = sound.wav_of(SOUND, "alaw")[44:]
    assert frames.startswith(one) and frames.endswith(tone(8000, seconds=0.1)[44:] + one)
    assert [file.name for file in out.parent.iterdir()] == ["message.wav"]
