"""The lab's PostgreSQL: what it acknowledged survives a power cut; databases are fresh; nothing is left."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import inspect

from lab.postgres import Postgres
from storage.db import open_engine


@pytest.fixture
def own() -> Postgres:
    """A cluster of the test's own, to be killed."""
    return Postgres()


def ask(url: str, *statements: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall())


def test_committed_rows_survive_a_kill_of_all_its_processes(own: Postgres) -> None:
    with own:
        url = own.database()
        assert ask(url, "SHOW fsync") == [("on",)]
        ask(url, "CREATE TABLE t (n int)", "INSERT INTO t VALUES (7)", "SELECT 1")
        own.kill()
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(url)
        own.start()
        assert ask(url, "SELECT n FROM t") == [(7,)]
    assert not own.folder.exists()


def test_each_database_is_fresh_and_can_be_dropped_while_used(postgres: Postgres) -> None:
    one, other = postgres.database(), postgres.database()
    ask(one, "CREATE TABLE t (n int)", "SELECT 1")
    assert ask(other, "SELECT to_regclass('t')") == [(None,)]
    with closing(psycopg2.connect(one)):
        postgres.drop(one)
        postgres.drop(other)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(one)


def test_both_kinds_of_database_url_work(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        assert not inspect(connection).get_table_names()
    engine.dispose()  # a test closes what it opened


HOLDER = """
import time
from lab.postgres import Postgres
with Postgres() as postgres:
    print(postgres.folder, flush=True)
    time.sleep(300)
"""


def test_it_does_not_outlive_its_holder() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert processes_in(folder)
        holder.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while processes_in(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_in(folder)
    shutil.rmtree(folder)


def processes_in(folder: Path) -> list[Path]:
    """The processes that work in that folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if link.readlink().is_relative_to(folder):
                found.append(link)
    return found
