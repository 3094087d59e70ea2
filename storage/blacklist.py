"""Whom not to call: entries by number, prefix, person or group.

An entry stands until it is removed (its row stays) or its date has come. Under one key and scope one entry
stands at a time, the one that lasts longest. Whom entries concern: `storage.barring`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Index, Select, String, Table, Text, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.contact import chunks
from storage.db import Id, Json, Record, UtcTime, among, metadata, new_id
from storage.vocab import BanKind

GLOBAL = "global"
MAX_KEY = 240  # characters
PREFIXES = range(2, 16)  # how long a prefix may be, with its plus
EXPIRED, REPLACED = "expired", "replaced"
NEVER = datetime.max.replace(tzinfo=UTC)

blacklist = Table(
    "blacklist",
    metadata,
    Column("id", Id, primary_key=True),
    Column(
        "key", String(MAX_KEY), nullable=False, comment="number:+7…, prefix:+7…, person:<key>, group:<name>"
    ),
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

BRIEF = (blacklist.c.id, blacklist.c.key, blacklist.c.scope, blacklist.c.until, blacklist.c.reason)


def key_of(kind: BanKind, value: str) -> str:
    """How an entry is looked up."""
    return f"{kind}:{value}"


def keys_for(
    e164: str, person_key: str, groups: Iterable[str], lengths: Iterable[int] = PREFIXES
) -> set[str]:
    """Every key under which an entry would concern this number of this person; of prefixes these lengths."""
    prefixes = {key_of(BanKind.PREFIX, e164[:length]) for length in lengths if length <= len(e164)}
    named = {key_of(BanKind.GROUP, group) for group in groups}
    return {key_of(BanKind.NUMBER, e164), key_of(BanKind.PERSON, person_key)} | prefixes | named


def standing(connection: Connection, keys: Collection[str], now: datetime) -> list[Record]:
    """Entries under these keys that stand now, of every scope.

    Each: id, key, scope, until, reason, evidence, actor.
    """
    return [row for row in _kept(connection, keys) if row.until is None or row.until > now]


def _kept(connection: Connection, keys: Collection[str]) -> list[Record]:
    """Entries that nobody removed, those whose date has come among them."""
    found: list[Record] = []
    for part in chunks(keys):
        query = select(*BRIEF, blacklist.c.evidence, blacklist.c.actor)
        found += connection.execute(
            query.where(among(connection, blacklist.c.key, part), blacklist.c.removed_at.is_(None))
        )
    return found


def add_all(connection: Connection, rows: Sequence[Mapping[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """New entries (key, reason, actor; perhaps scope, until, evidence, attempt_id); those that were added:
    of one key and scope the one that lasts longest, unless one stands already that lasts as long.
    """
    wanted: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        full = {"scope": GLOBAL, "until": None, "evidence": {}, "attempt_id": None, **row, "created_at": at}
        place = full["key"], full["scope"]
        if place not in wanted or _end(full["until"]) > _end(wanted[place]["until"]):
            wanted[place] = full | {"id": new_id()}
    old: dict[str, list[UUID]] = {EXPIRED: [], REPLACED: []}
    for entry in _kept(connection, {key for key, _scope in wanted}):
        new = wanted.get((entry.key, entry.scope))
        if new is None:
            continue
        if _end(entry.until) <= at:
            old[EXPIRED].append(entry.id)
        elif _end(entry.until) < _end(new["until"]):
            old[REPLACED].append(entry.id)
        else:
            del wanted[entry.key, entry.scope]
    for why, ids in old.items():
        remove(connection, ids, at, why)
    return _insert(connection, [wanted[place] for place in sorted(wanted)])


def _end(until: datetime | None) -> datetime:
    return until or NEVER


def _insert(connection: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert entries; those that another process was first with are left out."""
    if not rows:
        return []
    insert_ = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    query = insert_(blacklist).on_conflict_do_nothing().returning(blacklist.c.id)
    taken = set(connection.scalars(query, rows))
    return [row for row in rows if row["id"] in taken]


def remove(connection: Connection, ids: Collection[UUID], at: datetime, by: str) -> int:
    """Entries that are to stand no longer; how many did."""
    removed = 0
    for part in chunks(ids):
        query = update(blacklist).where(blacklist.c.id.in_(part), blacklist.c.removed_at.is_(None))
        removed += connection.execute(query.values(removed_at=at, removed_by=by)).rowcount
    return removed


def still(connection: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Those of these entries that nobody removed."""
    found: set[UUID] = set()
    for part in chunks(ids):
        query = select(blacklist.c.id).where(blacklist.c.id.in_(part), blacklist.c.removed_at.is_(None))
        found.update(connection.scalars(query))
    return found


def entries(
    connection: Connection,
    limit: int,
    *,
    kind: BanKind | None = None,
    before: UUID | None = None,
    removed: bool = False,
) -> list[Record]:
    """A page of entries, the newest first, beginning below `before`; with all columns."""
    query = select(blacklist).order_by(blacklist.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(blacklist.c.key.startswith(key_of(kind, ""), autoescape=True))
    if before is not None:
        query = query.where(blacklist.c.id < before)
    if not removed:
        query = query.where(blacklist.c.removed_at.is_(None))
    return list(connection.execute(query))


def entry(connection: Connection, entry_id: UUID) -> Record | None:
    """The entry of that id, removed or not."""
    return connection.execute(_whole().where(blacklist.c.id == entry_id)).one_or_none()


def of_import(connection: Connection, import_id: UUID, after: UUID, limit: int) -> list[Record]:
    """A page of the entries that an import made, removed or not, in the order of ids, above `after`."""
    same = blacklist.c.evidence["import"].as_string() == str(import_id)
    # An import has its id before its entries have theirs, and ids are in order of time.
    query = _whole().where(blacklist.c.id > max(after, import_id), same)
    return list(connection.execute(query.order_by(blacklist.c.id).limit(limit)))


def _whole() -> Select[Any]:
    return select(*BRIEF, blacklist.c.removed_at)
