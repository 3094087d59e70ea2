"""Attempts: every call that was ever prepared, with what each witness saw of it.

Two write here: the dialer inserts an attempt before it dials and closes it afterwards; FastAGI adds what
the conversation reported (`talk`, `heard_ms`, `pressed`). Each writes its own columns once.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    Update,
    func,
    select,
    text,
    update,
)

from storage.campaign import lead
from storage.contact import chunks, phone
from storage.db import Each, Given, Id, Json, Record, UtcTime, among, id_at, like, metadata
from storage.vocab import Recording

attempt = Table(
    "attempt",
    metadata,
    Column("person_id", Id, primary_key=True),
    Column("id", Id, primary_key=True, comment="also ChannelId and ActionID in Asterisk"),
    Column("lead_id", Id, nullable=False),
    Column("campaign_id", Id, nullable=False),
    Column("phone_id", Id, nullable=False),
    Column("number", Integer, nullable=False, comment="1 for the lead's first"),
    Column("kind", String(8), nullable=False, comment="talk or message: what its law calls it"),
    Column("permit", Json, nullable=False, comment="why it was lawful at that moment"),
    Column("dialer", String(64), nullable=False, comment="who sees it to its end"),
    Column("fence", BigInteger, nullable=False, default=0, comment="of the run that may dial it; 0: none"),
    Column("node", String(64), nullable=False),
    Column("trunk", String(64), nullable=False),
    Column("caller_id", String(20), nullable=False, default=""),
    Column("state", String(16), nullable=False),
    Column("outcome", String(24), nullable=False, default=""),
    Column("prepared_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Column("ringing_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("refused", Text, nullable=False, default="", comment="Asterisk's reason for refusing"),
    Column("cause", Integer, comment="Q.850, from Hangup"),
    Column("tech_cause", Integer, comment="SIP status, from Hangup"),
    Column("refund", Boolean, nullable=False, default=False, comment="the phone did not ring"),
    Column("talk", String(24), nullable=False, default="", comment="outcome that the conversation reported"),
    Column("heard_ms", Integer),
    Column("message_ms", Integer),
    Column("pressed", String(32), nullable=False, default=""),
    Column("call_back", Integer, comment="the hour of his day at which he asked to be called"),
    Column("abandoned", Boolean, nullable=False, default=False, comment="answered, and no operator in time"),
    Column("control", Boolean, nullable=False, default=False, comment="called in turn, not at its best hour"),
    Column("recording", String(12), nullable=False, default=Recording.NONE),
    Column(
        "amd",
        String(12),
        nullable=False,
        default="",
        comment="who answered, as Asterisk took it: human, machine, notsure",
    ),
    Column("heard", Text, nullable=False, default="", comment="fragments heard to their end, with commas"),
    Column("promised_on", Date, comment="the day of his by which he promised to pay"),
    Column("position", BigInteger, comment="its place among all results, in the order they were stored"),
    ForeignKeyConstraint(["person_id", "lead_id"], ["lead.person_id", "lead.id"]),
    Index("ix_attempt_id", "id"),
    Index("ix_attempt_campaign_id_outcome", "campaign_id", "outcome"),
    Index(
        "ix_attempt_position",
        "position",
        unique=True,
        sqlite_where=text("position IS NOT NULL"),
        postgresql_where=text("position IS NOT NULL"),
    ),
    Index(
        "ix_attempt_recording",
        "id",
        sqlite_where=text("recording = 'wanted'"),
        postgresql_where=text("recording = 'wanted'"),
    ),
    # The last wall: nobody is called twice at a time, whatever his phones and campaigns.
    Index(
        "ix_attempt_person_open",
        "person_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index(
        "ix_attempt_open",
        "dialer",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)


def one_attempt(given: Given) -> Update:
    """The change of one attempt: person_id_, id_."""
    return update(attempt).where(attempt.c.person_id == given["person_id_"], attempt.c.id == given["id_"])


def prepare(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Attempts that are about to be dialled."""
    if rows:
        connection.execute(attempt.insert(), rows)


TALK = (
    *(attempt.c.id, attempt.c.talk, attempt.c.heard_ms, attempt.c.message_ms, attempt.c.pressed),
    *(attempt.c.call_back, attempt.c.promised_on),
)


def talks(connection: Connection, attempt_ids: Collection[UUID]) -> dict[UUID, Record]:
    """What conversations have reported of these attempts: (id, talk, heard_ms, message_ms, pressed,
    call_back, promised_on)."""
    found: dict[UUID, Record] = {}
    for part in chunks(attempt_ids):
        query = select(*TALK).where(among(connection, attempt.c.id, part), attempt.c.talk != "")
        found.update((row.id, row) for row in connection.execute(query))
    return found


def past(connection: Connection, person_ids: Collection[UUID], since: datetime) -> list[Record]:
    """Attempts of these people prepared since then, and those that are not over: what limits count.

    Each: person_id, id, campaign_id, kind, prepared_at, ringing_at, answered_at, ended_at, outcome, refund,
    key (the lead's), e164.
    """
    columns = (
        *(attempt.c.person_id, attempt.c.id, attempt.c.campaign_id, attempt.c.kind, attempt.c.prepared_at),
        *(attempt.c.ringing_at, attempt.c.answered_at, attempt.c.ended_at, attempt.c.outcome),
        *(attempt.c.refund, lead.c.key, phone.c.e164),
    )
    found: list[Record] = []
    for part in chunks(set(person_ids)):
        query = (
            select(*columns)
            .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
            .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
            .where(among(connection, attempt.c.person_id, part))
            .where((attempt.c.id >= id_at(since)) | attempt.c.ended_at.is_(None))
        )
        found += connection.execute(query)
    return found


def standing(connection: Connection, attempt_ids: Collection[UUID]) -> dict[UUID, Record]:
    """Those of these attempts that are not over yet, as `talks`; nobody reports of them meanwhile."""
    found: dict[UUID, Record] = {}
    for part in chunks(attempt_ids):
        query = select(*TALK).where(among(connection, attempt.c.id, part), attempt.c.ended_at.is_(None))
        found.update((row.id, row) for row in connection.execute(query.with_for_update()))
    return found


_CLOSED = (
    *("state", "outcome", "sent_at", "ringing_at", "answered_at", "ended_at"),
    *("refused", "cause", "tech_cause", "refund", "position"),
)
_CLOSE = Each(
    lambda given: one_attempt(given).values({name: given[f"{name}_"] for name in _CLOSED}),
    like(attempt, "person_id", "id", *_CLOSED),
)


def close(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Attempts (`standing` ones) that are over; each row has person_id_, id_ and what closing sets, its
    position (one of `feed.places`) too.
    """
    _CLOSE(connection, rows)


def abandoned(connection: Connection, dialer: str) -> set[UUID]:
    """Those of a dialer's attempts under way that no operator took in time."""
    query = select(attempt.c.id).where(attempt.c.dialer == dialer, attempt.c.ended_at.is_(None))
    return set(connection.scalars(query.where(attempt.c.abandoned)))


def answer_counts(connection: Connection, campaign_id: UUID, since: datetime) -> tuple[int, int]:
    """Of a campaign's attempts prepared since then: how many were answered, how many of these abandoned."""
    query = select(func.count(attempt.c.answered_at), func.count().filter(attempt.c.abandoned))
    query = query.where(attempt.c.campaign_id == campaign_id, attempt.c.id >= id_at(since))
    answered, lost = connection.execute(query).one()
    return answered, lost


def open_attempts(connection: Connection, dialer: str) -> list[Record]:
    """Attempts of a dialer that are not over (after a crash), with the lead's count of attempts."""
    query = (
        select(attempt, lead.c.attempts.label("made"), phone.c.e164)
        .join(lead, (lead.c.person_id == attempt.c.person_id) & (lead.c.id == attempt.c.lead_id))
        .join(phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id))
        .where(attempt.c.dialer == dialer, attempt.c.ended_at.is_(None))
    )
    return list(connection.execute(query))


def under_way(connection: Connection, campaign_id: UUID | None = None) -> int:
    """How many attempts of all dialers are not over, of one campaign or of all."""
    query = select(func.count()).select_from(attempt).where(attempt.c.ended_at.is_(None))
    if campaign_id is not None:
        query = query.where(attempt.c.campaign_id == campaign_id)
    return connection.execute(query).scalar_one()


def hand_over(connection: Connection, dead: str, heir: str) -> int:
    """A dead dialer's open attempts are another's from now on; how many."""
    query = update(attempt).where(attempt.c.dialer == dead, attempt.c.ended_at.is_(None))
    return connection.execute(query.values(dialer=heir, fence=0)).rowcount


def outcome_counts(connection: Connection, campaign_id: UUID) -> dict[str, int]:
    """Attempts by outcome; "" stands for those under way."""
    query = (
        select(attempt.c.outcome, func.count())
        .where(attempt.c.campaign_id == campaign_id)
        .group_by(attempt.c.outcome)
    )
    return dict(connection.execute(query).all())


def prepared_since(connection: Connection, campaign_id: UUID, now: datetime, seconds: int) -> int:
    """How many attempts of a campaign were prepared in the last seconds: its rate."""
    # Ids are in order of time, so the newest are found from the end of an index.
    since = id_at(now - timedelta(seconds=seconds))
    query = select(func.count()).where(attempt.c.campaign_id == campaign_id, attempt.c.id >= since)
    return connection.execute(query).scalar_one()
