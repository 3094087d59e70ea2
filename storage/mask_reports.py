"""Queries of reports on masked calls: read-only, in the order of ids, which is that of time."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from storage.db import Record, epoch, id_at
from storage.mask_calls import mask_call


def last(connection: Connection, order_id: str, limit: int) -> Sequence[Record]:
    """The newest calls, of an order or ("") of all; all columns."""
    query = select(mask_call).order_by(mask_call.c.id.desc()).limit(limit)
    return connection.execute(query.where(mask_call.c.order_id == order_id) if order_id else query).all()


def counts(connection: Connection, since: datetime, until: datetime) -> Sequence[Record]:
    """Calls begun in this time by role, ended and rule: calls, answered (the other side took so many of
    them), talk_s.
    """
    by = mask_call.c.role, mask_call.c.ended, mask_call.c.rule
    talk_s = epoch(mask_call.c.ended_at) - epoch(mask_call.c.answered_at)
    sums = (func.count(mask_call.c.answered_at).label("answered"), func.sum(talk_s).label("talk_s"))
    query = select(*by, func.count().label("calls"), *sums).where(_begun(since, until))
    return connection.execute(query.group_by(*by).order_by(*by)).all()


def waits(connection: Connection, since: datetime, until: datetime) -> Sequence[Record]:
    """Of calls that the other side took: seconds (whole) from dialling to the answer, calls."""
    seconds = (epoch(mask_call.c.answered_at) - epoch(mask_call.c.dialled_at)).label("seconds")
    query = select(seconds, func.count().label("calls"))
    query = query.where(_begun(since, until), mask_call.c.answered_at.is_not(None))
    return connection.execute(query.where(mask_call.c.dialled_at.is_not(None)).group_by(seconds)).all()


def _begun(since: datetime, until: datetime) -> ColumnElement[bool]:
    return and_(mask_call.c.id >= id_at(since), mask_call.c.id < id_at(until))
