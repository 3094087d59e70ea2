"""Keys of our HTTP: made, listed, revoked; who stands behind a request, and what he may.

A key is shown once, when it is made; only its SHA-256 is kept (of 256 random bits no slow hash is needed).
"""

import hashlib
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from engine.access.signature import SLACK_S, Request, nonce_of
from engine.errors import Denied, NoKey, NotFound, Refused
from engine.settings import Settings, safe_name
from storage import access as store
from storage import audit
from storage.db import new_id, reading, writing
from storage.vocab import Scope

PREFIX = "zv_"
KEEP = timedelta(hours=24)  # answers, for who asks again
PENDING = timedelta(seconds=60)  # after which a request that was never answered may be sent again


@dataclass(frozen=True, slots=True)
class Client:
    """Whose key it is, and what it is good for."""

    id: UUID
    name: str
    scopes: frozenset[str]


class Keys:
    """The keys in the database."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def add(self, name: str, scopes: Collection[Scope], actor: str, *, signed: bool = False) -> str:
        """A new key, told this once. `signed`: good for signed requests only. Refused: the name is taken."""
        safe_name(name)
        made, now = PREFIX + secrets.token_urlsafe(32), self._settings.now()
        with writing(self._engine) as connection:
            if not store.add(connection, name, _digest(made), scopes, signed=signed, at=now):
                raise Refused(f"a key is named {name!r} already; names of revoked ones are not used again")
            audit.note(
                connection,
                at=now,
                actor=actor,
                deed="web.key.add",
                subject=name,
                scopes=sorted(scopes),
                signed=signed,
            )
        return made

    def all(self) -> list[dict[str, Any]]:
        """Every key without its secret."""
        with reading(self._engine) as connection:
            rows = store.keys(connection)
        return [
            {
                "name": row.name,
                "scopes": row.scopes,
                "signed": bool(row.signed),
                "created_at": row.created_at,
                "revoked_at": row.revoked_at,
            }
            for row in rows
        ]

    def revoke(self, name: str, actor: str) -> None:
        """From the next request on it is good for nothing. NotFound."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            if not store.revoke(connection, name, now):
                raise NotFound(f"no key named {name!r} is good for anything")
            audit.note(connection, at=now, actor=actor, deed="web.key.revoke", subject=name)

    def client(self, key: str, scope: Scope, request: Request, signature: str = "") -> Client:
        """Whose request it is. NoKey: no good key; Denied: not good for this, or a wrong signature."""
        with reading(self._engine) as connection:
            row = store.by_digest(connection, _digest(key))
        if row is None:
            raise NoKey("no such key")
        if scope not in row.scopes:
            raise Denied(f"this key is not good for {scope}")
        if signature or row.signed:
            self._spend(row.id, nonce_of(signature, key, request, self._settings.now().timestamp()))
        return Client(row.id, row.name, frozenset(row.scopes))

    def _spend(self, key_id: UUID, nonce: str) -> None:
        now = self._settings.now()
        with writing(self._engine) as connection:
            forget = now - timedelta(seconds=2 * SLACK_S)
            if not store.take_nonce(connection, key_id, nonce, now, forget):
                raise Denied("this signature was used before")

    def once(
        self, client: Client, name: str, request: Request, act: Callable[[], tuple[int, str]]
    ) -> tuple[int, str]:
        """Status and body: what `act` answers, or what it answered when this Idempotency-Key came first.

        Refused: the key stands for another request, or the first one is still under way.
        """
        now, mine = self._settings.now(), new_id()
        asked = hashlib.sha256(repr(request).encode()).hexdigest()
        row = {"key_id": client.id, "idempotency_key": name, "digest": asked, "holder": mine}
        with writing(self._engine) as connection:
            blank = {"status": 0, "body": "", "at": now}
            first = store.take_answer(connection, row | blank, now - KEEP, now - PENDING)
        if first.digest != asked:
            raise Refused("this Idempotency-Key stands for another request")
        if first.status:
            return first.status, first.body
        if first.holder != mine:
            raise Refused("the first request with this Idempotency-Key is under way")
        status, body = act()
        with writing(self._engine) as connection:
            store.put_answer(connection, mine, status, body)
        return status, body


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
