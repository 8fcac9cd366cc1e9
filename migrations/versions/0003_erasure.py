"""Erasure: two people ask and approve, one function empties events whose commitments stay."""

from alembic import op

from tracker.postgres.schema import run_sql

revision = "0003"
down_revision = "0002"

OBJECTS = (
    "erasure/schema.sql",
    "erasure/event_types.sql",
    "erasure/request.sql",
    "erasure/approval.sql",
    "erasure/stamp.sql",
    "erasure/done.sql",
    "erasure/tombstone.sql",
    "erasure/file.sql",
    "erasure/membership.sql",
    "erasure/refuse_withdrawn.sql",
    "erasure/append_only.sql",
    "erasure/refold.sql",
)
ERASING = (
    "erasure/linked.sql",
    "erasure/positions_of.sql",
    "erasure/as_ranges.sql",
    "erasure/append_event.sql",
    "erasure/empty_events.sql",
    "erasure/clean_rows.sql",
    "erasure/clean_facts.sql",
    "erasure/forget_deliveries.sql",
    "erasure/forget_subjects.sql",
    "erasure/erase_subjects.sql",
    "erasure/erase_municipality.sql",
    "erasure/ask.sql",
    "erasure/approve.sql",
    "erasure/replay.sql",
    "erasure/officers.sql",
    "erasure/grants.sql",
)


def upgrade() -> None:
    # The functions name event types that are usable only after this transaction.
    op.execute("SET LOCAL check_function_bodies = off")
    run_sql(op.get_bind(), "erasure/role.sql", role=None)
    run_sql(op.get_bind(), *OBJECTS)
    run_sql(op.get_bind(), *ERASING, role="tracker_erasing")
    run_sql(op.get_bind(), "erasure/give_back.sql")
    op.execute("REVOKE tracker_erasing FROM CURRENT_USER")
