"""Voices that are programs on this machine.

The text goes to the program on standard input, never among the arguments, and never through a shell:
arguments are seen by everybody on the machine, and a text names a person and his debt. For the same reason no
file that the program makes on its way can be read by others, and its complaint is told only where it quotes
no word of the text.
"""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.tts_identity import identity
from engine.sections_speech import Speech

SAMPLES = {"ru": ("раз",), "en": ("one",), "uz": ("bir",)}
FESTIVAL = "msu_ru_nsh_clunits"


class Espeak:
    """espeak-ng, in any of its languages."""

    def __init__(self, speech: Speech, lang: str) -> None:
        self._voice, self._speed = speech.voice_of(lang) or lang, speech.speed
        self._timeout_s, self._version = speech.timeout_s, speech.version
        self.samples = SAMPLES[lang]

    @property
    def id(self) -> str:
        """Voice and speed."""
        return identity("espeak", self._voice, self._speed, self._version)

    def speak(self, text: str) -> bytes:
        """At 22,050 Hz."""
        command = ["espeak-ng", "--stdin", "--stdout", "-v", self._voice, "-s", str(self._speed)]
        return run(command, text, self._timeout_s)

    def billed(self, text: str) -> int:
        """Free."""
        return 0


class Festival:
    """Festival with a Russian voice: Debian's packages festival and festvox-ru. It takes UTF-8."""

    def __init__(self, speech: Speech) -> None:
        self._voice = speech.voice_of("ru") or FESTIVAL
        self._timeout_s, self._version = speech.timeout_s, speech.version
        self.samples = SAMPLES["ru"]

    @property
    def id(self) -> str:
        """The voice."""
        return identity("festival", self._voice, self._version)

    def speak(self, text: str) -> bytes:
        """At 16,000 Hz. text2wave ends well whatever happens; what it could not say is no WAV."""
        spoken = run(["text2wave", "-eval", f"(voice_{self._voice})"], text, self._timeout_s)
        if not spoken.startswith(b"RIFF"):
            raise VoiceError("festival could not say it")
        return spoken

    def billed(self, text: str) -> int:
        """Free."""
        return 0


class Command:
    """A program that the settings name."""

    def __init__(self, speech: Speech, lang: str) -> None:
        if not speech.command.program:
            raise SettingsError("speech.command.program: which program is the voice?")
        voice = speech.voice_of(lang)
        self._command = [
            part.replace("{voice}", voice).replace("{lang}", lang) for part in speech.command.program
        ]
        self._timeout_s, self._version = speech.timeout_s, speech.version
        self.samples = SAMPLES[lang]

    @property
    def id(self) -> str:
        """The program with its arguments."""
        return identity("command", *self._command, self._version)

    def speak(self, text: str) -> bytes:
        """As the program makes it."""
        return run(self._command, text, self._timeout_s)

    def billed(self, text: str) -> int:
        """As many characters as there are: the program may be the client of a service."""
        return len(text)


def run(command: Sequence[str], text: str, timeout_s: float) -> bytes:
    """A program's standard output; VoiceDown when it is missing or slow, VoiceError when it fails."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            umask=0o077,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise VoiceDown(f"{command[0]} is not installed") from None
    except OSError as error:
        raise VoiceDown(f"{command[0]}: {error.strerror}") from None
    with process:
        try:
            spoken, complaint = process.communicate(text.encode(), timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            raise VoiceDown(f"{command[0]} took longer than {timeout_s:g} s") from None
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise VoiceError(f"{command[0]} failed: {_told(complaint, text) or process.returncode}")
    return spoken


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program with all that it has started, which may hold its output open."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _told(complaint: bytes, text: str) -> str:
    """The last line of a complaint, unless it quotes the text."""
    lines = complaint.decode(errors="replace").strip().splitlines()
    words = set(re.findall(r"\w+", text.casefold()))
    quoted = words & set(re.findall(r"\w+", lines[-1].casefold())) if lines else set()
    return lines[-1] if lines and not quoted else ""
