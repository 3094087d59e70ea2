"""Templates (kept in versions) and the audio that has been made."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    select,
)

from storage.db import Id, Json, UtcTime, metadata, new_id

template = Table(
    "template",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("source", Text, nullable=False, comment="the file as it was given"),
    Column("wavs", Json, nullable=False, comment="fragment -> [audio name, ms] of ready recordings"),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("name", "version"),
)

audio = Table(
    "audio",
    metadata,
    Column("key", String(64), primary_key=True, comment="SHA-256 of format, voice, text and how it is made"),
    Column("file", String(64), nullable=False, comment="SHA-256 of the content"),
    Column("state", String(8), nullable=False),
    Column("ms", Integer, nullable=False, default=0),
    Column("bytes", Integer, nullable=False, default=0),
    Column("voice", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("error", Text, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False, comment="when it was last asked for, by the day"),
    Index("ix_audio_file", "file"),
)

cost = Table(
    "speech_cost",
    metadata,
    Column("day", Date, primary_key=True, comment="of UTC"),
    Column("voice", String(64), primary_key=True),
    Column("requests", Integer, nullable=False),
    Column("characters", BigInteger, nullable=False),
    Column("kopecks", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One version of a template."""

    id: UUID
    name: str
    version: int
    source: str
    wavs: dict[str, list[Any]]
    created_at: datetime


def latest(connection: Connection, name: str) -> TemplateRow | None:
    """The newest version of a template."""
    query = select(template).where(template.c.name == name).order_by(template.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return TemplateRow(*row) if row else None


def template_of(connection: Connection, template_id: UUID) -> TemplateRow:
    """The version that a campaign was made with."""
    return TemplateRow(*connection.execute(select(template).where(template.c.id == template_id)).one())


def versions(connection: Connection, ids: Collection[UUID]) -> dict[UUID, TemplateRow]:
    """id -> template, of these."""
    query = select(template).where(template.c.id.in_(ids))
    return {row.id: TemplateRow(*row) for row in connection.execute(query)}


def templates(connection: Connection) -> list[TemplateRow]:
    """The newest version of each template, by name."""
    newest = select(template.c.name, func.max(template.c.version).label("version")).group_by(template.c.name)
    top = newest.subquery()
    query = select(template).join(
        top, (template.c.name == top.c.name) & (template.c.version == top.c.version)
    )
    return [TemplateRow(*row) for row in connection.execute(query.order_by(template.c.name))]


def add_template(
    connection: Connection, name: str, source: str, wavs: Mapping[str, list[Any]], at: datetime
) -> TemplateRow:
    """A new version; the same source and recordings as the newest one add nothing."""
    newest = latest(connection, name)
    if newest and newest.source == source and newest.wavs == dict(wavs):
        return newest
    version = newest.version + 1 if newest else 1
    row = TemplateRow(new_id(), name, version, source, dict(wavs), at)
    values = {
        "id": row.id,
        "name": name,
        "version": version,
        "source": source,
        "wavs": row.wavs,
        "created_at": at,
    }
    connection.execute(template.insert().values(values))
    return row
