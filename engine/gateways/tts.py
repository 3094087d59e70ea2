"""Voices: a text in, a WAV out (8 kHz, mono, 16-bit: what Asterisk plays without resampling).

A voice is a small program on the command line. The text goes to it on standard input, never among the
arguments: arguments are seen by everybody on the machine, and a text names a person and his debt.
"""

import subprocess
import wave
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Protocol

from engine.errors import SettingsError, VoiceError
from engine.sections import Speech

TIMEOUT_S = 20
FORMAT = "wav8k16"
# One format, no click: silence off each end and 5 ms of fade, level to -3 dB, a breath of 60 ms after it.
END = ("silence", "1", "0.01", "0.2%", "fade", "t", "0.005", "reverse")
SHAPE = (*END, *END, "gain", "-n", "-3", "pad", "0", "0.06")
LEAST_BYTES = 16 * 100  # the breath and 40 ms of something


class Voice(Protocol):
    """What the cache needs of a voice."""

    @property
    def id(self) -> str:
        """All that decides how a text sounds, as one string; part of the cache's key."""

    def speak(self, text: str) -> bytes:
        """The spoken text as a WAV; VoiceError when it cannot be had."""


class Espeak(Voice):
    """espeak-ng, in any of its languages; robotic, free, 30 ms a sentence."""

    def __init__(self, voice: str, speed: int) -> None:
        self._voice, self._speed = voice, speed

    @property
    def id(self) -> str:
        return f"espeak/{self._voice}/{self._speed}/1"

    def speak(self, text: str) -> bytes:
        spoken = run(["espeak-ng", "--stdin", "--stdout", "-v", self._voice, "-s", str(self._speed)], text)
        return shape(spoken)


def voice_for(speech: Speech, lang: str) -> Voice:
    """The voice that the settings name, speaking `lang`."""
    if speech.provider != "espeak":
        raise SettingsError(f"speech.provider: no voice adapter named {speech.provider!r}; there is: espeak")
    return Espeak(speech.voice if lang == "ru" else lang, speech.speed)


def shape(wav: bytes) -> bytes:
    """Any WAV as 8 kHz mono 16-bit, trimmed and levelled (sox)."""
    raw = ("-t", "raw", "-e", "signed", "-L", "-r", "8000", "-c", "1", "-b", "16", "-")
    samples = run(["sox", "-V1", "-t", "wav", "-", *raw, *SHAPE], wav)
    if len(samples) < LEAST_BYTES:
        raise VoiceError("the voice said nothing")
    made = BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setframerate(8000)
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.writeframes(samples)
    return made.getvalue()


def shape_file(path: Path) -> bytes:
    """A recording made by people, as `shape` makes it; VoiceError when it is no usable WAV."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VoiceError(f"{path}: {error.strerror}") from None
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise VoiceError(f"{path}: not a WAV file")
    return shape(content)


def run(command: Sequence[str], given: str | bytes) -> bytes:
    """A program's standard output; VoiceError when it is missing, slow, or fails."""
    try:
        done = subprocess.run(
            command,
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise VoiceError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise VoiceError(f"{command[0]} took longer than {TIMEOUT_S} s") from None
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise VoiceError(f"{command[0]} failed: {complaint[-1] if complaint else done.returncode}")
    return done.stdout
