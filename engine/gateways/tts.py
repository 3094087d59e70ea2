"""Voices: a text in, a WAV out, as the voice's own program makes it; `engine.speech.sound` finishes it.

A voice is a small program on the command line. The text goes to it on standard input, never among the
arguments: arguments are seen by everybody on the machine, and a text names a person and his debt.
"""

import subprocess
from collections.abc import Sequence
from typing import Protocol

from engine.errors import SettingsError, VoiceError
from engine.sections import Speech

TIMEOUT_S = 20


class Voice(Protocol):
    """What the cache needs of a voice."""

    @property
    def id(self) -> str:
        """All that decides how a text sounds, as one string; part of the cache's key."""

    def speak(self, text: str) -> bytes:
        """The spoken text as a WAV of any kind that `engine.speech.wav` reads; VoiceError for none."""


class Espeak(Voice):
    """espeak-ng, in any of its languages; robotic, free, 30 ms a sentence."""

    def __init__(self, voice: str, speed: int) -> None:
        self._voice, self._speed = voice, speed

    @property
    def id(self) -> str:
        return f"espeak/{self._voice}/{self._speed}/1"

    def speak(self, text: str) -> bytes:
        return run(["espeak-ng", "--stdin", "--stdout", "-v", self._voice, "-s", str(self._speed)], text)


def voice_for(speech: Speech, lang: str) -> Voice:
    """The voice that the settings name, speaking `lang`."""
    if speech.provider != "espeak":
        raise SettingsError(f"speech.provider: no voice adapter named {speech.provider!r}; there is: espeak")
    return Espeak(speech.voice if lang == "ru" else lang, speech.speed)


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
