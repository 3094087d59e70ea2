"""What a forecast is made of, counted in the database: leads that are alike, and what became of calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    case,
    func,
    null,
    select,
)

from storage.calls import attempt
from storage.campaign import lead
from storage.contact import person, phone
from storage.db import Record, epoch, id_at
from storage.funnel import Cap, Needed, agreed_to, counted
from storage.vocab import LeadState

BUCKET_S = 600  # leads that are due within such a stretch are alike
HOUR_S = 3600
OPEN = (LeadState.NEW, LeadState.PENDING, LeadState.IN_FLIGHT)
NEWEST = 100_000  # calls that tell what becomes of calls


def leads(
    connection: Connection,
    campaign_id: UUID,
    at: datetime,
    caps: Sequence[Cap],
    consents: Needed,
) -> list[Record]:
    """Leads that are not over, by what makes them alike: zone_id, priority, attempts, due (a number of
    BUCKET_S since 1970; 0: now), agreed, leads, and for each cap used0, last0, used1 …: how many calls it
    counts, and for a rolling stretch the hour (since 1970) of the newest of them.
    """
    due = case((lead.c.due_at <= at, 0), else_=epoch(lead.c.due_at) // BUCKET_S)
    columns: list[ColumnElement[Any]] = [lead.c.zone_id, lead.c.priority, lead.c.attempts]
    columns += [due.label("due"), agreed_to(consents, at).label("agreed")]
    source: Any = lead
    if consents:
        source = source.join(person, person.c.id == lead.c.person_id)
        source = source.join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
    usage = _usage(campaign_id, caps)
    if usage is not None:
        source = source.outerjoin(usage, usage.c.id == lead.c.id)
        columns += [column for column in usage.c if column.name != "id"]
    mine = (lead.c.campaign_id == campaign_id, lead.c.state.in_(OPEN))
    each = select(*columns).select_from(source).where(*mine).subquery("each")
    return list(connection.execute(select(*each.c, func.count().label("leads")).group_by(*each.c)))


def _usage(campaign_id: UUID, caps: Sequence[Cap]) -> Subquery | None:
    """Of the leads of people who were called: how much of each cap is used. None: no caps, no question."""
    moments = [moment for cap in caps for moment in cap.starts.values()]
    if not moments:
        return None
    columns: list[ColumnElement[Any]] = []
    for place, cap in enumerate(caps):
        counts = counted(cap)
        newest = func.max(case((counts, attempt.c.prepared_at), else_=null()))
        columns.append(func.coalesce(func.sum(case((counts, 1), else_=0)), 0).label(f"used{place}"))
        columns.append((epoch(newest) // HOUR_S if cap.rolling else null()).label(f"last{place}"))
    return (
        select(lead.c.id, *columns)
        .join(attempt, attempt.c.person_id == lead.c.person_id)
        .where(lead.c.campaign_id == campaign_id, lead.c.state.in_(OPEN))
        .where(attempt.c.id >= id_at(min(moments)), attempt.c.refund.is_(False))
        .group_by(lead.c.id)
        .subquery("usage")
    )


def fates(connection: Connection, campaign_id: UUID | None) -> list[Record]:
    """What became of the newest calls of a campaign, or of all: outcome, calls, ring_s, talk_s (means)."""
    query = select(attempt).where(attempt.c.ended_at.is_not(None))
    if campaign_id is not None:
        query = query.where(attempt.c.campaign_id == campaign_id)
    newest = query.order_by(attempt.c.id.desc()).limit(NEWEST).subquery()
    began = func.coalesce(newest.c.sent_at, newest.c.prepared_at)
    picked = func.coalesce(newest.c.answered_at, newest.c.ended_at)
    ring, talk = epoch(picked) - epoch(began), epoch(newest.c.ended_at) - epoch(newest.c.answered_at)
    columns = (func.count().label("calls"), func.avg(ring).label("ring_s"), func.avg(talk).label("talk_s"))
    return list(connection.execute(select(newest.c.outcome, *columns).group_by(newest.c.outcome)))
