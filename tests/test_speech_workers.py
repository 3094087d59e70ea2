"""Rendering by workers, real Redis, real Celery: whatever dies, nothing is lost and nothing is twice."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from builders import rows_of, settings
from sqlalchemy import Engine

from engine.speech import sound, wav
from engine.speech.clip import Said
from engine.speech.service import Speech
from engine.speech.workers import Workers
from lab.process import Process
from lab.redis import Redis
from lab.shell import ZVONAR
from storage import speech as store

TEXTS = 10_000
START_S = 30


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as running:
        yield running


def record(folder: Path, texts: int) -> None:
    """So many recordings, each another noise: a voice that is quick."""
    chance = np.random.default_rng(1)
    (folder / "ru").mkdir(parents=True)
    lines = []
    for number in range(texts):
        loud = chance.integers(-8000, 8000, 800 + number % 400).astype("<i2")
        (folder / "ru" / f"{number}.wav").write_bytes(wav.write(loud.tobytes()))
        lines.append(f"text {number};{number}.wav\n")
    (folder / "ru" / "index.csv").write_text("text;file\n" + "".join(lines))


class Farm:
    """A dialer's speech and workers of its settings, with an audio folder in common."""

    def __init__(self, engine: Engine, folder: Path, redis: Redis, **celery: float) -> None:
        self.folder = folder
        self.recordings = folder / "recordings"
        speech = {"provider": "wav", "recordings": str(self.recordings), "workers": 1}
        self.settings = settings(folder, speech=speech, celery={"broker_url": redis.url, **celery})
        self.renderer = Workers(self.settings.celery)
        self.speech = Speech(engine, self.settings, self.renderer)
        self.workers: list[Process] = []

    def start(self, count: int) -> None:
        """Workers that listen."""
        for _ in range(count):
            self._start()
        self.workers[-1].wait_for(lambda: self.renderer.listening() == count, START_S, "a worker")

    def _start(self) -> None:
        given = {
            "ZVONAR_DATA_DIR": str(self.folder),
            "ZVONAR_SPEECH__PROVIDER": "wav",
            "ZVONAR_SPEECH__RECORDINGS": str(self.recordings),
            "ZVONAR_SPEECH__WORKERS": "1",
            "ZVONAR_CELERY__BROKER_URL": self.settings.celery.broker_url.get_secret_value(),
        }
        command = ["env", *(f"{name}={value}" for name, value in given.items()), ZVONAR, "serve", "speech"]
        log = self.folder / f"worker-{len(self.workers)}.log"
        self.workers.append(Process(command, log, cwd=self.folder))

    def __enter__(self) -> "Farm":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.stop()


def pieces(count: int) -> list[Said]:
    return [Said(f"text {number}") for number in range(count)]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_ten_thousand_fragments_by_two_workers_of_which_one_is_killed(
    engine: Engine, tmp_path: Path, redis: Redis
) -> None:
    record(tmp_path / "recordings", TEXTS)
    with Farm(engine, tmp_path, redis, answer_s=3) as farm:
        farm.start(2)
        made: list[None] = []

        def progress() -> None:
            made.append(None)
            if len(made) == TEXTS // 4:
                os.killpg(farm.workers[0].pid, signal.SIGKILL)

        batch = farm.speech.make(pieces(TEXTS), "ru", progress)
        assert not farm.workers[0].alive
        assert batch.failed == {}
        assert len(made) == len(batch.clips) == TEXTS
        for number in range(TEXTS):
            content = farm.speech.cache.read(batch.clips[Said(f"text {number}")].name)
            spoken = (tmp_path / "recordings" / "ru" / f"{number}.wav").read_bytes()
            assert content == sound.finish(spoken, "alaw"), number
        (cost,) = rows_of(engine, store.cost)
        assert cost.requests == TEXTS
        assert len(rows_of(engine, store.audio)) == TEXTS


def test_without_a_worker_nothing_is_lost_and_it_says_so(
    engine: Engine, tmp_path: Path, redis: Redis
) -> None:
    record(tmp_path / "recordings", 3)
    with Farm(engine, tmp_path, redis) as farm:
        failed = farm.speech.make(pieces(3), "ru").failed
        assert {(one.why, one.passing) for one in failed.values()} == {
            ("no worker listens: `zvonar serve speech` is to run somewhere", True)
        }
        farm.start(1)
        assert len(farm.speech.make(pieces(3), "ru").whole()) == 3
        bad = farm.speech.make([Said("never recorded")], "ru").failed[Said("never recorded")]
        assert (bad.why, bad.passing) == ("there is no recording of it", False)


def test_without_a_broker_it_is_told_and_may_pass(engine: Engine, tmp_path: Path) -> None:
    record(tmp_path / "recordings", 1)
    with Redis() as gone:
        pass
    with Farm(engine, tmp_path, gone) as farm:
        (failed,) = farm.speech.make(pieces(1), "ru").failed.values()
    assert failed.why.startswith("Celery's broker does not answer")
    assert failed.passing
