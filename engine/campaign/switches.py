"""What operators switch for all dialers at once; each reads the switches in every beat (0.2 to 0.5 s).

| switch | while it is on |
|---|---|
| `stop` | nothing is dialled, by any dialer, for any campaign; calls under way go on |
| `hangup` | and every call under way is hung up |
| `drain:NODE` | nothing new goes to this Asterisk |

They stand in the database, so they hold across restarts. Every change is in the audit.
"""

from typing import Any

from sqlalchemy import Connection, Engine

from engine.campaign.errand import DRAIN, HANGUP, STOP
from engine.errors import NotFound
from engine.settings import Settings
from storage import audit, calls
from storage import campaign as campaigns
from storage import dialer as store
from storage.db import Record, reading, writing
from storage.vocab import CampaignState


class Switches:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def stop(self, reason: str, actor: str, *, hangup: bool) -> bool:
        """Nothing is dialled from now on, and with `hangup` calls under way end; False: so it was already."""
        with writing(self._engine) as connection:
            wanted = (STOP, HANGUP) if hangup else (STOP,)
            changed = [self._on(connection, name, actor, reason) for name in wanted]
            if any(changed):
                self._note(connection, actor, "stop-all", "all", reason=reason, hangup=hangup)
        return any(changed)

    def release(self, reason: str, actor: str) -> bool:
        """Dialling goes on; False: nothing was stopped."""
        with writing(self._engine) as connection:
            changed = [store.turn_off(connection, name) for name in (STOP, HANGUP)]
            if any(changed):
                self._note(connection, actor, "stop-all.release", "all", reason=reason)
        return any(changed)

    def stopped(self) -> Record | None:
        """Who stopped everything, when and why: at, actor, reason; None: nobody."""
        with reading(self._engine) as connection:
            return store.switches(connection).get(STOP)

    def at_stake(self) -> dict[str, int]:
        """What stopping everything is about: campaigns that run, calls under way."""
        with reading(self._engine) as connection:
            running = campaigns.campaigns(connection, [CampaignState.RUNNING])
            return {"campaigns": len(running), "calls": calls.under_way(connection)}

    def drain(self, node: str, reason: str, actor: str) -> bool:
        """No new calls go to a node; False: so it was already. NotFound: nobody knows such a node."""
        with writing(self._engine) as connection:
            known = {one.name for one in self._settings.asterisk}
            if node not in known | {row["node"] for row in _nodes(connection, set())}:
                raise NotFound(f"no [[asterisk]] named {node!r}")
            changed = self._on(connection, DRAIN + node, actor, reason)
            if changed:
                self._note(connection, actor, "asterisk.drain", node, reason=reason)
        return changed

    def undrain(self, node: str, actor: str) -> bool:
        """It gets calls again; False: it was not drained."""
        with writing(self._engine) as connection:
            changed = store.turn_off(connection, DRAIN + node)
            if changed:
                self._note(connection, actor, "asterisk.undrain", node)
        return changed

    def nodes(self) -> list[dict[str, Any]]:
        """Each node as each living dialer sees it (`nodes_of`), and those of the settings that none has."""
        with reading(self._engine) as connection:
            drained = drained_of(store.switches(connection))
            rows = _nodes(connection, drained)
        seen = {row["node"] for row in rows}
        for one in self._settings.asterisk:
            if one.name not in seen:
                told = {"connected": False, "used": 0, "channels": one.channels}
                rows.append({"node": one.name, "dialer": "", **told, "drained": one.name in drained})
        return sorted(rows, key=lambda row: (row["node"], row["dialer"]))

    def _on(self, connection: Connection, name: str, actor: str, reason: str) -> bool:
        return store.turn_on(connection, name, self._settings.now(), actor, reason)

    def _note(self, connection: Connection, actor: str, deed: str, subject: str, **detail: Any) -> None:
        at = self._settings.now()
        audit.note(connection, at=at, actor=actor, deed=deed, subject=subject, **detail)


def drained_of(switched: Any) -> set[str]:
    """The drained nodes, of the names of what is switched."""
    return {name.removeprefix(DRAIN) for name in switched if name.startswith(DRAIN)}


def nodes_of(dialers: list[Record], drained: set[str]) -> list[dict[str, Any]]:
    """Of each dialer that lives: node, dialer, connected, used, channels (of this dialer's own; None: the
    node left the settings), drained.
    """
    return [
        {"node": node, "dialer": row.name, **told, "drained": node in drained}
        for row in dialers
        if row.left_s >= 0
        for node, told in row.state.get("nodes", {}).items()
    ]


def _nodes(connection: Connection, drained: set[str]) -> list[dict[str, Any]]:
    return nodes_of(store.dialers(connection), drained)
