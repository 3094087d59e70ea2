"""What masking leaves behind, deleted when nobody needs it any more.

| rows | go |
|---|---|
| routes | a day after they ended: until then the caller hears that his order is finished |
| codes | when they are held no longer (masking.code_hold_s) |
| orders | 30 days after their end; until then a late request of the dispatch is known to be late |
| events | 7 days old and delivered, or 30 days old |
| calls | masking.calls_days after they came in; with a recording, once that is removed |

No rule depends on it: with the sweeping off, calls go as they do with it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from engine.settings import Settings
from storage import stale
from storage.db import writing

EVERY_S = 3600.0
BETWEEN_S = 0.25  # two pieces: others shall hardly notice
PIECE = 1000
DAY = timedelta(days=1)


class Sweeping:
    """A round's step; blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def step(self) -> bool:
        """Delete a piece of each kind; True when there may be more."""
        more = False
        for sweep in self._kinds(self._settings.now()):
            with writing(self._engine) as connection:
                more |= sweep(connection, limit=PIECE) == PIECE
        return more

    def _kinds(self, now: datetime) -> Iterator[Callable[..., int]]:
        hooks = [hook.name for hook in self._settings.webhooks if hook.tells == "masking"]
        yield partial(stale.routes, before=now - DAY)
        yield partial(stale.codes, at=now)
        yield partial(stale.orders, before=now - 30 * DAY)
        yield partial(stale.events, hooks=hooks, told_before=now - 7 * DAY, before=now - 30 * DAY)
        yield partial(stale.calls, before=now - self._settings.masking.calls_days * DAY)
