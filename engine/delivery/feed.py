"""What is told, for those who deliver it: rows in an order that does not change, each at its position."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from storage.db import Record


class Feed(Protocol):
    """Blocking. Whoever was told up to a position has missed nothing before it."""

    def last(self) -> int:
        """The newest position: all that has happened by now is at one up to it."""

    def behind(self, position: int, upto: int, limit: int) -> Sequence[Record]:
        """The first rows behind a position and up to another, in order; each has its `position`."""

    def told(self, rows: Sequence[Record]) -> Mapping[str, Any]:
        """What of a delivery's body is these rows'."""


def body(hook: str, delivery: UUID, position: int, told: Mapping[str, Any], **more: Any) -> bytes:
    """A delivery to the webhook of this name, as it is sent."""
    whole = {"delivery": delivery, "webhook": hook, "position": position, **told, **more}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> str:
    """Moments and ids as text."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
