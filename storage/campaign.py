"""Campaigns and their leads: what is to be dialled, and when.

A lead is one debt of one person in one campaign. Only pending leads stand in the narrow index from which
dialling takes (`ix_lead_due`); finished ones leave it.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
    text,
    update,
)

from storage.contact import phone
from storage.db import Id, Json, Record, UtcTime, metadata
from storage.vocab import CampaignState, LeadState, Pacing, Role

campaign = Table(
    "campaign",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("template_id", Id, ForeignKey("template.id"), nullable=False),
    Column("trunks", Json, nullable=False, comment="names of the trunks that it may use"),
    Column("cps", Float, nullable=False),
    Column("channels", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("role", String(8), nullable=False, default=Role.DEBTOR, comment="whom its template is for"),
    Column("law", Json, nullable=False, comment="names of the law packs; all must allow a call"),
    Column("exemption", Text, nullable=False, default="", comment="why a consent is not needed, as stated"),
    Column("owes", String(64), nullable=False, default="", comment="[[source]] that is asked who still owes"),
    Column("weight", Integer, nullable=False, default=1, comment="its share among those of its priority"),
    Column("pacing", String(12), nullable=False, default=Pacing.FILL),
    Column("queue", String(64), nullable=False, default="", comment="of the operators whom it calls for"),
    Column("abandon", Float, nullable=False, default=0.03, comment="most answered calls without an operator"),
    Column("record", Boolean, nullable=False, default=False),
    Column("retry", Json, nullable=False, default=dict, comment="outcome -> rule, where it has its own"),
    Column("why", Text, nullable=False, default="", comment="why it was paused, when nobody did it"),
    Column("messages", Json, nullable=False, default=list, comment="who hears another template"),
    Column("amd", String(16), nullable=False, default="", comment="how machines are told; empty: not at all"),
    Column("machine", String(64), nullable=False, default="", comment="note, hangup, or a template's id"),
    Column("phrases", Json, comment="language -> phrase -> [file, ms, text]; made when it starts"),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

lead = Table(
    "lead",
    metadata,
    Column("person_id", Id, primary_key=True),
    Column("id", Id, primary_key=True),
    Column("campaign_id", Id, ForeignKey("campaign.id"), nullable=False),
    Column("key", Text, nullable=False, comment="external_id of the debt, or the person's key"),
    Column("phone_id", Id, nullable=False),
    Column("role", String(8), nullable=False),
    Column("variables", Json, nullable=False),
    Column("clips", Json, comment="[[file, ms, fragment], …] of the message; null until it is made"),
    Column("state", String(16), nullable=False),
    Column("why", Text, nullable=False, default="", comment="why it is blocked"),
    Column("due_at", UtcTime, nullable=False),
    Column("waits", String(12), nullable=False, default="", comment="what a deferred lead waits for"),
    Column("checked_at", UtcTime, comment="when its source last said that he still owes"),
    Column("zone_id", Integer, nullable=False, comment="of zone_set; one that is not there is unknown"),
    Column("by_number", Boolean, nullable=False, default=True, comment="its phone's number told its zones"),
    Column("attempts", Integer, nullable=False, default=0, comment="of its budget, that are used up"),
    Column("outcome", String(24), nullable=False, default="", comment="of the last attempt"),
    Column("priority", SmallInteger, nullable=False, default=0, comment="the higher goes first"),
    Column("control", Boolean, nullable=False, default=False, comment="called in turn, not at its best hour"),
    Column("avoids", String(64), nullable=False, default="", comment="the trunk that failed it last"),
    Column("template_id", Id, comment="what it hears; null: its campaign's template"),
    Column("lang", String(2), nullable=False, default="", comment="of its message; empty: the template's"),
    ForeignKeyConstraint(["person_id", "phone_id"], ["phone.person_id", "phone.id"]),
    UniqueConstraint("campaign_id", "key", "person_id"),
    Index(
        "ix_lead_due",
        "campaign_id",
        "priority",
        "control",
        "zone_id",
        "due_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_lead_state", "campaign_id", "state"),
    Index(
        "ix_lead_blocked",
        "why",
        sqlite_where=text("state = 'blocked'"),
        postgresql_where=text("state = 'blocked'"),
    ),
)


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as stored."""

    id: UUID
    name: str
    state: CampaignState
    template_id: UUID
    trunks: list[str]
    cps: float
    channels: int
    attempts: int
    priority: int
    role: Role
    law: list[str]
    exemption: str
    owes: str
    phrases: dict[str, Any] | None
    created_at: datetime
    changed_at: datetime
    weight: int = 1
    pacing: Pacing = Pacing.FILL
    queue: str = ""
    abandon: float = 0.03
    record: bool = False
    retry: dict[str, str] = field(default_factory=dict)
    why: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    amd: str = ""
    machine: str = ""


def _row(row: Record) -> CampaignRow:
    values = row._asdict()
    kinds = {"state": CampaignState, "role": Role, "pacing": Pacing}
    return CampaignRow(**values | {name: kind(values[name]) for name, kind in kinds.items()})


def add(connection: Connection, row: CampaignRow) -> None:
    """A new campaign."""
    values = {name: getattr(row, name) for name in CampaignRow.__slots__}
    connection.execute(campaign.insert().values(values))


def find(connection: Connection, name: str, *, lock: bool = False) -> CampaignRow | None:
    """The campaign of that name; `lock` keeps others from changing it until the transaction's end."""
    query = select(campaign).where(campaign.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _row(row) if row else None


def get(connection: Connection, campaign_id: UUID) -> CampaignRow:
    """The campaign of that id."""
    return _row(connection.execute(select(campaign).where(campaign.c.id == campaign_id)).one())


def lock(connection: Connection, campaign_id: UUID) -> None:
    """Keep others from filling or changing the campaign until the transaction's end."""
    query = select(campaign.c.id).where(campaign.c.id == campaign_id)
    connection.execute(query.with_for_update(key_share=True))


def campaigns(connection: Connection, states: Collection[CampaignState] = ()) -> list[CampaignRow]:
    """All campaigns, or those in these states; the urgent first."""
    query = select(campaign).order_by(campaign.c.priority.desc(), campaign.c.created_at)
    if states:
        query = query.where(campaign.c.state.in_(states))
    return [_row(row) for row in connection.execute(query)]


def change(connection: Connection, campaign_id: UUID, at: datetime, **values: Any) -> None:
    """Set columns of a campaign."""
    query = update(campaign).where(campaign.c.id == campaign_id)
    connection.execute(query.values(changed_at=at, **values))


def lead_counts(connection: Connection, campaign_id: UUID) -> dict[LeadState, int]:
    """How many leads are in each state."""
    query = select(lead.c.state, func.count()).where(lead.c.campaign_id == campaign_id).group_by(lead.c.state)
    return {LeadState(state): count for state, count in connection.execute(query)}


def unfinished(connection: Connection, campaign_id: UUID) -> bool:
    """Is there a lead that is not over?"""
    open_states = (LeadState.NEW, LeadState.PENDING, LeadState.IN_FLIGHT)
    query = select(lead.c.id).where(lead.c.campaign_id == campaign_id, lead.c.state.in_(open_states)).limit(1)
    return connection.execute(query).first() is not None


def newest_lead(connection: Connection, e164: str) -> Record | None:
    """The last lead that was imported with this number: id, person_id, variables, template_id (of what it
    hears), lang; and of its campaign trunks, record, pacing, queue.
    """
    hears = func.coalesce(lead.c.template_id, campaign.c.template_id).label("template_id")
    query = (
        select(lead.c.id, lead.c.person_id, lead.c.variables, hears, lead.c.lang)
        .add_columns(campaign.c.trunks, campaign.c.record)
        .add_columns(campaign.c.pacing, campaign.c.queue)
        .join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
        .join(campaign, campaign.c.id == lead.c.campaign_id)
        .where(phone.c.e164 == e164)
        .order_by(lead.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def leads_of(connection: Connection, campaign_id: UUID, e164: str) -> list[Record]:
    """A campaign's leads that would dial this number, all their columns."""
    query = (
        select(lead)
        .join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
        .where(phone.c.e164 == e164, lead.c.campaign_id == campaign_id)
    )
    return list(connection.execute(query))
