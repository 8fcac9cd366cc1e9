"""What exports with churning ids called their facts, so that links do not depend on the order of arrival."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_sql(op.get_bind(), "intake/churning_ids.sql", "intake/forget_ids.sql")
