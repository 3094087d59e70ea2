"""Alembic's entry: runs the migrations on the connection that `upgrade` holds."""

from alembic import context

from storage import audit, calls, campaign, contact, speech
from storage.db import metadata

TABLES = (audit, calls, campaign, contact, speech)  # imported so that `metadata` knows every table

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
