"""Deciding on a delivery goes without statistics of its stage, and looks once for what it leaves out."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # They name temporary tables that exist only in a loading session.
    op.execute("SET LOCAL check_function_bodies = off")
    run_sql(op.get_bind(), "loading/class_of_rows.sql", "loading/decide.sql", "loading/withdrawals.sql")
