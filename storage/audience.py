"""Saved selections of people, and the places that they are near to or inside of."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    select,
    tuple_,
    update,
)

from storage.campaign import lead
from storage.contact import chunks
from storage.db import Id, Json, Record, UtcTime, metadata, new_id
from storage.vocab import LeadState

PAGE = 10_000  # leads read at a time

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


def find(connection: Connection, name: str) -> Record | None:
    """The audience of that name."""
    return connection.execute(select(audience).where(audience.c.name == name)).one_or_none()


def audiences(connection: Connection) -> list[Record]:
    """All of them by name."""
    return list(connection.execute(select(audience).order_by(audience.c.name)))


def save(connection: Connection, name: str, source: str, conditions: Any, at: datetime) -> None:
    """A new audience, or a new meaning of one."""
    values = {"source": source, "filter": conditions, "changed_at": at}
    changed = connection.execute(update(audience).where(audience.c.name == name).values(values))
    if not changed.rowcount:
        connection.execute(audience.insert().values(name=name, created_at=at, **values))


def replace_places(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put these places in place of all of their kinds and cities: kind, name, city, search, lat …"""
    for kind, city in sorted({(row["kind"], row["city"]) for row in rows}):
        connection.execute(delete(place).where(place.c.kind == kind, place.c.city == city))
    connection.execute(place.insert(), [{"id": new_id(), **row} for row in rows])


def places_named(connection: Connection, kind: str, search: str) -> list[Record]:
    """Places of this kind and name, one a city."""
    query = select(place).where(place.c.kind == kind, place.c.search == search)
    return list(connection.execute(query.order_by(place.c.city)))


def place_names(connection: Connection, kind: str) -> list[str]:
    """The names of a kind's places, each once."""
    query = select(place.c.name).where(place.c.kind == kind)
    return list(connection.scalars(query.distinct().order_by(place.c.name)))


def places(connection: Connection, kind: str = "") -> list[Record]:
    """All places, or those of a kind."""
    query = select(place).order_by(place.c.kind, place.c.city, place.c.name)
    return list(connection.execute(query.where(place.c.kind == kind) if kind else query))


def lead_keys(connection: Connection, campaign_id: UUID) -> Iterator[Record]:
    """Every lead of a campaign by key: person_id, id, key, state, why, attempts; read page by page."""
    columns = (lead.c.person_id, lead.c.id, lead.c.key, lead.c.state, lead.c.why, lead.c.attempts)
    order = (lead.c.key, lead.c.person_id)
    query = select(*columns).where(lead.c.campaign_id == campaign_id).order_by(*order).limit(PAGE)
    page = connection.execute(query).all()
    while page:
        yield from page
        last = tuple_(page[-1].key, page[-1].person_id, types=[column.type for column in order])
        page = connection.execute(query.where(tuple_(*order) > last)).all()


def turn_leads(
    connection: Connection,
    leads: Collection[tuple[UUID, UUID]],
    was: Collection[LeadState],
    to: LeadState,
    why: str,
) -> int:
    """Give uncalled leads (person_id, id) of these states another one; how many there were."""
    turned = 0
    for part in chunks(leads):
        query = update(lead).where(
            tuple_(lead.c.person_id, lead.c.id).in_(part), lead.c.state.in_(was), lead.c.attempts == 0
        )
        turned += connection.execute(query.values(state=to, why=why)).rowcount
    return turned
