"""Alembic's entry: runs the migrations on the connection that `upgrade` holds."""

from alembic import context

from storage import (
    audience,
    audit,
    blacklist,
    callers,
    calls,
    campaign,
    consent,
    contact,
    dialer,
    feed,
    hits,
    numbering,
    speech,
    webhooks,
)
from storage.db import metadata

# Imported so that `metadata` knows every table.
TABLES = (
    audience,
    audit,
    blacklist,
    callers,
    calls,
    campaign,
    consent,
    contact,
    dialer,
    feed,
    hits,
    numbering,
    speech,
    webhooks,
)

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
