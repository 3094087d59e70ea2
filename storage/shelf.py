"""What the audio cache holds and who needs it. Leads are read in pages, so memory does not grow with them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, literal, select, tuple_, update

from storage.campaign import campaign, lead
from storage.contact import chunks
from storage.db import Each, Record, among, like
from storage.speech import audio, cost, template
from storage.vocab import AudioState, CampaignState, LeadState

PAGE = 5000
NEEDING = (LeadState.PENDING, LeadState.IN_FLIGHT)  # new ones have no clips yet

_PUT_BACK = Each(
    lambda given: (
        update(lead)
        .where(lead.c.person_id == given["person_id_"], lead.c.id == given["id_"])
        .where(lead.c.state == LeadState.PENDING)
        .values(state=LeadState.NEW, clips=None)
    ),
    like(lead, "person_id", "id"),
)


def in_folder(connection: Connection, digits: str) -> list[Record]:
    """Finished fragments whose file begins with these two digits: key, file, bytes, used_at, voice, text."""
    columns = ("key", "file", "bytes", "used_at", "voice", "text")
    ready = audio.c.state == AudioState.READY
    query = select(*(audio.c[name] for name in columns)).where(ready, audio.c.file >= digits)
    return list(connection.execute(query.where(audio.c.file < digits + "g")))


def longest_unused(connection: Connection, before: datetime) -> Iterator[list[Record]]:
    """Files that nobody asked for since, in pages, the longest first: file, used_at."""
    used = func.max(audio.c.used_at).label("used_at")
    files = select(audio.c.file, used).where(audio.c.state == AudioState.READY).group_by(audio.c.file)
    table = files.having(func.max(audio.c.used_at) < before).subquery()
    query = select(table).order_by(table.c.used_at, table.c.file).limit(PAGE)
    page = list(connection.execute(query))
    while page:
        yield page
        after = tuple_(literal(page[-1].used_at, audio.c.used_at.type), literal(page[-1].file))
        page = list(connection.execute(query.where(tuple_(table.c.used_at, table.c.file) > after)))


def drop(connection: Connection, files: Collection[str], before: datetime) -> set[str]:
    """Forget these files, but for those that were asked for since; the files that nobody knows any more."""
    gone = set(files)
    for part in chunks(sorted(files)):
        ours = among(connection, audio.c.file, part)
        connection.execute(delete(audio).where(ours, audio.c.used_at < before))
        gone -= set(connection.scalars(select(audio.c.file).where(ours)))
    return gone


def forget(connection: Connection, keys: Collection[str]) -> None:
    """These fragments were never made."""
    for part in chunks(sorted(keys)):
        connection.execute(delete(audio).where(among(connection, audio.c.key, part)))


def playing(connection: Connection) -> Iterator[list[Record]]:
    """Leads with a message, of campaigns that are not over, in pages: person_id, id, state, clips."""
    open_ = select(campaign.c.id).where(campaign.c.state != CampaignState.DONE)
    query = (
        select(lead.c.person_id, lead.c.id, lead.c.state, lead.c.clips)
        .where(lead.c.campaign_id.in_(list(connection.scalars(open_))), lead.c.state.in_(NEEDING))
        .order_by(lead.c.person_id, lead.c.id)
        .limit(PAGE)
    )
    page = list(connection.execute(query))
    while page:
        yield page
        last = page[-1]
        after = tuple_(literal(last.person_id, lead.c.person_id.type), literal(last.id, lead.c.id.type))
        page = list(connection.execute(query.where(tuple_(lead.c.person_id, lead.c.id) > after)))


def put_back(connection: Connection, rows: Sequence[Record]) -> None:
    """Leads (person_id, id) whose message is lost: it has to be made anew before they are dialled."""
    _PUT_BACK(connection, [{"person_id_": row.person_id, "id_": row.id} for row in rows])


def phrases(connection: Connection) -> list[tuple[UUID, Mapping[str, Any]]]:
    """Of each campaign that is not over: what all its calls share."""
    query = select(campaign.c.id, campaign.c.phrases).where(campaign.c.state != CampaignState.DONE)
    return [(key, found or {}) for key, found in connection.execute(query)]


def recordings(connection: Connection) -> list[Record]:
    """What people recorded for templates, of all versions: name, version, wavs."""
    rows = connection.execute(select(template.c.name, template.c.version, template.c.wavs))
    return [row for row in rows if row.wavs]


def voices(connection: Connection) -> list[Record]:
    """What each voice made: voice, fragments, bytes, ms, used_at (the oldest)."""
    sums = (func.count().label("fragments"), func.sum(audio.c.bytes).label("bytes"))
    query = select(audio.c.voice, *sums, func.sum(audio.c.ms).label("ms"), func.min(audio.c.used_at))
    ready = query.where(audio.c.state == AudioState.READY).group_by(audio.c.voice).order_by(audio.c.voice)
    return list(connection.execute(ready))


def uses(connection: Connection) -> int:
    """How many clips all leads play, one after the other."""
    length = func.jsonb_array_length if connection.dialect.name == "postgresql" else func.json_array_length
    return connection.scalar(select(func.sum(length(lead.c.clips))).where(lead.c.state != LeadState.NEW)) or 0


def costs(connection: Connection) -> Record:
    """What all voices were asked for: requests, characters, kopecks."""
    names = ("requests", "characters", "kopecks")
    sums = (func.coalesce(func.sum(cost.c[name]), 0).label(name) for name in names)
    return connection.execute(select(*sums)).one()
