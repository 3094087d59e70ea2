"""The database: times, ids, transactions, and how its absence is told from our own mistakes."""

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from builders import NOON, rows_of
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from lab.postgres import Postgres
from storage.audit import audit, note
from storage.db import add_new, again, id_at, is_down, new_id, open_engine, reading, writing


def remember(engine: Engine, at: datetime, subject: str = "x") -> None:
    with writing(engine) as connection:
        note(connection, at=at, actor="me", deed="test.run", subject=subject, detail=[1])


def test_moments_are_utc_in_and_out_whatever_zone_they_were_in(engine: Engine) -> None:
    vladivostok = timezone(timedelta(hours=10))
    remember(engine, NOON.astimezone(vladivostok))
    (row,) = rows_of(engine, audit)
    assert (row.at, row.at.tzinfo, row.detail) == (NOON, UTC, {"detail": [1]})
    with reading(engine) as connection:  # and compared as moments
        later = select(audit).where(audit.c.at > (NOON - timedelta(seconds=1)).astimezone(vladivostok))
        assert connection.execute(later).one()


def test_a_moment_without_a_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(Exception, match="without a zone"):
        remember(engine, NOON.replace(tzinfo=None))


def test_writing_is_all_or_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        note(connection, at=NOON, actor="me", deed="test.run", subject="x")
        raise ZeroDivisionError
    assert rows_of(engine, audit) == []


def test_reading_holds_no_transaction(engine: Engine) -> None:
    with reading(engine) as connection:
        assert connection.scalar(select(audit.c.subject)) is None
        remember(engine, NOON)
        assert connection.scalar(select(audit.c.subject)) == "x"


def test_a_second_writer_waits_for_the_first(engine: Engine) -> None:
    """On SQLite each takes the write lock at the start of its transaction: none fails half-way."""

    def count_up() -> None:
        for _ in range(5):
            with writing(engine) as connection:
                seen = int(connection.scalar(select(audit.c.subject).with_for_update()) or 0)
                time.sleep(0.005)
                connection.execute(audit.update().values(subject=str(seen + 1)))

    remember(engine, NOON, "0")
    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert rows_of(engine, audit)[0].subject == "20"


def test_a_row_that_is_there_already_is_left_as_it_is(engine: Engine) -> None:
    row = {"id": new_id(), "at": NOON, "actor": "me", "deed": "d", "subject": "first", "detail": {}}
    with writing(engine) as connection:
        add_new(connection, audit, [row])
        add_new(connection, audit, [row | {"subject": "second"}, row | {"id": new_id(), "subject": "other"}])
        add_new(connection, audit, [])
    assert sorted(row.subject for row in rows_of(engine, audit)) == ["first", "other"]


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_spelling_of_a_postgresql_url_means_psycopg2(postgres: Postgres, scheme: str) -> None:
    engine = open_engine(postgres.url().replace("postgresql", scheme, 1), pool=1)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    assert engine.driver == "psycopg2"
    engine.dispose()


def test_a_commit_is_on_disk_whatever_the_server_thinks_best(database_url: str) -> None:
    engine = open_engine(database_url)
    if engine.dialect.name == "sqlite":
        with reading(engine) as connection:
            pragmas = [connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 2]
    else:
        with writing(engine) as connection:
            connection.execute(text(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off"))
        engine.dispose()
        with reading(engine) as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == "on"
    engine.dispose()


def test_sqlite_makes_the_folder_of_its_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a' / 'b.db'}")
    with reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert (tmp_path / "a" / "b.db").exists()


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "sqlite:////proc/nowhere/zvonar.db"])
def test_a_database_that_is_not_there_is_down(url: str) -> None:
    with pytest.raises(DBAPIError) as error, reading(open_engine(url)):
        pass
    assert is_down(error.value)


def test_a_connection_that_breaks_is_down(postgres: Postgres) -> None:
    engine = open_engine(postgres.url(), pool=1)
    with pytest.raises(DBAPIError) as error, reading(engine) as connection:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_down(error.value)
    with reading(engine) as connection:  # and the next one is a new connection
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_after_a_restart_what_somebody_waits_for_is_done_by_a_new_connection(postgres: Postgres) -> None:
    engine, other = open_engine(postgres.url(), pool=1), open_engine(postgres.url(), pool=1)
    begun: list[int] = []

    def work() -> int:
        with reading(engine) as connection:
            begun.append(len(begun))
            return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())

    kept = again(work)
    with reading(other) as connection:
        connection.execute(text(f"SELECT pg_terminate_backend({kept}, 5000)"))
    assert again(work) != kept
    assert begun == [0, 1, 2]
    engine.dispose()
    other.dispose()


def test_what_the_database_refuses_is_not_tried_again(engine: Engine) -> None:
    begun: list[int] = []

    def work() -> None:
        begun.append(1)
        with reading(engine) as connection:
            connection.execute(text("SELEKT 1"))

    with pytest.raises(DBAPIError):
        again(work)
    assert begun == [1]


@pytest.mark.parametrize("nonsense", ["SELECT * FROM no_such_table", "SELEKT 1"])
def test_a_mistake_of_ours_is_not_taken_for_a_database_that_is_down(engine: Engine, nonsense: str) -> None:
    with pytest.raises(DBAPIError) as error, reading(engine) as connection:
        connection.execute(text(nonsense))
    assert not is_down(error.value)
    assert not is_down(ValueError("x"))


def test_ids_are_in_order_of_time() -> None:
    ids = [new_id() for _ in range(2000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_an_id_can_tell_another_moment_than_the_present_one() -> None:
    """In rehearsals the clock is shifted, and ids are to be in its order."""
    ids = [new_id(NOON + timedelta(milliseconds=n)) for n in range(1000)]
    assert ids == sorted(ids)
    together = [new_id(NOON) for _ in range(1000)]
    assert len(set(together)) == 1000
    assert id_at(NOON) <= min(together) <= max(together) < id_at(NOON + timedelta(milliseconds=1))
    assert {one.version for one in together} == {7}


@given(st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_id_at_parts_the_ids_of_before_from_those_of_after(moment: datetime) -> None:
    assert id_at(moment) < id_at(moment + timedelta(milliseconds=1))


def test_id_at_is_below_every_id_made_later() -> None:
    before = datetime.now(UTC)
    made = new_id()
    assert id_at(before) <= made < id_at(datetime.now(UTC) + timedelta(milliseconds=2))
