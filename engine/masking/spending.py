"""What masked talks cost in the last hour, and an alarm when it is more than it should be.

The walls (`walls`) stop one caller; this is for what gets past them all. Nothing is blocked: somebody has to
look. The alarm is a line of the log, at most one an hour, and an event for the dispatch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from engine import telemetry
from engine.masking import events
from engine.settings import Settings
from storage import mask_calls, mask_events, masking
from storage.db import reading, writing
from storage.vocab import MaskEvent

EVERY_S = 60.0
HOUR = timedelta(hours=1)

log = telemetry.logger("mask")


@dataclass(frozen=True, slots=True)
class Talks:
    """So many calls to the same trunk, each of so many seconds."""

    trunk: str
    seconds: int
    calls: int


def spent(talks: Iterable[Talks], costs: Mapping[str, int]) -> int:
    """Kopecks, by each trunk's kopecks a minute; minutes rounded up, as carriers count. A trunk without a
    cost, or that is gone from the settings, costs nothing.
    """
    return sum(-(-one.seconds // 60) * one.calls * costs.get(one.trunk, 0) for one in talks)


class Spending:
    """A round's step; blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self._alarmed: datetime | None = None

    def step(self) -> bool:
        """Look once."""
        now, limit = self._settings.now(), self._settings.masking.alarm_kopecks_hour
        with reading(self._engine) as connection:
            talk_s = self._settings.masking.max_talk_s
            rows = mask_calls.talks(connection, now - HOUR, now, talk_s)
        kopecks = spent((Talks(*row) for row in rows), {one.name: one.cost for one in self._settings.trunk})
        telemetry.masked_kopecks.set(kopecks)
        if limit and kopecks > limit and (self._alarmed is None or now - self._alarmed >= HOUR):
            self._alarmed = now
            log.error("masked talks cost too much", kopecks=kopecks, limit=limit)
            self._tell(now, kopecks, limit)
        return False

    def _tell(self, now: datetime, kopecks: int, limit: int) -> None:
        """The dispatch, unless another server did within the hour."""
        with writing(self._engine) as connection:
            masking.lock(connection, {"alarm"})
            if not mask_events.told_since(connection, MaskEvent.ALARM, now - HOUR):
                events.note(connection, self._settings, MaskEvent.ALARM, kopecks=kopecks, limit=limit)
