"""A voice of recordings made by people: a folder a language, and in it `index.csv`:

    text;file
    двести;200.wav
    Здравствуйте!;hello.wav

A text is found by its words: case, spaces and the punctuation at its end do not count. Any WAV will do; it is
checked and normalised like every other when it is spoken. A changed file is another voice: it is heard in
the next campaign that is prepared.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from engine.errors import SettingsError, VoiceError
from engine.gateways.tts_identity import identity
from engine.sections_speech import Speech
from engine.speech import wav

INDEX = "index.csv"
HEADER = ["text", "file"]


def recorded_languages(speech: Speech) -> list[str]:
    """The languages that there are recordings of."""
    if not speech.recordings:
        raise SettingsError("speech.recordings: in which folder are the recordings?")
    return sorted(index.parent.name for index in Path(speech.recordings).glob(f"*/{INDEX}"))


class Recorded:
    """The recordings of one language; SettingsError names the index's line that is wrong."""

    def __init__(self, speech: Speech, lang: str) -> None:
        self._folder, self._version = Path(speech.recordings) / lang, speech.version

    @cached_property
    def id(self) -> str:
        """All recordings by their content, read once."""
        heard = hashlib.sha256()
        for words, file in sorted(self._files.items()):
            heard.update(f"{words}\0".encode() + hashlib.sha256(_content(file)).digest())
        return identity("wav", heard.hexdigest()[:32], self._version)

    @property
    def samples(self) -> tuple[str, ...]:
        """All that is in the index."""
        return tuple(self._files)

    def speak(self, text: str) -> bytes:
        """The recording of this text; VoiceError where there is none."""
        file = self._files.get(_words(text))
        if file is None:
            raise VoiceError("there is no recording of it")
        return wav.load(file)

    def billed(self, text: str) -> int:
        """Paid for long ago."""
        return 0

    @cached_property
    def _files(self) -> dict[str, Path]:
        index = self._folder / INDEX
        files: dict[str, Path] = {}
        for line, text, name in _rows(index):
            words = _words(text)
            if not words:
                raise SettingsError(f"{index}, line {line}: no text")
            if words in files:
                raise SettingsError(f"{index}, line {line}: {text!r} is there already")
            if not name or Path(name).is_absolute() or ".." in Path(name).parts:
                raise SettingsError(f"{index}, line {line}: file is a name within the folder")
            if not (self._folder / name).is_file():
                raise SettingsError(f"{index}, line {line}: there is no file {name}")
            files[words] = self._folder / name
        if not files:
            raise SettingsError(f"{index}: it has no recordings")
        return files


def _rows(index: Path) -> Iterator[tuple[int, str, str]]:
    """Line, text and file of each recording."""
    try:
        source = index.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{index}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{index}: not UTF-8 text") from None
    rows = csv.reader(io.StringIO(source, newline=""), delimiter=";")
    try:
        if next(rows, None) != HEADER:
            raise SettingsError(f"{index}, line 1: the columns are {';'.join(HEADER)}")
        for row in rows:
            if len(row) not in (0, 2):
                raise SettingsError(f"{index}, line {rows.line_num}: {len(row)} columns, not 2")
            if row:
                yield rows.line_num, row[0], row[1].strip()
    except csv.Error as error:
        raise SettingsError(f"{index}, line {rows.line_num}: {error}") from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from None


def _words(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .,;:!?")
