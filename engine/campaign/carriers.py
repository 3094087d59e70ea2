"""Trunks as operators handle them: how each stands, and its numbers laid to rest or woken."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from engine.campaign.caller_ids import by_trunk, row_of
from engine.campaign.callers import NEW, OPERATOR, QUARANTINE, Health
from engine.errors import NotFound
from engine.gateways.reach import reach
from engine.sections import Trunk
from engine.settings import Settings
from storage import audit
from storage import callers as store
from storage.db import reading, writing

Change = Callable[[Health, datetime], Health]


class Carriers:
    """The settings' trunks, with what results and Asterisk say of them."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def all(self) -> list[dict[str, Any]]:
        """Each trunk: its settings, node -> reachable (None: not known), its numbers with their health."""
        with reading(self._engine) as connection:
            known = by_trunk(store.callers(connection))
        now = self._settings.now()
        reached = asyncio.run(self._reach())
        return [_told(trunk, reached, known.get(trunk.name, {}), now) for trunk in self._settings.trunk]

    async def _reach(self) -> dict[str, dict[str, bool] | None]:
        """Node -> endpoint -> is it reachable; None of a node that cannot be asked."""
        endpoints = {trunk.endpoint for trunk in self._settings.trunk}
        nodes = self._settings.asterisk
        found = await asyncio.gather(*(reach(node, endpoints) for node in nodes))
        return {node.name: one for node, one in zip(nodes, found, strict=True)}

    def rest(self, number: str, actor: str) -> int:
        """Call from it no more, until it is woken; of how many trunks. NotFound: it is no trunk's."""

        def rested(health: Health, now: datetime) -> Health:
            return replace(health, rests_until=now + QUARANTINE, why=OPERATOR)

        return self._change(number, "trunk.rest", rested, actor)

    def wake(self, number: str, actor: str) -> int:
        """Call from it again, and count it afresh. NotFound as `rest`."""
        return self._change(number, "trunk.wake", lambda _health, _now: NEW, actor)

    def _change(self, number: str, deed: str, change: Change, actor: str) -> int:
        wanted = self._same(number)
        if not wanted:
            raise NotFound("that number is among no trunk's caller_ids")
        now = self._settings.now()
        with writing(self._engine) as connection:
            known = by_trunk(store.callers(connection, wanted, lock=True))
            rows = [
                row_of(trunk, one, change(known.get(trunk, {}).get(one, NEW), now)) for trunk, one in wanted
            ]
            store.save(connection, rows)
            _note(connection, wanted, deed, actor, now)
        return len(wanted)

    def _same(self, number: str) -> list[store.Key]:
        """Trunks that call from it: the same digits, however they are grouped."""
        return [
            (trunk.name, one)
            for trunk in self._settings.trunk
            for one in trunk.caller_ids
            if _digits(one) == _digits(number)
        ]


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)


def _note(connection: Connection, keys: list[store.Key], deed: str, actor: str, now: datetime) -> None:
    for trunk, number in keys:
        audit.note(connection, at=now, actor=actor, deed=deed, subject=number, trunk=trunk)


def _told(
    trunk: Trunk,
    reached: Mapping[str, Mapping[str, bool] | None],
    known: Mapping[str, Health],
    now: datetime,
) -> dict[str, Any]:
    nodes = {node: ends.get(trunk.endpoint) if ends is not None else None for node, ends in reached.items()}
    return {
        "trunk": trunk.name,
        "endpoint": trunk.endpoint,
        "cps": trunk.cps,
        "channels": trunk.channels,
        "priority": trunk.priority,
        "cost": trunk.cost,
        "prefixes": trunk.prefixes,
        "label": trunk.label,
        "reachable": nodes,
        "caller_ids": [_number(number, known.get(number, NEW), now) for number in trunk.caller_ids],
    }


def _number(number: str, health: Health, now: datetime) -> dict[str, Any]:
    """A number; shares to the hundredth, None where there is nothing to share."""
    return {
        "caller_id": number,
        "calls": round(health.calls),
        "answer_share": round(health.answered / health.calls, 2) if health.calls >= 1 else None,
        "short_share": round(health.short / health.answered, 2) if health.answered >= 1 else None,
        "rests_until": health.rests_until if health.resting(now) else None,
        "why": health.why if health.resting(now) else "",
    }
