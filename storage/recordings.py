"""Recordings as the attempts tell of them: queries. The files themselves are `engine.recording`'s."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from storage.calls import attempt
from storage.campaign import campaign
from storage.contact import chunks
from storage.db import Record, id_at
from storage.vocab import Recording

PAGE = 2000
COLUMNS = (
    *(attempt.c.id, attempt.c.prepared_at, attempt.c.answered_at, attempt.c.ended_at, attempt.c.outcome),
    *(attempt.c.heard_ms, attempt.c.recording, campaign.c.name.label("campaign"), campaign.c.law),
)
ROWS = select(*COLUMNS).join(campaign, campaign.c.id == attempt.c.campaign_id)


def wanted(connection: Connection, before: datetime, limit: int) -> list[Record]:
    """Calls that were over before a moment and whose recording was not looked for yet, the oldest first.

    Each: id, answered_at, ended_at, heard_ms.
    """
    query = (
        select(attempt.c.id, attempt.c.answered_at, attempt.c.ended_at, attempt.c.heard_ms)
        .where(attempt.c.recording == Recording.WANTED, attempt.c.ended_at < before)
        .order_by(attempt.c.id)
        .limit(limit)
    )
    return list(connection.execute(query))


def settle(connection: Connection, ids: Collection[UUID], found: Recording) -> int:
    """Write what became of these; how many of them nobody had settled before."""
    settled = 0
    for part in chunks(ids):
        query = update(attempt).where(attempt.c.id.in_(part), attempt.c.recording == Recording.WANTED)
        settled += connection.execute(query.values(recording=found)).rowcount
    return settled


def remove(connection: Connection, ids: Collection[UUID]) -> None:
    """These are deleted."""
    for part in chunks(ids):
        query = update(attempt).where(attempt.c.id.in_(part), attempt.c.recording != Recording.NONE)
        connection.execute(query.values(recording=Recording.REMOVED))


def recorded(
    connection: Connection, campaign_id: UUID | None, since: datetime | None, state: Recording | None
) -> Iterator[Record]:
    """Attempts that were to be recorded, in the order of dialling; each with COLUMNS. In pages."""
    query = ROWS.where(attempt.c.recording != Recording.NONE).order_by(attempt.c.id).limit(PAGE)
    if campaign_id is not None:
        query = query.where(attempt.c.campaign_id == campaign_id)
    if since is not None:  # ids are in order of time
        query = query.where(attempt.c.id >= id_at(since))
    if state is not None:
        query = query.where(attempt.c.recording == state)
    page = list(connection.execute(query))
    while page:
        yield from page
        page = list(connection.execute(query.where(attempt.c.id > page[-1].id)))


def of(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Record]:
    """These attempts, recorded or not, with COLUMNS."""
    found: dict[UUID, Record] = {}
    for part in chunks(ids):
        found.update((row.id, row) for row in connection.execute(ROWS.where(attempt.c.id.in_(part))))
    return found
