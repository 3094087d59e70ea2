"""The database: one engine for SQLite (embedded default) and PostgreSQL, and how we talk to it.

`reading` sees one statement at a time and holds no transaction. `writing` is one short transaction; on
SQLite it takes the write lock at its start, so two writers wait for one another and never fail half-way.
A commit is on disk when it returns (`synchronous_commit = on`, `synchronous = FULL`): a call is written
before it is dialled.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    MetaData,
    Row,
    String,
    Table,
    Text,
    Update,
    Uuid,
    bindparam,
    cast,
    column,
    create_engine,
    delete,
    event,
    extract,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.types import TypeDecorator, TypeEngine
from uuid_utils.compat import uuid7

# A row of a query; its columns are named in the docstring of the function that returns it.
Record = Row[*tuple[Any, ...]]

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Result = TypeVar("Result")
Json = JSON().with_variant(postgresql.JSONB(), "postgresql")
Id = Uuid

# What "the database is not there" looks like; everything else is a defect of ours.
DOWN = (OperationalError, InterfaceError, TimeoutError)


class UtcTime(TypeDecorator[datetime]):
    """A moment: aware on both sides, UTC in storage (SQLite keeps no zone of its own)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


def new_id(at: datetime | None = None) -> UUID:
    """A fresh id: random, yet in order of time (UUID version 7, RFC 9562), so that indexes stay dense.

    `at` is the moment it tells, where that is not the present one of this machine.
    """
    fresh = uuid7()
    return fresh if at is None else UUID(int=id_at(at).int | fresh.int & (1 << 80) - 1)


def id_at(moment: datetime) -> UUID:
    """The least id that `new_id` can give at this moment or later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def epoch(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Whole seconds since 1970."""
    return cast(extract("epoch", moment), BigInteger)


def is_down(error: BaseException) -> bool:
    """Does this error say that the database cannot be reached (rather than that we asked nonsense)?"""
    if isinstance(error, DBAPIError) and error.orig is not None:
        # SQLite calls a wrong statement or a missing table an OperationalError too.
        if getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
            return False
        if error.connection_invalidated:
            return True
    return isinstance(error, DOWN)


def again(work: Callable[[], Result]) -> Result:
    """Do it; once more when a connection that was kept turns out to be dead, as all are after a restart of
    the database. For what may be done twice, and has somebody waiting.
    """
    try:
        return work()
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return work()


def open_engine(url: str, pool: int = 8, idle_s: float = 0) -> Engine:
    """An engine for a database URL; `postgresql://` means psycopg2. `pool` is its most connections.

    `idle_s`: PostgreSQL ends a transaction in which we do nothing for so long, as when this process is
    frozen: its locks would hold up everybody. 0: never.
    """
    target = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", url))
    if target.get_backend_name() == "sqlite":
        return _sqlite(target, pool)
    return create_engine(
        target,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        executemany_mode="values_plus_batch",
        connect_args={
            "connect_timeout": 3,
            # A server that is gone without a word (a cable, a partition) is given up after seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": "zvonar",
            # Pages are in memory or on an SSD: an index costs little more than reading in order.
            "options": "-c synchronous_commit=on -c random_page_cost=1.1"
            f" -c idle_in_transaction_session_timeout={round(idle_s * 1000)}",
        },
    )


def _sqlite(target: URL, pool: int) -> Engine:
    with suppress(OSError):  # SQLite will say that it cannot open its file
        Path(target.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(target, pool_size=pool, max_overflow=0, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 30000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by an exception."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for reading; each statement stands alone, no transaction is held."""
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


def among(connection: Connection, of: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """`of` is one of these values. PostgreSQL gets them as one array: a parameter each costs more to write
    and to plan than the rows cost to read.
    """
    if connection.dialect.name != "postgresql":
        return of.in_(list(values))
    texts = literal([str(value) for value in values], postgresql.ARRAY(Text))
    return of == func.any(texts if isinstance(of.type, String) else cast(texts, postgresql.ARRAY(of.type)))


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> None:
    """Insert rows; of one whose key is there already these columns are set, none: it is left as it is."""
    if not rows:
        return
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)
    changed = {name: insert.excluded[name] for name in columns}
    keys: Any = list(table.primary_key.columns)
    again = (
        insert.on_conflict_do_update(index_elements=keys, set_=changed)
        if changed
        else insert.on_conflict_do_nothing()
    )
    connection.execute(again, rows)


def add_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; one whose key is there already is left as it is (another process was first)."""
    upsert(connection, table, rows, ())


def delete_some(connection: Connection, table: Table, doomed: ColumnElement[bool], limit: int) -> int:
    """Delete at most so many rows of which this holds, none that somebody is changing; how many they were."""
    keys: Any = list(table.primary_key.columns)
    found = select(*keys).where(doomed).limit(limit).with_for_update(skip_locked=True).cte("doomed")
    gone = delete(table).where(tuple_(*keys).in_(select(found))).returning(keys[0])
    return len(connection.execute(gone).all())  # SQLite counts none of what begins with WITH


Given = Mapping[str, Any]


class Each:
    """A change of many rows, each with values of its own, made once and then called with the rows.

    `change(given)` is the UPDATE, in which `given[name]` stands for a row's value. PostgreSQL does it as one
    statement over all rows (a statement a row costs both sides ten times as much), SQLite row by row.
    """

    def __init__(self, change: Callable[[Given], Update], given: Mapping[str, TypeEngine[Any]]) -> None:
        """`given`: what each row holds, and of which type; see `like`."""
        self._one = change({name: bindparam(name, type_=kind) for name, kind in given.items()})
        rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        columns = rows.table_valued(*(column(*pair) for pair in given.items()), name="given")
        self._all = change(dict(columns.render_derived(with_types=True).c.items()))

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Change them; no rows, no statement."""
        if not rows:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(self._all, {"rows": json.dumps([*map(dict, rows)], default=_plain)})
        else:
            connection.execute(self._one, rows)


def like(table: Table, *names: str) -> dict[str, TypeEngine[Any]]:
    """What rows hold that are for these columns: each under its name and `_`."""
    return {f"{name}_": table.c[name].type for name in names}


def _plain(value: Any) -> str:
    """A value that JSON has no word for."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a moment without a zone")
    return str(value)
