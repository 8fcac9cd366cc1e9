"""The migrations make the schema that migrations/schema.sql shows, on every server we support."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from tests.log_histories import Delivery, Row
from tests.ports import free_port
from tracker.domain.delivery import Outcome
from tracker.domain.errors import DatabaseUnavailable, SchemaMismatch, UsageError
from tracker.postgres.account import account_for
from tracker.postgres.engine import Role, StatementRefused, connect
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.schema import ROOT, SchemaState, dump_schema, require_current, status, upgrade

CANARY = "19880320" + "9991"  # synthetic; stands for any value a row may hold

OTHER_SERVERS = (
    sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").exists() else []
)


def test_schema_sql_is_what_the_migrations_make(database: str) -> None:
    if "TRACKER_TEST_DATABASE_URL" in os.environ:
        pytest.skip("schema.sql is written from PostgreSQL 18")
    assert dump_schema(database) == (ROOT / "migrations" / "schema.sql").read_text()


def test_an_empty_database_is_named_and_upgraded(empty_database: str) -> None:
    assert status(empty_database).state is SchemaState.EMPTY
    with pytest.raises(SchemaMismatch, match="tracker db upgrade"):
        require_current(empty_database)
    upgrade(empty_database)
    upgrade(empty_database)
    require_current(empty_database)
    assert status(empty_database).state is SchemaState.OK


def test_upgrades_at_once_run_one_after_the_other(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [empty_database] * 4))
    assert status(empty_database).state is SchemaState.OK


def test_an_older_and_a_newer_database_are_refused(database: str) -> None:
    with connect(database) as connection:
        connection.execute(text("UPDATE migration.alembic_version SET version_num = 'from-tomorrow'"))
    assert status(database).state is SchemaState.NEW
    with pytest.raises(SchemaMismatch, match="newer"):
        require_current(database)
    with pytest.raises(SchemaMismatch, match="newer"):
        upgrade(database)


def test_a_login_has_no_rights_before_it_takes_a_role(database: str) -> None:
    with psycopg.connect(database) as connection:
        if connection.info.server_version < 160000:
            pytest.skip("before PostgreSQL 16 a member of a role always inherits its rights")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM vault.subject")


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.VAULT, Role.OWNER)])
def test_only_the_vault_role_enters_the_vault(database: str, role: Role) -> None:
    with pytest.raises(StatementRefused) as refused, connect(database, role) as connection:
        connection.execute(text("SELECT * FROM vault.subject"))
    assert refused.value.sqlstate == "42501"


@pytest.mark.parametrize("role", list(Role))
def test_nobody_makes_objects_in_public(database: str, role: Role) -> None:
    with pytest.raises(StatementRefused), connect(database, role) as connection:
        connection.execute(text("CREATE TABLE public.note (line text)"))


def test_errors_name_state_and_constraint_and_no_value(database: str) -> None:
    insert = text(
        "INSERT INTO vault.subject (id_hmac, key_version, kind, municipality) VALUES (:id, 1, 'pnr', '')"
    )
    with pytest.raises(StatementRefused) as refused, connect(database, Role.VAULT) as connection:
        connection.execute(insert, {"id": CANARY.encode()})
    assert refused.value.sqlstate == "23514"
    assert refused.value.constraint
    assert CANARY not in str(refused.value) + repr(refused.value)
    with pytest.raises(StatementRefused) as refused, connect(database, Role.VAULT) as connection:
        connection.execute(text("SELECT CAST(:id AS uuid)"), {"id": CANARY})
    assert CANARY not in str(refused.value) + repr(refused.value)


def test_connection_failures_say_what_to_look_at(database: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        status(database + "_not_there")
    with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
        status("postgresql://nobody@127.0.0.1:1/nothing")
    for url in ("sqlite://", "gurka"):
        with pytest.raises(UsageError, match="postgresql://"):
            status(url)


def test_a_server_that_goes_away_is_unavailable(database: str) -> None:
    with pytest.raises(DatabaseUnavailable), connect(database) as connection:
        own = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(database) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [own])
        connection.execute(text("SELECT 1"))


@pytest.fixture(scope="module")
def other_server(open_directory: Path) -> Iterator[str]:
    """URL of the newest PostgreSQL installed by the operating system, beside the embedded one."""
    if not OTHER_SERVERS:
        pytest.skip("no other PostgreSQL is installed")
    programs, directory = OTHER_SERVERS[-1], open_directory / "other"
    account = account_for(directory)
    directory.mkdir(mode=0o700)
    account.own(directory)
    data, log = directory / "data", directory / "log"
    assert (
        account.run([programs / "initdb", "-D", data, "-U", "admin", "-A", "trust", "-E", "UTF8"]).returncode
        == 0
    )
    port = free_port()
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c port={port}"
    started = account.run([programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options])
    assert started.returncode == 0, started.stdout
    with psycopg.connect(f"postgresql://admin@127.0.0.1:{port}/postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE steward LOGIN CREATEROLE CREATEDB")
        connection.execute("CREATE DATABASE tracker OWNER steward")
    yield f"postgresql://steward@127.0.0.1:{port}/tracker"
    account.run([programs / "pg_ctl", "stop", "-w", "-m", "fast", "-D", data])


def test_another_real_server_takes_the_same_migrations(other_server: str) -> None:
    upgrade(other_server)
    require_current(other_server)
    with connect(other_server, Role.VAULT) as connection:
        assert connection.execute(text("SELECT count(*) FROM vault.subject")).scalar_one() == 0
    with pytest.raises(StatementRefused), connect(other_server, Role.READER) as connection:
        connection.execute(text("SELECT count(*) FROM vault.subject"))
    log = PostgresLog(other_server)
    number = log.register("0180", "x.xlsx", b"1" * 32, 1).delivery_no
    receipt = log.load(number, Delivery((Row(1, 0, 5, "stöd", None),), 10, full=True).staged())
    assert (receipt.outcomes[Outcome.APPENDED], receipt.last_position) == (1, 3)


def test_alembic_finds_the_migrations_on_its_own() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "alembic", "heads"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "(head)" in answer.stdout
