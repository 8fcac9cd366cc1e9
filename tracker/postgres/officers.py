"""Logins of people who erase: each of their own, so that two logins are two people."""

from __future__ import annotations

import re

from psycopg import sql

from tracker.domain.errors import UsageError
from tracker.postgres.engine import Role, connect, psycopg_connection

ROLES = (Role.ERASER, Role.VAULT, Role.READER)
"""What an officer may act as: ask and approve, find the subject a child is, read."""


def admit_officer(url: str, name: str, password: str) -> None:
    """Make the login ``name`` where there is none, set its password, and let it take an officer's roles.

    Acts as the login of ``url``, which migrated the database. The server sees the password hashed.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,62}", name) or name.startswith(("pg_", "tracker")):
        raise UsageError("a login is small letters, digits and _, and begins with neither pg_ nor tracker")
    with connect(url) as connection:
        driver = psycopg_connection(connection)
        login, database = sql.Identifier(name), sql.Identifier(driver.info.dbname)
        if driver.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
            driver.execute(sql.SQL("CREATE ROLE {} LOGIN").format(login))
        hashed = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        driver.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(login, sql.Literal(hashed)))
        driver.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, login))
        how = " WITH INHERIT FALSE, SET TRUE" if driver.info.server_version >= 160000 else ""
        for role in ROLES:
            driver.execute(sql.SQL("GRANT {} TO {}" + how).format(sql.Identifier(role), login))
