"""Roles, and the vault that knows which keyed hash is which subject."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql(op.get_bind(), "roles.sql", role=None)
    run_sql(op.get_bind(), "vault.sql", "vault_subject.sql", "vault_identity_key.sql")
