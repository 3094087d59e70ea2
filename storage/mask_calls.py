"""Masked calls: who called which number of ours, whom he was led to, and what came of it.

A row is written before anybody is dialled. One without an end is under way as long as it may still be:
ringing, or talking, by the settings of the time; nothing has to be swept for it to count no more.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    ScalarSelect,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from storage.db import Id, Record, UtcTime, epoch, id_at, metadata
from storage.vocab import MaskEnd

mask_call = Table(
    "mask_call",
    metadata,
    Column("id", Id, primary_key=True, comment="in order of time; names the recording too"),
    Column("begun_at", UtcTime, nullable=False),
    Column("did", String(16), nullable=False, comment="the number of ours that was dialled"),
    Column("caller", String(16), nullable=False, comment="E.164; empty: withheld"),
    Column("party", String(64), nullable=False, comment="whose calls are counted: a driver's id, or a phone"),
    Column("role", String(8), nullable=False, comment="the caller's: driver, client, stranger"),
    Column("rule", String(24), nullable=False, comment="why it went where it went"),
    Column("order_id", String(64), nullable=False, default="", comment="empty: of no order"),
    Column("version", Integer, nullable=False, default=0, comment="of the order, as it was seen"),
    Column("coded", Boolean, nullable=False, default=False, comment="reached by the order's code"),
    Column("back", Boolean, nullable=False, default=False, comment="we rang the caller first, as he asked"),
    Column("peer", String(16), nullable=False, default="", comment="E.164; whom we dialled last"),
    Column("show", String(16), nullable=False, default="", comment="what he saw"),
    Column("trunk", String(64), nullable=False, default="", comment="by which he was dialled"),
    Column("dialled_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("joined_at", UtcTime, comment="of a recorded call: from then on they talk"),
    Column("ended_at", UtcTime),
    Column("ended", String(12), nullable=False, default=""),
    Column("tries", Integer, nullable=False, default=0, comment="wrong codes"),
    Column("recording", String(8), nullable=False, default=""),
    Column("sha256", String(64), nullable=False, default="", comment="of the recording"),
    Column("bytes", BigInteger, nullable=False, default=0, comment="of the recording"),
    Index("ix_mask_call_order_id", "order_id", "id"),
    Index("ix_mask_call_party", "party", "begun_at"),
    Index("ix_mask_call_caller", "caller", "begun_at"),
    Index("ix_mask_call_recording", "recording"),
)

RING_S = 300  # longer than all phones of a side may ring; a row unanswered since is of a call that was lost


def _standing() -> Select[int, int, int]:
    """The statement of `standing`, made once: making it takes longer than asking it."""
    call = mask_call.c
    let_through = and_(call.id != bindparam("but", type_=Id), call.peer != "")
    since = {name: bindparam(name, type_=UtcTime) for name in ("talking", "ringing", "hour")}
    may_last = or_(
        call.answered_at > since["talking"],
        and_(call.answered_at.is_(None), call.begun_at > since["ringing"]),
    )
    of_order = and_(let_through, call.order_id == bindparam("order"), call.ended_at.is_(None), may_last)
    of_party = and_(let_through, call.party == bindparam("party"), call.begun_at > since["hour"])
    calling = and_(of_order, call.answered_at.is_(None), call.caller.in_(bindparam("peers", expanding=True)))
    crossed = and_(calling, call.peer == bindparam("caller"))

    def count(which: ColumnElement[bool]) -> ScalarSelect[int]:
        return select(func.count()).select_from(mask_call).where(which).scalar_subquery()

    return select(count(of_order), count(of_party), count(crossed))


STANDING = _standing()


def standing(
    connection: Connection,
    order_id: str,
    party: str,
    caller: str,
    peers: Collection[str],
    but: UUID,
    at: datetime,
    talk_s: float,
) -> tuple[int, int, bool]:
    """Calls of this order under way; calls of this party that were let through within the hour; is one of
    these peers calling this caller right now? The call `but` does not count. `talk_s`: the longest talk.
    """
    whose = {"order": order_id, "party": party, "caller": caller, "peers": list(peers), "but": but}
    since = {
        "talking": at - timedelta(seconds=talk_s),
        "ringing": at - timedelta(seconds=RING_S),
        "hour": at - timedelta(hours=1),
    }
    row = connection.execute(STANDING, whose | since).one()
    return row[0], row[1], bool(row[2])


def talks(connection: Connection, since: datetime, now: datetime, talk_s: float) -> Sequence[Record]:
    """Talks that began after a moment: trunk, seconds, calls (of so many seconds; one in which we rang both
    counts twice). One without an end lasts until now, but no longer than `talk_s`.
    """
    known = mask_call.c.id >= id_at(since - timedelta(seconds=RING_S))
    begun, end = (
        epoch(mask_call.c.answered_at),
        epoch(func.coalesce(mask_call.c.ended_at, literal(now, UtcTime))),
    )
    lasted = case((end - begun > int(talk_s), int(talk_s)), else_=end - begun).label("seconds")
    calls = func.sum(case((mask_call.c.back, 2), else_=1)).label("calls")
    query = select(mask_call.c.trunk, lasted, calls).where(known, mask_call.c.answered_at > since)
    return connection.execute(query.group_by(mask_call.c.trunk, lasted)).all()


def wrong_codes(connection: Connection, did: str, caller: str, at: datetime) -> int:
    """Wrong codes of this caller within the hour; of all who withhold their number, on this one of ours."""
    query = select(func.coalesce(func.sum(mask_call.c.tries), 0))
    query = query.where(mask_call.c.caller == caller, mask_call.c.begun_at > at - timedelta(hours=1))
    return int(connection.execute(query if caller else query.where(mask_call.c.did == did)).scalar_one())


def orders_of(connection: Connection, caller: str, since: datetime) -> set[str]:
    """The orders about which he has called since."""
    query = select(mask_call.c.order_id).where(mask_call.c.caller == caller, mask_call.c.begun_at > since)
    return set(connection.scalars(query.where(mask_call.c.order_id != "")))


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """A call that has come in, or that is to be placed."""
    connection.execute(mask_call.insert(), [dict(row)])


def wrong_code(connection: Connection, call_id: UUID) -> int:
    """One more wrong code in this call; how many there were in it."""
    query = update(mask_call).where(mask_call.c.id == call_id).values(tries=mask_call.c.tries + 1)
    return int(connection.execute(query.returning(mask_call.c.tries)).scalar_one())


def change(connection: Connection, call_id: UUID, **values: Any) -> None:
    """It is so from now on."""
    connection.execute(update(mask_call).where(mask_call.c.id == call_id).values(**values))


def lose(connection: Connection, since: datetime, before: datetime) -> Sequence[Record]:
    """Calls that came in between these moments and have no end are lost; those that were not yet: id,
    order_id, role.
    """
    call = mask_call.c
    there = call.id >= id_at(since), call.id < id_at(before), call.ended_at.is_(None)
    query = update(mask_call).where(*there, call.ended != MaskEnd.LOST).values(ended=MaskEnd.LOST)
    return connection.execute(query.returning(call.id, call.order_id, call.role)).all()


def find(connection: Connection, call_id: UUID) -> Record | None:
    """A call; all columns."""
    return connection.execute(select(mask_call).where(mask_call.c.id == call_id)).one_or_none()
