"""Who agreed to what, and who refused: only ever added to. The newest line of a subject and kind holds."""

from collections.abc import Collection

from sqlalchemy import Boolean, Column, Connection, Index, String, Table, Text, select

from storage.contact import chunks
from storage.db import Id, Record, UtcTime, metadata

consent = Table(
    "consent",
    metadata,
    Column("id", Id, primary_key=True, comment="in order of time"),
    Column("subject", Text, nullable=False, comment="tel:<E.164> or id:<the ERP's id of the person>"),
    Column("kind", String(16), nullable=False),
    Column("given", Boolean, nullable=False, comment="false: refused or withdrawn"),
    Column("at", UtcTime, nullable=False, comment="when it was said"),
    Column("until", UtcTime, comment="a consent may end"),
    Column("source", Text, nullable=False, comment="where it was said: contract, call, letter …"),
    Column("proof", Text, nullable=False, comment="reference to the document or recording"),
    Column("actor", Text, nullable=False),
    Index("ix_consent_subject", "subject", "kind", "id"),
)


def newest(connection: Connection, subjects: Collection[str]) -> dict[tuple[str, str], Record]:
    """(subject, kind) -> what was said last: given, at, until, source, proof."""
    found: dict[tuple[str, str], Record] = {}
    for part in chunks(subjects):
        query = select(consent).where(consent.c.subject.in_(part)).order_by(consent.c.id)
        found.update(((row.subject, row.kind), row) for row in connection.execute(query))
    return found
