"""Saved selections of people, and the places that they are near to or inside of."""

from sqlalchemy import Column, Float, Index, String, Table, Text, UniqueConstraint

from storage.db import Id, Json, UtcTime, metadata

audience = Table(
    "audience",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("source", String(64), nullable=False, comment='a [[source]] of the settings, or "person"'),
    Column("filter", Json, nullable=False, comment="the tree of conditions"),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

place = Table(
    "place",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", String(32), nullable=False, comment="metro, district, office …"),
    Column("name", Text, nullable=False, comment="as written"),
    Column("city", Text, nullable=False),
    Column("search", Text, nullable=False, comment="the name in lower case, ё as е: what is looked for"),
    Column("lat", Float),
    Column("lon", Float),
    Column("polygon", Json, comment="[[lat, lon], …] of a district; null for a point"),
    UniqueConstraint("kind", "search", "city"),
    Index("ix_place_search", "search"),
)
