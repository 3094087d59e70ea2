"""Leads whose debt is to be asked about before they are dialled, and what was answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, select, union_all, update

from storage.campaign import lead
from storage.db import Record
from storage.vocab import LeadState, Waits


def unchecked(
    connection: Connection,
    campaign_id: Any,
    until: datetime,
    stale: datetime,
    zones: Sequence[int],
    limit: int,
) -> list[Record]:
    """Pending leads due by `until` whose answer is missing or older than `stale`, the longest due first.

    Each: person_id, id, key, due_at. Each zone set is a range of `ix_lead_due`.
    """
    parts = [
        select(lead.c.person_id, lead.c.id, lead.c.key, lead.c.due_at)
        .where(
            lead.c.campaign_id == campaign_id,
            lead.c.zone_id == zone,
            lead.c.state == LeadState.PENDING,
            lead.c.due_at <= until,
            or_(lead.c.checked_at.is_(None), lead.c.checked_at < stale),
        )
        .order_by(lead.c.due_at)
        .limit(limit)
        for zone in zones
    ]
    if not parts:
        return []
    due = union_all(*(select(part.subquery()) for part in parts)).subquery("due")
    return list(connection.execute(select(due).order_by(due.c.due_at).limit(limit)))


def still_owe(connection: Connection, rows: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Leads whose source says so (person_id_, id_); those that waited for the answer are due now."""
    waited = lead.c.waits == Waits.OWES
    values = {
        "checked_at": at,
        "due_at": case((waited, at), else_=lead.c.due_at),
        "waits": case((waited, Waits.TURN), else_=lead.c.waits),
    }
    if rows:
        connection.execute(_pending().values(values), rows)


def owe_no_more(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads that are not to be called, unless one is under way: person_id_, id_, why_."""
    if rows:
        connection.execute(_pending().values(state=LeadState.BLOCKED, why=bindparam("why_")), rows)


def _pending() -> Any:
    return update(lead).where(
        lead.c.person_id == bindparam("person_id_"),
        lead.c.id == bindparam("id_"),
        lead.c.state == LeadState.PENDING,
    )
