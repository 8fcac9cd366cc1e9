"""Deciding on a delivery goes without statistics of its stage."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # It names temporary tables that exist only in a loading session.
    op.execute("SET LOCAL check_function_bodies = off")
    run_sql(op.get_bind(), "loading/decide.sql")
