"""The card of a masked call, for the operator who takes it: who calls, about which order, why he is here.

Nobody's phone is on it: of the caller's own the last two digits, so that he may be asked whether it is he.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.errors import NotFound
from engine.masking.service import state
from engine.settings import Settings
from storage import mask_calls, mask_reports, masking
from storage.db import Record, reading
from storage.vocab import MaskRole

LAST, OTHERS = 10, 5
RECENT = timedelta(days=1)


class Cards:
    """By the id that the operator's phone and the manager interface are told. Blocking."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.lang = settings.lang

    def read(self, call_id: UUID) -> dict[str, Any]:
        """The card; NotFound for an id that names no call. `calls`: the order's last ones, `others`: what
        orders the caller has beside, both the newest first.
        """
        now = self._settings.now()
        with reading(self._engine) as connection:
            row = mask_calls.find(connection, call_id)
            if row is None:
                raise NotFound("no masked call has such an id")
            order = masking.find(connection, row.order_id) if row.order_id else None
            calls = mask_reports.last(connection, row.order_id, LAST + 1) if row.order_id else ()
            others = self._others(connection, row, now)
        return {
            "call": str(row.id),
            "at": row.begun_at,
            "role": row.role,
            "caller": f"…{row.caller[-2:]}" if row.caller else "",
            "rule": row.rule,
            "withheld": not row.caller,
            "order": row.order_id or None,
            "until": _until(order, row.role),
            **_about(order, now),
            "calls": [_call(one) for one in calls if one.id != row.id][:LAST],
            "others": others,
        }

    def _others(self, connection: Connection, row: Record, now: datetime) -> list[dict[str, Any]]:
        """The caller's other orders: those of his routes on this number, and of his calls of today."""
        if not row.caller:
            return []
        names = {one.order_id for one in masking.routes_of(connection, row.did, row.caller)}
        names |= mask_calls.orders_of(connection, row.caller, now - RECENT)
        found = [masking.find(connection, name) for name in names - {row.order_id}]
        orders = sorted((one for one in found if one), key=lambda one: one.effective_at, reverse=True)
        return [{"order": one.id} | _about(one, now) for one in orders[:OTHERS]]


def _about(order: Record | None, now: datetime) -> dict[str, Any]:
    """What an operator is told of an order."""
    if order is None:
        return {"state": None, "driver": None, "client": None}
    return {"state": state(order, now), "driver": order.driver, "client": order.client}


def _until(order: Record | None, role: str) -> datetime | None:
    """Until when its side is connected by it."""
    if order is None:
        return None
    until: datetime = order.grace_until if role == MaskRole.CLIENT else order.closes_at
    return until


def _call(row: Record) -> dict[str, Any]:
    talked = row.answered_at and row.ended_at
    talk_s = round((row.ended_at - row.answered_at).total_seconds()) if talked else 0
    return {"at": row.begun_at, "role": row.role, "end": row.ended, "talk_s": talk_s}
