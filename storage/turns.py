"""What becomes of leads, turn by turn: made ready, dialled, put off, given back, over, blocked."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, literal, select, tuple_, update

from storage.campaign import lead
from storage.contact import chunks, phone
from storage.db import Each, Given, Record, among, like
from storage.vocab import LeadState, Waits

MUTE = "no audio: "  # how the reason begins for which a lead is blocked, if it is that
PAGE = 5000


def _one_lead(given: Given) -> Update:
    return update(lead).where(lead.c.person_id == given["person_id_"], lead.c.id == given["id_"])


def _in_flight(given: Given) -> Update:
    return _one_lead(given).where(lead.c.state == LeadState.IN_FLIGHT)


def _leads(*names: str) -> dict[str, Any]:
    return like(lead, "person_id", "id", *names)


_SET_AUDIO = Each(
    lambda given: (
        _one_lead(given)
        .where(lead.c.state == LeadState.NEW)
        .values(clips=given["clips_"], state=given["state_"], why=given["why_"], due_at=given["due_at_"])
    ),
    _leads("clips", "state", "why", "due_at"),
)
_CLAIM = Each(
    lambda given: _one_lead(given).where(lead.c.state == LeadState.NEW).values(due_at=given["due_at_"]),
    _leads("due_at"),
)
_BLOCK = Each(
    lambda given: _one_lead(given).values(state=LeadState.BLOCKED, why=given["why_"]), _leads("why")
)
_DEFER = Each(
    lambda given: _one_lead(given).values(due_at=given["due_at_"], waits=given["waits_"]),
    _leads("due_at", "waits"),
)
_SET_IN_FLIGHT = Each(
    lambda given: _one_lead(given).values(state=LeadState.IN_FLIGHT, waits=Waits.TURN), _leads()
)
_HOLD = Each(
    lambda given: _one_lead(given).values(
        state=LeadState.PENDING, due_at=given["due_at_"], waits=Waits.TRUNK
    ),
    _leads("due_at"),
)
_SET = ("state", "due_at", "waits", "attempts", "outcome", "avoids")
_RELEASE = Each(
    lambda given: _in_flight(given).values({name: given[f"{name}_"] for name in _SET}), _leads(*_SET)
)
_GIVE_BACK = Each(
    lambda given: _in_flight(given).values(state=LeadState.PENDING, due_at=given["due_at_"]),
    _leads("due_at"),
)
_TURN_TO = Each(
    lambda given: _in_flight(given).values(phone_id=given["phone_id_"], zone_id=given["zone_id_"]),
    _leads("phone_id", "zone_id"),
)


def set_audio(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """What became of new leads' messages: person_id_, id_, clips_, state_, why_, due_at_.

    One whose message is made is pending, one whose cannot be made is blocked; to be tried later it stays new.
    """
    _SET_AUDIO(connection, rows)


def claim(
    connection: Connection, campaign_id: UUID, at: datetime, until: datetime, limit: int
) -> list[Record]:
    """Leads whose message is to be made: (person_id, id, role, variables, template_id, lang, due_at).

    Nobody else is given them `until` then: that stands in `due_at`, whose old value is to be set again.
    """
    columns = ("person_id", "id", "role", "variables", "template_id", "lang", "due_at")
    query = (
        select(*(lead.c[name] for name in columns))
        .where(lead.c.campaign_id == campaign_id, lead.c.state == LeadState.NEW, lead.c.due_at <= at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = list(connection.execute(query))
    _CLAIM(connection, [{"person_id_": row.person_id, "id_": row.id, "due_at_": until} for row in rows])
    return rows


def unprepared(connection: Connection, campaign_id: UUID) -> Iterator[list[Record]]:
    """All leads whose message is to be made, in pages: person_id, id, role, variables, template_id, lang."""
    columns = ("person_id", "id", "role", "variables", "template_id", "lang")
    query = (
        select(*(lead.c[name] for name in columns))
        .where(lead.c.campaign_id == campaign_id, lead.c.state == LeadState.NEW)
        .order_by(lead.c.person_id, lead.c.id)
        .limit(PAGE)
    )
    page = list(connection.execute(query))
    while page:
        yield page
        last = literal(page[-1].person_id, lead.c.id.type), literal(page[-1].id, lead.c.id.type)
        page = list(connection.execute(query.where(tuple_(lead.c.person_id, lead.c.id) > tuple_(*last))))


def unmute(connection: Connection, campaign_id: UUID) -> int:
    """Leads that were blocked because of their audio are new again; how many."""
    query = update(lead).where(lead.c.campaign_id == campaign_id, lead.c.state == LeadState.BLOCKED)
    query = query.where(lead.c.why.startswith(MUTE, autoescape=True))
    return connection.execute(query.values(state=LeadState.NEW, why="")).rowcount


def block(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads that must not be dialled: person_id_, id_, why_."""
    _BLOCK(connection, rows)


def defer(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads that may be dialled later: person_id_, id_, due_at_, waits_."""
    _DEFER(connection, rows)


def wake(connection: Connection, numbers: Collection[str], at: datetime) -> None:
    """Look again at what waits for calls to these numbers to end, or for a limit that may be free again:
    leads of everybody who has one of them, whichever of his phones they would dial.
    """
    for part in chunks(set(numbers)):
        waiting = (
            select(lead.c.person_id, lead.c.id)
            .where(
                lead.c.person_id.in_(select(phone.c.person_id).where(among(connection, phone.c.e164, part))),
                lead.c.state == LeadState.PENDING,
                lead.c.waits.in_((Waits.LINE, Waits.LIMIT)),
            )
            .with_for_update(skip_locked=True)  # one that is locked is being looked at already
        )
        query = update(lead).where(tuple_(lead.c.person_id, lead.c.id).in_(waiting))
        connection.execute(query.values(due_at=at, waits=Waits.TURN))


def set_in_flight(connection: Connection, rows: list[Record]) -> None:
    """Leads that an attempt has been written for."""
    _SET_IN_FLIGHT(connection, [{"person_id_": row.person_id, "id_": row.id} for row in rows])


def hold(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads that were to be called and for which there is no trunk now: person_id_, id_, due_at_."""
    _HOLD(connection, rows)


def release(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads whose attempt is over: person_id_, id_, state_, due_at_, waits_, attempts_, outcome_, avoids_.

    A lead that was blocked meanwhile (the person opted out) stays blocked.
    """
    _RELEASE(connection, rows)


def give_back(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads whose attempt never went out: person_id_, id_, due_at_. For the rest nothing has been."""
    _GIVE_BACK(connection, rows)


def turn_to(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Leads that another phone is to be called of: person_id_, id_, phone_id_, zone_id_."""
    _TURN_TO(connection, rows)
