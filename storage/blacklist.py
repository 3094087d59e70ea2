"""Whom not to call: entries by number, prefix, person or group, and what was seen that speaks for one.

An entry stands until it is removed (its row stays) or its date has come. `hit` is the evidence of single
calls; `trunk_day` counts what a trunk's faults may have to do with it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    select,
    text,
    update,
)

from storage.contact import chunks
from storage.db import Id, Json, Record, UtcTime, add_new, metadata, new_id
from storage.vocab import BanKind

GLOBAL = "global"

blacklist = Table(
    "blacklist",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", String(80), nullable=False, comment="number:+7…, prefix:+7…, person:<key>, group:<name>"),
    Column("scope", String(64), nullable=False, comment="global, or a campaign's name"),
    Column("until", UtcTime, comment="stands until then; null: for good"),
    Column("reason", Text, nullable=False),
    Column("evidence", Json, nullable=False, comment="what it rests on, as it was then"),
    Column("attempt_id", Id, comment="the call on which he asked"),
    Column("actor", Text, nullable=False, comment="the system user, a key's name, call:<attempt>, automatic"),
    Column("created_at", UtcTime, nullable=False),
    Column("removed_at", UtcTime),
    Column("removed_by", Text, nullable=False, default=""),
    Index(
        "ix_blacklist_standing",
        "key",
        "scope",
        unique=True,
        sqlite_where=text("removed_at IS NULL"),
        postgresql_where=text("removed_at IS NULL"),
    ),
)

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


def key_of(kind: BanKind, value: str) -> str:
    """How an entry is looked up."""
    return f"{kind}:{value}"


def standing(connection: Connection, keys: Collection[str], now: datetime) -> list[Record]:
    """Entries under these keys that stand now, of every scope: id, key, scope, until, reason."""
    columns = (blacklist.c.id, blacklist.c.key, blacklist.c.scope, blacklist.c.until, blacklist.c.reason)
    found: list[Record] = []
    for part in chunks(keys):
        query = select(*columns).where(blacklist.c.key.in_(part), blacklist.c.removed_at.is_(None))
        found += [row for row in connection.execute(query) if row.until is None or row.until > now]
    return found


def add(
    connection: Connection, key: str, *, reason: str, at: datetime, actor: str, **more: Any
) -> UUID | None:
    """A new entry, its id; None when one of this key and scope stands already.

    `more`: scope, until, evidence, attempt_id.
    """
    row = {"scope": GLOBAL, "until": None, "evidence": {}, "attempt_id": None} | more
    if any(entry.scope == row["scope"] for entry in standing(connection, [key], at)):
        return None
    same = (blacklist.c.key == key, blacklist.c.scope == row["scope"], blacklist.c.removed_at.is_(None))
    connection.execute(update(blacklist).where(*same).values(removed_at=at, removed_by="expired"))
    entry_id = new_id()
    row |= {"id": entry_id, "key": key, "reason": reason, "created_at": at, "actor": actor}
    add_new(connection, blacklist, [row])
    return entry_id
