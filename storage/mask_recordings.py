"""Recordings as the masked calls tell of them: queries. The files themselves are `engine.masking`'s."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from storage.contact import chunks
from storage.db import Record, id_at
from storage.mask_calls import mask_call as call
from storage.vocab import Recording

TALK = (call.c.id, call.c.order_id, call.c.begun_at, call.c.answered_at, call.c.joined_at, call.c.ended_at)
KEPT = (call.c.recording, call.c.sha256, call.c.bytes)


def wanted(connection: Connection, before: datetime, lost: datetime, limit: int) -> Sequence[Record]:
    """Calls whose recording was not looked for yet, and that were over before a moment, or began before
    `lost` and so must be; the oldest first. Each with TALK.
    """
    over = or_(call.c.ended_at < before, call.c.begun_at < lost)
    query = select(*TALK).where(call.c.recording == Recording.WANTED, over)
    return connection.execute(query.order_by(call.c.id).limit(limit)).all()


def settle(connection: Connection, call_id: UUID, state: Recording, sha256: str, size: int) -> bool:
    """Write what became of a recording; False when somebody else has."""
    query = update(call).where(call.c.id == call_id, call.c.recording == Recording.WANTED)
    found: Any = connection.execute(query.values(recording=state, sha256=sha256, bytes=size))
    return bool(found.rowcount)


def remove(connection: Connection, ids: Collection[UUID]) -> None:
    """These are deleted; what they were stays written."""
    for part in chunks(ids):
        connection.execute(update(call).where(call.c.id.in_(part)).values(recording=Recording.REMOVED))


def outlived(connection: Connection, before: datetime) -> None:
    """Recordings of calls of before this moment are there no more, whoever deleted them."""
    there = call.c.recording.in_((Recording.KEPT, Recording.MISSING))
    old = update(call).where(call.c.id < id_at(before), there)
    connection.execute(old.values(recording=Recording.REMOVED))


def find(connection: Connection, call_id: UUID) -> Record | None:
    """A call: TALK, KEPT."""
    return connection.execute(select(*TALK, *KEPT).where(call.c.id == call_id)).one_or_none()


def of_order(connection: Connection, order_id: str, limit: int) -> Sequence[Record]:
    """An order's calls, the newest first: TALK, KEPT, role, ended."""
    query = select(*TALK, *KEPT, call.c.role, call.c.ended).where(call.c.order_id == order_id)
    return connection.execute(query.order_by(call.c.id.desc()).limit(limit)).all()
