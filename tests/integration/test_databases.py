"""A database beside the tracker's own: made once, opened again, out of reach of other logins."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres.databases import make_database


@pytest.fixture
def name(postgres_server: str) -> Iterator[str]:
    named = f"beside_{uuid.uuid4().hex[:8]}"
    yield named
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {named} WITH (FORCE)".encode())
        connection.execute(f"DROP ROLE IF EXISTS {named}".encode())


def test_asked_for_again_it_stands_with_what_it_holds(postgres_server: str, name: str) -> None:
    with psycopg.connect(make_database(postgres_server, name, "one"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (what text)")
    with psycopg.connect(make_database(postgres_server, name, "another")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_its_login_opens_nothing_else(postgres_server: str, name: str, database: str) -> None:
    own = make_database(postgres_server, name, "one")
    with psycopg.connect(own) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET ROLE tracker_reader")


def test_a_login_that_may_not_is_told_what_it_lacks(postgres_server: str, name: str) -> None:
    own = make_database(postgres_server, name, "one")
    with pytest.raises(DatabaseUnavailable, match="CREATEDB"):
        make_database(own, f"{name}_2", "one")
