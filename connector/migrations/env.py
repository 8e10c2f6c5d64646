"""Run by Alembic with the connection that ``Store.upgrade`` hands in."""

from __future__ import annotations

from alembic import context

from connector.store import account_tables
from connector.store.schema import metadata

# Tables of other modules stand in the same schema once they are imported.
assert account_tables.users.metadata is metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
