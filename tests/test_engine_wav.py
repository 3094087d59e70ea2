"""WAV files: every kind that a program writes is read, and no piece of one is taken for it."""

import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from builders import tone
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import VoiceError
from engine.speech import wav

KINDS = [
    ("-b 8 -e unsigned-integer", 0.02),
    ("-b 16", 1e-4),
    ("-b 24", 1e-4),  # sox writes it as WAVE_FORMAT_EXTENSIBLE
    ("-b 32", 1e-4),
    ("-b 32 -e floating-point", 1e-4),
    ("-b 64 -e floating-point", 1e-4),
]


def converted(content: bytes, options: str) -> bytes:
    command = ["sox", "-D", "-t", "wav", "-", *options.split(), "-t", "wav", "-"]
    return subprocess.run(command, input=content, capture_output=True, check=True).stdout


@pytest.mark.parametrize("options, error", KINDS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_of_wav_is_read_as_the_same_sound(options: str, error: float, channels: int) -> None:
    samples, rate = wav.read(converted(tone(16000, channels), options))
    right, _ = wav.read(tone(16000))
    assert rate == 16000
    assert np.abs(samples - right).max() < error


def test_a_stream_whose_length_nobody_knew_goes_to_its_end() -> None:
    whole = tone()
    for stated in (0, 0x7FFFF000, 0xFFFFFFFF):
        stream = whole[:40] + struct.pack("<I", stated) + whole[44:]
        assert (wav.read(stream)[0] == wav.read(whole)[0]).all()


def test_other_parts_of_the_file_are_passed_over() -> None:
    whole = tone()
    named = whole[:12] + b"LIST\3\0\0\0abc\0" + whole[12:] + b"LIST\4\0\0\0abcd"
    assert (wav.read(named)[0] == wav.read(whole)[0]).all()


@pytest.mark.parametrize(
    "content, error",
    [
        (b"", "not a WAV file"),
        (b"<html>", "not a WAV file"),
        (b"ID3 an MP3", "not a WAV file"),
        (b"RIFF\0\0\0\0WAVEjunk", "not a whole WAV file"),
        (tone()[:20], "not a whole WAV file"),
        (tone()[:40], "not a whole WAV file"),
        (tone()[:-2], "the WAV is cut: 22048 bytes of 22050"),
        (tone()[:2000], "the WAV is cut"),
        (tone()[:22] + b"\0\0" + tone()[24:], "0 channels"),
        (tone(4000), "4000 Hz"),
        (tone()[:20] + b"\7\0" + tone()[22:], "format 7, 16 bits"),
        (tone()[:34] + b"\0\0" + tone()[36:], "middle of a sample"),
    ],
)
def test_what_is_no_whole_wav_is_told(content: bytes, error: str, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=error):
        wav.read(content)
    file = tmp_path / "a.wav"
    file.write_bytes(content)
    with pytest.raises(VoiceError, match=rf"a\.wav: .*{error}"):
        wav.load(file)


def test_an_odd_stream_is_told() -> None:
    with pytest.raises(VoiceError, match="middle of a sample"):
        wav.read(tone()[:40] + b"\0\0\0\0" + tone()[44:-1])


def test_a_recording_is_read_and_a_missing_one_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(tone(44100, 2))
    assert wav.load(tmp_path / "a.wav") == tone(44100, 2)
    with pytest.raises(VoiceError, match=r"none\.wav: No such file"):
        wav.load(tmp_path / "none.wav")


@given(st.binary(max_size=200), st.integers(0, 60))
def test_bytes_of_any_kind_are_sound_or_a_voice_error(junk: bytes, kept: int) -> None:
    try:
        samples, rate = wav.read(tone(8000, seconds=0.01)[:kept] + junk)
    except VoiceError:
        return
    assert rate >= 8000
    assert samples.ndim == 1
    assert np.isfinite(samples).all()


@given(st.binary(max_size=500).filter(lambda samples: len(samples) % 2 == 0))
def test_what_is_written_is_read_again(samples: bytes) -> None:
    read, rate = wav.read(wav.write(samples))
    assert rate == 8000
    assert (read * 32768 == np.frombuffer(samples, "<i2")).all()
