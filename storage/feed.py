"""Results in the order in which they were stored, for those who follow them: pollers and webhooks.

The one row of `feed` is locked from the numbering to the commit, so positions appear in their order: whoever
has read up to one has missed none before it. It is therefore taken last in a transaction.
"""

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.db import metadata

feed = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last", BigInteger, nullable=False),
)


def places(connection: Connection, count: int) -> range:
    """Positions for so many results that this transaction stores; from here to its commit others wait."""
    if not count:
        return range(0)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    query = insert(feed).values(id=1, last=count)
    query = query.on_conflict_do_update(index_elements=["id"], set_={"last": feed.c.last + count})
    end = connection.execute(query.returning(feed.c.last)).scalar_one() + 1
    return range(end - count, end)


def last(connection: Connection) -> int:
    """The newest position; all results up to it are there."""
    return connection.scalar(select(feed.c.last)) or 0
