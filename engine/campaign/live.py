"""A campaign as it is at this moment, for whoever watches it. From the database alone.

Counting a million leads takes a while, so what is counted is kept for as long as twenty times the counting
took: watching costs the database a twentieth of one processor at most. The rest is read each time.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from engine.campaign.errand import STOP
from engine.campaign.service import RATE_WINDOW_S, Campaigns
from engine.campaign.switches import drained_of, nodes_of
from engine.contact.cases import ZoneSets
from engine.contact.packs import law_of
from engine.errors import NotFound
from engine.settings import Settings
from storage import calls, due
from storage import campaign as store
from storage import dialer as dialers
from storage.db import Record, reading
from storage.vocab import Outcome

KEEP = 20  # times as long as it took to count
COUNTED = 1000  # due leads of a priority, zone set and stream; more are told as so many
LEVELS = 3  # priorities that are told, the highest
GONE_S = 60.0  # a dialer that has not renewed its lease for so long is told no more


class Live:
    """One campaign, watched; `clock` gives seconds."""

    def __init__(
        self, engine: Engine, settings: Settings, name: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine, self._settings, self._name, self._clock = engine, settings, name, clock
        self._campaigns, self._sets = Campaigns(engine, settings), ZoneSets()
        self._counted: dict[str, Any] = {}
        self._until = float("-inf")

    def look(self) -> dict[str, Any]:
        """The campaign's status (contract), and beside it: at, stopped, answer_rate, zones, trunks, nodes,
        dialers, errors. NotFound.
        """
        now = self._settings.now()
        with reading(self._engine) as connection:
            row = store.find(connection, self._name)
            if row is None:
                raise NotFound(f"no campaign named {self._name!r}")
            if (began := self._clock()) >= self._until:
                self._counted = self._count(connection, row, now)
                took = self._clock() - began
                self._until = began + took + KEEP * took
            switched = dialers.switches(connection)
            recent = calls.prepared_since(connection, row.id, now, RATE_WINDOW_S)
            busy = calls.under_way(connection, row.id)
            fleet = [one for one in dialers.dialers(connection) if one.left_s > -GONE_S]
        rate = {"cps": round(recent / RATE_WINDOW_S, 1), "cps_limit": row.cps}
        rate |= {"channels": busy, "channels_limit": row.channels}
        stop = switched.get(STOP)
        stopped = {"at": stop.at, "actor": stop.actor, "reason": stop.reason} if stop else None
        return self._counted | {
            "state": row.state,
            "why": row.why,
            "rate": rate,
            "at": now,
            "stopped": stopped,
            "trunks": _trunks(fleet, row.trunks),
            "nodes": nodes_of(fleet, drained_of(switched)),
            "dialers": [_dialer(one) for one in fleet],
            "errors": _errors(fleet),
        }

    def _count(self, connection: Connection, row: store.CampaignRow, now: datetime) -> dict[str, Any]:
        """What takes long."""
        status = self._campaigns.status(self._name)
        attempts = status["attempts"]
        answered = sum(count for key, count in attempts.items() if key.startswith("answered"))
        over = sum(count for key, count in attempts.items() if key not in ("total", Outcome.CANCELLED))
        rate = round(answered / over, 4) if over else None
        return status | {"answer_rate": rate, "zones": self._zones(connection, row, now)}

    def _zones(self, connection: Connection, row: store.CampaignRow, now: datetime) -> list[dict[str, Any]]:
        """Zone sets with leads that are due: zones, open, local (the time in each), opens_at, and due by
        priority, those that are open first.
        """
        law, sets = law_of(self._settings, row.law), self._sets.read(connection)
        found: dict[int, dict[str, int]] = {}
        for level in due.levels(connection, row.id, now, list(sets))[:LEVELS]:
            for key, count in due.counts(connection, row.id, now, level, list(sets), COUNTED).items():
                found.setdefault(key, {})[str(level)] = count
        rows = []
        for key, leads in found.items():
            open_ = law.open(sets[key], now)
            rows.append(
                {
                    "zones": ",".join(zone.key for zone in sets[key]),
                    "open": open_,
                    "local": sorted({f"{now.astimezone(zone):%H:%M}" for zone in sets[key]}),
                    "opens_at": None if open_ or not sets[key] else law.opens(sets[key], now),
                    "due": leads,
                }
            )
        late = now + timedelta(days=9999)
        return sorted(rows, key=lambda one: (not one["open"], one["opens_at"] or late, one["zones"]))


def _trunks(fleet: list[Record], names: list[str]) -> list[dict[str, Any]]:
    """The campaign's trunks as each living dialer sees them: trunk, dialer, and what `Valves.told` says."""
    rows = [
        {"trunk": name, "dialer": one.name, **told}
        for one in fleet
        if one.left_s >= 0
        for name, told in one.state.get("trunks", {}).items()
        if name in names
    ]
    return sorted(rows, key=lambda row: (row["trunk"], row["dialer"]))


def _dialer(row: Record) -> dict[str, Any]:
    """dialer, holder, able (it may dial), left_s (of its lease), clock (why it is in doubt, or "")."""
    told = {"dialer": row.name, "holder": row.holder, "able": row.able and row.left_s >= 0}
    return told | {"left_s": round(row.left_s, 1), "clock": row.state.get("clock", "")}


def _errors(fleet: list[Record]) -> list[dict[str, str]]:
    """The last errors of all dialers, the newest last: dialer, at, text."""
    told = [{"dialer": one.name, **error} for one in fleet for error in one.state.get("errors", [])]
    return sorted(told, key=lambda error: error["at"])[-5:]
