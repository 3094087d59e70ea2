"""Queries of reports: read-only, page by page, so that a million rows need no more memory than a page."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, case, func, literal, select, true

from storage.barring import WHY
from storage.blacklist import blacklist
from storage.calls import attempt
from storage.campaign import campaign, lead
from storage.contact import chunks, person, phone, zone_set
from storage.db import Record, epoch, id_at
from storage.vocab import Outcome

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
            *(attempt.c.heard, attempt.c.amd, attempt.c.promised_on),
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


def streams(
    connection: Connection, campaign_id: UUID, telling: Collection[str], answered: Collection[str]
) -> list[Record]:
    """Calls of these outcomes in each stream (control or not): control, calls, and how many were answered."""
    picked_up = func.sum(case((attempt.c.outcome.in_(sorted(answered)), 1), else_=0))
    query = select(attempt.c.control, func.count().label("calls"), picked_up.label("answered"))
    query = query.where(attempt.c.campaign_id == campaign_id, attempt.c.outcome.in_(sorted(telling)))
    return list(connection.execute(query.group_by(attempt.c.control)))


def by_template(
    connection: Connection, campaign_id: UUID, template_id: UUID, answered: Collection[str]
) -> list[Record]:
    """Leads by what they hear (`template_id`: those that have no template of their own): template_id, leads,
    and of these called, reached (by a call that ended so), heard (to the end), operator, paid, promise,
    opt_out: each lead once, however often it was called.
    """
    picked_up = attempt.c.outcome.in_(sorted(answered))
    whole = and_(attempt.c.message_ms > 0, attempt.c.heard_ms >= attempt.c.message_ms)
    done = {
        "called": true(),
        "reached": picked_up,
        "heard": and_(picked_up, whole),
        "operator": attempt.c.outcome == Outcome.ANSWERED_OPERATOR,
        "paid": attempt.c.outcome == Outcome.ANSWERED_PAID_CLAIM,
        "promise": attempt.c.promised_on.is_not(None),
        "opt_out": attempt.c.outcome == Outcome.ANSWERED_OPT_OUT,
    }
    once = (func.max(case((what, 1), else_=0)).label(name) for name, what in done.items())
    of_lead = (
        select(attempt.c.person_id, attempt.c.lead_id, *once)
        .where(attempt.c.campaign_id == campaign_id)
        .group_by(attempt.c.person_id, attempt.c.lead_id)
        .subquery()
    )
    hears = func.coalesce(lead.c.template_id, template_id).label("template_id")
    sums = (func.coalesce(func.sum(of_lead.c[name]), 0).label(name) for name in done)
    his = (of_lead.c.person_id == lead.c.person_id) & (of_lead.c.lead_id == lead.c.id)
    query = select(hears, func.count().label("leads"), *sums).select_from(lead.outerjoin(of_lead, his))
    return list(connection.execute(query.where(lead.c.campaign_id == campaign_id).group_by(hears)))


def listened(connection: Connection, campaign_id: UUID, answered: Collection[str]) -> list[Record]:
    """Calls with these outcomes by which fragments were heard to their end: heard, calls."""
    query = select(attempt.c.heard, func.count().label("calls")).group_by(attempt.c.heard)
    query = query.where(attempt.c.campaign_id == campaign_id, attempt.c.outcome.in_(sorted(answered)))
    return list(connection.execute(query))


def talks_by_amd(connection: Connection, campaign_id: UUID) -> list[Record]:
    """Talks that are over by AMD's verdict and length: amd, seconds (whole), calls, pressed (a key)."""
    seconds = (epoch(attempt.c.ended_at) - epoch(attempt.c.answered_at)).label("seconds")
    pressed = func.sum(case((attempt.c.pressed != "", 1), else_=0)).label("pressed")
    query = select(attempt.c.amd, seconds, func.count().label("calls"), pressed).where(
        attempt.c.campaign_id == campaign_id,
        attempt.c.amd != "",
        attempt.c.ended_at.is_not(None),
        attempt.c.answered_at.is_not(None),
    )
    return list(connection.execute(query.group_by(attempt.c.amd, seconds)))


def audited(
    connection: Connection,
    people: Collection[UUID] | None = None,
    campaign_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[list[Record]]:
    """Every attempt of these people, of a campaign, from one moment until just before another; in pages, the
    oldest first. Each with all columns of its own, and campaign (its name), key and clips (the lead's), zones
    (the lead's, as they are known today), person_key, e164.
    """
    query = (
        select(attempt, campaign.c.name.label("campaign"), lead.c.key, lead.c.clips, zone_set.c.zones)
        .add_columns(person.c.key.label("person_key"), phone.c.e164)
        .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
        .join(zone_set, zone_set.c.id == lead.c.zone_id)
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(person, person.c.id == attempt.c.person_id)
        .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
        .order_by(attempt.c.id)
        .limit(PAGE)
    )
    if people is not None:
        query = query.where(attempt.c.person_id.in_(people))
    if campaign_id is not None:
        query = query.where(attempt.c.campaign_id == campaign_id)
    if since is not None:  # ids are in order of time
        query = query.where(attempt.c.id >= id_at(since))
    if until is not None:
        query = query.where(attempt.c.id < id_at(until))
    page = list(connection.execute(query))
    while page:
        yield page
        page = list(connection.execute(query.where(attempt.c.id > page[-1].id)))


def bans(connection: Connection, keys: Collection[str]) -> list[Record]:
    """All blacklist entries under these keys, those that stand no longer among them, the oldest first."""
    found: list[Record] = []
    for part in chunks(keys):
        found += connection.execute(select(blacklist).where(blacklist.c.key.in_(part)))
    return sorted(found, key=lambda row: row.id)
