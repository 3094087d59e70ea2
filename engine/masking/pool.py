"""The numbers of ours that masking gives out: added, drained, counted; and how many are needed.

A number serves any number of orders at once, but for one phone only one of them. So what counts is the phone
with the most orders at a time, not how many orders or talks there are: with a number for each participant
max(orders of a driver, orders of a client). With one for both sides of an order it would be their sum less
one (each order meets all others of both its phones). More talks at a time need channels, not numbers.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from engine.contact.numbers import e164
from engine.errors import NotFound, UsageError
from engine.settings import Settings
from storage import audit
from storage import masking as store
from storage.db import reading, writing
from storage.vocab import NumberState

MAX_LABEL = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """How many numbers are needed; `per_order`: if both sides of an order dialled the same."""

    numbers: int
    per_order: int


def plan(drivers: int, clients: int) -> Plan:
    """Of the most orders that one driver, and one client, has at a time (those in grace among them)."""
    if min(drivers, clients) < 1:
        raise UsageError("a driver and a client have at least one order")
    return Plan(max(drivers, clients), drivers + clients - 1)


class Numbers:
    """The numbers in the database."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def add(self, did: str, actor: str, *, shared: bool = False, label: str = "") -> bool:
        """A number is given out from now on; False: it was already. `shared`: everybody's."""
        number = e164(did, self._settings.region)
        if len(label) > MAX_LABEL or not label.isprintable():
            raise UsageError(f"a label has at most {MAX_LABEL} letters (126-FZ, article 45)")
        with writing(self._engine) as connection:
            row = {"did": number, "shared": shared, "state": NumberState.ON, "label": label}
            changed = store.put_number(connection, row)
            if changed:
                self._note(connection, actor, "mask.pool.add", number, shared=shared)
        return changed

    def drain(self, did: str, actor: str) -> int:
        """Give a number to no more orders; how many open routes it still has. NotFound."""
        number = e164(did, self._settings.region)
        with writing(self._engine) as connection:
            if not store.set_state(connection, number, NumberState.DRAIN):
                raise NotFound(f"{did} is no masking number")
            self._note(connection, actor, "mask.pool.drain", number)
            return store.open_routes(connection, self._settings.now()).get(number, 0)

    def all(self) -> list[dict[str, Any]]:
        """Every number: did, shared, state, label, routes (those that are open)."""
        with reading(self._engine) as connection:
            routes = store.open_routes(connection, self._settings.now())
            rows = store.numbers(connection)
        names = ("did", "shared", "state", "label")
        return [
            {name: getattr(row, name) for name in names} | {"routes": routes.get(row.did, 0)} for row in rows
        ]

    def room(self) -> dict[str, int]:
        """`numbers` of the pool, `busiest`: how many of them the phone has that has the most, `free`:
        how many are left to it; so many more orders of one phone at a time there may be.
        """
        with reading(self._engine) as connection:
            busiest = store.busiest(connection, self._settings.now())
            rows = store.numbers(connection)
        given = sum(row.state == NumberState.ON and not row.shared for row in rows)
        return {"numbers": given, "busiest": busiest, "free": max(0, given - busiest)}

    def _note(self, connection: Any, actor: str, deed: str, number: str, **detail: Any) -> None:
        audit.note(connection, at=self._settings.now(), actor=actor, deed=deed, subject=number, **detail)
