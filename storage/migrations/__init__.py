"""The schema's history; `upgrade` brings a database to today's, safely also when two processes do at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

LOCK = 0x5A564F4E  # "ZVON": the PostgreSQL advisory lock under which the schema is changed


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("storage") / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The revision that this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(engine: Engine) -> str:
    """The revision that the database is at; "" for an empty one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade(engine: Engine, to: str = "head") -> tuple[str, str]:
    """Bring the schema up to date, all or nothing; (revision before, revision after)."""
    with engine.connect() as connection, _rebuilding(connection), connection.begin():
        if engine.dialect.name == "postgresql":  # SQLite has its write lock
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        before = MigrationContext.configure(connection).get_current_revision() or ""
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        after = MigrationContext.configure(connection).get_current_revision() or ""
        if engine.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").all():
            raise IntegrityError("rows refer to rows that are not there", None, ValueError(after))
    return before, after


@contextmanager
def _rebuilding(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by building it anew and dropping the old one, which its foreign keys forbid:
    they are off meanwhile and checked at the end (https://sqlite.org/lang_altertable.html, 7).
    """
    raw: Any = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
    if raw:
        raw.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        if raw:
            raw.execute("PRAGMA foreign_keys = ON")
