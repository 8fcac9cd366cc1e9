"""The event log, the intake ledger it accounts to, the heads folded from it, and the steward's decisions."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0002"
down_revision = "0001"

OBJECTS = (
    "record/types.sql",
    "record/event.sql",
    "record/batch.sql",
    "projection/head.sql",
    "intake/delivery.sql",
    "intake/attempt.sql",
    "intake/row_outcome.sql",
    "intake/finding.sql",
    "intake/spelling.sql",
    "codebook/decision.sql",
    "record/refuse_change.sql",
    "record/make_append_only.sql",
    "record/ensure_partition.sql",
    "record/append_only.sql",
    "intake/account_for_rows.sql",
    "intake/refuse_late_rows.sql",
    "record/leaf.sql",
    "record/merkle_root.sql",
    "record/header_hash.sql",
    "projection/advance.sql",
    "projection/refold.sql",
    "record/open_stage.sql",
    "record/class_of_rows.sql",
    "record/changes.sql",
    "record/withdrawals.sql",
    "record/outcomes.sql",
    "record/decide.sql",
    "record/append.sql",
    "record/write_ledger.sql",
)


def upgrade() -> None:
    # Some functions name temporary tables that exist only in a loading session.
    op.execute("SET LOCAL check_function_bodies = off")
    run_sql(op.get_bind(), *OBJECTS)
