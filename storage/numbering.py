"""The numbering register: whose number a number is, by ranges; ported numbers are looked up first.

When it changes, what is kept of phones and leads is worked out again: read in the order of their keys, a
page at a time, so that millions of them need no memory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    select,
    tuple_,
    union_all,
    update,
)

from storage.campaign import lead
from storage.contact import person, phone
from storage.db import Record, UtcTime, metadata
from storage.vocab import LeadState

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

PORTED = "ported"
PAGE = 5000
RANGE = (number_range.c.register, number_range.c.first, number_range.c.last)
WHOSE = (number_range.c.operator, number_range.c.region)

Key = tuple[UUID, UUID]
Row = tuple[int, int, str, str]  # first, last, operator, region


def replace(
    connection: Connection, name: str, rows: Iterable[Row], *, ranges: int, sha256: str, at: datetime
) -> None:
    """Put these ranges in the place of all that this register has; zones are not worked out yet."""
    connection.execute(delete(number_range).where(number_range.c.register == name))
    connection.execute(delete(register).where(register.c.name == name))
    row = {"name": name, "ranges": ranges, "sha256": sha256, "tzdata": "", "loaded_at": at}
    connection.execute(register.insert().values(row))
    columns = ("first", "last", "operator", "region")
    named = ({"register": name} | dict(zip(columns, row, strict=True)) for row in rows)
    while page := list(islice(named, PAGE)):
        connection.execute(number_range.insert(), page)


def registers(connection: Connection) -> list[Record]:
    """What is loaded: name, ranges, sha256, tzdata, loaded_at."""
    return list(connection.execute(select(register).order_by(register.c.name)))


def set_tzdata(connection: Connection, version: str) -> None:
    """Zones are worked out, with this version."""
    connection.execute(update(register).values(tzdata=version))


def ranges(connection: Connection) -> Iterator[Record]:
    """Every range: register, first, last, operator, region; in order of both, a page at a time."""
    query = select(*RANGE, *WHOSE).order_by(*RANGE[:2]).limit(PAGE)
    page = list(connection.execute(query))
    while page:
        yield from page
        last = tuple_(page[-1].register, page[-1].first)
        page = list(connection.execute(query.where(tuple_(*RANGE[:2]) > last)))


def find(connection: Connection, name: str, number: int) -> list[Record]:
    """What the register of this name, and the list of ported numbers, have of a number: at most two rows
    (register, first, last, operator, region), each found by its key.
    """
    mine = select(*RANGE, *WHOSE).where(number_range.c.register == name, number_range.c.first <= number)
    nearest = mine.order_by(number_range.c.first.desc()).limit(1).subquery("nearest")
    ported = (number_range.c.register == PORTED, number_range.c.first == number)
    query = union_all(select(*RANGE, *WHOSE).where(*ported), select(nearest).where(nearest.c.last >= number))
    return list(connection.execute(query))


def phones_after(connection: Connection, after: Key | None) -> list[Record]:
    """A page of phones: person_id, id, e164, kind, operator, region, zone_id."""
    columns = ("person_id", "id", "e164", "kind", "operator", "region", "zone_id")
    query = select(*(phone.c[name] for name in columns))
    return _page(connection, query, phone, after)


def leads_after(connection: Connection, after: Key | None) -> list[Record]:
    """A page of leads that are not over, with what tells their zones: person_id, id, zone_id, by_number, e164
    of the lead's phone, timezone, lat, lon, region, city.
    """
    query = (
        select(lead.c.person_id, lead.c.id, lead.c.zone_id, lead.c.by_number, phone.c.e164)
        .add_columns(person.c.timezone, person.c.lat, person.c.lon, person.c.region, person.c.city)
        .join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
        .join(person, person.c.id == lead.c.person_id)
        .where(lead.c.state != LeadState.DONE)
    )
    return _page(connection, query, lead, after)


def _page(connection: Connection, query: Any, table: Table, after: Key | None) -> list[Record]:
    key = (table.c.person_id, table.c.id)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return list(connection.execute(query.order_by(*key).limit(PAGE)))


def set_phones(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """What the register says of phones: person_id_, id_, kind, operator, region, zone_id."""
    values: dict[str, Any] = {name: bindparam(name) for name in ("kind", "operator", "region", "zone_id")}
    _set(connection, phone, rows, values)


def set_zones(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """The zones of leads: person_id_, id_, zone_id, by_number."""
    _set(connection, lead, rows, {name: bindparam(name) for name in ("zone_id", "by_number")})


def _set(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], values: Mapping[str, Any]
) -> None:
    if rows:
        one = (table.c.person_id == bindparam("person_id_"), table.c.id == bindparam("id_"))
        connection.execute(update(table).where(*one).values(values), rows)
