"""What conversations write of attempts, and what they need of them (`storage.calls` has the table)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Update, bindparam, case, func, select, update

from storage import feed
from storage.calls import attempt, one_attempt
from storage.campaign import campaign, lead
from storage.contact import chunks, phone
from storage.db import Each, Given, Record, like
from storage.vocab import AttemptState, Outcome


def _talked(given: Given) -> Update:
    said = case((attempt.c.talk == Outcome.ANSWERED_OPERATOR, attempt.c.talk), else_=given["talk_"])
    closed = attempt.c.ended_at.is_not(None)
    return one_attempt(given).values(
        talk=said,
        heard_ms=given["heard_ms_"],
        message_ms=given["message_ms_"],
        pressed=given["pressed_"],
        call_back=given["call_back_"],
        promised_on=given["promised_on_"],
        heard=given["heard_"],
        amd=given["amd_"],
        outcome=case((closed, said), else_=attempt.c.outcome),
        state=case((closed, AttemptState.ENDED.value), else_=attempt.c.state),
    )


_TALK = ("talk", "heard_ms", "message_ms", "pressed", "call_back", "promised_on", "heard", "amd")
_TALKED = Each(_talked, like(attempt, "person_id", "id", *_TALK))


def save_talks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """What conversations report at their end: person_id_, id_, talk_ (outcome), heard_ms_, message_ms_,
    pressed_, call_back_ (an hour, or None), promised_on_ (a day, or None), heard_, amd_; what else is in a
    row is not for here.

    That an operator took the call stands, whatever the conversation could see of it. The dialer may have
    given up waiting and closed the attempt before: then this sets its outcome too, and the result is told
    again at a new position.
    """
    names = ("person_id_", "id_", *(f"{name}_" for name in _TALK))
    _TALKED(connection, [{name: row[name] for name in names} for row in rows])
    _tell_again(connection, [row["id_"] for row in rows])


def save_joined(connection: Connection, attempt_id: UUID) -> None:
    """An operator took the call, whether this is told before its end or after."""
    joined, closed = Outcome.ANSWERED_OPERATOR.value, attempt.c.ended_at.is_not(None)
    query = update(attempt).where(attempt.c.id == attempt_id)
    query = query.values(
        talk=joined,
        outcome=case((closed, joined), else_=attempt.c.outcome),
        state=case((closed, AttemptState.ENDED.value), else_=attempt.c.state),
    )
    connection.execute(query)
    _tell_again(connection, [attempt_id])


_TELL_AGAIN = Each(
    lambda given: one_attempt(given).values(position=given["position_"]),
    like(attempt, "person_id", "id", "position"),
)


_LATE = select(attempt.c.person_id.label("person_id_"), attempt.c.id.label("id_")).where(
    attempt.c.id.in_(bindparam("ids", expanding=True)), attempt.c.ended_at.is_not(None)
)


def _tell_again(connection: Connection, attempt_ids: Collection[UUID]) -> None:
    """Those of these attempts that were over already are news to whoever follows results."""
    late: list[Record] = []
    for part in chunks(attempt_ids):
        late += connection.execute(_LATE, {"ids": part})
    if late:
        places = feed.places(connection, len(late))
        rows = [{**row._mapping, "position_": place} for row, place in zip(late, places, strict=True)]
        _TELL_AGAIN(connection, rows)


def save_abandoned(connection: Connection, attempt_ids: Collection[UUID]) -> None:
    """These were answered, and no operator was there in time."""
    for part in chunks(attempt_ids):
        connection.execute(update(attempt).where(attempt.c.id.in_(part)).values(abandoned=True))


# Made once: making a statement of four tables costs more than reading its rows.
_before = attempt.alias()
_promised = (
    select(func.count(_before.c.call_back))
    .where(_before.c.person_id == attempt.c.person_id, _before.c.lead_id == attempt.c.lead_id)
    .scalar_subquery()
)
# What a sheet is made of, and of which tables.
SHEET = (
    *(attempt.c.id, attempt.c.person_id, attempt.c.campaign_id, attempt.c.trunk, attempt.c.recording),
    *(campaign.c.pacing, campaign.c.queue, campaign.c.machine),
    func.coalesce(lead.c.template_id, campaign.c.template_id).label("template_id"),
    *(lead.c.lang, lead.c.clips, lead.c.zone_id, _promised.label("promised"), phone.c.e164),
)
JOINED = (
    attempt.join(campaign, campaign.c.id == attempt.c.campaign_id)
    .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
    .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
)
_FOR_TALKS = (
    select(*SHEET)
    .select_from(JOINED)
    .where(attempt.c.id >= bindparam("first"), attempt.c.ended_at.is_(None))
    .order_by(attempt.c.id)
    .limit(bindparam("most"))
)


def for_talks(connection: Connection, first: UUID, limit: int) -> list[Record]:
    """What conversations need of open attempts, this one and those prepared after it.

    Each: id, person_id, campaign_id, trunk, recording, pacing, queue, machine, template_id (the lead's, or
    else its campaign's), lang, clips, e164, zone_id, promised (how many call-backs this lead was promised).
    """
    return list(connection.execute(_FOR_TALKS, {"first": first, "most": limit}))
