"""What a dispatch is told, if a webhook of the settings wants to hear of masking; else nothing is written.

No event names anybody's phone: an order, its sides, the numbers of ours, times and reasons.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.settings import Settings
from storage import mask_events as store
from storage.db import new_id
from storage.vocab import MaskEvent


def wanted(settings: Settings) -> bool:
    """Does anybody listen?"""
    return any(hook.url and hook.tells == "masking" for hook in settings.webhook)


def note(connection: Connection, settings: Settings, kind: MaskEvent, order: str = "", **body: Any) -> None:
    """Write an event down with what it tells of; it goes out within seconds."""
    if wanted(settings):
        told = {name: _plain(value) for name, value in body.items()}
        row = {"id": new_id(), "at": settings.now(), "kind": kind, "order_id": order, "body": told}
        store.add(connection, row)


def _plain(value: Any) -> Any:
    """A moment as deliveries write it; all else as it is."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
