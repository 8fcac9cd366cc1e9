"""${message}"""

from alembic import op

from tracker.postgres.schema import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    run_sql(op.get_bind(), "….sql")
