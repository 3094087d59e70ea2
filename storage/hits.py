"""What speaks against numbers: the evidence of single calls, and how often each trunk gives it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    String,
    Table,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.contact import chunks
from storage.db import Id, Record, UtcTime, add_new, among, metadata

hit = Table(
    "hit",
    metadata,
    Column("e164", String(16), primary_key=True),
    Column("attempt_id", Id, primary_key=True),
    Column("trunk", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("evidence", String(12), nullable=False, comment="permanent or soft"),
    Column("quarantined", Boolean, nullable=False, default=False, comment="the trunk was at fault"),
)

trunk_day = Table(
    "trunk_day",
    metadata,
    Column("trunk", String(64), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("permanent", Integer, nullable=False, comment="of them with permanent evidence"),
)


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New hits: e164, attempt_id, trunk, at, evidence, quarantined; what is there already stays."""
    add_new(connection, hit, rows)


def clear(connection: Connection, numbers: Collection[str]) -> None:
    """Nothing speaks against these numbers any more."""
    for part in chunks(numbers):
        connection.execute(delete(hit).where(among(connection, hit.c.e164, part)))


def counting(connection: Connection, numbers: Collection[str]) -> list[Record]:
    """Hits of these numbers that count: all but the quarantined."""
    found: list[Record] = []
    for part in chunks(numbers):
        query = select(hit).where(among(connection, hit.c.e164, part), hit.c.quarantined.is_(False))
        found += connection.execute(query)
    return found


def quarantine(connection: Connection, wanted: Collection[tuple[str, UUID]]) -> None:
    """Hits, by (E.164, attempt), that count for nothing."""
    for part in chunks(wanted):
        query = update(hit).where(tuple_(hit.c.e164, hit.c.attempt_id).in_(part))
        connection.execute(query.values(quarantined=True))


def count(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add to what trunks did on a day: trunk, day, calls, permanent."""
    if rows:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        query = insert(trunk_day)
        sums = {name: trunk_day.c[name] + query.excluded[name] for name in ("calls", "permanent")}
        connection.execute(query.on_conflict_do_update(index_elements=["trunk", "day"], set_=sums), rows)


def week(connection: Connection, trunks: Collection[str], since: date, before: date) -> dict[str, Record]:
    """trunk -> calls and permanent, of the days from `since` until the one before `before`."""
    query = select(
        trunk_day.c.trunk,
        func.sum(trunk_day.c.calls).label("calls"),
        func.sum(trunk_day.c.permanent).label("permanent"),
    )
    days = trunk_day.c.day >= since, trunk_day.c.day < before
    query = query.where(trunk_day.c.trunk.in_(trunks), *days).group_by(trunk_day.c.trunk)
    return {row.trunk: row for row in connection.execute(query)}
