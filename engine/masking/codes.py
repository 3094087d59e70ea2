"""Codes by which an order is reached from another phone: drawn at random, so sparse that guessing is in vain.

Of all codes of a number's length at most one in SPARSE leads anywhere. How many are in use is counted now and
then; meanwhile each draw that finds its code taken makes the next one a digit longer.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.errors import NoNumber
from storage import masking as store
from storage.vocab import MaskRole

LEAST_DIGITS, MOST_DIGITS = 4, 12
SPARSE = 100
TRIES = 12
RECOUNT = timedelta(seconds=60)

Side = tuple[str, MaskRole]  # the number that is dialled, and who dials it


class Codes:
    """Gives them out."""

    def __init__(self) -> None:
        self._digits: dict[str, tuple[int, datetime]] = {}

    def give(
        self, connection: Connection, order_id: str, sides: Collection[Side], hold: datetime, now: datetime
    ) -> dict[Side, str]:
        """A code for each of these sides of an order, held until then; NoNumber when none can be had."""
        given: dict[Side, str] = {}
        for longer in range(TRIES):
            wanted = {
                (did, self._draw(connection, did, now, longer)): role
                for did, role in sides
                if (did, role) not in given
            }
            if not wanted:
                return given
            for did, digits in store.take_codes(connection, order_id, wanted, hold, now):
                given[did, wanted[did, digits]] = digits
        raise NoNumber("no code is free")

    def _draw(self, connection: Connection, did: str, now: datetime, longer: int) -> str:
        digits, counted = self._digits.get(did, (0, now))
        if not digits or now - counted > RECOUNT:
            held = store.codes_held(connection, did)
            digits = max(LEAST_DIGITS, len(str(SPARSE * (held + 1))))
            self._digits[did] = digits, now
        length = min(digits + longer, MOST_DIGITS)
        return f"{secrets.randbelow(10**length):0{length}}"
