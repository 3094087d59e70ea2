"""What a dispatch is told of masking: written with what happened, numbered when it is read.

An event gets its position from whoever delivers, so nobody who binds or calls waits for the order of telling.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, exists, func, select, update

from storage import feed
from storage.db import Id, Json, Record, UtcTime, metadata
from storage.vocab import MaskEvent

mask_event = Table(
    "mask_event",
    metadata,
    Column("id", Id, primary_key=True, comment="in order of time"),
    Column("position", BigInteger, comment="in the order of telling; none: not numbered yet"),
    Column("at", UtcTime, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("order_id", String(64), nullable=False, comment="empty: of no order"),
    Column("body", Json, nullable=False, comment="what else is told; no phone of anybody"),
    Index("ix_mask_event_position", "position"),
)


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """An event, not numbered yet."""
    connection.execute(mask_event.insert(), [dict(row)])


def told_since(connection: Connection, kind: MaskEvent, at: datetime) -> bool:
    """Was there an event of this kind since then?"""
    there = exists().where(mask_event.c.at > at, mask_event.c.kind == kind)
    return connection.scalar(select(there)) or False


def waiting(connection: Connection) -> bool:
    """Are there events without a position?"""
    return connection.scalar(select(exists().where(mask_event.c.position.is_(None)))) or False


def number(connection: Connection, limit: int) -> int:
    """Give the first so many of them their positions; the newest one. Whoever else would waits meanwhile."""
    last = feed.advance(connection, feed.EVENTS, 0)
    place = func.row_number().over(order_by=mask_event.c.id).label("place")
    fresh = select(mask_event.c.id, place).where(mask_event.c.position.is_(None))
    fresh_ = fresh.order_by(mask_event.c.id).limit(limit).subquery()
    change = update(mask_event).where(mask_event.c.id == fresh_.c.id).values(position=last + fresh_.c.place)
    given = connection.execute(change.returning(mask_event.c.position)).scalars()
    return feed.advance(connection, feed.EVENTS, max(given, default=last) - last)


def last(connection: Connection) -> int:
    """The newest position; all events up to it are there."""
    return feed.last(connection, feed.EVENTS)


def events(connection: Connection, after: int, upto: int, limit: int) -> Sequence[Record]:
    """The first events behind a position, up to another; all columns."""
    query = select(mask_event).where(mask_event.c.position > after, mask_event.c.position <= upto)
    return connection.execute(query.order_by(mask_event.c.position).limit(limit)).all()
