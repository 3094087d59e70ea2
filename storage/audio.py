"""The audio that has been made: looked up by key, written down, touched when it is asked for."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.contact import chunks
from storage.db import Each, Record, add_new, among, like, upsert
from storage.speech import audio, cost
from storage.vocab import AudioState

TOUCH = timedelta(days=1)  # how exactly `used_at` is kept

_FAIL = Each(
    lambda given: (
        update(audio)
        .where(audio.c.key == given["key_"], audio.c.state != AudioState.READY)
        .values(state=given["state_"], error=given["error_"], used_at=given["used_at_"])
    ),
    like(audio, "key", "state", "error", "used_at"),
)
_MADE = ("file", "state", "ms", "bytes", "voice", "error", "created_at", "used_at")


def known(connection: Connection, keys: Collection[str]) -> dict[str, Record]:
    """key -> (key, file, state, ms, bytes, error, created_at, used_at) of those that have been tried."""
    columns = ("key", "file", "state", "ms", "bytes", "error", "created_at", "used_at")
    found: dict[str, Record] = {}
    for part in chunks(keys):
        query = select(*(audio.c[name] for name in columns)).where(among(connection, audio.c.key, part))
        found.update((row.key, row) for row in connection.execute(query))
    return found


def touch(connection: Connection, rows: Collection[Record], at: datetime) -> None:
    """They were asked for; written once a day each."""
    stale = [row.key for row in rows if row.used_at < at - TOUCH]
    for part in chunks(sorted(stale)):
        connection.execute(update(audio).where(among(connection, audio.c.key, part)).values(used_at=at))


def save(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what was made (all columns); an earlier failure or file gives way."""
    upsert(connection, audio, sorted(rows, key=lambda row: str(row["key"])), _MADE)


def fail(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write down what could not be made: FAILED for good, or WANTED, to be tried again. What somebody else
    made meanwhile stays, and so does `created_at`, when it was first tried.
    """
    ordered = sorted(rows, key=lambda row: str(row["key"]))
    add_new(connection, audio, ordered)
    names = ("key", "state", "error", "used_at")
    _FAIL(connection, [{f"{name}_": row[name] for name in names} for row in ordered])


def add_cost(
    connection: Connection, day: date, voice: str, requests: int, characters: int, kopecks: int
) -> None:
    """Count what a voice was asked for on a day of UTC."""
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(cost)
    values = {"requests": requests, "characters": characters, "kopecks": kopecks}
    query = insert.values(day=day, voice=voice, **values).on_conflict_do_update(
        index_elements=[cost.c.day, cost.c.voice],
        set_={name: cost.c[name] + insert.excluded[name] for name in values},
    )
    connection.execute(query)


def spent(connection: Connection, day: date, voice: str) -> int:
    """Characters that a voice was paid for on a day of UTC."""
    query = select(cost.c.characters).where(cost.c.day == day, cost.c.voice == voice)
    return connection.scalar(query) or 0
