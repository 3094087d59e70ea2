"""Rendering on other machines: Celery workers (`zvonar serve speech`) with Redis or RabbitMQ between us.

The dialer is the coordinator: it gives out chunks, a few for each process that listens, so that a chunk waits
for little; it alone has the database. A worker needs none: it speaks, finishes, puts files where the dialer
has them too (a shared folder or S3) and answers. It acknowledges a chunk when it is done. What has no answer
for `celery.answer_s` (the worker was killed, its machine is gone) is given out again, each time with twice as
much patience: rendering twice does no harm, and only the first answer counts.
"""

import math
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from engine import telemetry
from engine.errors import SettingsError, VoiceDown
from engine.gateways.tts_speaker import Spoken
from engine.sections_speech import Celery, Speech
from engine.speech.prompts import AudioCache, Kind
from engine.speech.render import Job, Made, Maker

TASK, QUEUE = "zvonar.render", "zvonar-speech"
CHUNK = 10  # jobs
AHEAD = 2  # chunks for each process that listens
ASK_S, LOOK_S = 1.0, 0.02
GRACE_S = 10.0  # after a deadline, for what was given out before
LISTENERS_S = 30.0  # how long a count of processes holds

log = telemetry.logger("speech")


def application(celery: Celery) -> Any:
    """Celery as both sides need it; SettingsError when it is not installed."""
    try:
        from celery import Celery as Application
    except ImportError:
        raise SettingsError("celery: it is not installed: pip install 'zvonar[celery]'") from None
    url = celery.broker_url.get_secret_value()
    made = Application("zvonar", broker=url, backend=url if url.startswith("redis") else "rpc://")
    made.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        result_expires=3600,
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_connect_timeout": 5, "max_retries": 1},
        redis_socket_connect_timeout=5,
        redis_retry_on_timeout=False,
        result_backend_transport_options={"retry_policy": {"max_retries": 1}},
    )
    return made


def worker(celery: Celery, speech: Speech, cache: AudioCache) -> Any:
    """A Celery worker of `speech.workers` processes, to be started."""
    made = application(celery)
    makers: dict[int, Maker] = {}  # by how many processes share the voice's pace

    def render(rows: list[list[Any]], processes: int) -> list[dict[str, Any]]:
        maker = makers.setdefault(processes, Maker(speech, cache, processes))
        jobs = (Job(key, text, lang, Kind(kind), paid) for key, text, lang, kind, paid in rows)
        return [asdict(maker.make(job)) for job in jobs]

    made.task(name=TASK)(render)
    name = f"zvonar-{os.getpid()}@{socket.gethostname()}"
    alone = {"without_gossip": True, "without_mingle": True, "quiet": True, "loglevel": "WARNING"}
    return made.Worker(hostname=name, concurrency=speech.workers, queues=[QUEUE], **alone)


@dataclass(slots=True)
class Chunk:
    """Work that was given out, and until when its answer is waited for."""

    jobs: Sequence[Job]
    answer: Any
    patience_s: float
    until: float


class Workers:
    """The coordinator's side."""

    def __init__(self, celery: Celery) -> None:
        self._app, self._answer_s = application(celery), celery.answer_s
        self._listeners, self._counted_at = 0, -math.inf

    def render(self, jobs: Sequence[Job], deadline: float = math.inf) -> Iterator[Made]:
        """See `Renderer`. When nobody listens, or the broker is away, all that is left has failed for now."""
        left = {job.key: job for job in jobs}
        try:
            for made in self._answers(jobs, deadline):
                if left.pop(made.key, None):
                    yield made
        except VoiceDown as error:
            yield from (Made(key, why=str(error), passing=True) for key in left)

    def _answers(self, jobs: Sequence[Job], deadline: float) -> Iterator[Made]:
        """What workers answer; VoiceDown."""
        left, out = iter(jobs), list[Chunk]()
        while time.monotonic() < deadline + GRACE_S:
            with self._broker():
                while len(out) < AHEAD * self._processes() and time.monotonic() < deadline:
                    rows = tuple(islice(left, CHUNK))
                    if not rows:
                        break
                    out.append(self._given(rows, self._answer_s))
                answered = [chunk for chunk in out if chunk.answer.ready()]
            if not out:
                return
            for chunk in answered:
                out.remove(chunk)
                yield from self._told(chunk)
            if not answered:
                self._again(out)
                time.sleep(LOOK_S)

    def _given(self, jobs: Sequence[Job], patience_s: float) -> Chunk:
        rows = [[job.key, job.text, job.lang, job.kind.value, job.paid] for job in jobs]
        answer = self._app.send_task(TASK, (rows, self._processes()), queue=QUEUE, retry=False)
        return Chunk(jobs, answer, patience_s, time.monotonic() + patience_s)

    def _again(self, out: list[Chunk]) -> None:
        """Give out once more what was waited for long enough."""
        for place, chunk in enumerate(out):
            if chunk.until < time.monotonic():
                log.warning("a worker does not answer; its work is given out again", jobs=len(chunk.jobs))
                with self._broker():
                    self._counted_at = -math.inf
                    out[place] = self._given(chunk.jobs, 2 * chunk.patience_s)

    def _told(self, chunk: Chunk) -> Iterator[Made]:
        """A chunk's answers; a worker that broke gives failures that may pass."""
        with self._broker():
            rows = chunk.answer.get(propagate=False)
            chunk.answer.forget()
        if isinstance(rows, BaseException):
            yield from (
                Made(job.key, why=f"worker: {type(rows).__name__}", passing=True) for job in chunk.jobs
            )
            return
        for row in rows:
            spoken = row["spoken"]
            yield Made(**row | {"spoken": Spoken(**spoken | {"wav": b""}) if spoken else None})

    def listening(self) -> int:
        """How many processes of workers listen now."""
        with self._broker():
            told = self._app.control.inspect(timeout=ASK_S).stats() or {}
        return sum(one["pool"]["max-concurrency"] for one in told.values())

    def _processes(self) -> int:
        """The same, as it was known lately; VoiceDown for none."""
        if time.monotonic() - self._counted_at > LISTENERS_S:
            self._listeners, self._counted_at = self.listening(), time.monotonic()
        if not self._listeners:
            self._counted_at = -math.inf
            raise VoiceDown("no worker listens: `zvonar serve speech` is to run somewhere")
        return self._listeners

    @contextmanager
    def _broker(self) -> Iterator[None]:
        """What goes wrong on the way to the broker, in our words."""
        from kombu.exceptions import OperationalError

        try:
            yield
        except (OperationalError, OSError) as error:
            raise VoiceDown(f"Celery's broker does not answer: {type(error).__name__}") from None
