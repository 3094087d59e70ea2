"""What is done again and again beside the calls goes on, whatever breaks."""

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError

from engine import rounds as module
from engine.rounds import Round, Rounds


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_pieces_follow_at_once_while_more_is_waiting_and_then_pause() -> None:
    more, done = [True, True, False, False], []

    def step() -> bool:
        done.append(len(done))
        return more.pop(0)

    running = Rounds([Round("sweep", step, every_s=3600)])
    running.start()
    eventually(lambda: len(done) == 3)
    running.stop()
    assert done == [0, 1, 2]


@pytest.mark.parametrize(
    ("error", "told"), [(ValueError("a defect"), True), (OperationalError("", {}, Exception()), False)]
)
def test_one_that_breaks_is_tried_again_and_one_that_hangs_holds_up_no_other(
    error: Exception, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TROUBLE_S", 0.01)
    said: list[str] = []
    monkeypatch.setattr(module.log, "error", lambda event, **more: said.append(f"{event} {more['round']}"))
    failures, done, over = [error], threading.Event(), threading.Event()

    def fails_first() -> bool:
        if failures:
            raise failures.pop()
        done.set()
        return False

    def hangs() -> bool:
        over.wait()
        return False

    running = Rounds([Round("disk", hangs, 1), Round("sweep", fails_first, 3600)], stop_s=0.05)
    running.start()
    assert done.wait(20)
    running.stop()
    over.set()
    assert said == ["a round broke sweep"] * told
