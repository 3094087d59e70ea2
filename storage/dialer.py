"""Who dials: each dialer's lease with its fencing number, its share of every limit, and the switches of all.

A lease is a row that its dialer renews in each of its transactions, so whoever takes it over waits for that
transaction and fences the next. The clock of leases is the database's, the same for everybody.
"""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from storage.db import Json, UtcTime, metadata

dialer = Table(
    "dialer",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("fence", BigInteger, nullable=False, comment="grows whenever the lease changes hands"),
    Column("holder", Text, nullable=False, comment="machine and process that hold it"),
    Column("until", Float, nullable=False, comment="seconds of the database's clock; past it is free"),
    Column("state", Json, nullable=False, default=dict, comment="what it last told of itself, for watchers"),
    Column("told_at", UtcTime),
)

share = Table(
    "share",
    metadata,
    Column("kind", String(8), primary_key=True, comment="trunk, campaign or node"),
    Column("name", String(64), primary_key=True),
    Column("dialer", String(64), primary_key=True),
    Column("channels", Integer, nullable=False, comment="calls at a time that it may make of the limit"),
    Column("used", Integer, nullable=False),
    Column("cps", Float, nullable=False, comment="calls a second"),
)

switch = Table(
    "switch",
    metadata,
    Column("name", String(80), primary_key=True, comment="stop, or drain:NODE"),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False, default=""),
)
