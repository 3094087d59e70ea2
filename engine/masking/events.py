"""What a dispatch is told, if a webhook of the settings wants to hear of masking; else nothing is written.

No event names anybody's phone: an order, its sides, the numbers of ours, times and reasons.
"""

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
        row = {"id": new_id(), "at": settings.now(), "kind": kind, "order_id": order, "body": body}
        store.add(connection, row)
