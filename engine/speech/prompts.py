"""The audio cache: each distinct fragment is made once, and a file that is there is whole.

A file's name is the SHA-256 of what decides its sound (voice, text, format), so two templates that share a
sentence share its file, and a changed voice makes new files beside the old ones.
"""

import hashlib
import os
import tempfile
import warnings
import wave
from io import BytesIO
from pathlib import Path

from engine.errors import VoiceError
from engine.speech.clip import place

FORMAT = "wav8k16/2"


def name_of(voice_id: str, text: str) -> str:
    """The name of a fragment's file."""
    return hashlib.sha256(f"{FORMAT}\n{voice_id}\n{text}".encode()).hexdigest()


def name_of_recording(wav: bytes) -> str:
    """The name of a ready recording's file: by its content."""
    return hashlib.sha256(FORMAT.encode() + b"\n" + wav).hexdigest()


def length_ms(wav: bytes) -> int:
    """A WAV's length; VoiceError when it is not 8 kHz mono 16-bit or has fewer samples than it says."""
    try:
        with wave.open(BytesIO(wav)) as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            frames = sound.readframes(sound.getnframes())
            if shape != (8000, 1, 2) or len(frames) != 2 * sound.getnframes() or not frames:
                raise VoiceError("not a whole WAV of 8 kHz, mono, 16 bits")
    except (wave.Error, EOFError):
        raise VoiceError("not a whole WAV of 8 kHz, mono, 16 bits") from None
    return len(frames) // 16


class AudioCache:
    """The folder of finished fragments."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """The file of a fragment."""
        return self.root / f"{place(name)}.wav"

    def has(self, name: str) -> bool:
        """Is the fragment on disk?"""
        return self.path(name).is_file()

    def put(self, name: str, wav: bytes) -> int:
        """Store a fragment so that a reader sees all of it or none; its length in ms."""
        ms = length_ms(wav)
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name_ = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".draft")
        draft = Path(name_)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(wav)
            draft.chmod(0o644)  # Asterisk reads it under its own user
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return ms

    def join(self, names: list[str], target: Path) -> int:
        """Glue fragments into one WAV, as a callee hears them in a row; its length in ms."""
        with warnings.catch_warnings():
            # pydub misses ffmpeg, which it would need for other formats than ours.
            warnings.simplefilter("ignore", RuntimeWarning)
            from pydub import AudioSegment
        whole = AudioSegment.empty()
        for name in names:
            whole += AudioSegment.from_wav(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.draft")
        whole.export(draft, format="wav").close()
        draft.replace(target)
        return length_ms(target.read_bytes())
