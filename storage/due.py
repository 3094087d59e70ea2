"""Who is next: leads that are due, from the index of pending ones, however many there are.

Priorities first. Within one, leads go in two streams: some (`lead.control`) in turn, the longest due first;
the others zone by zone, where the hour is best. Each zone set, stream and priority is a range of
`ix_lead_due`, of which only the beginning is read: so the rest costs nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Integer,
    Select,
    SmallInteger,
    bindparam,
    case,
    false,
    func,
    literal,
    select,
    text,
    true,
    union_all,
)

from storage.campaign import lead
from storage.db import Record
from storage.vocab import LeadState

AHEAD = 8  # times as many leads are looked at as are wanted: other dialers may have locked the first

PENDING = text("'pending'")  # as the index has it


def levels(connection: Connection, campaign_id: UUID, at: datetime, zones: Collection[int]) -> list[int]:
    """Priorities of the leads of these zone sets that are due, the highest first.

    From one priority to the next below it: as many steps down the index as there are priorities.
    """
    if not zones:
        return []
    values = {"campaign": campaign_id, "at": at}
    values |= {f"zone{place}": zone for place, zone in enumerate(sorted(zones))}
    return list(connection.scalars(_levels(len(zones)), values))


@lru_cache(maxsize=256)
def _levels(zones: int) -> Select[Any]:
    mine = (lead.c.campaign_id == bindparam("campaign"), lead.c.state == PENDING)
    level = select(func.max(lead.c.priority).label("priority")).where(*mine).cte("level", recursive=True)
    below = select(func.max(lead.c.priority)).where(*mine, lead.c.priority < level.c.priority)
    level = level.union_all(select(below.scalar_subquery()).where(level.c.priority.is_not(None)))
    # One by one, the first that is there: asked for all at once, PostgreSQL reads the table if most are due.
    parts = [_range(level.c.priority, *part).limit(1).scalar_subquery() for part in _parts(zones)]
    found = func.coalesce(*parts).is_not(None)
    return select(level.c.priority).where(found).order_by(level.c.priority.desc())


def _parts(zones: int) -> list[tuple[int, bool]]:
    """Every zone set's place, with each stream."""
    return [(place, control) for place in range(zones) for control in (False, True)]


def counts(
    connection: Connection, campaign_id: UUID, at: datetime, level: int, zones: Collection[int], most: int
) -> dict[int, int]:
    """Zone set -> leads of a priority that are due, each stream counted to `most`; those that have any."""
    if not zones:
        return {}
    values = {"campaign": campaign_id, "at": at, "level": level, "most": most}
    values |= {f"zone{place}": zone for place, zone in enumerate(sorted(zones))}
    found: dict[int, int] = {}
    for zone, leads in connection.execute(_counts(len(zones)), values):
        found[zone] = found.get(zone, 0) + leads
    return {zone: leads for zone, leads in found.items() if leads}


@lru_cache(maxsize=256)
def _counts(zones: int) -> Any:
    level = bindparam("level", type_=SmallInteger)
    ranges = [
        (place, _range(level, place, control).limit(bindparam("most")).subquery())
        for place, control in _parts(zones)
    ]
    each = [
        select(
            bindparam(f"zone{place}", type_=Integer).label("zone"), func.count().label("leads")
        ).select_from(of)
        for place, of in ranges
    ]
    return union_all(*each)


def _range(level: ColumnElement[int], place: int, control: bool) -> Select[Any]:
    """The range of the index that one priority, zone set and stream is, the longest due first."""
    query = select(lead.c.due_at).where(
        lead.c.campaign_id == bindparam("campaign"),
        lead.c.priority == level,
        lead.c.control == (true() if control else false()),
        lead.c.zone_id == bindparam(f"zone{place}"),
        lead.c.state == PENDING,
        lead.c.due_at <= bindparam("at"),
    )
    return query.order_by(lead.c.due_at)


@dataclass(frozen=True, slots=True)
class Ranking:
    """The order within a priority. `scores`: open zone set -> how good its hour is.

    Where all scores are equal: the longest due first. Else those of the higher score before the others, and
    among them, one in `control`, the control leads in turn; `turn`, from 0 to 1, is how far the next of these
    is off. When either stream is empty the other has all.
    """

    scores: Mapping[int, int]
    control: int
    turn: float = 0.5


def take(
    connection: Connection, campaign_id: UUID, at: datetime, limit: int, level: int, ranking: Ranking
) -> list[Record]:
    """Lock up to `limit` leads of a priority that are due, in open zone sets, in their order.

    Each: person_id, id, key, phone_id, role, zone_id, checked_at, attempts, control, avoids, template_id. A
    lead that another dialer has locked is passed over.
    """
    scores = ranking.scores
    if not scores:
        return []
    even = len(set(scores.values())) == 1
    values = {"campaign": campaign_id, "at": at, "ahead": AHEAD * limit, "most": limit, "level": level}
    values |= {f"zone{place}": zone for place, zone in enumerate(sorted(scores))}
    if not even:
        values |= {f"score{place}": scores[zone] for place, zone in enumerate(sorted(scores))}
        values |= {"turn": ranking.turn, "each": float(ranking.control)}
    return list(connection.execute(_take(len(scores), even), values))


@lru_cache(maxsize=256)
def _take(zones: int, even: bool) -> Select[Any]:
    """The query for so many zone sets: built once, it is long."""
    ripe = union_all(*(select(_ripe(*part, even).subquery()) for part in _parts(zones))).subquery("ripe")
    slot = literal(0.0) if even else _slot(ripe)
    slotted = select(ripe.c.person_id, ripe.c.id, ripe.c.due_at, slot.label("slot")).subquery("slotted")
    first = slotted.c.slot, slotted.c.due_at, slotted.c.id  # ids are in order of time: from the list's top
    due = select(slotted).order_by(*first).limit(bindparam("ahead")).subquery("due")
    return (
        select(
            *(lead.c.person_id, lead.c.id, lead.c.key, lead.c.phone_id, lead.c.role),
            *(lead.c.zone_id, lead.c.checked_at, lead.c.attempts, lead.c.control, lead.c.avoids),
            lead.c.template_id,
        )
        .join(due, (due.c.person_id == lead.c.person_id) & (due.c.id == lead.c.id))
        .where(lead.c.state == LeadState.PENDING)
        .order_by(due.c.slot, due.c.due_at, due.c.id)
        .limit(bindparam("most"))
        .with_for_update(of=lead, skip_locked=True)
    )


def _ripe(place: int, control: bool, even: bool) -> Select[Any]:
    """The longest due leads of one stream in the zone set in this place."""
    score: ColumnElement[int] = literal(0) if control else bindparam(f"score{place}", type_=Integer)
    columns: list[ColumnElement[Any]] = [] if even else [lead.c.control, score.label("score")]
    query = _range(bindparam("level", type_=SmallInteger), place, control).limit(bindparam("ahead"))
    return query.add_columns(lead.c.person_id, lead.c.id, *columns)


def _slot(ripe: Any) -> ColumnElement[float]:
    """Where a lead stands in the queue that both streams make: control leads at every so-manyeth place."""
    each = bindparam("each", type_=Float)
    order = (ripe.c.score.desc(), ripe.c.due_at, ripe.c.id)
    place = func.row_number().over(partition_by=ripe.c.control, order_by=order) - 1
    return case(
        (ripe.c.control, (place + bindparam("turn", type_=Float)) * each),
        else_=(place + 0.5) * each / (each - 1),
    )
