"""Answer rates by hour and zone, as learned from results; and up to which result they are learned."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Float, Integer, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.calls import attempt
from storage.campaign import lead
from storage.db import Record, UtcTime, add_new, metadata

hour_rate = Table(
    "hour_rate",
    metadata,
    Column("zone_id", Integer, primary_key=True),
    Column("hour", Integer, primary_key=True, comment="0 to 167: hours since Monday midnight, local"),
    Column("placed", Float, nullable=False, comment="calls, older ones for less"),
    Column("answered", Float, nullable=False),
)

hour_mark = Table(
    "hour_mark",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False, comment="of the last result that is learned"),
    Column("faded_at", UtcTime, nullable=False, comment="when old calls last lost weight"),
)

Cell = tuple[int, int]  # zone set, hour


def rates(connection: Connection) -> list[Record]:
    """All of them: zone_id, hour, placed, answered."""
    return list(connection.execute(select(hour_rate)))


def take_mark(connection: Connection, at: datetime) -> Record | None:
    """How far is learned: position, faded_at; held until the transaction's end. None: another learns now."""
    add_new(connection, hour_mark, [{"id": 1, "position": 0, "faded_at": at}])
    return connection.execute(select(hour_mark).with_for_update(skip_locked=True)).one_or_none()


def move_mark(connection: Connection, **values: Any) -> None:
    """It is learned as far as this."""
    connection.execute(update(hour_mark).values(values))


def results(connection: Connection, position: int, limit: int) -> list[Record]:
    """Results after this one, in their order: position, outcome, prepared_at, zone_id."""
    query = (
        select(attempt.c.position, attempt.c.outcome, attempt.c.prepared_at, lead.c.zone_id)
        .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
        .where(attempt.c.position > position)
        .order_by(attempt.c.position)
    )
    return list(connection.execute(query.limit(limit)))


def fade(connection: Connection, factor: float) -> None:
    """What was learned until now counts so much less."""
    values = {"placed": hour_rate.c.placed * factor, "answered": hour_rate.c.answered * factor}
    connection.execute(update(hour_rate).values(values))


def count(connection: Connection, calls: Mapping[Cell, tuple[int, int]]) -> None:
    """So many calls more, placed and answered, of each cell."""
    if not calls:
        return
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(hour_rate)
    more: dict[Any, Any] = {
        name: hour_rate.c[name] + insert.excluded[name] for name in ("placed", "answered")
    }
    query = insert.on_conflict_do_update(index_elements=["zone_id", "hour"], set_=more)
    rows = [
        {"zone_id": zone, "hour": hour, "placed": placed, "answered": answered}
        for (zone, hour), (placed, answered) in sorted(calls.items())
    ]
    connection.execute(query, rows)
