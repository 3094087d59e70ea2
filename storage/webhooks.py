"""How far each webhook has been told, and who is telling it.

`until` is both the lease of the process that delivers a batch and, after a failure, the time of the next try:
whichever it is, nobody takes the webhook before. Its clock is the database's, the same for everybody.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    literal_column,
    select,
    update,
)

from storage.db import Id, Record, UtcTime, add_new, metadata

webhook = Table(
    "webhook",
    metadata,
    Column("name", String(64), primary_key=True, comment="of a [[webhook]] of the settings"),
    Column(
        "tells", String(16), nullable=False, server_default="results", comment="whose positions these are"
    ),
    Column("position", BigInteger, nullable=False, comment="of the last row that was delivered"),
    Column("upto", BigInteger, comment="last position of the batch under way"),
    Column("delivery", Id, comment="the id of that batch"),
    Column("holder", Id, comment="the process that took it last"),
    Column(
        "until",
        Float,
        nullable=False,
        default=0.0,
        comment="seconds of the database's clock; not taken before",
    ),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    Column("error", Text, nullable=False, default="", comment="why the last delivery failed"),
    Column("delivered_at", UtcTime),
)

CLOCK = {
    "postgresql": "extract(epoch FROM clock_timestamp())::float8",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


def _clock(connection: Connection) -> Any:
    """The database's clock, in seconds."""
    return literal_column(CLOCK[connection.dialect.name], Float)


def begin(connection: Connection, name: str, tells: str, position: int) -> None:
    """A webhook that is new, or that was told something else, is told what comes behind this position."""
    connection.execute(delete(webhook).where(webhook.c.name == name, webhook.c.tells != tells))
    row = {"name": name, "tells": tells, "position": position, "until": 0.0, "failures": 0, "error": ""}
    add_new(connection, webhook, [row])


def find(connection: Connection, name: str, tells: str) -> Record | None:
    """A webhook's row, with wait_s: seconds until it may be taken, 0 or less for now."""
    query = select(webhook, (webhook.c.until - _clock(connection)).label("wait_s"))
    return connection.execute(query.where(webhook.c.name == name, webhook.c.tells == tells)).one_or_none()


def take(
    connection: Connection, holder: UUID, seen: Record, upto: int, delivery: UUID, lease_s: float
) -> bool:
    """Be the one who delivers the batch behind the position that was `seen`; False: another was first."""
    values = {"holder": holder, "until": _clock(connection) + lease_s, "upto": upto, "delivery": delivery}
    return _changed(connection, _free(connection, seen).values(values))


def skip(connection: Connection, seen: Record, upto: int) -> None:
    """There is nothing to deliver up to there."""
    connection.execute(_free(connection, seen).values(position=upto, upto=None, delivery=None))


def _free(connection: Connection, seen: Record) -> Any:
    """The webhook, if it is still where it was seen and nobody has it."""
    return update(webhook).where(
        webhook.c.name == seen.name,
        webhook.c.tells == seen.tells,
        webhook.c.position == seen.position,
        webhook.c.until <= _clock(connection),
    )


def accepted(connection: Connection, name: str, holder: UUID, at: datetime) -> bool:
    """The batch under way has arrived; False when it is no longer ours."""
    values = {"position": webhook.c.upto, "upto": None, "delivery": None, "until": 0.0}
    query = _ours(name, holder).values(**values, failures=0, error="", delivered_at=at)
    return _changed(connection, query)


def failed(connection: Connection, name: str, holder: UUID, error: str, delay_s: float) -> bool:
    """The batch under way has not arrived; it is tried again after a delay."""
    query = _ours(name, holder).values(
        failures=webhook.c.failures + 1, error=error, until=_clock(connection) + delay_s
    )
    return _changed(connection, query)


def _ours(name: str, holder: UUID) -> Any:
    return update(webhook).where(webhook.c.name == name, webhook.c.holder == holder)


def reset(connection: Connection, name: str, tells: str, position: int | None) -> bool:
    """Try again at once, from another position if one is named; whoever is delivering has lost the webhook.
    False when it is not there.
    """
    values: dict[str, Any] = {"holder": None, "until": 0.0, "failures": 0, "error": ""}
    if position is not None:
        values |= {"position": position, "upto": None, "delivery": None}
    mine = webhook.c.name == name, webhook.c.tells == tells
    return _changed(connection, update(webhook).where(*mine).values(values))


def _changed(connection: Connection, query: Any) -> bool:
    return connection.execute(query).rowcount > 0
