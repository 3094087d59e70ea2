"""Events of masking as they are delivered to webhooks.

They are written without a position, each with what it tells of, so that nobody who binds or calls waits for
another. Who delivers numbers those that he finds, in the order of their ids, one server at a time; an event
whose transaction commits late comes at a later position, and is never passed over.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from storage import mask_events as store
from storage.db import Record, reading, writing

NUMBERED = 5000  # at a time, at most


class EventsFeed:
    """A Feed of `engine.delivery`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self) -> int:
        """As a Feed; numbers events that are not numbered yet."""
        with reading(self._engine) as connection:
            if not store.waiting(connection):
                return store.last(connection)
        with writing(self._engine) as connection:
            return store.number(connection, NUMBERED)

    def behind(self, position: int, upto: int, limit: int) -> Sequence[Record]:
        """As a Feed."""
        with reading(self._engine) as connection:
            return store.events(connection, position, upto, limit)

    def told(self, rows: Sequence[Record]) -> Mapping[str, Any]:
        """As a Feed."""
        return {"events": [_told(row) for row in rows]}


def _told(row: Record) -> dict[str, Any]:
    """An event under the names that clients know; `order` is None for one of no order."""
    about: dict[str, Any] = {"id": row.id, "position": row.position, "at": row.at, "event": row.kind}
    return about | {"order": row.order_id or None, **row.body}
