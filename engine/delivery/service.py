"""Webhooks for operators: how far each is, a trial, another beginning."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from engine.delivery.feed import Feed, body
from engine.errors import NotFound, UsageError
from engine.gateways.webhooks import Answer, post
from engine.sections import Webhook
from engine.settings import Settings
from storage import audit, webhooks
from storage.db import new_id, reading, writing


class Webhooks:
    """Those of the settings; `feeds` by their names."""

    def __init__(self, engine: Engine, settings: Settings, feeds: Mapping[str, Feed]) -> None:
        self._engine, self._settings, self._feeds = engine, settings, feeds

    def list(self) -> list[dict[str, Any]]:
        """How each webhook of the settings stands; position is None before its first start."""
        return [self._standing(hook) for hook in self._settings.webhooks]

    def _standing(self, hook: Webhook) -> dict[str, Any]:
        last = self._feeds[hook.name].last()
        with reading(self._engine) as connection:
            row = webhooks.find(connection, hook.name, hook.tells)
        waits = row is not None and row.failures and row.wait_s > 0
        next_at = self._settings.now() + timedelta(seconds=row.wait_s) if row and waits else None
        return {
            "name": hook.name,
            "tells": hook.tells,
            "position": row.position if row else None,
            "backlog": last - row.position if row else 0,
            "failures": row.failures if row else 0,
            "error": row.error if row else "",
            "next_at": next_at,
            "delivered_at": row.delivered_at if row else None,
        }

    def test(self, name: str) -> Answer:
        """Deliver a batch of nothing; its answer. Nothing is written down."""
        hook, delivery = self._settings.webhook_named(name), new_id()
        sent = body(name, delivery, 0, self._feeds[name].told([]), test=True)
        return post(hook, sent, delivery, datetime.now(UTC))

    def reset(self, name: str, position: int | None, actor: str) -> None:
        """Try again at once; with a position: deliver what comes behind it, again or never.

        UsageError for a position that is not there yet, NotFound for a webhook that has not begun.
        """
        hook, last = self._settings.webhook_named(name), self._feeds[name].last()
        if position is not None and position > last:
            raise UsageError(f"position {position} is not there yet; the last one is {last}")
        with writing(self._engine) as connection:
            if not webhooks.reset(connection, name, hook.tells, position):
                raise NotFound(f"webhook {name} has not begun: `zvonar serve web` begins it")
            now = self._settings.now()
            audit.note(connection, at=now, actor=actor, deed="webhook.reset", subject=name, position=position)
