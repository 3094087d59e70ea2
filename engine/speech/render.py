"""Rendering: a text becomes a finished file in the audio cache. No database within reach, so it can be done
anywhere: in threads of this process, in processes of this machine (`pool`), on other machines (`workers`).

To render twice is harmless: the same sound is the same file.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from engine import sections_speech
from engine.errors import SettingsError, Unreachable, VoiceDown, VoiceError
from engine.gateways.tts_speaker import Speaker, Spoken
from engine.speech import sound
from engine.speech.prompts import AudioCache, Kind, key_of


@dataclass(frozen=True, slots=True)
class Job:
    """A text that a voice is to read: whole, or one word as an atom. Not `paid`: the budget is used up."""

    key: str
    text: str
    lang: str
    kind: Kind = Kind.WHOLE
    paid: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a job: its file and what was `spoken` (without its sound), or `why` there is none and
    whether that may pass by itself.
    """

    key: str
    file: str = ""
    ms: int = 0
    size: int = 0
    spoken: Spoken | None = None
    why: str = ""
    passing: bool = False


class Renderer(Protocol):
    """Whoever gets jobs done."""

    def render(self, jobs: Sequence[Job], deadline: float = math.inf) -> Iterator[Made]:
        """What became of them, as it comes. What is not begun by the deadline (`time.monotonic`) has no
        answer; nor has what was lost for good.
        """


class Maker:
    """The voices and the shelf of one process, of so many that share the voices' pace."""

    def __init__(self, speech: sections_speech.Speech, cache: AudioCache, processes: int = 1) -> None:
        self._speech, self._cache, self._processes = speech, cache, processes
        self._speakers: dict[str, Speaker] = {}

    def make(self, job: Job) -> Made:
        """Do a job; a failure is told, not raised."""
        try:
            return self._made(job)
        except VoiceDown as error:
            return Made(job.key, why=str(error), passing=True)
        except (VoiceError, SettingsError) as error:
            return Made(job.key, why=str(error))
        except Unreachable as error:
            return Made(job.key, why=str(error), passing=True)
        except OSError as error:
            return Made(job.key, why=f"audio cache: {error.strerror or error}", passing=True)

    def _made(self, job: Job) -> Made:
        speaker = self._speaker(job.lang)
        if key_of(self._cache.form, speaker.id, job.kind, job.text) != job.key:
            return Made(job.key, why="this worker's [speech] settings are not the dialer's", passing=True)
        spoken = speaker.speak(job.text, paid=job.paid)
        content = sound.finish(spoken.wav, self._cache.form, atom=job.kind is Kind.ATOM)
        file, ms = self._cache.put(content), sound.length_ms(content, self._cache.form)
        return Made(job.key, file, ms, len(content), replace(spoken, wav=b""))

    def _speaker(self, lang: str) -> Speaker:
        if lang not in self._speakers:
            self._speakers[lang] = Speaker(self._speech, lang, processes=self._processes)
        return self._speakers[lang]


class Here:
    """Threads of this process: for a few texts, which would wait longer for a process to start."""

    def __init__(self, speech: sections_speech.Speech, cache: AudioCache) -> None:
        self._maker, self._threads = Maker(speech, cache), speech.workers

    def render(self, jobs: Sequence[Job], deadline: float = math.inf) -> Iterator[Made]:
        """See `Renderer`."""
        with ThreadPoolExecutor(self._threads, "voice") as pool:
            yield from through(pool, self._maker.make, jobs, 2 * self._threads, deadline)


def through(
    pool: Executor, make: Callable[[Job], Made], jobs: Sequence[Job], most: int, deadline: float
) -> Iterator[Made]:
    """Jobs through a pool, `most` of them in it at a time; what the pool raises is raised."""
    left, under_way = iter(jobs), set[Future[Made]]()
    while True:
        room = most - len(under_way) if time.monotonic() < deadline else 0
        under_way |= {pool.submit(make, job) for job in islice(left, room)}
        if not under_way:
            return
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for one in done:
            yield one.result()
