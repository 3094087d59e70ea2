"""The dialers together: a lease each, shares of every limit, and whoever dies is taken over.

| a dialer | then |
|---|---|
| renews its lease in every beat | its writes count; whoever would take it over waits |
| cannot reach the database | dials nothing after a second (its permits are void) |
| has not renewed for 10 s | another one, that has not been away itself, takes its calls and shares over |
| wakes and finds itself fenced | writes nothing more and ends; started again it is a new one |

Blocking; used from the dialer's books thread.
"""

import fcntl
import socket
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine

from engine import telemetry
from engine.campaign.shares import Claims, Key, Settled, Share, settle
from engine.errors import Fenced, Refused
from engine.settings import Settings
from storage import calls
from storage import dialer as store
from storage.db import writing

LEASE_S = 10.0

log = telemetry.logger("fleet")


class Fleet:
    """One dialer's place among all."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        self.name = settings.dialer.name
        self._lock = (settings.data_dir / f"dialer-{self.name}.lock").resolve()
        self._holder = f"{socket.gethostname()}:{self._lock}"
        self.fence = 0
        self.skew_s = 0.0

    def alone(self) -> BinaryIO:
        """The lock that tells on this machine: the last dialer of this name is dead. Refused: it lives."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        lock = self._lock.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise Refused(f"a dialer named {self.name!r} runs already ({self._lock})") from None
        return lock

    def join(self) -> bool:
        """Take this name's lease; False while another process has it."""
        with writing(self._engine) as connection:
            fence = store.join(connection, self.name, self._holder, LEASE_S)
        self.fence = fence or 0
        return fence is not None

    def renew(self, connection: Connection, now: float) -> None:
        """Hold on to the lease; `now` is our own clock, seconds since 1970. Fenced: it is another's."""
        told = store.renew(connection, self.name, self.fence, LEASE_S)
        if told is None:
            raise Fenced(f"dialer {self.name!r} was taken over by another")
        self.skew_s = now - told

    def settle(self, claims: Claims, able: bool, state: Mapping[str, Any]) -> dict[Key, Share]:
        """One step of dividing all limits; what to keep to from now on."""
        with writing(self._engine) as connection:
            store.divide(connection)
            if not store.holds(connection, self.name, self.fence):
                raise Fenced(f"dialer {self.name!r} was taken over by another")
            store.tell(connection, self.name, able=able, state=state, at=self._settings.now())
            own: dict[Key, Share] = {}
            others: dict[Key, list[Share]] = defaultdict(list)
            for row in store.shares(connection):
                key, held = (row.kind, row.name), Share(row.channels, row.cps)
                if row.dialer == self.name:
                    own[key] = held
                else:
                    others[key].append(held)
            settled = settle(claims, others, store.able(connection), self.name)
            self._save(connection, settled, own)
        return settled.limits

    def _save(self, connection: Connection, settled: Settled, own: Mapping[Key, Share]) -> None:
        changed = [
            (*key, held.channels, held.cps) for key, held in settled.granted.items() if own.get(key) != held
        ]
        store.save_shares(connection, self.name, changed)
        store.drop_shares(connection, self.name, own.keys() - settled.granted.keys())

    def take_over(self) -> list[str]:
        """Take over what dialers of run-out leases left: their open attempts are ours; whose they were."""
        with writing(self._engine) as connection:
            store.divide(connection)
            if store.renew(connection, self.name, self.fence, LEASE_S) is None:
                raise Fenced(f"dialer {self.name!r} was taken over by another")
            heired = []
            for dead in store.lapsed(connection):
                if calls.hand_over(connection, dead, self.name):
                    heired.append(dead)
                store.inherit(connection, dead, self.name)
        return heired

    def leave(self) -> None:
        """An orderly end."""
        with writing(self._engine) as connection:
            store.leave(connection, self.name, self.fence)
