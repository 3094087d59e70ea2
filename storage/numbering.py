"""The numbering register: whose number a number is, by ranges; ported numbers are looked up first."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from storage.db import UtcTime, metadata

register = Table(
    "register",
    metadata,
    Column("name", String(16), primary_key=True, comment="ABC-3xx, ABC-4xx, ABC-8xx, DEF-9xx, ported"),
    Column("ranges", Integer, nullable=False),
    Column("sha256", String(64), nullable=False, comment="of the file"),
    Column("tzdata", String(16), nullable=False, comment="version with which zones were worked out"),
    Column("loaded_at", UtcTime, nullable=False),
)

number_range = Table(
    "number_range",
    metadata,
    Column("register", String(16), primary_key=True),
    Column("first", BigInteger, primary_key=True, comment="E.164 digits: 79000000000"),
    Column("last", BigInteger, nullable=False),
    Column("operator", Text, nullable=False),
    Column("region", Text, nullable=False),
    Index("ix_number_range_first", "first"),
)
