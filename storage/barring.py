"""Leads that blacklist entries concern: taken out while an entry stands, and back when it does no more.

What is blocked here could also wait until it is due: the dispatch asks the blacklist for every call. So leads
that a dialer holds at this moment are left to it, and nobody waits for anybody.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    Text,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.blacklist import GLOBAL, keys_for, standing
from storage.campaign import campaign, lead
from storage.contact import CHUNK, chunks, person, phone
from storage.db import Record
from storage.vocab import BanKind, LeadState, Waits

WHY = "blacklisted:"
UNSAID = ("no-consent", "refused")  # as engine.contact.rules tells it
WAITING = (LeadState.NEW, LeadState.PENDING)


def why(entry_id: UUID) -> str:
    """What a lead says that this entry keeps out."""
    return f"{WHY}{entry_id}"


def bar(connection: Connection, entries: Iterable[Mapping[Any, Any]]) -> int:
    """Block the waiting leads that these entries (id, key, scope, until) concern for good; how many.

    Those with a date block nothing: the dispatch puts their leads off.
    """
    lasting = [entry for entry in entries if entry["until"] is None]
    met = _met(connection, lasting, lead.c.state.in_(WAITING))
    return sum(_change(connection, one, state=LeadState.BLOCKED, why=one.c.why) for one in met)


def wake(connection: Connection, entries: Iterable[Mapping[Any, Any]], at: datetime) -> int:
    """Leads that were put off because of entries with a date are due now; how many."""
    dated = [entry for entry in entries if entry["until"] is not None]
    put_off = (lead.c.state == LeadState.PENDING) & (lead.c.waits == Waits.BLACKLIST)
    return sum(_change(connection, one, due_at=at) for one in _met(connection, dated, put_off))


def _change(connection: Connection, met: Subquery, **values: Any) -> int:
    """Set columns of these leads, which wait for nothing any more; how many."""
    these = (lead.c.person_id == met.c.person_id) & (lead.c.id == met.c.id)
    return connection.execute(update(lead).where(these).values(waits=Waits.TURN, **values)).rowcount


def _met(
    connection: Connection, entries: Iterable[Mapping[Any, Any]], state: ColumnElement[bool]
) -> Iterator[Subquery]:
    """Leads that these entries concern, by kind of entry: person_id, id, why."""
    by_kind: dict[BanKind, list[tuple[str, str, str]]] = defaultdict(list)
    for entry in entries:
        kind, _, value = entry["key"].partition(":")
        by_kind[BanKind(kind)].append((value, entry["scope"], why(entry["id"])))
    for kind, rows in by_kind.items():
        named = _table(connection, rows)
        yield (
            select(lead.c.person_id, lead.c.id, named.c.why)
            .select_from(named)
            .join(*_names(connection, kind, named.c.value))
            .join(lead, _theirs(kind))
            .join(campaign, campaign.c.id == lead.c.campaign_id)
            .where(state, or_(named.c.scope == GLOBAL, named.c.scope == campaign.c.name))
            .with_for_update(of=lead, skip_locked=True)
            .subquery()
        )


def _table(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> FromClause:
    """(value, scope, why) as a table: however many they are, the statement is the same and compiled once."""
    if connection.dialect.name == "postgresql":
        columns = [literal(list(cells), ARRAY(Text)) for cells in zip(*rows, strict=True)]
        return func.unnest(*columns).table_valued("value", "scope", "why", name="named").render_derived()
    each = func.json_each(json.dumps(rows)).table_valued("value", name="each")
    cells = (func.json_extract(each.c.value, f"$[{place}]", type_=Text) for place in range(3))
    return select(*map(ColumnElement.label, cells, ("value", "scope", "why"))).subquery("named")


def _names(connection: Connection, kind: BanKind, value: ColumnElement[str]) -> tuple[Any, Any]:
    """The table in which this kind of entry finds whom it names, and how."""
    match kind:
        case BanKind.NUMBER:
            return phone, phone.c.e164 == value
        case BanKind.PREFIX:  # a range of the index, the same in every collation
            last = func.substr(value.concat("9" * 16), 1, 16)
            return phone, (phone.c.e164 >= value) & (phone.c.e164 <= last)
        case BanKind.PERSON:
            return person, person.c.key == value
        case BanKind.GROUP:
            return person, _member(connection, value)


def _member(connection: Connection, group: ColumnElement[str]) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        has: ColumnElement[bool] = type_coerce(person.c.groups, JSONB).has_key(group)
        return has
    each = func.json_each(person.c.groups).table_valued("value", name="each")
    return exists(select(1).select_from(each).where(each.c.value == group).correlate_except(each))


def _theirs(kind: BanKind) -> ColumnElement[bool]:
    if kind in (BanKind.NUMBER, BanKind.PREFIX):
        return (lead.c.person_id == phone.c.person_id) & (lead.c.phone_id == phone.c.id)
    return lead.c.person_id == person.c.id


def barred(connection: Connection, entry_ids: Collection[UUID]) -> int:
    """How many leads these entries keep out."""
    found = 0
    for part in chunks(entry_ids):
        query = select(func.count()).where(_kept_out(part))
        found += connection.execute(query).scalar_one()
    return found


def _kept_out(entry_ids: Collection[UUID]) -> ColumnElement[bool]:
    return (lead.c.state == LeadState.BLOCKED) & lead.c.why.in_([why(one) for one in entry_ids])


def free(connection: Connection, entry: Record, at: datetime) -> int:
    """Let go, in one transaction, of all that a removed entry kept out or put off; how many leads."""
    freed, looked = wake(connection, [entry._mapping], at), 1
    while looked:
        looked, more = restore(connection, [entry.id], at)
        freed += more
    return freed


def restore(connection: Connection, entry_ids: Collection[UUID], at: datetime) -> tuple[int, int]:
    """Look at the first 500 leads that these entries (at most 500) keep out and should no longer: they are
    due now, unless another entry concerns them for good, which keeps them out from now on.

    How many were looked at, and how many are free; to be repeated until none is looked at.
    """
    query = (
        select(lead.c.person_id, lead.c.id, lead.c.clips, campaign.c.name, phone.c.e164)
        .add_columns(person.c.key, person.c.groups)
        .join(campaign, campaign.c.id == lead.c.campaign_id)
        .join(person, person.c.id == lead.c.person_id)
        .join(phone, (phone.c.person_id == lead.c.person_id) & (phone.c.id == lead.c.phone_id))
        .where(_kept_out(entry_ids))
        .limit(CHUNK)
        .with_for_update(of=lead)
    )
    rows = [(row, keys_for(row.e164, row.key, row.groups)) for row in connection.execute(query)]
    every = {key for _row, keys in rows for key in keys}
    lasting = [ban for ban in standing(connection, every, at) if ban.until is None]
    let_go: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    for row, keys in rows:
        other = [ban.id for ban in lasting if ban.key in keys and ban.scope in (GLOBAL, row.name)]
        who = {"person_id_": row.person_id, "id_": row.id}
        if other:
            kept.append(who | {"why_": why(other[0])})
        else:
            let_go.append(_going(row.person_id, row.id, bool(row.clips)))
    if kept:
        one = update(lead).where(lead.c.person_id == bindparam("person_id_"), lead.c.id == bindparam("id_"))
        connection.execute(one.values(why=bindparam("why_")), kept)
    _let_go(connection, let_go, at)
    return len(rows), len(let_go)


def reconsider(connection: Connection, subjects: Collection[str], at: datetime) -> int:
    """Let go of leads that were kept out for want of what these subjects (tel:…, id:…) have said since; how
    many. The dispatch asks again.
    """
    numbers = [one.removeprefix("tel:") for one in subjects if one.startswith("tel:")]
    theirs = (lead.c.person_id == phone.c.person_id) & (lead.c.phone_id == phone.c.id)
    query = select(lead.c.person_id, lead.c.id, lead.c.clips).where(
        lead.c.state == LeadState.BLOCKED, lead.c.why.in_(UNSAID)
    )
    rows: set[tuple[UUID, UUID, bool]] = set()
    for part in chunks(numbers):
        found = connection.execute(query.join(phone, theirs).where(phone.c.e164.in_(part)))
        rows.update((row.person_id, row.id, bool(row.clips)) for row in found)
    for part in chunks(subjects):
        named = query.join(person, person.c.id == lead.c.person_id).where(person.c.key.in_(part))
        rows.update((row.person_id, row.id, bool(row.clips)) for row in connection.execute(named))
    _let_go(connection, [_going(*row) for row in rows], at)
    return len(rows)


def _going(person_id: UUID, lead_id: UUID, spoken: bool) -> dict[str, Any]:
    state = LeadState.PENDING if spoken else LeadState.NEW
    return {"person_id_": person_id, "id_": lead_id, "state_": state}


def _let_go(connection: Connection, rows: Sequence[Mapping[str, Any]], at: datetime) -> None:
    """Blocked leads that are due now."""
    if rows:
        one = update(lead).where(lead.c.person_id == bindparam("person_id_"), lead.c.id == bindparam("id_"))
        connection.execute(one.values(state=bindparam("state_"), why="", due_at=at), rows)
