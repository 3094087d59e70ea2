"""Who agreed to what, and who refused: only ever added to. The newest line of a subject and kind holds."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, String, Table, Text, select

from storage.contact import chunks
from storage.db import Id, Record, UtcTime, add_new, among, metadata, new_id

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

SAID = ("subject", "kind", "given", "until", "source", "proof")


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """New lines (all columns but id); those that were added: what was said with the same proof is there."""
    known = {_said(row._mapping) for row in lines(connection, {row["subject"] for row in rows})}
    new: list[Mapping[str, Any]] = []
    for row in rows:
        if _said(row) not in known:
            known.add(_said(row))
            new.append({"id": new_id(row["at"]), **row})
    add_new(connection, consent, new)
    return new


def _said(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in SAID)


def lines(connection: Connection, subjects: Collection[str]) -> list[Record]:
    """All that these subjects said, the oldest first; of two things said at once the refusal is the later."""
    found: list[Record] = []
    order = consent.c.at, consent.c.given.desc(), consent.c.id
    for part in chunks(subjects):
        found += connection.execute(
            select(consent).where(among(connection, consent.c.subject, part)).order_by(*order)
        )
    return found


def newest(connection: Connection, subjects: Collection[str]) -> dict[tuple[str, str], Record]:
    """(subject, kind) -> what was said last: given, at, until, source, proof."""
    return {(row.subject, row.kind): row for row in lines(connection, subjects)}
