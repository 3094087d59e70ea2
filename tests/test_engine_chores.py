"""What is done beside dialling goes on, whatever goes wrong in it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from engine.campaign import chores
from engine.campaign.chores import Chore, Habit
from engine.errors import VoiceError

ONE: Any = SimpleNamespace(name="autumn")
DOWN = OperationalError("BEGIN", {}, ConnectionRefusedError())


def run_for(chore: Chore | Habit, seconds: float) -> None:
    """Let it run for a while."""

    async def story() -> None:
        task = asyncio.create_task(chore.run(lambda: [ONE]))
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())


def raising(trouble: list[Exception | int]) -> Any:
    """A step that does these one after the other, and then nothing."""

    def step(*_campaign: Any) -> int:
        done.append(1)
        one = trouble.pop(0) if trouble else 0
        if isinstance(one, Exception):
            raise one
        return one

    done: list[int] = []
    step.done = done  # type: ignore[attr-defined] # for the test to count
    return step


def test_a_chore_goes_on_after_trouble_and_says_what_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(chores, "TROUBLE_S", 0.01)
    step = raising([3, VoiceError("espeak is gone"), DOWN, 2, 1])
    run_for(Chore("prepare", step, "no voice"), 0.5)
    assert len(step.done) == 6, "while there is something to do it does not wait"
    told = capsys.readouterr().out
    assert told.count("no voice") == 1
    assert "espeak is gone" in told


def test_a_defect_is_not_hidden() -> None:
    async def story() -> None:
        with pytest.raises(ZeroDivisionError):
            await Chore("prepare", raising([ZeroDivisionError()]), "no voice").run(lambda: [ONE])

    asyncio.run(story())


def test_a_habit_is_kept_whether_the_database_is_there_or_not() -> None:
    step = raising([1, DOWN, 1])
    run_for(Habit("hours", step, 0.01), 0.5)
    assert len(step.done) > 3
