"""The schema's history: whoever upgrades, however often and however many at once, ends at today's schema."""

import re
import subprocess
import sys
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, select, text

from storage import migrations
from storage.blacklist import blacklist
from storage.calls import attempt
from storage.campaign import campaign, lead
from storage.contact import zone_set
from storage.db import metadata, open_engine, reading, writing
from storage.migrations import current, head, upgrade

UPGRADE = """
import sys
from storage.db import open_engine
from storage.migrations import upgrade
upgrade(open_engine(sys.argv[1]))
"""


def test_an_upgrade_goes_from_empty_to_the_head_and_then_changes_nothing(database_url: str) -> None:
    engine = open_engine(database_url)
    assert current(engine) == ""
    assert upgrade(engine) == ("", head())
    assert upgrade(engine) == (head(), head())
    assert current(engine) == head()
    engine.dispose()


@pytest.mark.parametrize("times", range(2))
def test_processes_that_upgrade_at_once_all_succeed(database_url: str, times: int) -> None:
    command = [sys.executable, "-c", UPGRADE, database_url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    complaints = [process.communicate(timeout=60)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], complaints
    engine = open_engine(database_url)
    assert current(engine) == head()
    engine.dispose()


def test_an_upgrade_that_breaks_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        real(*_)
        raise ZeroDivisionError

    real = migrations.command.upgrade
    monkeypatch.setattr(migrations.command, "upgrade", broken)
    engine = open_engine(database_url)
    with pytest.raises(ZeroDivisionError):
        upgrade(engine)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_what_the_first_version_stored_is_kept(database_url: str) -> None:
    engine = open_engine(database_url)
    upgrade(engine, "0001")
    ids = {name: uuid4().hex for name in ("person", "phone", "template", "campaign", "lead", "attempt")}
    with writing(engine) as connection:
        for statement in FIRST_VERSION:
            connection.execute(text(statement.format(at="2026-01-21 12:00:00+00:00", **ids)))
    assert upgrade(engine) == ("0001", head())
    with reading(engine) as connection:
        (entry,) = connection.execute(select(blacklist)).all()
        assert (entry.key, entry.scope, entry.reason) == ("number:+79210000009", "global", "opt-out")
        (row,) = connection.execute(
            select(lead.c.why, lead.c.waits, zone_set.c.zones).join(zone_set, zone_set.c.id == lead.c.zone_id)
        ).all()
        assert row == ("kept", "", "")
        assert connection.scalars(select(campaign.c.law)).all() == [["ru-230fz-talk"]]
        assert connection.scalars(select(attempt.c.kind)).all() == ["talk"]
        if engine.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


FIRST_VERSION = (
    "INSERT INTO blacklist VALUES ('+79210000009', 'global', 'opt-out', NULL, '{at}')",
    "INSERT INTO person VALUES ('{person}', 'id:7', '', '', '', '', NULL, NULL, '', '{at}')",
    "INSERT INTO phone VALUES ('{person}', '{phone}', '+79210000001', 1)",
    "INSERT INTO template VALUES ('{template}', 'debt', 1, '', '{{}}', '{at}')",
    """INSERT INTO campaign VALUES ('{campaign}', 'autumn', 'draft', '{template}', 'trunk', 1, 1, 1, 0, NULL,
       '{at}', '{at}')""",
    """INSERT INTO lead VALUES ('{person}', '{lead}', '{campaign}', '1', '{phone}', 'debtor', '{{}}', NULL,
       'blocked', 'kept', '{at}', 0, 0, '')""",
    """INSERT INTO attempt (person_id, id, lead_id, campaign_id, phone_id, number, dialer, node, trunk,
       caller_id, state, outcome, prepared_at, refused, refund, talk, pressed)
       VALUES ('{person}', '{attempt}', '{lead}', '{campaign}', '{phone}', 1, 'd', 'n', 't', '', 'ended', '',
       '{at}', '', false, '', '')""",
)


def test_the_migrated_schema_is_what_the_code_says(database_url: str) -> None:
    """Alembic compares it on PostgreSQL; it does not look at conditions of indexes nor at SQLite's own."""
    engine = open_engine(database_url)
    upgrade(engine)
    migrated = _definitions(engine)
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, metadata) == []
    with writing(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert migrated == _definitions(engine)
    engine.dispose()


def _definitions(engine: Engine) -> dict[str, list[str]]:
    """Every table (SQLite) and index as the database itself writes it; the order of lines means nothing."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    if engine.dialect.name == "postgresql":
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    with reading(engine) as connection:
        found = connection.execute(text(query)).all()
    lines = {name: sorted(_bare(line) for line in made.splitlines()) for name, made in found}
    return {name: made for name, made in lines.items() if not name.startswith("alembic")}


def _bare(line: str) -> str:
    """A line of a definition; SQLite quotes the name of a table that was built anew."""
    return re.sub(r'^CREATE TABLE "(\w+)"', r"CREATE TABLE \1", line.strip(" \t,"))


@pytest.mark.parametrize(
    "name, condition", [("ix_lead_due", "state = 'pending'"), ("ix_attempt_open", "ended_at IS NULL")]
)
def test_the_indexes_of_the_hot_path_hold_only_rows_that_are_not_over(
    engine: Engine, name: str, condition: str
) -> None:
    query = "SELECT sql FROM sqlite_master WHERE name = :name"
    if engine.dialect.name == "postgresql":
        query = "SELECT indexdef FROM pg_indexes WHERE indexname = :name"
    with reading(engine) as connection:
        made = str(connection.scalar(text(query), {"name": name}))
    where = made.partition(" WHERE ")[2].replace("(", "").replace(")", "").replace("::text", "")
    assert where == condition
