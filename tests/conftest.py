"""Fixtures every test may use: a real PostgreSQL for the session, a fresh migrated database for a test.

Under pytest-xdist each worker has a server of its own. ``TRACKER_TEST_DATABASE_URL`` makes the suite use
another server instead; its login needs CREATEROLE and CREATEDB.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.schema import upgrade


@pytest.fixture(scope="session")
def session_directory() -> Iterator[Path]:
    """Where the servers of the whole session lie."""
    with _open_directory() as path:
        yield path


@pytest.fixture(scope="module")
def open_directory() -> Iterator[Path]:
    """A directory the account of a server started by root can reach; pytest's own are private."""
    with _open_directory() as path:
        yield path


@contextmanager
def _open_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="tracker-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres_server(session_directory: Path) -> Iterator[str]:
    """URL of a running server."""
    if given := os.environ.get("TRACKER_TEST_DATABASE_URL"):
        yield given
        return
    server = EmbeddedServer(session_directory / "postgres")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> Iterator[str]:
    """Name of a migrated database that tests copy."""
    with _database(postgres_server, "template0") as url:
        upgrade(url)
        close(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def database(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """URL of a migrated database of the test's own."""
    with _database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
def empty_database(postgres_server: str) -> Iterator[str]:
    """URL of a database nothing was ever made in."""
    with _database(postgres_server, "template0") as url:
        yield url


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        try:
            yield url
        finally:
            close(url)
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
