"""What is written after a call: one piece after another, by a thread of its own; no call waits for it.

While the database is away they wait; one that it will never take is dropped, and told.
"""

import time
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from engine import telemetry
from storage.db import is_down

DOWN_S = 1.0
CLOSE_S = 10

log = telemetry.logger("mask")


class Later:
    """Begins at once; `close` it at the end."""

    def __init__(self) -> None:
        self._given: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="mask-later", daemon=True)
        self._thread.start()

    def do(self, act: Callable[[], None]) -> None:
        """When its turn comes; may come twice when the database was lost at the wrong moment."""
        self._given.put(act)

    def close(self) -> None:
        """Do what was given, and end; a database that stays away is not waited for longer."""
        self._given.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while (act := self._given.get()) is not None:
            while not self._done(act):
                time.sleep(DOWN_S)

    def _done(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except Exception as error:
            if is_down(error):
                log.error("a call's end waits for the database", reason=type(error).__name__)
                return False
            log.error("a call's end is lost", exc_info=error)
        return True
