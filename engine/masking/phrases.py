"""What masked calls say, made before the first of them and kept at hand."""

from collections.abc import Mapping
from threading import Event, Thread

from sqlalchemy import Engine

from engine import telemetry
from engine.errors import VoiceError
from engine.settings import Settings
from engine.speech.clip import Clip
from engine.speech.service import Speech
from storage import masking as store
from storage.db import is_down, reading

AGAIN_S = 3600.0  # what is asked for so often is never the oldest of the cache
TROUBLE_S = 10.0
NONE_YET_S = 2.0
READY = "phrases of masked calls are ready"  # in the log; from then on calls are taken

log = telemetry.logger("mask")


class Phrases:
    """Made in a thread of its own from `start` on, once there is a masking number."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._speech, self._lang = engine, Speech(engine, settings), settings.lang
        self._clips: Mapping[str, Clip] = {}
        self._over = Event()
        self._thread = Thread(target=self._run, name="mask-phrases", daemon=True)

    def start(self) -> None:
        """Begin to make them."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more."""
        self._over.set()
        self._thread.join()

    def __call__(self) -> Mapping[str, Clip]:
        """All of them, name -> clip; VoiceError as long as they are not made."""
        if not self._clips:
            raise VoiceError("what masked calls say is not made yet")
        return self._clips

    def make(self) -> None:
        """Make what is missing. VoiceError."""
        self._clips = self._speech.phrases("mask", self._lang)

    def _needed(self) -> bool:
        with reading(self._engine) as connection:
            return bool(store.numbers(connection))

    def _run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = AGAIN_S
            try:
                if not self._needed():
                    pause = NONE_YET_S
                    continue
                self.make()
                log.info(READY, phrases=len(self._clips))
            except VoiceError as error:
                log.error("no voice for masked calls", reason=str(error))
                pause = TROUBLE_S
            except Exception as error:
                if not is_down(error):
                    log.error("phrases of masked calls broke", exc_info=error)
                pause = TROUBLE_S
