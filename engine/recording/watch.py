"""Beside the dialer: a thread that looks for the recording of each call that is over.

A thread of its own, for the folder may lie on a disk of the network, and one that hangs must hold up no call.
"""

from threading import Event, Thread

from engine import telemetry
from engine.recording.service import Recordings
from storage.db import is_down

PAUSE_S = 5.0
TROUBLE_S = 30.0
CLOSE_S = 5.0

log = telemetry.logger("recording")


class Watch:
    """`start` it, and `stop` it at the end."""

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._over = Event()
        self._thread = Thread(target=self._run, name="recordings", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; the next start goes on from here. A disk that hangs is not waited for."""
        self._over.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = 0.0 if self._recordings.check() else PAUSE_S
            except OSError as error:
                log.error("recordings cannot be looked at", reason=error.strerror, file=str(error.filename))
                pause = TROUBLE_S
            except Exception as error:
                if not is_down(error):
                    log.error("looking for recordings failed", exc_info=error)
                pause = TROUBLE_S
