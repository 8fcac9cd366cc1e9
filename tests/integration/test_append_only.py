"""The log cannot be changed: not by any role, not by TRUNCATE, not by a replica session."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.log_histories import Delivery, Row
from tracker.postgres.engine import Role, StatementRefused, connect
from tracker.postgres.event_log import PostgresLog

TABLES = ["record.event", "record.event_000000", "record.batch", "intake.delivery", "intake.attempt"]
TABLES += ["intake.row_outcome", "intake.churning_ids", "codebook.decision"]
CHANGES = ["DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET {} = {}"]
COLUMN = {"record.event": "row_no", "record.event_000000": "row_no", "record.batch": "delivery_no"}
COLUMN |= {"intake.delivery": "size", "intake.attempt": "retractions", "intake.row_outcome": "rule"}
COLUMN |= {"codebook.decision": "reason", "intake.churning_ids": "case_id"}


@pytest.fixture
def loaded(database: str) -> str:
    log = PostgresLog(database)
    number = log.register("0180", "x.xlsx", b"1" * 32, 1).delivery_no
    log.load(number, Delivery((Row(1, 0, 5, "stöd", 1),), 10, True).staged())
    with connect(database, Role.RECORDER) as connection:
        connection.execute(
            text(
                "INSERT INTO codebook.decision (codebook, spelling, codes, decided_by, decided_on) "
                "VALUES ('sex', 'f', '{girl}', 'test', '2024-01-01')"
            )
        )
    return database


@pytest.mark.parametrize("role", [Role.OWNER, Role.RECORDER, Role.PROJECTOR, Role.READER, Role.ERASER, None])
@pytest.mark.parametrize("table", TABLES)
def test_no_role_changes_what_was_recorded(loaded: str, table: str, role: Role | None) -> None:
    for change in CHANGES:
        statement = change.format(table, COLUMN[table], COLUMN[table])
        with pytest.raises(StatementRefused) as refused, connect(loaded, role) as connection:
            connection.execute(text(statement))
        assert refused.value.sqlstate in {"42501", "23001"}, statement


def test_the_triggers_hold_in_a_replica_session_too(loaded: str) -> None:
    with connect(loaded, Role.READER) as connection:
        enabled = connection.execute(
            text(
                "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger "
                "WHERE tgname LIKE 'append_only%' AND NOT tgisinternal"
            )
        ).all()
    assert {state for _, _, state in enabled} == {"A"}
    assert {"record.event", "record.event_000000", "record.batch"} <= {table for table, _, _ in enabled}


def test_a_row_that_is_not_accounted_for_stops_the_attempt(loaded: str) -> None:
    insert = (
        "INSERT INTO intake.attempt (delivery_no, attempt, state, rule, rows_read, appended, software) "
        "VALUES (1, 2, 'rejected', 'FILE-X', {0}, {1}, 'x')"
    )
    for rows, appended in [(2, 1), (3, 3)]:
        with pytest.raises(StatementRefused) as refused, connect(loaded, Role.RECORDER) as connection:
            connection.execute(text(insert.format(rows, appended)))
        assert refused.value.constraint == "every_row_accounted_for"


def test_no_row_is_added_to_a_recorded_attempt(loaded: str) -> None:
    with pytest.raises(StatementRefused) as refused, connect(loaded, Role.RECORDER) as connection:
        connection.execute(text("INSERT INTO intake.row_outcome VALUES (1, 1, 99, 'appended')"))
    assert refused.value.constraint == "every_row_accounted_for"


def test_every_commitment_and_header_can_be_recomputed(loaded: str) -> None:
    with connect(loaded, Role.READER) as connection:
        wrong = connection.execute(
            text(
                "SELECT count(*) FROM record.event WHERE leaf <> record.leaf(salt, event_type, kind, "
                "subject_id, municipality, record_type, fact_id, version, replaces, occurred_on, "
                "delivery_no, row_no, content, body)"
            )
        ).scalar_one()
        headers = connection.execute(
            text(
                "SELECT merkle_root = record.merkle_root(first_position, last_position) AND header_hash = "
                "record.header_hash(batch_no, first_position, last_position, delivery_no, merkle_root, "
                "previous_hash, recorded_at) FROM record.batch"
            )
        ).scalars()
        assert wrong == 0
        assert all(headers)
