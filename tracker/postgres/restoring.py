"""A database being restored: made empty, filled, and closed to everybody else until it is opened.

It is closed by a table of its own in the schema of the migrations; every command asks for it together with
the revision. Whatever the moment a restore dies, the table stands, and the next restore begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import Connection, make_url, text

from tracker.domain.errors import CheckFailed, UsageError
from tracker.postgres.dump import OWN_SCHEMAS, OWN_TABLES
from tracker.postgres.engine import Role, connect, named_errors, psycopg_connection
from tracker.postgres.schema import LOCK, RESTORING, VERSIONS, migrate

ALONE = 0x7265_7374_6F72_65
"""Advisory lock held by a restore from its first step to its last."""

# Triggers that look at what is inserted: a dump brings rows table by table, before those they are checked
# against, and what was checked when it came need not be again. What refuses changes stays on.
INSERT_TRIGGERS = f"""
    SELECT n.nspname, c.relname, t.tgname, t.tgenabled
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_get_userbyid(n.nspowner) = '{Role.OWNER}' AND NOT t.tgisinternal AND t.tgparentid = 0
      AND t.tgtype & 4 = 4 AND t.tgenabled <> 'D'
"""
SLEEPING = f"""
    SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_get_userbyid(n.nspowner) = '{Role.OWNER}' AND NOT t.tgisinternal AND t.tgenabled <> 'A'
"""

# The transaction an erasure was made in is one of the other server: here its number would come again, and
# with it the right to empty events.
FORGET_TRANSACTIONS = """
    ALTER TABLE erasure.done DISABLE TRIGGER append_only;
    UPDATE erasure.done SET made_in = '0';
    ALTER TABLE erasure.done ENABLE ALWAYS TRIGGER append_only;
"""


@contextmanager
def alone(url: str) -> Iterator[None]:
    """Hold the database for one restore; raises ``UsageError`` where another is at work."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with named_errors(), psycopg.connect(address, autocommit=True, connect_timeout=10) as driver:
        row = driver.execute("SELECT pg_try_advisory_lock(%s)", [ALONE]).fetchone()
        if not (row and row[0]):
            raise UsageError("another restore is at work in this database; wait for its end")
        yield


def prepare(url: str, revision: str, position: int) -> None:
    """Make the database an empty one of ``revision``, ready for a log up to ``position``, and close it.

    Raises ``UsageError`` for a database that holds rows of a tracker, but for a restore that did not end.
    """
    with connect(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if not is_closed(connection):
            _require_empty(connection)
        _clear(connection)
        connection.execute(text(f"CREATE SCHEMA {VERSIONS}"))
        connection.execute(text(f"CREATE TABLE {RESTORING} (relation text[], trigger text, enabled text)"))
        migrate(connection, revision)
        driver = psycopg_connection(connection)
        driver.execute(f"SET LOCAL ROLE {Role.OWNER}".encode())
        if position:
            driver.execute("SELECT record.ensure_partition(%s)", [position])
        slept = _put_to_sleep(driver)
        driver.execute(b"RESET ROLE")
        driver.cursor().executemany(f"INSERT INTO {RESTORING} VALUES (%s, %s, %s)".encode(), slept)


def finish(url: str) -> None:
    """After loading: triggers on again, the schema current, statistics taken. Still closed."""
    with connect(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        driver = psycopg_connection(connection)
        slept = driver.execute(f"SELECT relation, trigger, enabled FROM {RESTORING}".encode()).fetchall()
        driver.execute(f"SET LOCAL ROLE {Role.OWNER}".encode())
        for relation, trigger, enabled in slept:
            _enable(driver, relation, trigger, enabled)
        driver.execute(b"RESET ROLE")
        migrate(connection, "head")
        driver.execute(f"SET LOCAL ROLE {Role.OWNER}".encode())
        driver.execute(FORGET_TRANSACTIONS.encode())
        for schema, table in driver.execute(OWN_TABLES.encode()).fetchall():
            driver.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table)))
        driver.execute(b"RESET ROLE")


def open_database(url: str) -> None:
    """Let everybody in. Raises ``CheckFailed`` while a trigger that guards the log is not always on."""
    with connect(url) as connection:
        if connection.execute(text(SLEEPING)).scalar_one():
            raise CheckFailed("triggers that guard the log are off; run the same tracker restore again")
        connection.execute(text(f"DROP TABLE {RESTORING}"))


def is_closed(connection: Connection) -> bool:
    """Whether a restore into this database did not end."""
    return connection.execute(text("SELECT to_regclass(:name)"), {"name": RESTORING}).scalar() is not None


def _require_empty(connection: Connection) -> None:
    driver = psycopg_connection(connection)
    tables = driver.execute(OWN_TABLES.encode()).fetchall()
    if tables:
        driver.execute(f"SET LOCAL ROLE {Role.OWNER}".encode())
    for schema, table in tables:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, table))
        row = driver.execute(query).fetchone()
        if row and row[0]:
            raise UsageError(
                f"the database holds a log already ({schema}.{table} has rows); a backup is restored into a "
                "new, empty one"
            )
    driver.execute(b"RESET ROLE")


def _clear(connection: Connection) -> None:
    driver = psycopg_connection(connection)
    schemas = [name for (name,) in driver.execute(OWN_SCHEMAS.encode()).fetchall()]
    if schemas:
        driver.execute(f"SET LOCAL ROLE {Role.OWNER}".encode())
    for name in schemas:
        driver.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
    driver.execute(b"RESET ROLE")
    driver.execute(f"DROP SCHEMA IF EXISTS {VERSIONS} CASCADE".encode())


def _put_to_sleep(driver: psycopg.Connection) -> list[tuple[list[str], str, str]]:
    found = driver.execute(INSERT_TRIGGERS.encode()).fetchall()
    for schema, table, trigger, _ in found:
        statement = sql.SQL("ALTER TABLE {} DISABLE TRIGGER {}")
        driver.execute(statement.format(sql.Identifier(schema, table), sql.Identifier(trigger)))
    return [([schema, table], trigger, enabled) for schema, table, trigger, enabled in found]


_HOW = {"A": "ENABLE ALWAYS", "O": "ENABLE", "R": "ENABLE REPLICA"}


def _enable(driver: psycopg.Connection, relation: list[str], trigger: str, enabled: str) -> None:
    statement = sql.SQL(f"ALTER TABLE {{}} {_HOW[enabled]} TRIGGER {{}}")
    driver.execute(statement.format(sql.Identifier(*relation), sql.Identifier(trigger)))
