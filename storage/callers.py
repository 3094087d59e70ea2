"""The numbers that we call from: how calls from them went, and which of them rest."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.calls import attempt
from storage.db import Record, UtcTime, add_new, metadata

caller_id = Table(
    "caller_id",
    metadata,
    Column("trunk", String(64), primary_key=True),
    Column("number", String(20), primary_key=True),
    Column("calls", Float, nullable=False, default=0.0, comment="older ones for less"),
    Column("answered", Float, nullable=False, default=0.0),
    Column("short", Float, nullable=False, default=0.0, comment="of those answered, ended within seconds"),
    Column("spam", Float, nullable=False, default=0.0, comment="refused as spam: 607, 608"),
    Column("rests", Integer, nullable=False, default=0, comment="how many times in a row it had to"),
    Column("rests_until", UtcTime),
    Column("why", Text, nullable=False, default=""),
)

caller_mark = Table(
    "caller_mark",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False, comment="of the last result that is counted"),
    Column("faded_at", UtcTime, nullable=False, comment="when old calls last lost weight"),
)

Key = tuple[str, str]  # trunk, number


def callers(connection: Connection, keys: Collection[Key] = (), *, lock: bool = False) -> list[Record]:
    """All numbers, or these, with what is known of them; `lock` until the transaction's end."""
    query = select(caller_id).order_by(caller_id.c.trunk, caller_id.c.number)
    if keys:
        query = query.where(tuple_(caller_id.c.trunk, caller_id.c.number).in_(keys))
    return list(connection.execute(query.with_for_update() if lock else query))


def save(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Numbers as they are now: all columns."""
    if rows:
        insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(caller_id)
        values = {name: insert.excluded[name] for name in rows[0] if name not in ("trunk", "number")}
        query = insert.on_conflict_do_update(index_elements=["trunk", "number"], set_=values)
        connection.execute(query, sorted(rows, key=lambda row: (row["trunk"], row["number"])))


def take_mark(connection: Connection, at: datetime) -> Record | None:
    """How far is counted: position, faded_at; held until the transaction's end. None: another counts now."""
    add_new(connection, caller_mark, [{"id": 1, "position": 0, "faded_at": at}])
    return connection.execute(select(caller_mark).with_for_update(skip_locked=True)).one_or_none()


def move_mark(connection: Connection, position: int, faded_at: datetime) -> None:
    """It is counted as far as this."""
    connection.execute(update(caller_mark).values(position=position, faded_at=faded_at))


def results(connection: Connection, position: int, limit: int) -> list[Record]:
    """Results after this one, in their order: position, trunk, caller_id, outcome, answered_at, ended_at,
    tech_cause.
    """
    columns = (
        *(attempt.c.position, attempt.c.trunk, attempt.c.caller_id, attempt.c.outcome),
        *(attempt.c.answered_at, attempt.c.ended_at, attempt.c.tech_cause),
    )
    query = select(*columns).where(attempt.c.position > position).order_by(attempt.c.position)
    return list(connection.execute(query.limit(limit)))
