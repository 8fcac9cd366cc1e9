"""Databases beside the tracker's own on the same server, each with a login that reaches nothing else."""

from __future__ import annotations

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tracker.domain.errors import DatabaseUnavailable


def make_database(url: str, name: str, password: str) -> str:
    """Make a database and a login of the same ``name`` that owns it, unless they stand; its URL.

    ``url`` is a login that may create both. The login's password is set to ``password``. Raises
    DatabaseUnavailable when the server does not let it.
    """
    base = make_url(url).set(drivername="postgresql")
    try:
        with psycopg.connect(base.render_as_string(hide_password=False), autocommit=True) as connection:
            _make(connection, name, password)
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"the database {name} cannot be made on this server (SQLSTATE {error.sqlstate or 'none'}); "
            "use a login with CREATEDB and CREATEROLE, or make it beforehand"
        ) from None
    return base.set(username=name, password=password, database=name).render_as_string(hide_password=False)


def _make(connection: psycopg.Connection, name: str, password: str) -> None:
    login, word = sql.Identifier(name), sql.Literal(password)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEROLE").format(login))
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(login, word))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(login))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(login, login))
    connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(login))
