"""What masking leaves behind, deleted piece by piece; each function says how many rows went.

A piece is one short transaction. Rows that somebody is changing are passed over, so nobody waits for it, and
several may delete at once.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from storage.db import delete_some, id_at
from storage.mask_calls import mask_call
from storage.mask_events import mask_event
from storage.masking import code, order, route
from storage.vocab import Recording
from storage.webhooks import webhook


def routes(connection: Connection, before: datetime, limit: int) -> int:
    """Ways that have been over since then."""
    return delete_some(connection, route, route.c.grace_until < before, limit)


def codes(connection: Connection, at: datetime, limit: int) -> int:
    """Codes that are not held any more."""
    return delete_some(connection, code, code.c.hold_until <= at, limit)


def orders(connection: Connection, before: datetime, limit: int) -> int:
    """Orders that have been over since then, grace and all."""
    return delete_some(connection, order, order.c.grace_until < before, limit)


def events(
    connection: Connection, hooks: Collection[str], told_before: datetime, before: datetime, limit: int
) -> int:
    """Events from before one moment that each of these webhooks was told, and all from before another."""
    mine = webhook.c.tells == "masking", webhook.c.name.in_(hooks)
    told = select(func.min(webhook.c.position)).where(*mine).scalar_subquery()
    event = mask_event.c
    known = or_(event.at < before, event.position <= told)
    return delete_some(connection, mask_event, (event.at < told_before) & known, limit)


def calls(connection: Connection, before: datetime, limit: int) -> int:
    """Calls that came in before that, unless they have a recording still."""
    silent = mask_call.c.recording.not_in((Recording.WANTED, Recording.KEPT))
    return delete_some(connection, mask_call, (mask_call.c.id < id_at(before)) & silent, limit)
