"""Connections to PostgreSQL, each in one role, with errors that hold no data.

A login has no rights of its own: it may only take one of the roles below, and a connection takes its
role when it opens. What the driver says about a failed statement can quote delivered values, so it is
dropped: only the SQLSTATE and the name of the constraint go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from typing import Any, Self

import psycopg
import sqlalchemy
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from tracker.domain.errors import DatabaseUnavailable, SchemaMismatch, TrackerError, UsageError


class Role(StrEnum):
    """The roles of the database. None can log in; the owner is taken by migrations alone."""

    OWNER = "tracker_owner"  # owns every object, creates them in migrations
    RECORDER = "tracker_recorder"  # SELECT and INSERT on the log and the intake register
    PROJECTOR = "tracker_projector"  # reads the log, writes what is derived from it
    PUBLISHER = "tracker_publisher"  # reads what is derived, writes releases
    READER = "tracker_reader"  # SELECT only
    VAULT = "tracker_vault"  # the vault and nothing else
    ERASER = "tracker_eraser"  # may call the erasing functions


class StatementRefused(TrackerError):
    """The database refused a statement. ``sqlstate`` and ``constraint`` are all that is known of why."""

    def __init__(self, sqlstate: str, constraint: str) -> None:
        super().__init__(
            f"the database refused a statement (SQLSTATE {sqlstate or 'none'}"
            + (f", constraint {constraint})" if constraint else ")")
        )
        self.sqlstate = sqlstate
        self.constraint = constraint

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        """Pickled whole: it may come from a worker process."""
        return type(self), (self.sqlstate, self.constraint)


GONE = {"08", "53", "57", "58"}
"""SQLSTATE classes of a server that is away, full or broken: connection, resources, operator, system."""

REFUSALS = {
    "authentication failed": "the login or its password is not accepted",
    "no pg_hba.conf entry": "the server does not admit this login from here",
    "no password supplied": "the login needs a password",
    "too many": "the server has no connection left",
}
"""Why a server turns a connection away. libpq gives no SQLSTATE then, only a sentence; it is matched,
never shown."""


_SILENCE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A network that falls silent is given up after a minute, instead of being waited for for ever."""


@cache
def engine(url: str, role: Role | None = None) -> Engine:
    """The engine of ``url`` whose connections act as ``role`` (None: as the bare login).

    ``url`` may be ``postgresql://…`` or ``postgresql+psycopg://…``; raises ``UsageError`` otherwise.
    """
    options = ["-c timezone=UTC", "-c application_name=tracker"]
    if role is not None:
        options.append(f"-c role={role}")
    return sqlalchemy.create_engine(
        _psycopg_url(url),
        connect_args={"options": " ".join(options), "connect_timeout": 10, **_SILENCE},
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=12,
    )


def close(url: str) -> None:
    """Close the pooled connections to ``url``; the next use opens new ones."""
    for role in (None, *Role):
        engine(url, role).dispose()


@contextmanager
def connect(url: str, role: Role | None = None) -> Iterator[Connection]:
    """One transaction as ``role``: committed at the end of the block, rolled back by any error.

    Raises ``DatabaseUnavailable`` when the server cannot be reached or goes away, ``SchemaMismatch``
    when it has no such role, ``StatementRefused`` for any other failure in the database.
    """
    with named_errors(), _open(engine(url, role)) as connection, connection.begin():
        yield connection


def address(url: str) -> str:
    """Host, port and name of the database: what may be printed of a URL."""
    parsed = _psycopg_url(url)
    return f"{parsed.host or 'localhost'}:{parsed.port or 5432}/{parsed.database or ''}"


def psycopg_connection(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection under ``connection``, for COPY; its transaction is the same one."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


@contextmanager
def named_errors() -> Iterator[None]:
    """Turn what SQLAlchemy and psycopg raise in the block into errors of ours, without their text."""
    try:
        yield
    except DBAPIError as error:
        original = error.orig
        named = name_error(original) if isinstance(original, psycopg.Error) else StatementRefused("", "")
        raise named from None
    except psycopg.Error as error:
        raise name_error(error) from None


def name_error(error: psycopg.Error) -> TrackerError:
    """Our error for one of psycopg's."""
    state = error.sqlstate or ""
    if state[:2] in GONE or (not state and isinstance(error, psycopg.OperationalError)):
        return DatabaseUnavailable(
            f"the database cannot be reached or went away (SQLSTATE {state or 'none'}); "
            "see: tracker db status"
        )
    return StatementRefused(state, error.diag.constraint_name or "")


def _open(pool: Engine) -> Connection:
    try:
        return pool.connect()
    except DBAPIError as error:
        raise _turned_away(str(error.orig)) from None


def _turned_away(answer: str) -> TrackerError:
    if "role" in answer and ("does not exist" in answer or "permission denied" in answer):
        return SchemaMismatch("the login cannot take the roles of tracker here; run: tracker db upgrade")
    if "does not exist" in answer:
        return DatabaseUnavailable("the database named in TRACKER_DATABASE_URL does not exist")
    for sign, meaning in REFUSALS.items():
        if sign in answer:
            return DatabaseUnavailable(f"{meaning}; see TRACKER_DATABASE_URL")
    return DatabaseUnavailable("the database cannot be reached; see: tracker db status")


def _psycopg_url(url: str) -> sqlalchemy.URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("TRACKER_DATABASE_URL is not a database URL: postgresql://login@host/name") from None
    if parsed.get_backend_name() != "postgresql":
        raise UsageError("TRACKER_DATABASE_URL must be a PostgreSQL URL: postgresql://login@host/name")
    return parsed.set(drivername="postgresql+psycopg")
