"""What keeps a campaign's leads from being called, counted in the database: a few passes over an index."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from storage.calls import attempt
from storage.campaign import lead
from storage.consent import consent
from storage.contact import person, phone
from storage.db import Record, UtcTime, id_at
from storage.vocab import ConsentKind, LeadState, Role

Needed = Mapping[ConsentKind, Collection[Role]]  # what leads of these roles must have agreed to


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit as SQL counts it: `most` attempts since the start of its period, which each zone set has for
    itself. `outcomes`: None counts all that were placed, else those that had one of these.
    """

    most: int
    starts: Mapping[int, datetime]
    outcomes: tuple[str, ...] | None
    kind: str | None
    scope: str
    rolling: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """Leads that are due in zones where it is day, and what may still keep them."""

    campaign_id: UUID
    at: datetime
    zones: Collection[int]
    caps: Sequence[Cap]
    consents: Needed
    checked_since: datetime | None


def by_state(connection: Connection, campaign_id: UUID) -> dict[str, int]:
    """Leads in each state."""
    query = select(lead.c.state, func.count()).where(lead.c.campaign_id == campaign_id).group_by(lead.c.state)
    return dict(connection.execute(query).all())


def blocked(connection: Connection, campaign_id: UUID) -> list[Record]:
    """(why, leads) of those that are never called."""
    query = select(lead.c.why, func.count().label("leads")).where(
        lead.c.campaign_id == campaign_id, lead.c.state == LeadState.BLOCKED
    )
    return list(connection.execute(query.group_by(lead.c.why)))


def pending(connection: Connection, campaign_id: UUID, at: datetime) -> list[Record]:
    """Pending leads by zone set, by what they wait for and whether they are due: zone_id, waits, due, leads,
    first (the soonest due_at).
    """
    due = (lead.c.due_at <= at).label("due")
    query = (
        select(lead.c.zone_id, lead.c.waits, due, func.count().label("leads"))
        .add_columns(func.min(lead.c.due_at).label("first"))
        .where(lead.c.campaign_id == campaign_id, lead.c.state == LeadState.PENDING)
        .group_by(lead.c.zone_id, lead.c.waits, due)
    )
    return list(connection.execute(query))


def ready(connection: Connection, ask: Ready) -> dict[str, int]:
    """Of the leads that are due in open zones: how many nothing keeps (`ready`), and how many what keeps."""
    if not ask.zones:
        return {}
    reason = case(
        (_on_the_line(), "line"),
        (lead.c.id.in_(_at_their_limit(ask)), "limit"),
        (~agreed_to(ask.consents, ask.at), "no-consent"),
        (_stale(ask.checked_since), "owes"),
        else_="ready",
    )
    query = select(reason.label("reason"), func.count()).select_from(lead).where(*_due(ask))
    if ask.consents:
        query = query.join(person, person.c.id == lead.c.person_id)
        query = query.join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
    query = query.group_by(reason)
    return dict(connection.execute(query).all())


def _due(ask: Ready) -> tuple[ColumnElement[bool], ...]:
    return (
        lead.c.campaign_id == ask.campaign_id,
        lead.c.state == LeadState.PENDING,
        lead.c.due_at <= ask.at,
        lead.c.zone_id.in_(sorted(ask.zones)),
    )


def _stale(since: datetime | None) -> ColumnElement[bool]:
    """Was he not asked whether he still owes, or too long ago?"""
    if since is None:
        return false()
    return lead.c.checked_at.is_(None) | (lead.c.checked_at < since)


def _on_the_line() -> ColumnElement[bool]:
    open_ = select(attempt.c.person_id).where(attempt.c.ended_at.is_(None))
    return lead.c.person_id.in_(open_)


def _at_their_limit(ask: Ready) -> Select[Any]:
    """Ids of due leads whose person has had his fill; only leads of people with attempts are looked at."""
    starts = [start for cap in ask.caps for start in cap.starts.values()]
    if not starts:
        return select(lead.c.id).where(false())
    full = or_(*(func.sum(case((counted(cap), 1), else_=0)) >= cap.most for cap in ask.caps))
    return (
        select(lead.c.id)
        .join(attempt, attempt.c.person_id == lead.c.person_id)
        .where(*_due(ask), attempt.c.id >= id_at(min(starts)), attempt.c.refund.is_(False))
        .group_by(lead.c.id)
        .having(full)
    )


def counted(cap: Cap) -> ColumnElement[bool]:
    """Does this cap count this attempt, of the person of this lead?"""
    since = case({zone: literal(at, UtcTime()) for zone, at in cap.starts.items()}, value=lead.c.zone_id)
    scope = {"campaign": attempt.c.campaign_id == lead.c.campaign_id, "debt": attempt.c.lead_id == lead.c.id}
    what = true() if cap.outcomes is None else attempt.c.outcome.in_(["", "unknown", *cap.outcomes])
    kind = true() if cap.kind is None else attempt.c.kind == cap.kind
    return and_(attempt.c.prepared_at >= since, what, kind, scope.get(cap.scope, true()))


def agreed_to(needed: Needed, at: datetime) -> ColumnElement[bool]:
    """Did he agree to all that a lead of his role needs?"""
    each = (or_(lead.c.role.not_in(roles), agreed(kind, at)) for kind, roles in sorted(needed.items()))
    return and_(true(), *each)


def agreed(kind: str, at: datetime) -> ColumnElement[bool]:
    """Did he agree, by what he said last under any of his names?"""
    lasts = consent.c.until.is_(None) | (consent.c.until > at)
    newest = (
        select(and_(consent.c.given, lasts))
        .where(consent.c.subject.in_([person.c.key, literal("tel:") + phone.c.e164]), consent.c.kind == kind)
        .order_by(consent.c.id.desc())
        .limit(1)
    )
    return func.coalesce(newest.correlate(person, phone).scalar_subquery(), false())
