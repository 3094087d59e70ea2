"""What `Retry-After` asks for."""

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds(after: str | None, now: datetime) -> float | None:
    """A Retry-After (seconds or a date) as seconds; None for one that cannot be read."""
    if not after:
        return None
    if after.strip().isdecimal():
        return float(after)
    with suppress(ValueError):
        at = parsedate_to_datetime(after)
        return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())
    return None
