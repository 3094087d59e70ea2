"""People, their phones, and who is never to be called.

A person has many phones and is in many campaigns. Rows of the hot path carry `person_id` in their key, so
that the tables can be spread over machines by person.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)

from storage.db import Id, Json, Record, UtcTime, add_new, among, metadata

person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="id:<the ERP's id> or tel:<first number>"),
    Column("name", Text, nullable=False, default=""),
    Column("city", Text, nullable=False, default=""),
    Column("region", Text, nullable=False, default=""),
    Column("address", Text, nullable=False, default=""),
    Column("lat", Float),
    Column("lon", Float),
    Column("timezone", String(64), nullable=False, default=""),
    Column("groups", Json, nullable=False, default=list, comment="names under which he may be blacklisted"),
    Column("created_at", UtcTime, nullable=False),
    Index(
        "ix_person_place",
        "lat",
        "lon",
        sqlite_where=text("lat IS NOT NULL"),
        postgresql_where=text("lat IS NOT NULL"),
    ),
)

phone = Table(
    "phone",
    metadata,
    Column("person_id", Id, ForeignKey("person.id"), primary_key=True),
    Column("id", Id, primary_key=True),
    Column("e164", String(16), nullable=False),
    Column("position", Integer, nullable=False, comment="1 is tried first"),
    Column("kind", String(12), nullable=False, default="", comment="mobile, fixed, toll-free, premium …"),
    Column("operator", Text, nullable=False, default=""),
    Column("region", Text, nullable=False, default="", comment="where the number belongs, by the register"),
    Column("zone_id", Integer, comment="of zone_set, as the number alone tells; null: not worked out yet"),
    UniqueConstraint("person_id", "e164"),
    Index("ix_phone_e164", "e164"),
)

zone_set = Table(
    "zone_set",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("zones", Text, nullable=False, unique=True, comment='names in order, with commas; "" is unknown'),
)

CHUNK = 500


def chunks(values: Collection[Any]) -> Iterable[list[Any]]:
    """Pieces small enough for one IN list."""
    listed = list(values)
    return (listed[start : start + CHUNK] for start in range(0, len(listed), CHUNK))


def zone_sets(connection: Connection) -> dict[int, str]:
    """Every set of zones that a lead may refer to: id -> names in order, with commas."""
    return dict(connection.execute(select(zone_set.c.id, zone_set.c.zones)).all())


def zone_ids(connection: Connection, wanted: Collection[str]) -> dict[str, int]:
    """The ids of these sets; those that are new are added."""
    add_new(connection, zone_set, [{"zones": zones} for zones in sorted(wanted)])
    return {zones: key for key, zones in zone_sets(connection).items() if zones in wanted}


def lines(connection: Connection, wanted: Collection[tuple[UUID, UUID]]) -> list[Record]:
    """These (person, phone), once for each owner of the same number: person_id, key, groups, phone_id, e164,
    kind, owner (a person's id).
    """
    same = phone.alias()
    found: list[Record] = []
    for part in chunks(wanted):
        query = (
            select(phone.c.person_id, person.c.key, person.c.groups)
            .add_columns(phone.c.id.label("phone_id"), phone.c.e164, phone.c.kind)
            .add_columns(same.c.person_id.label("owner"))
            .join(person, person.c.id == phone.c.person_id)
            .join(same, same.c.e164 == phone.c.e164)
            # The first alone leads to the rows; ids are unique, so the second takes no other.
            .where(among(connection, phone.c.person_id, {person_id for person_id, _ in part}))
            .where(among(connection, phone.c.id, {phone_id for _, phone_id in part}))
        )
        found += connection.execute(query)
    return found


def lock(connection: Connection, people: Collection[UUID]) -> set[UUID]:
    """Hold these people until the transaction's end; those whom nobody else holds at this moment.

    Only who holds a person writes an attempt for him.
    """
    held: set[UUID] = set()
    for part in chunks(people):
        query = select(person.c.id).where(among(connection, person.c.id, part))
        held.update(connection.scalars(query.with_for_update(skip_locked=True, key_share=True)))
    return held


def owners(connection: Connection, e164: str) -> list[Record]:
    """Everybody who has this number: person_id, key, groups, phone_id, e164, kind."""
    query = (
        select(phone.c.person_id, person.c.key, person.c.groups)
        .add_columns(phone.c.id.label("phone_id"), phone.c.e164, phone.c.kind)
        .join(person, person.c.id == phone.c.person_id)
        .where(phone.c.e164 == e164)
    )
    return list(connection.execute(query))


def place_of(connection: Connection, person_id: UUID) -> Record | None:
    """What is known of where a person lives: timezone, lat, lon, region, city."""
    columns = (person.c.timezone, person.c.lat, person.c.lon, person.c.region, person.c.city)
    return connection.execute(select(*columns).where(person.c.id == person_id)).one_or_none()
