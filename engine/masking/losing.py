"""Calls whose end nobody wrote, for the server that held them was killed: the dispatch hears of it after all.

They count nowhere before that: `walls` take a call to be under way only as long as it may be.
"""

from datetime import timedelta

from sqlalchemy import Engine

from engine import telemetry
from engine.masking import events
from engine.settings import Settings
from storage import mask_calls as store
from storage.db import writing
from storage.vocab import MaskEnd, MaskEvent

EVERY_S = 600.0
LAST = timedelta(hours=3)  # longer than any call: masking.max_talk_s is two hours at most
BACK = timedelta(days=1)  # what was lost before all our servers stood still for so long is not told

log = telemetry.logger("mask")


class Losing:
    """A round's step; blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def step(self) -> bool:
        """Look once."""
        before = self._settings.now() - LAST
        with writing(self._engine) as connection:
            rows = store.lose(connection, before - BACK, before)
            for row in rows:
                telemetry.masked_calls.labels(MaskEnd.LOST, row.role).inc()
                if row.order_id:
                    told = {"call": str(row.id), "from": row.role, "reason": MaskEnd.LOST, "talk_s": 0}
                    events.note(connection, self._settings, MaskEvent.ENDED, row.order_id, **told)
        if rows:
            log.warning("calls were lost", calls=len(rows), call_id=str(rows[0].id))
        return False
