"""Calls to us: who called back the number that had called him, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    select,
    update,
)

from storage.calls import attempt
from storage.campaign import campaign, lead
from storage.contact import phone
from storage.db import Id, Record, UtcTime, id_at, metadata
from storage.talks import JOINED, SHEET
from storage.vocab import CampaignState, LeadState, Waits

LATEST = 20  # of our calls to a number, among which is the one from the number that he dialled

inbound = Table(
    "inbound",
    metadata,
    Column("person_id", Id, primary_key=True),
    Column("id", Id, primary_key=True),
    Column("lead_id", Id, nullable=False),
    Column("campaign_id", Id, nullable=False),
    Column("dialled", String(20), nullable=False, comment="the number of ours he called"),
    Column("at", UtcTime, nullable=False),
    Column("outcome", String(24), nullable=False),
    Column("heard_ms", Integer, nullable=False),
    Column("message_ms", Integer, nullable=False),
    Column("heard", Text, nullable=False, comment="fragments heard to their end, with commas"),
    Column("pressed", String(32), nullable=False),
    Column("promised_on", Date, comment="the day of his by which he promised to pay"),
    Index("ix_inbound_campaign_id", "campaign_id", "id"),
)


TOLD = (CampaignState.RUNNING, CampaignState.PAUSED, CampaignState.DONE)


def calls_to(connection: Connection, e164: str, since: datetime) -> list[Record]:
    """Our last calls to this number since then that went out, the newest first, of campaigns that were not
    stopped. Each as `storage.talks.for_talks`, and caller_id, lead_id, lead_state, key (the lead's).
    """
    query = (
        select(*SHEET, attempt.c.caller_id, attempt.c.lead_id)
        .add_columns(lead.c.state.label("lead_state"), lead.c.key)
        .select_from(JOINED)
        .where(phone.c.e164 == e164, attempt.c.id >= id_at(since), attempt.c.sent_at.is_not(None))
        .where(campaign.c.state.in_(TOLD))
        .order_by(attempt.c.id.desc())
        .limit(LATEST)
    )
    return list(connection.execute(query))


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """A call to us that is over."""
    connection.execute(inbound.insert(), [dict(row)])


def settle(connection: Connection, person_id: UUID, key: str, outcome: str, due_at: datetime | None) -> None:
    """This person's leads of this debt that wait, in whatever campaign: done with this outcome; or due at
    that moment, after a promise, while their campaign has attempts left for them.
    """
    budget = select(campaign.c.attempts).where(campaign.c.id == lead.c.campaign_id).scalar_subquery()
    waiting = lead.c.state.in_((LeadState.NEW, LeadState.PENDING))
    query = update(lead).where(lead.c.person_id == person_id, lead.c.key == key, waiting)
    if due_at is not None:
        put_off = query.where(lead.c.attempts < budget)
        connection.execute(put_off.values(due_at=due_at, waits=Waits.PROMISE, outcome=outcome))
        query = query.where(lead.c.attempts >= budget)
    connection.execute(query.values(state=LeadState.DONE, outcome=outcome))


def counts(connection: Connection, campaign_id: UUID) -> dict[str, int]:
    """A campaign's calls to us by outcome."""
    query = select(inbound.c.outcome, func.count()).where(inbound.c.campaign_id == campaign_id)
    return dict(connection.execute(query.group_by(inbound.c.outcome)).all())
