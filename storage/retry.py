"""What is asked when a call is over: what came of the lead's calls before, what other phones there are."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, select, update

from storage.calls import attempt
from storage.campaign import campaign, lead
from storage.contact import chunks, phone
from storage.db import Each, Given, Record, among, like
from storage.vocab import LeadState, Waits

Key = tuple[UUID, UUID]  # person and lead


def terms(connection: Connection, campaign_ids: Collection[UUID]) -> dict[UUID, Record]:
    """The budget and the own rules of these campaigns: id, attempts, retry."""
    query = select(campaign.c.id, campaign.c.attempts, campaign.c.retry)
    found = (connection.execute(query.where(campaign.c.id.in_(part))) for part in chunks(campaign_ids))
    return {row.id: row for rows in found for row in rows}


def calls_of(connection: Connection, leads: Collection[Key]) -> list[Record]:
    """Every call of these leads in the order of time: lead_id, id, phone_id, outcome, ended_at, refund,
    call_back, promised_on.
    """
    found: list[Record] = []
    for part in chunks(leads):
        query = select(attempt.c.lead_id, attempt.c.id, attempt.c.phone_id, attempt.c.outcome)
        query = query.add_columns(attempt.c.ended_at, attempt.c.refund, attempt.c.call_back)
        query = query.add_columns(attempt.c.promised_on)
        query = query.where(
            among(connection, attempt.c.person_id, {person for person, _ in part}),
            among(connection, attempt.c.lead_id, {lead_ for _, lead_ in part}),
        )
        found += connection.execute(query.order_by(attempt.c.id))
    return found


def places(connection: Connection, leads: Collection[Key]) -> dict[UUID, Record]:
    """Where these leads stand: id -> id, phone_id, zone_id, by_number."""
    found: dict[UUID, Record] = {}
    for part in chunks(leads):
        query = select(lead.c.id, lead.c.phone_id, lead.c.zone_id, lead.c.by_number)
        rows = connection.execute(
            query.where(
                among(connection, lead.c.person_id, {person for person, _ in part}),
                among(connection, lead.c.id, {lead_ for _, lead_ in part}),
            )
        )
        found.update((row.id, row) for row in rows)
    return found


def phones_of(connection: Connection, people: Collection[UUID]) -> list[Record]:
    """The phones of these people, each person's in their order: person_id, id, zone_id."""
    found: list[Record] = []
    for part in chunks(people):
        query = select(phone.c.person_id, phone.c.id, phone.c.zone_id).where(
            among(connection, phone.c.person_id, part)
        )
        found += connection.execute(query.order_by(phone.c.person_id, phone.c.position, phone.c.id))
    return found


def _promised(given: Given) -> Update:
    called = select(attempt.c.lead_id).where(
        attempt.c.person_id == given["person_id_"],
        attempt.c.id == given["id_"],
        attempt.c.ended_at.is_not(None),
    )
    budget = select(campaign.c.attempts).where(campaign.c.id == lead.c.campaign_id).scalar_subquery()
    waiting = lead.c.state.in_((LeadState.PENDING, LeadState.DONE))
    waiting &= (given["waits_"] == Waits.CALL_BACK.value) | (lead.c.attempts < budget)
    one = update(lead).where(lead.c.person_id == given["person_id_"], lead.c.id == called.scalar_subquery())
    return one.where(waiting).values(state=LeadState.PENDING, due_at=given["due_at_"], waits=given["waits_"])


_PROMISE = Each(_promised, like(attempt, "person_id", "id") | like(lead, "due_at", "waits"))


def promise(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Call-backs and promises to pay (person_id_, id_ of the attempt, due_at_, waits_) whose attempts were
    closed before they were told: their leads are due then, after a promise if their budget has a call left.
    Those of calls that are not closed yet are for who closes them.
    """
    names = ("person_id_", "id_", "due_at_", "waits_")
    _PROMISE(connection, [{name: row[name] for name in names} for row in rows])
