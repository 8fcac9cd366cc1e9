"""The workspace of one projection: a DuckDB session with bounded memory, and the SQL files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EROFS
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

import duckdb

MEMORY_LIMIT = "2GB"


@contextmanager
def workspace(folder: Path, memory_limit: str = MEMORY_LIMIT) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB session that spills into ``folder``; everything in it is gone when it ends.

    Tables lie in a database file, so that only what is being worked on takes memory.
    """
    connection = duckdb.connect(folder / "work.duckdb")
    try:
        connection.execute(f"SET memory_limit = '{memory_limit}'")
        # Blocks are handed round, not returned: the kernel zeroing pages anew was a twentieth of a snapshot.
        connection.execute("SET block_allocator_memory = '100%'")
        connection.execute(f"SET temp_directory = '{quoted(folder / 'spill')}'")
        connection.execute("SET enable_progress_bar = false")
        # Tables are read once or twice and dropped: compressing them cost a seventh of a snapshot's time.
        connection.execute("PRAGMA force_compression = 'uncompressed'")
        yield connection
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        raise _named(error, folder) from None
    finally:
        connection.close()


def _named(error: duckdb.Error, folder: Path) -> Exception:
    """A full or closed disk as the operating system names it; DuckDB gives only a sentence."""
    told = (ENOSPC, EDQUOT, EFBIG, EACCES, EROFS)
    known = [number for number in told if os.strerror(number) in str(error)]
    return OSError(known[0], os.strerror(known[0]), str(folder)) if known else error


def quoted(path: Path) -> str:
    """A path as it may stand inside a SQL string."""
    return str(path).replace("'", "''")


@cache
def sql(name: str) -> Template:
    """The text of ``sql/<name>.sql``, with ``$parameters`` still open."""
    return Template(files("tracker.projections").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))


def run(connection: duckdb.DuckDBPyConnection, name: str, **parameters: object) -> None:
    """Run ``sql/<name>.sql``; parameters are numbers and names of ours, never delivered text."""
    connection.execute(sql(name).substitute(parameters))
