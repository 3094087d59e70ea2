"""Results in the order in which they were stored, for those who follow them: pollers and webhooks.

A stream's row of `feed` is locked from the numbering to the commit, so positions appear in their order:
whoever has read up to one has missed none before it. It is therefore taken last in a transaction.
"""

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, select, text

from storage.db import metadata

feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True, comment="of the stream: 1 results, 2 events of masking"),
    Column("last", BigInteger, nullable=False),
)

RESULTS, EVENTS = 1, 2

# Written out, as both databases take it: it is in every beat.
TAKE = text(
    "INSERT INTO feed (id, last) VALUES (:stream, :count)"
    " ON CONFLICT (id) DO UPDATE SET last = feed.last + :count RETURNING last"
)


def places(connection: Connection, count: int) -> range:
    """Positions for so many results that this transaction stores; from here to its commit others wait."""
    if not count:
        return range(0)
    end = advance(connection, RESULTS, count) + 1
    return range(end - count, end)


def advance(connection: Connection, stream: int, count: int) -> int:
    """A stream's newest position, moved on by so many (0: where it is); others wait until the commit."""
    return int(connection.execute(TAKE, {"stream": stream, "count": count}).scalar_one())


def last(connection: Connection, stream: int = RESULTS) -> int:
    """The newest position; all of the stream up to it are there."""
    return connection.scalar(select(feed.c.last).where(feed.c.id == stream)) or 0
