"""Results as they are delivered to webhooks."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from engine.campaign.results import told
from storage import feed, results
from storage.db import Record, reading


class ResultsFeed:
    """Of these campaigns, none named: of all; a Feed of `engine.delivery`."""

    def __init__(self, engine: Engine, campaigns: Sequence[str]) -> None:
        self._engine, self._campaigns = engine, campaigns

    def last(self) -> int:
        """As a Feed."""
        with reading(self._engine) as connection:
            return feed.last(connection)

    def behind(self, position: int, upto: int, limit: int) -> Sequence[Record]:
        """As a Feed."""
        with reading(self._engine) as connection:
            return results.results(connection, position, limit, self._campaigns, upto)

    def told(self, rows: Sequence[Record]) -> Mapping[str, Any]:
        """As a Feed."""
        return {"results": [told(row) for row in rows]}
