"""Masking: our numbers, orders, and the routes by which two people reach each other.

A call is resolved by one look-up in the primary key of `mask_route`: (number dialled, caller). Every route
says until when it is open, so nothing has to be swept for it to end.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.db import Json, Record, UtcTime, metadata, upsert
from storage.vocab import MaskRole, NumberState

number = Table(
    "mask_number",
    metadata,
    Column("did", String(16), primary_key=True, comment="E.164"),
    Column("shared", Boolean, nullable=False, comment="everybody's; else given to one order of a phone"),
    Column("state", String(8), nullable=False),
    Column("label", String(32), nullable=False, default="", comment="what carriers show beside it"),
    Column("used_at", UtcTime, comment="when it was last given out"),
)

order = Table(
    "mask_order",
    metadata,
    Column("id", String(64), primary_key=True, comment="as the dispatch calls it"),
    Column("version", Integer, nullable=False, comment="only grows"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of what was asked for"),
    Column("mode", String(8), nullable=False),
    Column("driver", String(64), nullable=False, comment="the dispatch's id of him"),
    Column("client", String(64), nullable=False, comment="a name for operators"),
    Column("record", Boolean, nullable=False),
    Column("driver_dials", String(16), nullable=False),
    Column("client_dials", String(16), nullable=False),
    Column("fallback", Boolean, nullable=False, comment="no number was free: reached by code only"),
    Column("effective_at", UtcTime, nullable=False),
    Column("closes_at", UtcTime, nullable=False),
    Column("grace_until", UtcTime, nullable=False),
    Column("ended", String(12), nullable=False, default="", comment="closed by the dispatch, or cancelled"),
    Index("ix_mask_order_driver", "driver"),
    Index("ix_mask_order_grace_until", "grace_until"),
)

route = Table(
    "mask_route",
    metadata,
    Column("did", String(16), primary_key=True, comment="the number of ours that is dialled; empty: by code"),
    Column("caller", String(16), primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("role", String(8), nullable=False, comment="the caller's"),
    Column("driver", String(64), nullable=False, default="", server_default="", comment="the order's"),
    Column("mode", String(8), nullable=False),
    Column("version", Integer, nullable=False),
    Column("peers", Json, nullable=False, comment="E.164, in the order in which they are called"),
    Column("show", String(16), nullable=False, comment="what the peer sees, and calls back"),
    Column("record", Boolean, nullable=False),
    Column("bound_at", UtcTime, nullable=False),
    Column("closes_at", UtcTime, nullable=False),
    Column("grace_until", UtcTime, nullable=False, comment="a driver's is closes_at"),
    Index("ix_mask_route_order_id", "order_id"),
    Index("ix_mask_route_grace_until", "grace_until"),
)

code = Table(
    "mask_code",
    metadata,
    Column("did", String(16), primary_key=True),
    Column("code", String(12), primary_key=True, comment="digits"),
    Column("order_id", String(64), nullable=False),
    Column("role", String(8), nullable=False, comment="whoever keys it is taken for"),
    Column("hold_until", UtcTime, nullable=False, comment="not given to another order before"),
    Index("ix_mask_code_order_id", "order_id"),
    Index("ix_mask_code_hold_until", "hold_until"),
)


def lock(connection: Connection, names: Collection[str]) -> None:
    """Wait until nobody else binds one of these orders or phones; held to the transaction's end.

    All take them in one order, so nobody waits in a circle. On SQLite whoever writes is alone.
    """
    if connection.dialect.name == "postgresql":
        digests = (blake2b(name.encode(), digest_size=8).digest() for name in names)
        keys = sorted(int.from_bytes(digest, signed=True) for digest in digests)
        each = "SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key"
        connection.execute(text(each), {"keys": keys})


# Made once: every call asks it.
ROUTES_OF = select(route).where(route.c.did == bindparam("did"), route.c.caller == bindparam("caller"))


def routes_of(connection: Connection, did: str, caller: str) -> Sequence[Record]:
    """A caller's routes on a number of ours, those that are over too; all columns."""
    return connection.execute(ROUTES_OF, {"did": did, "caller": caller}).all()


def routes_of_order(connection: Connection, order_id: str, role: MaskRole) -> Sequence[Record]:
    """The routes of one side of an order, those that are over too; all columns."""
    query = select(route).where(route.c.order_id == order_id, route.c.role == role)
    return connection.execute(query.order_by(route.c.did, route.c.caller)).all()


def find(connection: Connection, order_id: str) -> Record | None:
    """An order; all columns."""
    return connection.execute(select(order).where(order.c.id == order_id)).one_or_none()


def get(connection: Connection, order_id: str) -> Record:
    """An order that is there; all columns."""
    return connection.execute(select(order).where(order.c.id == order_id)).one()


def codes_of(connection: Connection, order_id: str) -> dict[tuple[str, MaskRole], str]:
    """The codes by which each side of an order is reached: (number dialled, side) -> digits."""
    found = connection.execute(
        select(code.c.did, code.c.role, code.c.code).where(code.c.order_id == order_id)
    )
    return {(did, MaskRole(role)): digits for did, role, digits in found}


def by_code(connection: Connection, did: str, digits: str) -> Record | None:
    """The order that a code on this number means: order_id, role, hold_until."""
    query = select(code.c.order_id, code.c.role, code.c.hold_until)
    return connection.execute(query.where(code.c.did == did, code.c.code == digits)).one_or_none()


def save(connection: Connection, row: Mapping[str, Any], routes: Sequence[Mapping[str, Any]]) -> None:
    """An order as it is from now on, with the routes that it has and no other."""
    connection.execute(delete(route).where(route.c.order_id == row["id"]))
    upsert(connection, order, [row], [name for name in row if name != "id"])
    if routes:
        connection.execute(route.insert(), [dict(one) for one in routes])


def end(connection: Connection, order_id: str, at: datetime, grace_until: datetime, why: str) -> None:
    """An order ends at this moment: its driver's ways now, its client's after his grace."""
    mine, drives = route.c.order_id == order_id, route.c.role == MaskRole.DRIVER
    over = {"closes_at": at}
    connection.execute(
        update(order).where(order.c.id == order_id).values(**over, grace_until=grace_until, ended=why)
    )
    connection.execute(update(route).where(mine, drives).values(**over, grace_until=at))
    connection.execute(update(route).where(mine, ~drives).values(**over, grace_until=grace_until))


def take_codes(
    connection: Connection,
    order_id: str,
    wanted: Mapping[tuple[str, str], MaskRole],
    until: datetime,
    at: datetime,
) -> list[tuple[str, str]]:
    """Give codes, (number, digits) -> side, to an order, unless another has them or had them not long ago;
    those that it got.
    """
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(code)
    new = {name: insert.excluded[name] for name in ("order_id", "role", "hold_until")}
    keys: Any = list(code.primary_key.columns)
    query = insert.on_conflict_do_update(index_elements=keys, set_=new, where=code.c.hold_until <= at)
    rows = [
        {"did": did, "code": digits, "order_id": order_id, "role": role, "hold_until": until}
        for (did, digits), role in wanted.items()
    ]
    got = connection.execute(query.values(rows).returning(code.c.did, code.c.code))
    return [(did, digits) for did, digits in got]


def drop_codes(connection: Connection, order_id: str, role: MaskRole) -> None:
    """One side's codes of an order lead nowhere any more; they stay held."""
    connection.execute(
        update(code).where(code.c.order_id == order_id, code.c.role == role).values(order_id="")
    )


def hold_codes(connection: Connection, order_id: str, until: datetime) -> None:
    """Keep an order's codes from others until then."""
    connection.execute(update(code).where(code.c.order_id == order_id).values(hold_until=until))


def codes_held(connection: Connection, did: str) -> int:
    """How many codes of a number are in use or held."""
    return connection.execute(select(func.count()).where(code.c.did == did)).scalar_one()


def shared(connection: Connection) -> str | None:
    """The company's number: the first of those that are everybody's."""
    query = select(number.c.did).where(number.c.shared, number.c.state == NumberState.ON)
    return connection.execute(query.order_by(number.c.did).limit(1)).scalar_one_or_none()


def free_number(connection: Connection, phones: Collection[str], order_id: str, at: datetime) -> str | None:
    """A number of the pool on which none of these phones has a route of another order that is open.

    The one that this order has already stays; of the others the one that was given out longest ago.
    """
    taken = exists().where(
        route.c.did == number.c.did,
        route.c.caller.in_(phones),
        route.c.order_id != order_id,
        or_(route.c.closes_at > at, route.c.grace_until > at),
    )
    own = exists().where(
        route.c.did == number.c.did, route.c.caller.in_(phones), route.c.order_id == order_id
    )
    query = select(number.c.did).where(number.c.state == NumberState.ON, ~number.c.shared, ~taken)
    query = query.order_by(own.desc(), number.c.used_at.asc().nulls_first(), number.c.did).limit(1)
    return connection.execute(query).scalar_one_or_none()


def given(connection: Connection, dids: Collection[str], at: datetime) -> None:
    """These numbers were given out."""
    connection.execute(update(number).where(number.c.did.in_(dids)).values(used_at=at))


def is_ours(connection: Connection, did: str) -> bool:
    """Is it a masking number, given out or not?"""
    return connection.scalar(select(exists().where(number.c.did == did))) or False


def numbers(connection: Connection) -> Sequence[Record]:
    """All masking numbers; all columns."""
    return connection.execute(select(number).order_by(number.c.did)).all()


def put_number(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Write a number down as it is from now on; False when it stood so already."""
    query = select(number.c.shared, number.c.state, number.c.label).where(number.c.did == row["did"])
    if connection.execute(query).one_or_none() == (row["shared"], row["state"], row["label"]):
        return False
    upsert(connection, number, [row], ("shared", "state", "label"))
    return True


def set_state(connection: Connection, did: str, state: NumberState) -> bool:
    """Is it a number of ours? Then that is its state."""
    return connection.execute(update(number).where(number.c.did == did).values(state=state)).rowcount == 1


def open_routes(connection: Connection, at: datetime) -> dict[str, int]:
    """How many open routes each number has."""
    query = select(route.c.did, func.count().label("routes")).where(
        or_(route.c.closes_at > at, route.c.grace_until > at)
    )
    return {row.did: row.routes for row in connection.execute(query.group_by(route.c.did))}


def busiest(connection: Connection, at: datetime) -> int:
    """How many numbers of the pool the phone has that has the most of them."""
    taken = select(func.count(route.c.did.distinct()).label("taken")).join(
        number, number.c.did == route.c.did
    )
    taken = taken.where(~number.c.shared, or_(route.c.closes_at > at, route.c.grace_until > at))
    of_phone = taken.group_by(route.c.caller).subquery()
    return int(connection.execute(select(func.coalesce(func.max(of_phone.c.taken), 0))).scalar_one())


def orders(connection: Connection, at: datetime, limit: int) -> Sequence[Record]:
    """Orders that are not over, the newest first; all columns."""
    query = select(order).where(or_(order.c.closes_at > at, order.c.grace_until > at))
    return connection.execute(query.order_by(order.c.effective_at.desc()).limit(limit)).all()
