"""Who may use our HTTP: keys, nonces of their signatures, and answers that may be asked for again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Index, Integer, String, Table, Text, delete, select, update

from storage.db import Id, Json, Record, UtcTime, add_new, metadata, new_id

key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column(
        "digest", String(64), nullable=False, unique=True, comment="SHA-256 of the key; it is kept nowhere"
    ),
    Column("scopes", Json, nullable=False),
    Column("signed", Integer, nullable=False, comment="1: each request has to be signed"),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

nonce = Table(
    "api_nonce",
    metadata,
    Column("key_id", Id, primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("holder", Id, nullable=False, comment="of the request that used it up"),
    Column("at", UtcTime, nullable=False),
    Index("ix_api_nonce_at", "at"),
)

answer = Table(
    "api_answer",
    metadata,
    Column("key_id", Id, primary_key=True),
    Column("idempotency_key", String(64), primary_key=True),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the request"),
    Column("holder", Id, nullable=False, comment="of the request that is being answered"),
    Column("status", Integer, nullable=False, comment="0: not answered yet"),
    Column("body", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_api_answer_at", "at"),
    Index("ix_api_answer_holder", "holder"),
)


def add(
    connection: Connection, name: str, digest: str, scopes: Collection[str], *, signed: bool, at: datetime
) -> bool:
    """A new key; False when the name is taken."""
    row = {"id": new_id(), "name": name, "digest": digest, "scopes": sorted(scopes), "signed": int(signed)}
    add_new(connection, key, [row | {"created_at": at}])
    query = select(key.c.digest).where(key.c.name == name)
    return bool(connection.execute(query).scalar_one() == digest)


def keys(connection: Connection) -> Sequence[Record]:
    """Every key, revoked ones too; all columns."""
    return connection.execute(select(key).order_by(key.c.created_at)).all()


def by_digest(connection: Connection, digest: str) -> Record | None:
    """The key with this digest, unless it is revoked: id, name, scopes, signed."""
    query = select(key.c.id, key.c.name, key.c.scopes, key.c.signed)
    return connection.execute(query.where(key.c.digest == digest, key.c.revoked_at.is_(None))).one_or_none()


def revoke(connection: Connection, name: str, at: datetime) -> bool:
    """A key is good for nothing from now on; False when there is none of that name that is."""
    query = update(key).where(key.c.name == name, key.c.revoked_at.is_(None)).values(revoked_at=at)
    return connection.execute(query).rowcount == 1


def take_nonce(connection: Connection, key_id: UUID, value: str, at: datetime, forget: datetime) -> bool:
    """Use a nonce up; False when it was. Those from before `forget` need not be known any more."""
    connection.execute(delete(nonce).where(nonce.c.at < forget))
    mine = new_id()
    add_new(connection, nonce, [{"key_id": key_id, "nonce": value, "holder": mine, "at": at}])
    there = select(nonce.c.holder).where(nonce.c.key_id == key_id, nonce.c.nonce == value)
    return bool(connection.execute(there).scalar_one() == mine)


def take_answer(
    connection: Connection, row: Mapping[str, Any], forget: datetime, pending: datetime
) -> Record:
    """Who answers a request with this Idempotency-Key, and what he answered: digest, holder, status, body.

    It is the `row`'s holder if there was nobody, nobody since `forget`, or since `pending` without an answer.
    """
    same = answer.c.key_id == row["key_id"], answer.c.idempotency_key == row["idempotency_key"]
    connection.execute(delete(answer).where(answer.c.at < forget))
    connection.execute(delete(answer).where(*same, answer.c.status == 0, answer.c.at < pending))
    add_new(connection, answer, [dict(row)])
    query = select(answer.c.digest, answer.c.holder, answer.c.status, answer.c.body)
    return connection.execute(query.where(*same)).one()


def put_answer(connection: Connection, holder: UUID, status: int, body: str) -> None:
    """What this holder's request was answered."""
    query = update(answer).where(answer.c.holder == holder)
    connection.execute(query.values(status=status, body=body))
