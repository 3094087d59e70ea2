"""Who did what, and when: written in the same transaction as the deed, never changed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, Text, select

from storage.db import Id, Json, Record, UtcTime, metadata, new_id

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False, comment="the system user, a key's name, or call:<attempt>"),
    Column("deed", Text, nullable=False, comment="noun.verb, as on the command line"),
    Column("subject", Text, nullable=False),
    Column("detail", Json, nullable=False),
)


def note(connection: Connection, *, at: datetime, actor: str, deed: str, subject: str, **detail: Any) -> None:
    """Add a line to the audit."""
    row = {"id": new_id(), "at": at, "actor": actor, "deed": deed, "subject": subject, "detail": detail}
    connection.execute(audit.insert().values(row))


def newest(connection: Connection, *, actor: str, deed: str, subject: str) -> Record | None:
    """The last line of its kind: at, detail."""
    query = (
        select(audit.c.at, audit.c.detail)
        .where(audit.c.actor == actor, audit.c.deed == deed, audit.c.subject == subject)
        .order_by(audit.c.at.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()
