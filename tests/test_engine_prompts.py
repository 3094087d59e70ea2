"""The audio cache: a file that is there is whole, and its name says what it sounds like."""

import os
import threading
from pathlib import Path

import pytest
from builders import tone

from engine.errors import VoiceError
from engine.speech.prompts import AudioCache, length_ms, name_of, name_of_recording

WAV = tone(8000, seconds=0.25)


def test_names_are_hex_and_differ_by_voice_text_and_content() -> None:
    names = {name_of("v1", "a"), name_of("v2", "a"), name_of("v1", "b"), name_of("v1", "a\n")}
    names |= {name_of_recording(WAV), name_of_recording(WAV + b"x")}
    assert len(names) == 6
    assert all(len(name) == 64 and int(name, 16) >= 0 for name in names)
    assert name_of("v1", "a") == name_of("v1", "a")


def test_a_fragment_is_stored_readable_for_asterisk_and_found_again(tmp_path: Path) -> None:
    cache, name = AudioCache(tmp_path / "audio"), "ab" * 32
    assert not cache.has(name)
    assert cache.put(name, WAV) == 250
    assert cache.has(name)
    assert cache.path(name) == tmp_path / "audio" / "ab" / f"{name}.wav"
    assert cache.path(name).read_bytes() == WAV
    assert cache.path(name).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("wav", [b"", b"RIFF", WAV[:-1], tone(16000), tone(8000, 2), tone(8000, seconds=0)])
def test_what_asterisk_could_not_play_is_not_stored(tmp_path: Path, wav: bytes) -> None:
    cache = AudioCache(tmp_path)
    with pytest.raises(VoiceError, match="8 kHz, mono, 16 bits"):
        cache.put("ab" * 32, wav)
    assert list(tmp_path.rglob("*")) == []


def test_a_reader_sees_all_of_a_fragment_or_none(tmp_path: Path) -> None:
    cache, name, seen = AudioCache(tmp_path), "ab" * 32, []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            if cache.has(name):
                seen.append(cache.path(name).stat().st_size)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        cache.put(name, WAV)
    stop.set()
    reader.join()
    assert set(seen) == {len(WAV)}


def test_a_disk_that_is_full_leaves_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        AudioCache(tmp_path).put("ab" * 32, WAV)
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []


def test_fragments_are_joined_in_order_without_a_gap(tmp_path: Path) -> None:
    cache = AudioCache(tmp_path)
    first, second = tone(8000, seconds=0.1), tone(8000, seconds=0.2)
    cache.put("aa" * 32, first)
    cache.put("bb" * 32, second)
    out = tmp_path / "deep" / "message.wav"
    assert cache.join(["aa" * 32, "bb" * 32, "aa" * 32], out) == 400
    joined = out.read_bytes()
    assert length_ms(joined) == 400
    assert joined[44:] == first[44:] + second[44:] + first[44:]
    assert [file.name for file in out.parent.iterdir()] == ["message.wav"]
