"""The ledger of exports for projects of research."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql(op.get_bind(), "export/ledger.sql", "export/stamp.sql")
