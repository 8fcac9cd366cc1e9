"""The database schema: where it stands, and bringing it up to what this software needs.

Migrations lie in ``migrations/`` beside the package; they only go forward.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, make_url, text

from tracker.domain.errors import DatabaseUnavailable, SchemaMismatch
from tracker.postgres.binaries import program
from tracker.postgres.engine import Role, connect, psycopg_connection

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "migrations" / "sql"
VERSIONS = "migration"
"""Schema of Alembic's own table, which belongs to the login that migrates."""

RESTORING = f"{VERSIONS}.restoring"
"""Table that stands while a backup is being restored; see ``tracker.postgres.restoring``."""

UNFINISHED = (
    "a backup is being restored into the database, or was and did not end; run the same tracker restore again"
)

LOCK = 0x7472_6163_6B65_72
"""Advisory lock held while migrating: two upgrades at once run one after the other."""


class SchemaState(StrEnum):
    """The database schema beside the one this software needs."""

    EMPTY = "empty"
    OLD = "old"
    OK = "ok"
    NEW = "new"  # made by a later version of this software
    RESTORING = "restoring"  # a backup is being restored into it: closed until it is verified


@dataclass(frozen=True)
class SchemaStatus:
    """Revision of the database (None: never migrated), newest revision known here, and the verdict."""

    current: str | None
    head: str
    state: SchemaState


def upgrade(url: str) -> None:
    """Bring the database to the newest revision in one transaction: all of it, or nothing.

    Raises ``SchemaMismatch`` for a database newer than this software.
    """
    with connect(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        state = _status(connection).state
        if state is SchemaState.NEW:
            raise SchemaMismatch("the database was made by a newer version of tracker; install that one")
        if state is SchemaState.RESTORING:
            raise SchemaMismatch(UNFINISHED)
        migrate(connection, "head")


def migrate(connection: Connection, revision: str) -> None:
    """Bring the database up to a revision, in the connection's transaction."""
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {VERSIONS}"))
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def knows(revision: str) -> bool:
    """Whether this software can make or upgrade a database of ``revision``."""
    return _knows(ScriptDirectory.from_config(_config()), revision)


def status(url: str) -> SchemaStatus:
    """Where the schema of the database stands."""
    with connect(url) as connection:
        return _status(connection)


def require_current(url: str) -> None:
    """Raise ``SchemaMismatch``, saying what to do, unless database and software fit each other."""
    found = status(url)
    if found.state is SchemaState.NEW:
        raise SchemaMismatch(
            f"the database is at revision {found.current}, newer than this software ({found.head}); "
            "install the newer version of tracker"
        )
    if found.state is SchemaState.RESTORING:
        raise SchemaMismatch(UNFINISHED)
    if found.state is not SchemaState.OK:
        raise SchemaMismatch(
            f"the database is at revision {found.current or 'none'}, this software needs {found.head}; "
            "run: tracker db upgrade"
        )


def run_sql(connection: Connection, *names: str, role: str | None = Role.OWNER) -> None:
    """Run files of ``migrations/sql`` in order, as ``role``: what they create belongs to it."""
    driver = psycopg_connection(connection)
    for name in names:
        if role is not None:
            driver.execute(f"SET LOCAL ROLE {role}".encode())
        driver.execute((SQL / name).read_bytes())
        driver.execute(b"RESET ROLE")


def dump_schema(url: str) -> str:
    """The schema as ``pg_dump --schema-only`` writes it, without what differs from run to run."""
    parsed = make_url(url)
    address = parsed._replace(drivername="postgresql", password=None).render_as_string()
    options = ["--schema-only", "--no-comments", f"--role={Role.OWNER}", f"--exclude-schema={VERSIONS}"]
    result = subprocess.run(
        [program("pg_dump"), *options, f"--dbname={address}"],
        env={"PGPASSWORD": parsed.password or "", "LC_ALL": "C"},  # an argument could be seen by all
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise DatabaseUnavailable("pg_dump could not read the schema; see: tracker db status")
    return _normalised(result.stdout)


def _normalised(dump: str) -> str:
    """Drop comments, settings of the session and of the server's version, and blank runs."""
    lines = [line for line in dump.splitlines() if not re.match(r"--|SET |SELECT pg_catalog|\\", line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _status(connection: Connection) -> SchemaStatus:
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    assert head is not None, "there is one line of migrations"
    context = MigrationContext.configure(connection, opts={"version_table_schema": VERSIONS})
    current = context.get_current_revision()
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": RESTORING}).scalar() is not None:
        state = SchemaState.RESTORING
    elif current is None:
        state = SchemaState.EMPTY
    elif current == head:
        state = SchemaState.OK
    else:
        state = SchemaState.OLD if _knows(scripts, current) else SchemaState.NEW
    return SchemaStatus(current, head, state)


def _knows(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False


def _config() -> Config:
    return Config(ROOT / "alembic.ini")
