"""Results in the order in which they were stored, for those who follow them: pollers and webhooks.

The one row of `feed` is locked from the numbering to the commit, so positions appear in their order: whoever
has read up to one has missed none before it. It is therefore taken last in a transaction.
"""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from storage.db import UtcTime, metadata

feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

webhook = Table(
    "webhook",
    metadata,
    Column("name", String(64), primary_key=True, comment="of a [[webhook]] of the settings"),
    Column("position", BigInteger, nullable=False, comment="of the last result that was delivered"),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    Column("next_at", UtcTime, comment="not tried again before"),
    Column("error", Text, nullable=False, default="", comment="why the last delivery failed"),
)

hour_rate = Table(
    "hour_rate",
    metadata,
    Column("zone_id", Integer, primary_key=True),
    Column("hour", Integer, primary_key=True, comment="0 to 167: hours since Monday midnight, local"),
    Column("placed", Float, nullable=False, comment="calls, older ones for less"),
    Column("answered", Float, nullable=False),
)

caller_id = Table(
    "caller_id",
    metadata,
    Column("number", String(20), primary_key=True),
    Column("trunk", String(64), primary_key=True),
    Column("calls", Float, nullable=False, comment="older ones for less"),
    Column("answered", Float, nullable=False),
    Column("short", Float, nullable=False, comment="of those answered, ended within seconds"),
    Column("rests_until", UtcTime),
    Column("why", Text, nullable=False, default=""),
)
