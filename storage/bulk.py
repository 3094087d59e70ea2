"""Many rows at a time: what an import asks and writes, in a few statements for thousands of rows.

PostgreSQL takes rows by COPY, SQLite by one prepared statement; lists to look up go in as one array. Foreign
keys and unique keys hold as ever: a row that breaks one takes the whole transaction with it.
"""

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from io import StringIO
from typing import Any, Self
from uuid import UUID

import psycopg2
import uuid_utils
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Select,
    Table,
    Text,
    bindparam,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import OperationalError

from storage.blacklist import GLOBAL, blacklist, key_of
from storage.campaign import lead
from storage.contact import person, phone
from storage.db import Record, UtcTime
from storage.vocab import BanKind

# How a column's value is written; a moment is mostly that of the batch, so it is written once.
TEXTS: tuple[tuple[type[Any], Callable[[Any], str]], ...] = (
    (JSON, json.JSONEncoder(ensure_ascii=False).encode),
    (UtcTime, lru_cache(64)(datetime.isoformat)),
)
PART = 2**20  # characters that the driver takes at a time
TURN = 0x5A564F4E  # the advisory lock of imports
PERSON = ("id", "key", "name", "city", "region", "address", "lat", "lon", "timezone", "groups", "created_at")
PHONE = ("person_id", "id", "e164", "position", "kind", "operator", "region", "zone_id")


def fresh_id() -> Any:
    """An id as `storage.db.new_id` makes it, of a type that is made and written five times as fast; to be
    written only, by a Sender.
    """
    return uuid_utils.uuid7()


def take_turn(connection: Connection) -> None:
    """Wait for imports of other campaigns: until this transaction's end nobody else adds people or phones."""
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone
        connection.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))


class Sender:
    """Writes in the order given, in a thread of its own: the database takes one table while the rows of the
    next are made. From `with` to its end the connection is this thread's; the first error is raised there.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, "sender")
        self._jobs: list[Future[None]] = []

    def insert(self, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add rows; each has a value for every one of these columns, in their order."""
        if self._connection.dialect.name == "postgresql":
            file = StringIO()
            csv.writer(file).writerows(_as_text(table, names, rows))
            file.seek(0)
            self._jobs.append(self._thread.submit(_copy, self._connection, table, names, file))
        elif values := [dict(zip(names, row, strict=True)) for row in rows]:
            self._jobs.append(self._thread.submit(_execute, self._connection, table.insert(), values))

    def save_people(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """What has become of known people: rows as `people_known` gives them."""
        if rows:
            changing = PERSON[2:-1]
            set_: dict[str, Any] = {name: bindparam(f"{name}_") for name in changing}
            query = update(person).where(person.c.id == bindparam("id_")).values(set_)
            values = [{f"{name}_": row[name] for name in ("id", *changing)} for row in rows]
            self._jobs.append(self._thread.submit(_execute, self._connection, query, values))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        for job in self._jobs:
            job.result()


def _execute(connection: Connection, query: Executable, values: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(query, values)


def _copy(connection: Connection, table: Table, names: Sequence[str], file: StringIO) -> None:
    """In COPY's CSV an empty cell is NULL, but where the column allows none."""
    filled = ", ".join(name for name in names if not table.c[name].nullable)
    options = "FORMAT csv" + (f", FORCE_NOT_NULL ({filled})" if filled else "")
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN ({options})"
    driver = connection.connection
    try:
        with closing(driver.cursor()) as cursor:
            cursor.copy_expert(statement, file, PART)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if getattr(driver.dbapi_connection, "closed", True):  # as SQLAlchemy does after its own statements
            connection.invalidate(error)
        raise OperationalError(statement, None, error) from None


def _as_text(table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Rows whose cells the csv module writes as PostgreSQL reads them."""
    columns = enumerate(table.c[name].type for name in names)
    writers = [
        (place, write) for place, type_ in columns for known, write in TEXTS if isinstance(type_, known)
    ]
    for row in rows:
        cells = list(row)
        for place, write in writers:
            if cells[place] is not None:
                cells[place] = write(cells[place])
        yield cells


def _among(
    connection: Connection, query: Select[Any], column: ColumnElement[str], values: Collection[str]
) -> CursorResult[Any]:
    """Those rows of a query whose column is one of these texts, however many.

    Each text is looked up in the column's index. PostgreSQL must be told so: while a table grows, what it
    knows of its size is old, and it would read all of it for every batch.
    """
    given = list(values)
    if connection.dialect.name == "postgresql":
        each = func.unnest(bindparam("among", type_=ARRAY(Text))).table_valued("value").render_derived()
        one = query.where(column == each.c.value).offset(0).lateral()  # OFFSET keeps it from being a join
        query = select(*one.c).select_from(each.join(one, true()))
        return connection.execute(query, {"among": given})
    each = func.json_each(bindparam("among", type_=Text)).table_valued("value")
    return connection.execute(query.where(column.in_(select(each.c.value))), {"among": json.dumps(given)})


def leads_known(connection: Connection, campaign_id: UUID, keys: Collection[str]) -> set[str]:
    """Which of these lead keys the campaign has already."""
    query = select(lead.c.key).where(lead.c.campaign_id == campaign_id)
    return {row.key for row in _among(connection, query, lead.c.key, keys)}


def people_known(connection: Connection, keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """key -> all that is stored of the person, of those of these people that are known."""
    query = select(*(person.c[name] for name in PERSON))
    return {row.key: row._asdict() for row in _among(connection, query, person.c.key, keys)}


def phones_known(connection: Connection, keys: Collection[str]) -> dict[tuple[UUID, str], UUID]:
    """(person, E.164) -> phone id, of all phones of the people of these keys."""
    query = select(phone.c.person_id, phone.c.e164, phone.c.id).join(person, person.c.id == phone.c.person_id)
    found = _among(connection, query, person.c.key, keys)
    return {(row.person_id, row.e164): row.id for row in found}


def prefix_lengths(connection: Connection) -> frozenset[int]:
    """How long the prefixes are that entries stand for: there is no need to ask for any other."""
    kind = key_of(BanKind.PREFIX, "")
    query = select(func.length(blacklist.c.key) - len(kind)).distinct()
    standing = (blacklist.c.key.startswith(kind), blacklist.c.removed_at.is_(None))
    return frozenset(connection.scalars(query.where(*standing)))


def bans(connection: Connection, campaign: str, keys: Collection[str]) -> dict[str, Record]:
    """key -> entry (id, key, scope) that stands for good for this campaign; the global one where both do."""
    scopes = sorted((GLOBAL, campaign), key=lambda scope: scope == GLOBAL)  # the later overwrites
    query = select(blacklist.c.id, blacklist.c.key, blacklist.c.scope).where(
        blacklist.c.scope.in_(scopes),
        blacklist.c.until.is_(None),
        blacklist.c.removed_at.is_(None),
    )
    found = sorted(_among(connection, query, blacklist.c.key, keys), key=lambda row: scopes.index(row.scope))
    return {row.key: row for row in found}
