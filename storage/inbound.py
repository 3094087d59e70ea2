"""Calls to us: who called back the number that had called him, and what came of it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Date, Index, Integer, String, Table, Text

from storage.db import Id, UtcTime, metadata

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


def add(connection: Connection, row: Mapping[str, Any]) -> None:
    """A call to us that is over."""
    connection.execute(inbound.insert(), [dict(row)])
