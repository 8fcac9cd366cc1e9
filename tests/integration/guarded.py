"""A server with a superuser who can log in, to do what an installation's own logins cannot: tamper."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg

from tests.log_histories import Delivery, Row, claims
from tests.ports import free_port
from tracker.postgres.account import account_for
from tracker.postgres.binaries import programs_for
from tracker.postgres.engine import close
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.schema import upgrade
from tracker.pseudonymise.keyring import Keyring
from tracker.record.stage import stage
from tracker.settings import Settings
from tracker.wiring import Installation


@dataclass(frozen=True)
class TrustingServer:
    """A server that asks nobody for a password."""

    port: int

    def url(self, name: str, login: str = "steward") -> str:
        return f"postgresql://{login}@127.0.0.1:{self.port}/{name}"


@contextmanager
def trusting_server(directory: Path) -> Iterator[TrustingServer]:
    """A server of the version we ship; ``admin`` is superuser, ``steward`` migrates, others are officers."""
    account = account_for(directory)
    directory.mkdir(mode=0o700)
    account.own(directory)
    programs = programs_for(account)
    data, log = directory / "data", directory / "log"
    options = ["-U", "admin", "-A", "trust", "-E", "UTF8", "--no-sync"]
    made = account.run([programs / "initdb", "-D", data, *options])
    assert made.returncode == 0, made.stdout
    port = free_port()
    settings = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c port={port} -c fsync=off"
    started = account.run([programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", settings])
    assert started.returncode == 0, started.stdout
    server = TrustingServer(port)
    try:
        with psycopg.connect(server.url("postgres", "admin"), autocommit=True) as connection:
            connection.execute("CREATE ROLE steward LOGIN CREATEROLE CREATEDB")
        yield server
    finally:
        account.run([programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data])


@contextmanager
def database_on(server: TrustingServer, template: str = "template0") -> Iterator[str]:
    """Name of a database of its own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        try:
            yield name
        finally:
            close(server.url(name))
            with psycopg.connect(server.url("postgres", "admin"), autocommit=True) as admin:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def migrate(server: TrustingServer, name: str) -> None:
    """Bring a database to the newest schema."""
    upgrade(server.url(name))
    close(server.url(name))


def install(url: str, home: Path) -> Installation:
    """An installation of the test's own: keys made where there are none."""
    environment = {"TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": url}
    settings = Settings.from_environment(environment)
    if not settings.keys.exists():
        Keyring.create(settings.keys)
    return Installation(settings, url)


def deliver(url: str, municipality: str, rows: Sequence[Row], extracted: int, *, full: bool = True) -> int:
    """Load rows about numbered subjects; returns the delivery's number."""
    delivery = Delivery(tuple(rows), extracted, full)
    log = PostgresLog(url)
    digest = sha256(repr((municipality, delivery)).encode()).digest()
    number = log.register(municipality, "x.xlsx", digest, 1).delivery_no
    log.load(number, stage(claims(delivery, municipality)), hold_share=1.0)
    return number
