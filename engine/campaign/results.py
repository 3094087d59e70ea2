"""Results for the client's systems: the same words whether they are polled or delivered.

Positions grow with the order in which results were stored, over all campaigns. Whoever has read up to one has
missed none before it. A result that is corrected (the conversation told its part late) comes again at a new
position: of one attempt the highest position holds.
"""

from typing import Any

from sqlalchemy import Engine

from engine.errors import NotFound
from storage import campaign as store
from storage import results as queries
from storage.db import Record, reading

KEYS = (
    *("position", "attempt", "campaign", "external_id", "person", "phone", "number", "outcome", "refund"),
    *("final", "prepared_at", "sent_at", "ringing_at", "answered_at", "ended_at", "heard_ms", "message_ms"),
    *("pressed", "call_back", "promised_on", "trunk", "caller_id", "template", "template_version"),
)


def told(row: Record) -> dict[str, Any]:
    """A result (see storage.results) under the names that clients know."""
    return {key: getattr(row, key) for key in KEYS}


class Results:
    """For those who ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def since(self, position: int, limit: int, campaign: str | None = None) -> list[dict[str, Any]]:
        """The first results behind a position, of a campaign or of all; NotFound when there is none such."""
        with reading(self._engine) as connection:
            if campaign is not None and store.find(connection, campaign) is None:
                raise NotFound(f"no campaign named {campaign!r}")
            names = [campaign] if campaign is not None else []
            return [told(row) for row in queries.results(connection, position, limit, names)]
