"""Whole installations on a server of their own, whose files can be searched and which can be killed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tracker import wiring
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.schema import upgrade
from tracker.pseudonymise.keyring import Keyring
from tracker.settings import Settings
from tracker.wiring import Installation

NewInstallation = Callable[..., Installation]
"""``(home, keys=None)``: an installation at home in a folder, with an empty, migrated database of its own.

With the ``keys`` of another, ids hash alike in both.
"""


@pytest.fixture(scope="session")
def own_server(session_directory: Path) -> Iterator[EmbeddedServer]:
    """A running server that only these tests use."""
    server = EmbeddedServer(session_directory / "e2e" / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def template(own_server: EmbeddedServer) -> str:
    """Name of a migrated database to copy."""
    url = create_database(own_server.url, "template0")
    upgrade(url)
    close(url)
    return url.rpartition("/")[2]


@pytest.fixture(scope="module")
def new_installation(own_server: EmbeddedServer, template: str) -> Iterator[NewInstallation]:
    """Installations whose databases go away with the module."""
    made: list[str] = []

    def make(home: Path, keys: Path | None = None) -> Installation:
        made.append(create_database(own_server.url, template))
        return installed(home, made[-1], keys)

    yield make
    own_server.start()  # a test may have broken it
    for url in made:
        close(url)
        with psycopg.connect(own_server.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)'.encode())


def create_database(server: str, template: str) -> str:
    """A new database as a copy of another; its URL."""
    name = f"e2e_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return f"{server.rpartition('/')[0]}/{name}"


def installed(home: Path, url: str, keys: Path | None = None) -> Installation:
    """The installation at ``home`` on a migrated database, its keys made the first time."""
    places = {"TRACKER_HOME": str(home), "TRACKER_KEYS": str(keys or home / "keys")}
    environment = {**places, "TRACKER_DATABASE_URL": url, "TRACKER_WORKERS": "2"}
    settings = Settings.from_environment(environment)
    home.mkdir(parents=True, exist_ok=True)
    if not settings.keys.exists():
        Keyring.create(settings.keys)
    return wiring.open_installation(settings)
