"""Rendering in processes of this machine, `speech.workers` of them: to finish a sound is a processor's work.

They are started fresh, since a fork of a process with threads may hang, run at a lower priority than calls,
keep their voices and end with the process that started them. One that dies takes its pool with it: a new pool
does what has no answer.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait

from engine import sections_speech, telemetry
from engine.speech.prompts import AudioCache
from engine.speech.render import Job, Made, Maker, through

NICE = 5
BREAKS = 3  # so many pools die in a row without an answer, and it is the jobs' fault

log = telemetry.logger("speech")
_maker: Maker | None = None


def _begin(speech: sections_speech.Speech, cache: AudioCache) -> None:
    """In a new process."""
    global _maker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever gives the work
    with suppress(OSError):  # a service may be denied it
        os.nice(NICE)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _maker = Maker(speech, cache, speech.workers)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        wait([parent.sentinel])
        os._exit(1)


def _make(job: Job) -> Made:
    if _maker is None:
        raise RuntimeError("not in a voice process")
    return _maker.make(job)


class Pool:
    """Processes that are started with the first job and stay until `close`."""

    def __init__(self, speech: sections_speech.Speech, cache: AudioCache) -> None:
        self._speech, self._cache = speech, cache
        self._pool: ProcessPoolExecutor | None = None

    def render(self, jobs: Sequence[Job], deadline: float = math.inf) -> Iterator[Made]:
        """See `Renderer`."""
        left, breaks, most = {job.key: job for job in jobs}, 0, 2 * self._speech.workers
        while left:
            try:
                for made in through(self._open(), _make, [*left.values()], most, deadline):
                    del left[made.key]
                    breaks = 0
                    yield made
                return
            except BrokenProcessPool:
                self.close()
                breaks += 1
                log.warning("a voice process died; its work is done again", left=len(left))
                if breaks == BREAKS:
                    break
        yield from (Made(key, why="voice processes die of it", passing=True) for key in left)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            fresh = multiprocessing.get_context("spawn")
            given = (self._speech, self._cache)
            self._pool = ProcessPoolExecutor(self._speech.workers, fresh, _begin, given)
        return self._pool

    def close(self) -> None:
        """End the processes; they are started again when there is work."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
