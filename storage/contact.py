"""People, their phones, and who is never to be called.

A person has many phones and is in many campaigns. Rows of the hot path carry `person_id` in their key, so
that the tables can be spread over machines by person.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
)

from storage.db import Id, UtcTime, add_new, metadata, new_id

person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="id:<the ERP's id> or tel:<first number>"),
    Column("name", Text, nullable=False, default=""),
    Column("city", Text, nullable=False, default=""),
    Column("region", Text, nullable=False, default=""),
    Column("address", Text, nullable=False, default=""),
    Column("lat", Float),
    Column("lon", Float),
    Column("timezone", String(64), nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
)

phone = Table(
    "phone",
    metadata,
    Column("person_id", Id, ForeignKey("person.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("e164", String(16), nullable=False),
    Column("position", Integer, nullable=False, comment="1 is tried first"),
    UniqueConstraint("person_id", "e164"),
    Index("ix_phone_e164", "e164"),
)

blacklist = Table(
    "blacklist",
    metadata,
    Column("e164", String(16), primary_key=True),
    Column("scope", String(64), primary_key=True, comment="global"),
    Column("reason", Text, nullable=False),
    Column("attempt_id", Id, comment="the call on which he asked"),
    Column("created_at", UtcTime, nullable=False),
)

GLOBAL = "global"
CHUNK = 500


def chunks(values: Collection[Any]) -> Iterable[list[Any]]:
    """Pieces small enough for one IN list."""
    listed = list(values)
    return (listed[start : start + CHUNK] for start in range(0, len(listed), CHUNK))


def blacklisted(connection: Connection, numbers: Collection[str]) -> set[str]:
    """Which of these numbers may never be called."""
    found: set[str] = set()
    for part in chunks(numbers):
        query = select(blacklist.c.e164).where(blacklist.c.e164.in_(part))
        found.update(connection.scalars(query))
    return found


def ban(
    connection: Connection, e164: str, *, reason: str, at: datetime, attempt_id: UUID | None = None
) -> bool:
    """Put a number on the global blacklist; False when it was there already."""
    if blacklisted(connection, [e164]):
        return False
    row = {"e164": e164, "scope": GLOBAL, "reason": reason, "attempt_id": attempt_id, "created_at": at}
    add_new(connection, blacklist, [row])
    return True


def people(connection: Connection, keys: Collection[str]) -> dict[str, UUID]:
    """Ids of the people that are known by these keys."""
    found: dict[str, UUID] = {}
    for part in chunks(keys):
        query = select(person.c.key, person.c.id).where(person.c.key.in_(part))
        found.update((row.key, row.id) for row in connection.execute(query))
    return found


def add_people(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """New people; each row has id, key, name … and created_at."""
    add_new(connection, person, rows)


def phones_of(connection: Connection, person_ids: Collection[UUID]) -> dict[tuple[UUID, str], UUID]:
    """(person, E.164) -> phone id, of all phones of these people."""
    found: dict[tuple[UUID, str], UUID] = {}
    for part in chunks(person_ids):
        query = select(phone.c.person_id, phone.c.e164, phone.c.id).where(phone.c.person_id.in_(part))
        found.update(((row.person_id, row.e164), row.id) for row in connection.execute(query))
    return found


def add_phones(connection: Connection, wanted: Iterable[tuple[UUID, str, int]]) -> None:
    """New phones from (person, E.164, position)."""
    rows = [
        {"person_id": person_id, "id": new_id(), "e164": e164, "position": position}
        for person_id, e164, position in wanted
    ]
    add_new(connection, phone, rows)
