"""Who dials: each dialer's lease with its fencing number, its share of every limit, and the switches of all.

A dialer renews its lease as the first thing in each of its transactions, so whoever takes it over waits for
that transaction's end, and the next one finds another fencing number. Leases go by the database's clock, the
same for everybody.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    String,
    Table,
    Text,
    delete,
    func,
    select,
    text,
    update,
)

from storage.db import Json, Record, UtcTime, metadata, upsert

SHARES_LOCK = 0x5A565348  # "ZVSH": the PostgreSQL advisory lock under which shares are divided

dialer = Table(
    "dialer",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("fence", BigInteger, nullable=False, comment="grows whenever the lease changes hands"),
    Column("holder", Text, nullable=False, comment="machine and folder of the process that holds it"),
    Column("until", Float, nullable=False, comment="seconds of the database's clock; past it is free"),
    Column("able", Boolean, nullable=False, default=False, comment="it can dial: it wants a share"),
    Column("state", Json, nullable=False, default=dict, comment="what it last told of itself, for watchers"),
    Column("told_at", UtcTime),
)

share = Table(
    "share",
    metadata,
    Column("kind", String(8), primary_key=True, comment="trunk, campaign or node"),
    Column("name", String(64), primary_key=True),
    Column("dialer", String(64), primary_key=True),
    Column("channels", Integer, nullable=False, comment="calls at a time that it may make of the limit"),
    Column("cps", Float, nullable=False, comment="calls a second"),
)

switch = Table(
    "switch",
    metadata,
    Column("name", String(80), primary_key=True, comment="stop, hangup, or drain:NODE"),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
)


def clock(connection: Connection) -> ColumnElement[float]:
    """The database's clock, seconds since 1970, as an expression."""
    if connection.dialect.name == "postgresql":
        return func.extract("epoch", func.clock_timestamp()).cast(Float)
    return (func.julianday("now") - 2440587.5) * 86400.0


def join(connection: Connection, name: str, holder: str, lease_s: float) -> int | None:
    """Take the lease of this name if it is free, or if this holder had it; the fencing number, or None."""
    fresh = {"name": name, "fence": 0, "holder": "", "until": 0.0, "able": False, "state": {}}
    upsert(connection, dialer, [fresh], ())
    now = clock(connection)
    free = (dialer.c.until < now) | (dialer.c.holder == holder)
    query = update(dialer).where(dialer.c.name == name, free)
    query = query.values(fence=dialer.c.fence + 1, holder=holder, until=now + lease_s, able=False)
    return connection.execute(query.returning(dialer.c.fence)).scalar_one_or_none()


def renew(connection: Connection, name: str, fence: int, lease_s: float) -> float | None:
    """Hold the lease on, and against others until the commit; the database's time, None when it is lost."""
    now = clock(connection)
    query = update(dialer).where(dialer.c.name == name, dialer.c.fence == fence).values(until=now + lease_s)
    until = connection.execute(query.returning(dialer.c.until)).scalar_one_or_none()
    return None if until is None else until - lease_s


def leave(connection: Connection, name: str, fence: int) -> None:
    """Give the lease and all shares back; calls under way, if there are any, are another's to take over."""
    query = update(dialer).where(dialer.c.name == name, dialer.c.fence == fence)
    if connection.execute(query.values(until=0.0, able=False)).rowcount:
        connection.execute(delete(share).where(share.c.dialer == name))


def lapsed(connection: Connection) -> list[str]:
    """Dialers whose lease has run out, held until the transaction's end; those that others hold are not
    among them.
    """
    query = (
        select(dialer.c.name)
        .where(dialer.c.until > 0, dialer.c.until < clock(connection))
        .order_by(dialer.c.name)
    )
    return list(connection.scalars(query.with_for_update(skip_locked=True)))


def inherit(connection: Connection, dead: str, heir: str) -> None:
    """A dead dialer's shares go to its heir; the dead one, should it wake, finds itself fenced off."""
    connection.execute(
        update(dialer).where(dialer.c.name == dead).values(fence=dialer.c.fence + 1, until=0.0, able=False)
    )
    left = connection.execute(select(share).where(share.c.dialer == dead)).all()
    own = {(row.kind, row.name): row for row in connection.execute(_of(heir))}
    for row in left:
        mine = own.get((row.kind, row.name))
        channels, cps = (mine.channels, mine.cps) if mine else (0, 0.0)
        save_shares(connection, heir, [(row.kind, row.name, channels + row.channels, cps)])
    connection.execute(delete(share).where(share.c.dialer == dead))


def _of(name: str) -> Any:
    return select(share).where(share.c.dialer == name)


def divide(connection: Connection) -> None:
    """Let nobody else divide shares until the transaction's end."""
    if connection.dialect.name == "postgresql":  # SQLite has its write lock
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SHARES_LOCK})


def holds(connection: Connection, name: str, fence: int) -> bool:
    """Is the lease still ours?"""
    query = select(dialer.c.name).where(dialer.c.name == name, dialer.c.fence == fence)
    return connection.execute(query).first() is not None


def able(connection: Connection) -> list[str]:
    """Dialers that live and can dial, in order."""
    query = select(dialer.c.name).where(dialer.c.able, dialer.c.until >= clock(connection))
    return list(connection.scalars(query.order_by(dialer.c.name)))


def shares(connection: Connection) -> list[Record]:
    """Every share of every dialer: kind, name, dialer, channels, cps."""
    return list(connection.execute(select(share)))


def save_shares(connection: Connection, name: str, rows: Sequence[tuple[str, str, int, float]]) -> None:
    """A dialer's shares that are new or have changed: (kind, name, channels, cps)."""
    made = [
        {"kind": kind, "name": of, "dialer": name, "channels": channels, "cps": cps}
        for kind, of, channels, cps in rows
    ]
    upsert(connection, share, made, ("channels", "cps"))


def drop_shares(connection: Connection, name: str, gone: Collection[tuple[str, str]]) -> None:
    """Shares of limits that are no more: (kind, name)."""
    for kind, of in gone:
        connection.execute(
            delete(share).where(share.c.dialer == name, share.c.kind == kind, share.c.name == of)
        )


def tell(connection: Connection, name: str, *, able: bool, state: Mapping[str, Any], at: datetime) -> None:
    """What a dialer says of itself."""
    query = update(dialer).where(dialer.c.name == name)
    connection.execute(query.values(able=able, state=state, told_at=at))


def dialers(connection: Connection) -> list[Record]:
    """Every dialer: name, holder, state, told_at, left_s (of its lease; below 0 it has run out)."""
    left = (dialer.c.until - clock(connection)).label("left_s")
    columns = (dialer.c.name, dialer.c.holder, dialer.c.able, dialer.c.state, dialer.c.told_at, left)
    return list(connection.execute(select(*columns).order_by(dialer.c.name)))


def switches(connection: Connection) -> dict[str, Record]:
    """What is switched: name -> (name, at, actor, reason)."""
    return {row.name: row for row in connection.execute(select(switch))}


def turn_on(connection: Connection, name: str, at: datetime, actor: str, reason: str) -> bool:
    """Switch something; False when it was already."""
    if name in switches(connection):
        return False
    upsert(connection, switch, [{"name": name, "at": at, "actor": actor, "reason": reason}], ())
    return True


def turn_off(connection: Connection, name: str) -> bool:
    """Switch it back; False when it was not switched."""
    return connection.execute(delete(switch).where(switch.c.name == name)).rowcount > 0
