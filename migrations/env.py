"""Runs the migrations on the connection that ``tracker.postgres.schema.upgrade`` hands over."""

from alembic import context

from tracker.postgres.schema import VERSIONS

context.configure(
    connection=context.config.attributes["connection"],
    version_table_schema=VERSIONS,
    transaction_per_migration=False,
)
context.run_migrations()
