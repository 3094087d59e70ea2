"""Speech: pieces of messages become clips, each distinct one once, before anybody is dialled.

load (what is known) -> decide (what is missing) -> render -> save. What is joined is joined from atoms, in
this process: only atoms and texts reach a voice. No database connection is held while a voice works.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.errors import VoiceError
from engine.gateways import tts_speaker
from engine.gateways.bucket import Bucket
from engine.gateways.tts_speaker import Budget, Speaker, Spoken
from engine.settings import Settings
from engine.speech import shipped, sound
from engine.speech.atoms import REST_MS, atoms
from engine.speech.clip import Clip, Said
from engine.speech.keys import Key
from engine.speech.prompts import AudioCache, Kind, key_of
from engine.speech.render import Here, Job, Made, Renderer
from storage import audio as store
from storage.db import reading, writing
from storage.vocab import AudioState

SLICE = 200  # answers that are written down at a time

log = telemetry.logger("speech")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a piece has no clip; `passing`: it may have one later. It was first tried `since`."""

    why: str
    passing: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of pieces; one that is in neither was not begun in time."""

    clips: dict[Said, Clip] = field(default_factory=dict)
    failed: dict[Said, Failure] = field(default_factory=dict)

    def whole(self) -> dict[Said, Clip]:
        """All of them; VoiceError when one could not be made. Its text is not told: it names a person."""
        for failure in self.failed.values():
            raise VoiceError(failure.why)
        return self.clips


@dataclass(frozen=True, slots=True)
class Known:
    """A file that is in the cache."""

    file: str
    ms: int


def cache_of(settings: Settings) -> AudioCache:
    """The audio cache of these settings."""
    bucket = Bucket(settings.s3) if settings.s3.bucket else None
    return AudioCache(settings.audio_dir, settings.speech.format, bucket)


class Speech:
    """Makes clips."""

    def __init__(self, engine: Engine, settings: Settings, renderer: Renderer | None = None) -> None:
        self._engine, self._settings = engine, settings
        self.cache = cache_of(settings)
        self._voices: dict[str, Speaker] = {}
        self._renderer = renderer or Here(settings.speech, self.cache)
        self.longest_s = settings.speech.max_message_s

    def voice(self, lang: str) -> Speaker:
        """The voice that speaks this language."""
        if lang not in self._voices:
            self._voices[lang] = Speaker(self._settings.speech, lang)
        return self._voices[lang]

    def make(
        self,
        pieces: Iterable[Said],
        lang: str,
        progress: Callable[[], None] = lambda: None,
        deadline: float = math.inf,
    ) -> Batch:
        """Clips of these pieces; new ones are begun until the deadline (`time.monotonic`)."""
        wanted = {
            piece: self._job(piece.text, Kind.JOINED if piece.joined else Kind.WHOLE, lang)
            for piece in dict.fromkeys(pieces)
        }
        known = self._known([job.key for job in wanted.values()])
        missing = {piece: job for piece, job in wanted.items() if job.key not in known}
        parts = {
            word: self._job(word, Kind.ATOM, lang)
            for piece in missing
            if piece.joined
            for word, _rest in atoms(piece.text)
        }
        known |= self._known([job.key for job in parts.values()])
        whole = [job for piece, job in missing.items() if not piece.joined]
        failed = self._render([*parts.values(), *whole], known, progress, deadline)
        joined = {piece: job for piece, job in missing.items() if piece.joined}
        self._join(joined, {word: job.key for word, job in parts.items()}, known, failed)
        batch = Batch()
        for piece, job in wanted.items():
            if one := known.get(job.key):
                batch.clips[piece] = Clip(one.file, one.ms, piece.text)
            elif job.key in failed:
                batch.failed[piece] = failed[job.key]
        return batch

    def atoms(
        self, words: Iterable[str], lang: str, progress: Callable[[], None] = lambda: None
    ) -> dict[str, Failure]:
        """Have these words spoken, for sums to be joined from; those that could not be."""
        jobs = {word: self._job(word, Kind.ATOM, lang) for word in words}
        known = self._known([job.key for job in jobs.values()])
        failed = self._render([*jobs.values()], known, progress, math.inf)
        return {word: failed[job.key] for word, job in jobs.items() if job.key in failed}

    @staticmethod
    def read(pieces: Iterable[Said]) -> list[Said]:
        """The texts and atoms that a voice reads for these pieces, each once."""
        found: dict[Said, None] = {}
        for piece in pieces:
            words = (
                [Said(word, joined=True) for word, _rest in atoms(piece.text)] if piece.joined else [piece]
            )
            found |= dict.fromkeys(words)
        return list(found)

    def missing(self, pieces: Iterable[Said], lang: str) -> list[Said]:
        """Those of them that a voice would have to read now."""
        jobs = {
            self._job(piece.text, Kind.ATOM if piece.joined else Kind.WHOLE, lang).key: piece
            for piece in self.read(pieces)
        }
        known = self._known(list(jobs))
        return [piece for key, piece in jobs.items() if key not in known]

    def phrases(self, table: str, lang: str, keys: tuple[Key, ...] = ()) -> dict[str, Clip]:
        """The shipped phrases of one conversation as clips, with the menus of these keys; VoiceError when one
        cannot be made.
        """
        spoken = shipped.spoken(table, lang, self._settings.company.name, keys)
        texts = {name: Said(text) for name, text in spoken.items()}
        batch = self.make(texts.values(), lang)
        for phrase, failure in batch.failed.items():
            raise VoiceError(f"phrase {phrase.text!r}: {failure.why}")
        return {name: batch.clips[text] for name, text in texts.items()}

    def _job(self, text: str, kind: Kind, lang: str) -> Job:
        return Job(key_of(self.cache.form, self.voice(lang).id, kind, text), text, lang, kind)

    def _known(self, keys: Sequence[str]) -> dict[str, Known]:
        """Those of them that are in the cache; that they were asked for is written down."""
        if not keys:
            return {}
        with reading(self._engine) as connection:
            rows = store.known(connection, keys)
            ready = [row for row in rows.values() if row.state == AudioState.READY]
            store.touch(connection, ready, self._settings.now())
        return {row.key: Known(row.file, row.ms) for row in ready if self.cache.has(row.file, row.bytes)}

    def _render(
        self,
        jobs: Sequence[Job],
        known: dict[str, Known],
        progress: Callable[[], None],
        deadline: float,
    ) -> dict[str, Failure]:
        """Have what is not known made, and add it; what failed."""
        new = {job.key: job for job in self._paid(job for job in jobs if job.key not in known)}
        failed: dict[str, Failure] = {}
        answers: list[Made] = []
        for made in self._renderer.render([*new.values()], deadline) if new else ():
            made = self._here(made)
            answers.append(made)
            if made.file:
                known[made.key] = Known(made.file, made.ms)
                progress()
            if len(answers) == SLICE:
                failed |= self._save(answers, new)
                answers.clear()
        return failed | self._save(answers, new)

    def _paid(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Jobs that know whether the day's budget of their voice pays for them."""
        per_day, today = self._settings.speech.per_day, self._settings.now().date()
        budgets: dict[str, Budget] = {}
        for job in jobs:
            voice = self.voice(job.lang)
            if per_day and voice.id not in budgets:
                with reading(self._engine) as connection:
                    budgets[voice.id] = Budget(per_day, store.spent(connection, today, voice.id))
            budget = budgets.get(voice.id)
            yield replace(job, paid=budget.take(voice.billed(job.text))) if budget else job

    def _here(self, made: Made) -> Made:
        """A file that was made elsewhere is here too, or it counts for nothing."""
        if not made.file or self.cache.has(made.file, made.size):
            return made
        why = "the file that a worker made is not here: share the audio folder, or set [s3]"
        return Made(made.key, why=why, passing=True)

    def _save(self, answers: Sequence[Made], jobs: Mapping[str, Job]) -> dict[str, Failure]:
        """Write down what was made, what it cost, and what failed; the failures."""
        now = self._settings.now()
        good = [made for made in answers if made.file]
        bad = [made for made in answers if not made.file]
        telemetry.fragments.labels("made").inc(len(good))
        telemetry.fragments.labels("failed").inc(len(bad))
        for made in bad:
            tts_speaker.count_failure(self.voice(jobs[made.key].lang).id)
        for (why, passing), times in Counter((made.why, made.passing) for made in bad).items():
            log.warning("fragments failed", times=times, reason=why, passing=passing)
        ready = [self._row(jobs[made.key], made, AudioState.READY, now) for made in good]
        not_ready = [
            self._row(jobs[made.key], made, AudioState.WANTED if made.passing else AudioState.FAILED, now)
            for made in bad
        ]
        with writing(self._engine) as connection:
            store.save(connection, ready)
            store.fail(connection, not_ready)
            self._count(connection, [made.spoken for made in good if made.spoken], now.date())
            since = store.known(connection, [made.key for made in bad])
        return {made.key: Failure(made.why, made.passing, since[made.key].created_at) for made in bad}

    def _count(self, connection: Connection, spoken: Sequence[Spoken], day: date) -> None:
        """Count what was spoken: by voice into the day's costs, and into the metrics."""
        for one in spoken:
            tts_speaker.count(one)
        for voice, price in sorted({(one.voice_id, one.price) for one in spoken}):
            own = [one.characters for one in spoken if (one.voice_id, one.price) == (voice, price)]
            kopecks = tts_speaker.cost(sum(own), price)
            store.add_cost(connection, day, voice, len(own), sum(own), kopecks)

    def _join(
        self,
        wanted: Mapping[Said, Job],
        parts: Mapping[str, str],
        known: dict[str, Known],
        failed: dict[str, Failure],
    ) -> None:
        """Join what all atoms are there for, and add it; a failed atom fails its group."""
        sounds: dict[str, bytes] = {}
        rest = sound.silence(self.cache.form, REST_MS) if wanted else b""
        rows: list[dict[str, Any]] = []
        for piece, job in wanted.items():
            keys = [(parts[word], pause) for word, pause in atoms(piece.text)]
            lost = [key for key, _pause in keys if key not in known]
            if lost:
                failed |= dict.fromkeys([job.key], failed[lost[0]]) if lost[0] in failed else {}
                continue
            for key, _pause in keys:
                if key not in sounds:
                    sounds[key] = self.cache.read(known[key].file)
            whole = b"".join(sounds[key] + (rest if pause else b"") for key, pause in keys)
            made = Made(
                job.key,
                self.cache.put(whole),
                sound.length_ms(whole, self.cache.form),
                len(whole),
            )
            known[job.key] = Known(made.file, made.ms)
            rows.append(self._row(job, made, AudioState.READY, self._settings.now()))
        if rows:
            with writing(self._engine) as connection:
                store.save(connection, rows)

    def _row(self, job: Job, made: Made, state: AudioState, now: datetime) -> dict[str, Any]:
        """A row of `audio`."""
        return {
            "key": job.key,
            "file": made.file,
            "state": state,
            "ms": made.ms,
            "bytes": made.size,
            "voice": made.spoken.voice_id if made.spoken else self.voice(job.lang).id,
            "text": job.text,
            "error": made.why,
            "created_at": now,
            "used_at": now,
        }
