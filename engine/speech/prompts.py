"""The audio cache: every fragment is made once, and a file that is there is whole.

A file lies under the SHA-256 of what is in it, `ab/ab12….alaw`, so it can be checked by itself, and those who
write the same at the same time, on two machines too, write the same bytes: nobody waits for anybody. It is
written beside its place and then put there at one blow. Which text it says is in the table `audio`, under a
key of format, voice and text. Asterisk is given the path without its ending.

Files that were made before (`.wav`, named otherwise) are played as they are, for leads that have them.
"""

import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Protocol

from engine.errors import VoiceError
from engine.speech import sound, wav
from engine.speech.clip import place

MAKING = 1  # to be raised when the same voice's text is finished in another way
OLD = ".wav"
DRAFT = ".draft"
FILE = re.compile(r"[0-9a-f]{64}")


class Kind(StrEnum):
    """How a text becomes sound."""

    WHOLE = "whole"
    ATOM = "atom"
    JOINED = "joined"


def key_of(form: str, voice_id: str, kind: Kind, text: str) -> str:
    """What a fragment is known by: all that decides its sound."""
    return hashlib.sha256(f"{form}/{MAKING}\n{voice_id}\n{kind}\n{text}".encode()).hexdigest()


def name_of(content: bytes) -> str:
    """The name of a file with this content."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the cache: its name (a draft has none), bytes, when it was written (seconds since 1970)."""

    path: Path
    name: str
    size: int
    at: float


class Bucket(Protocol):
    """A store beside the folder, which other machines have too."""

    def put(self, name: str, content: bytes) -> None:
        """Keep a file there; Unreachable when it cannot be."""

    def get(self, name: str) -> bytes | None:
        """A file of there; None when it has none."""


class AudioCache:
    """The folder of finished fragments, and the bucket behind it if there is one."""

    def __init__(self, root: Path, form: str, bucket: Bucket | None = None) -> None:
        self.root, self.form, self._bucket = root, form, bucket
        own = sound.ending(form)
        self._endings = (own, *(sound.ending(one) for one in sound.FORMS if one != form), OLD)

    def path(self, name: str) -> Path:
        """The file of this name, with the ending that it has; our own format's if it is not there."""
        stem = self.root / place(name)
        paths = [stem.with_name(stem.name + ending) for ending in self._endings]
        return next((path for path in paths if path.is_file()), paths[0])

    def has(self, name: str, size: int = 0) -> bool:
        """Is the file here, with so many bytes (0: any but none)? One that only the bucket has is fetched."""
        try:
            found = self.path(name).stat().st_size
        except FileNotFoundError:
            found = 0
        return 0 < found == (size or found) or self._fetched(name)

    def _fetched(self, name: str) -> bool:
        content = self._bucket.get(name) if self._bucket else None
        if content is None or name_of(content) != name:
            return False
        self._write(name, content)
        return True

    def put(self, content: bytes) -> str:
        """Store a file so that a reader sees all of it or none; its name. OSError when it cannot be.

        One that is there already is left alone: a call may be playing it.
        """
        sound.length_ms(content, self.form)
        name = name_of(content)
        if not self.whole(name):
            self._write(name, content)
        if self._bucket:
            self._bucket.put(name, content)
        return name

    def _write(self, name: str, content: bytes) -> None:
        target = self.root / (place(name) + self._endings[0])
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft_name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=DRAFT)
        draft = Path(draft_name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)  # or a power cut may leave a name without a content
            draft.chmod(0o644)  # Asterisk reads it under its own user
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """What is in a file; VoiceError when it is not there."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise VoiceError(f"the file {name[:12]}… is not in the audio cache") from None

    def whole(self, name: str) -> bool:
        """Is the file here and as it was made? Of an old one only its header can tell."""
        path = self.path(name)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return False
        if path.suffix != OLD:
            return name_of(content) == name
        try:
            wav.read(content)
        except VoiceError:
            return False
        return True

    def drop(self, name: str) -> None:
        """Remove a file; nothing when it is not there."""
        self.path(name).unlink(missing_ok=True)

    def folders(self) -> Iterator[tuple[str, list[Found]]]:
        """What of ours lies in each of the 256 folders, drafts too: its two digits, its files."""
        for number in range(256):
            digits = f"{number:02x}"
            folder = self.root / digits
            if folder.is_dir():
                yield digits, [*self._ours(folder)]

    def _ours(self, folder: Path) -> Iterator[Found]:
        for path in folder.iterdir():
            draft = path.suffix == DRAFT
            if draft or (path.suffix in self._endings and FILE.fullmatch(path.stem)):
                with suppress(FileNotFoundError):  # another process has dropped or renamed it
                    told = path.stat()
                    yield Found(path, "" if draft else path.stem, told.st_size, told.st_mtime)

    def join(self, names: Iterable[str], target: Path) -> int:
        """Glue files into one WAV, as a callee hears them in a row; its length in ms."""
        with warnings.catch_warnings():
            # pydub misses ffmpeg, which it would need for other formats than ours.
            warnings.simplefilter("ignore", RuntimeWarning)
            from pydub import AudioSegment
        whole = AudioSegment.empty()
        for name in names:
            whole += AudioSegment.from_wav(BytesIO(self._wav(name)))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}{DRAFT}")
        whole.export(draft, format="wav").close()
        draft.replace(target)
        return len(whole.raw_data) * 1000 // (2 * sound.RATE)

    def _wav(self, name: str) -> bytes:
        """A file as a WAV, whatever its format."""
        content, ending = self.read(name), self.path(name).suffix
        form = next((one for one in sound.FORMS if sound.ending(one) == ending), None)
        return sound.wav_of(content, form) if form else content
