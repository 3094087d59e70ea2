"""The schema's history; `upgrade` brings a database to today's, safely also when two processes do at once."""

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

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


def upgrade(engine: Engine) -> tuple[str, str]:
    """Bring the schema up to date, all or nothing; (revision before, revision after)."""
    with engine.begin() as connection:  # SQLite: its write lock; PostgreSQL: the advisory lock
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        before = MigrationContext.configure(connection).get_current_revision() or ""
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = MigrationContext.configure(connection).get_current_revision() or ""
    return before, after
