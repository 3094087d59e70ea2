"""What is done again and again beside the calls, in a thread each: nothing that hangs holds up another.

A round's `step` does one piece and says whether more is waiting; then the next follows at once (after
`between_s`), else `every_s` later. One that breaks is told and tried again; while the database is away all
wait. Several processes may do the same rounds: each step takes care of that itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread

from engine import telemetry
from storage.db import is_down

TROUBLE_S = 10.0

log = telemetry.logger("rounds")


@dataclass(frozen=True, slots=True)
class Round:
    """`name` stands in the log, and is its thread's."""

    name: str
    step: Callable[[], bool]
    every_s: float
    between_s: float = 0.0


class Rounds:
    """`start` them, and `stop` them at the end."""

    def __init__(self, rounds: Sequence[Round], stop_s: float = 5.0) -> None:
        """`stop_s`: for so long at most the end waits for a piece under way."""
        self._over, self._stop_s = Event(), stop_s
        self._threads = [Thread(target=self._run, args=(one,), name=one.name, daemon=True) for one in rounds]

    def start(self) -> None:
        """Begin, each with a piece at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; the next start goes on from here. What hangs is not waited for."""
        self._over.set()
        for thread in self._threads:
            thread.join(self._stop_s)

    def _run(self, one: Round) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = one.between_s if one.step() else one.every_s
            except Exception as error:
                pause = TROUBLE_S
                if not is_down(error):  # the next piece may be luckier
                    log.error("a round broke", round=one.name, exc_info=error)
