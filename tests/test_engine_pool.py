"""Processes that render: each job once, also when one of them dies; a broken job takes nobody along."""

import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest
from builders import add_program, settings, tone

from engine.speech.pool import Pool
from engine.speech.prompts import Kind, key_of
from engine.speech.render import Job, Maker
from engine.speech.service import cache_of

# Says a tone; "долго" takes a while, "немо" cannot be said.
SLOW = """
text=$(cat)
echo "$text" >> "$LOG"
case "$text" in *немо*) exit 1;; *долго*) sleep 0.2;; esac
exec cat "$(dirname $0)/tone.wav"
"""


class Works:
    """A pool with a voice of ours."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "tone.wav").write_bytes(tone())
        self.log = add_program(monkeypatch, folder, "espeak-ng", SLOW)
        self.settings = settings(folder)
        self.cache = cache_of(self.settings)
        self.pool = Pool(self.settings.speech, self.cache)

    def job(self, text: str, kind: Kind = Kind.WHOLE) -> Job:
        return Job(key_of("alaw", "espeak/ru/150/1", kind, text), text, "ru", kind)


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Works]:
    made = Works(tmp_path, monkeypatch)
    yield made
    made.pool.close()


def test_every_job_is_answered_once(works: Works) -> None:
    jobs = [works.job(f"{number}") for number in range(30)] + [works.job("немо"), works.job("а", Kind.ATOM)]
    made = list(works.pool.render(jobs))
    assert sorted(one.key for one in made) == sorted(job.key for job in jobs)
    assert [(one.why, one.passing) for one in made if not one.file] == [("espeak-ng failed: 1", False)]
    assert all(works.cache.has(one.file, one.size) for one in made if one.file)
    assert len(works.log.read_text().splitlines()) == 32


def test_a_process_that_is_killed_loses_nothing(works: Works) -> None:
    jobs = [works.job(f"долго {number}") for number in range(12)]
    answers = works.pool.render(jobs)
    made = [next(answers)]
    victim = active_children()[0].pid
    assert victim
    os.kill(victim, signal.SIGKILL)
    made += answers
    assert sorted(one.key for one in made) == sorted(job.key for job in jobs)
    assert all(one.file for one in made)


def test_what_is_not_begun_in_time_has_no_answer(works: Works) -> None:
    assert list(works.pool.render([works.job("a")], time.monotonic())) == []


def test_processes_end_with_the_pool(works: Works) -> None:
    list(works.pool.render([works.job("a")]))
    assert active_children()
    works.pool.close()
    assert not active_children()


def test_a_job_for_another_voice_is_not_done(works: Works) -> None:
    other = Job(key_of("alaw", "espeak/ru/200/1", Kind.WHOLE, "a"), "a", "ru")
    made = Maker(works.settings.speech, works.cache).make(other)
    assert (made.file, made.passing) == ("", True)
    assert "settings" in made.why
