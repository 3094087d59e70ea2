"""Alembic's entry: runs the migrations on the connection that `upgrade` holds."""

from importlib import import_module
from pkgutil import iter_modules

from alembic import context

import storage
from storage.db import metadata

for module in iter_modules(storage.__path__, "storage."):
    if not module.ispkg:
        import_module(module.name)  # so that `metadata` knows every table

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
