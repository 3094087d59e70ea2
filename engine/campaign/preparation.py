"""`campaign prepare`: what has yet to be made for a campaign's leads, and making it, step by step."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from engine.campaign.preparing import STEP_S, Preparer, asked
from engine.errors import NotFound
from engine.gateways import tts_speaker
from engine.settings import Settings
from engine.speech.atoms import needed
from engine.speech.clip import Said
from engine.speech.message import Message, message_of
from engine.speech.service import Speech
from storage import audit, hearers, speech, turns
from storage import campaign as store
from storage.db import reading, writing

# Seconds that a text takes a voice, where nothing better is known; the bar tells the truth.
TEXT_S = {"espeak": 0.03, "festival": 0.6, "yandex": 0.3, "wav": 0.01}
COMMAND_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign's leads need: distinct pieces that a voice reads (`ready` of them are there)."""

    leads: int
    pieces: int
    ready: int
    to_make: int
    characters: int
    kopecks: int
    seconds: float


class Preparation:
    """The audio of one campaign; NotFound for a name that nobody has."""

    def __init__(self, engine: Engine, settings: Settings, made: Speech, name: str) -> None:
        self._engine, self._settings, self._speech = engine, settings, made
        self._preparer = Preparer(engine, made, settings)
        with reading(engine) as connection:
            row = store.find(connection, name)
            if row is None:
                raise NotFound(f"no campaign named {name!r}")
            wanted = {key or row.template_id for key in hearers.counts(connection, row.id)}
            self._messages: dict[UUID, Message] = {
                key: message_of(found)
                for key, found in speech.versions(connection, wanted | {row.template_id}).items()
            }
        self._row = row

    def again(self, actor: str) -> int:
        """Leads whose audio could not be made are tried once more; how many."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            count = turns.unmute(connection, self._row.id)
            audit.note(
                connection, at=now, actor=actor, deed="campaign.prepare", subject=self._row.name, again=count
            )
        return count

    def plan(self) -> Plan:
        """Look at every lead that waits for its audio."""
        leads, pieces = 0, dict[str, set[Said]]()
        for lang, words in self._atoms():
            pieces.setdefault(lang, set()).update(Said(word, joined=True) for word in words)
        with reading(self._engine) as connection:
            for page in turns.unprepared(connection, self._row.id):
                leads += len(page)
                for lead in page:
                    one = asked(lead, self._messages[lead.template_id or self._row.template_id])
                    pieces.setdefault(one.lang, set()).update(one.pieces)
        read = {lang: self._speech.read(found) for lang, found in pieces.items()}
        missing = {lang: self._speech.missing(found, lang) for lang, found in pieces.items()}
        count, to_make = sum(map(len, read.values())), sum(map(len, missing.values()))
        characters = sum(
            self._speech.voice(lang).billed(piece.text) for lang, found in missing.items() for piece in found
        )
        kopecks = tts_speaker.cost(characters, self._settings.speech.price)
        return Plan(leads, count, count - to_make, to_make, characters, kopecks, self._seconds(to_make))

    def _seconds(self, texts: int) -> float:
        own = self._settings.speech
        pace = own.workers / TEXT_S.get(own.provider, COMMAND_S)
        return round(texts / (min(pace, own.per_second) if own.per_second else pace), 1)

    def make(self, progress: Callable[[], None]) -> Iterator[tuple[int, str]]:
        """Make it, step by step: how many leads are done, and why others wait. Atoms come first."""
        for lang, words in self._atoms():
            self._speech.atoms(words, lang, progress)
        while True:
            step = self._preparer.work(self._row, progress, time.monotonic() + STEP_S)
            if not step.claimed:
                return
            yield step.leads, step.waiting
            if step.waiting and not step.leads:
                return
            with reading(self._engine) as connection:
                self._row = store.get(connection, self._row.id)  # with its phrases, now that they are made

    def _atoms(self) -> Iterator[tuple[str, list[str]]]:
        for message in self._messages.values():
            for lang in message.template.langs:
                yield lang, needed(message.template, lang)
