"""Results in the order in which they were stored, for those who follow them: pollers and webhooks.

The one row of `feed` is locked from the numbering to the commit, so positions appear in their order: whoever
has read up to one has missed none before it. It is therefore taken last in a transaction.
"""

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, select, text

from storage.db import metadata

feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last", BigInteger, nullable=False),
)

# Written out, as both databases take it: it is in every beat.
TAKE = text(
    "INSERT INTO feed (id, last) VALUES (1, :count)"
    " ON CONFLICT (id) DO UPDATE SET last = feed.last + :count RETURNING last"
)


def places(connection: Connection, count: int) -> range:
    """Positions for so many results that this transaction stores; from here to its commit others wait."""
    if not count:
        return range(0)
    end = connection.execute(TAKE, {"count": count}).scalar_one() + 1
    return range(end - count, end)


def last(connection: Connection) -> int:
    """The newest position; all results up to it are there."""
    return connection.scalar(select(feed.c.last)) or 0
