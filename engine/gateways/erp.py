"""Where people come from: a database of the client's, or our own table of people, read and never written.

PostgreSQL is told to refuse writes and to give up after the source's seconds; SQLite is opened read-only and
stopped by a handler. Every use has a connection of its own, so that a restart of the ERP is nothing to us.
A source that does not answer is SourceDown; one that is asked what it does not have, SettingsError.
"""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    NullPool,
    case,
    column,
    create_engine,
    event,
    func,
    inspect,
    select,
    table,
    text,
    types,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError

from engine.errors import SettingsError, Unreachable
from engine.sections import Source
from engine.settings import Settings
from engine.telemetry import mask
from storage.contact import person, phone
from storage.db import is_down
from storage.vocab import FieldKind

PERSON = "person"
BATCH = 1000
STEPS = 10_000  # of SQLite's machine between two looks at the clock
CONNECT_S = 3
KINDS: tuple[tuple[tuple[type[Any], ...], FieldKind], ...] = (
    ((types.Boolean,), FieldKind.FLAG),
    ((types.Integer, types.Numeric, types.Float), FieldKind.NUMBER),
    ((types.Date, types.DateTime), FieldKind.DATE),
    ((types.String,), FieldKind.TEXT),
)


class SourceDown(Unreachable):
    """A client's database cannot be reached, or took longer than it may."""


@dataclass(frozen=True, slots=True)
class Field:
    """One of our names: what stands for it in SQL, and what it holds."""

    column: ColumnElement[Any]
    kind: FieldKind


class Erp:
    """One source; `fields` are what may be asked of it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.max_rows, self.fresh_s = source.name, source.max_rows, source.fresh_s
        self._until = 0.0

    @cached_property
    def dialect(self) -> str:
        """`sqlite`, `postgresql` …"""
        return self._engine.dialect.name

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """Our name -> field; the kinds are what the source's own catalogue says, where it says."""
        with self._asking() as connection:
            kinds = self._kinds(connection)
        wanted = self._source.columns
        if kinds and (missing := sorted(set(wanted.values()) - kinds.keys())):
            raise SettingsError(f"source {self.name}: {self._source.table} has no {', '.join(missing)}")
        return {
            name: Field(self._from.c[theirs], kinds.get(theirs, FieldKind.UNKNOWN))
            for name, theirs in wanted.items()
        }

    def count(self, where: ColumnElement[bool]) -> int:
        """How many rows there are."""
        query = select(func.count()).select_from(self._from).where(where)
        with self._asking() as connection:
            return int(connection.scalar(query) or 0)

    def rows(
        self,
        where: ColumnElement[bool],
        names: Iterable[str],
        *,
        ordered: bool = False,
        limit: int | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Values of these fields as the source has them, read as they are wanted and never all at once."""
        columns = [self.fields[name].column for name in names]
        query = select(*columns).select_from(self._from).where(where).limit(limit)
        if ordered:
            query = query.order_by(*self._key())
        with self._asking() as connection:
            options = {"stream_results": True, "max_row_buffer": BATCH}
            result = connection.execute(query, execution_options=options)
            while part := result.fetchmany(BATCH):
                yield from (tuple(row) for row in part)
                self._renew()

    def _key(self) -> list[ColumnElement[Any]]:
        """What a row is known by."""
        known = ("external_id", "person_id", "phone")
        return [self.fields[name].column for name in known if name in self.fields] or [
            field.column for field in self.fields.values()
        ]

    @cached_property
    def _from(self) -> FromClause:
        """The table, or the administrator's query as one."""
        columns: list[ColumnClause[Any]] = [
            column(name) for name in dict.fromkeys(self._source.columns.values())
        ]
        if self._source.query:
            body = self._source.query.strip().rstrip(";").replace(":", r"\:")
            return text(body).columns(*columns).subquery("source")
        schema, _, name = self._source.table.rpartition(".")
        return table(name, *columns, schema=schema or None)

    def _kinds(self, connection: Connection) -> dict[str, FieldKind]:
        """Their column -> kind, for a table; a query's are not told."""
        if self._source.query:
            return {}
        schema, _, name = self._source.table.rpartition(".")
        try:
            found = inspect(connection).get_columns(name, schema=schema or None)
        except NoSuchTableError:
            raise SettingsError(f"source {self.name}: there is no table {self._source.table}") from None
        return {one["name"]: _kind(one["type"]) for one in found}

    @cached_property
    def _engine(self) -> Engine:
        try:
            target = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", self._url))
            if target.get_backend_name() == "sqlite":
                return self._sqlite(target)
            return create_engine(target, poolclass=NullPool, connect_args=self._arguments(target))
        except (ImportError, NoSuchModuleError) as error:
            raise SettingsError(f"source {self.name}: no driver for its url: {error}") from None
        except ArgumentError:
            raise SettingsError(f"source {self.name}: its url is none that SQLAlchemy reads") from None

    @property
    def _url(self) -> str:
        return self._source.url.get_secret_value()

    def _arguments(self, target: URL) -> dict[str, Any]:
        if target.get_backend_name() != "postgresql":
            return {}
        limit = int(self._source.statement_timeout_s * 1000)
        return {
            "connect_timeout": CONNECT_S,
            "application_name": "zvonar",
            "options": f"-c default_transaction_read_only=on -c statement_timeout={limit}",
        }

    def _sqlite(self, target: URL) -> Engine:
        file = Path(target.database or "").resolve()
        address = URL.create(
            "sqlite", database=f"file:{quote(str(file))}", query={"mode": "ro", "uri": "true"}
        )
        engine = create_engine(address, poolclass=NullPool, connect_args={"timeout": CONNECT_S})

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, _record: Any) -> None:
            # SQLite's own knows the letters of English only.
            connection.create_function("lower", 1, _lower, deterministic=True)
            connection.set_progress_handler(lambda: time.monotonic() > self._until, STEPS)

        return engine

    def _renew(self) -> None:
        self._until = time.monotonic() + self._source.statement_timeout_s

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """A connection for one question; what goes wrong is told without anything secret."""
        engine = self._engine
        self._renew()
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
            told = mask(lines[0])
            if is_down(error):
                limit = self._source.statement_timeout_s
                raise SourceDown(f"source {self.name} does not answer (it has {limit:g} s): {told}") from None
            raise SettingsError(f"source {self.name} refuses what it is asked: {told}") from None


class People(Erp):
    """Our own table of people, each with the number that is tried first."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(Source(name="own", url=settings.database_url, table="person", columns={"id": "id"}))
        self.name = PERSON

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        first = (
            select(phone.c.e164)
            .where(phone.c.person_id == person.c.id)
            .order_by(phone.c.position, phone.c.id)
            .limit(1)
            .scalar_subquery()
        )
        given = case((person.c.key.startswith("id:"), func.substr(person.c.key, 4)), else_="")
        words = {name: person.c[name] for name in ("name", "city", "region", "address", "timezone")}
        found: dict[str, ColumnElement[Any]] = {"person_id": given, "phone": first, **words}
        texts = {name: Field(part, FieldKind.TEXT) for name, part in found.items()}
        return texts | {name: Field(person.c[name], FieldKind.NUMBER) for name in ("lat", "lon")}

    @cached_property
    def _from(self) -> FromClause:
        return person

    def _key(self) -> list[ColumnElement[Any]]:
        return [person.c.key]


def erp(settings: Settings, name: str) -> Erp:
    """The source of that name; SettingsError when there is none."""
    return People(settings) if name == PERSON else Erp(settings.source_named(name))


def _kind(given: Any) -> FieldKind:
    return next((kind for classes, kind in KINDS if isinstance(given, classes)), FieldKind.UNKNOWN)


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def told(value: Any) -> str:
    """A value as a sheet would have it: 5.0 is 5, a day is ISO, nothing is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value).strip()
