"""What a dispatch is told of masking: written with what happened, numbered when it is read.

An event gets its position from whoever delivers, so nobody who binds or calls waits for the order of telling.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, exists, select

from storage.db import Id, Json, UtcTime, metadata
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
