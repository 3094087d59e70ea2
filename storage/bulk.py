"""Many rows at a time: what an import asks and writes, in a few statements for thousands of rows.

PostgreSQL takes rows by COPY, SQLite by one prepared statement; lists to look up go in as one array. Foreign
keys and unique keys hold as ever: a row that breaks one takes the whole transaction with it.
"""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from io import StringIO
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg2
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    CursorResult,
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
from storage.db import Record
from storage.vocab import BanKind

JSON_TEXT = json.JSONEncoder(ensure_ascii=False)
PART = 1000  # rows
TURN = 0x5A564F4E  # the advisory lock of imports
PERSON = ("id", "key", "name", "city", "region", "address", "lat", "lon", "timezone", "groups", "created_at")
PHONE = ("person_id", "id", "e164", "position", "kind", "operator", "region")


def take_turn(connection: Connection) -> None:
    """Wait for imports of other campaigns: until this transaction's end nobody else adds people or phones."""
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone
        connection.execute(text(f"SELECT pg_advisory_xact_lock({TURN})"))


def insert(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows; each has a value for every one of these columns, in their order."""
    if connection.dialect.name == "postgresql":
        _copy(connection, table, names, rows)
    elif values := [dict(zip(names, row, strict=True)) for row in rows]:
        connection.execute(table.insert(), values)


def _copy(connection: Connection, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """In COPY's CSV an empty cell is NULL, but where the column allows none."""
    filled = ", ".join(name for name in names if not table.c[name].nullable)
    options = "FORMAT csv" + (f", FORCE_NOT_NULL ({filled})" if filled else "")
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN ({options})"
    driver = connection.connection
    try:
        with closing(driver.cursor()) as cursor:
            cursor.copy_expert(statement, _Csv(_with_json(table, names, rows)))
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if getattr(driver.dbapi_connection, "closed", True):  # as SQLAlchemy does after its own statements
            connection.invalidate(error)
        raise OperationalError(statement, None, error) from None


class _Csv:
    """Rows as a file, made as the driver asks for it: PostgreSQL takes one part while the next is made."""

    def __init__(self, rows: Iterator[Sequence[Any]]) -> None:
        self._rows = rows

    def read(self, _size: int) -> str:
        """The next rows; the driver takes more or less than it asks for."""
        part = StringIO()
        csv.writer(part).writerows(islice(self._rows, PART))
        return part.getvalue()


def _with_json(table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    places = [place for place, name in enumerate(names) if isinstance(table.c[name].type, JSON)]
    if not places:
        yield from rows
        return
    for row in rows:
        cells = list(row)
        for place in places:
            cells[place] = None if cells[place] is None else JSON_TEXT.encode(cells[place])
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


def save_people(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """What has become of known people: rows as `people_known` gives them."""
    if rows:
        changing = PERSON[2:-1]
        values: dict[str, Any] = {name: bindparam(f"{name}_") for name in changing}
        query = update(person).where(person.c.id == bindparam("id_")).values(values)
        connection.execute(query, [{f"{name}_": row[name] for name in ("id", *changing)} for row in rows])


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
