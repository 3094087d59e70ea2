"""Queries of reports: read-only, page by page, so that a million rows need no more memory than a page."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Connection, case, func, literal, select

from storage.barring import WHY
from storage.calls import attempt
from storage.campaign import lead
from storage.contact import person, phone
from storage.db import Record

PAGE = 2000


def attempts_of(connection: Connection, campaign_id: UUID) -> Iterator[Record]:
    """Every attempt of a campaign in the order of dialling, with its lead, person and phone.

    Each page is a query of its own, which begins after the last id: no transaction is held.
    """
    query = (
        select(
            attempt.c.id,
            lead.c.key,
            person.c.name,
            person.c.city,
            phone.c.e164,
            attempt.c.number,
            attempt.c.trunk,
            attempt.c.prepared_at,
            attempt.c.ringing_at,
            attempt.c.answered_at,
            attempt.c.ended_at,
            attempt.c.outcome,
            attempt.c.heard_ms,
            attempt.c.message_ms,
            attempt.c.pressed,
            attempt.c.cause,
            attempt.c.tech_cause,
        )
        .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
        .join(person, person.c.id == attempt.c.person_id)
        .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
        .where(attempt.c.campaign_id == campaign_id)
        .order_by(attempt.c.id)
        .limit(PAGE)
    )
    page = connection.execute(query).all()
    while page:
        yield from page
        page = connection.execute(query.where(attempt.c.id > page[-1].id)).all()


def blocked_of(connection: Connection, campaign_id: UUID) -> list[tuple[str, int]]:
    """(reason, leads) of those that are not called at all; whatever entry of the blacklist it is."""
    banned = lead.c.why.startswith(WHY, autoescape=True)
    why = case((banned, literal("blacklisted", literal_execute=True)), else_=lead.c.why).label("reason")
    query = (
        select(why, func.count())
        .where(lead.c.campaign_id == campaign_id, lead.c.state == "blocked")
        .group_by(why)
        .order_by(func.count().desc())
    )
    return list(connection.execute(query))
