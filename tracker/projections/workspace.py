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

from tracker.domain.errors import NoRoom

MEMORY, MEMORY_AN_EVENT = 2_000_000_000, 150
"""Bytes for DuckDB: what every session has; what one of many events gets for each of them."""


@contextmanager
def workspace(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB session with bounded memory.

    What does not fit is spilled into ``folder``, and gone when the session ends. Raises NoRoom where that
    does not suffice, OSError where the disk is full or closed.
    """
    connection = duckdb.connect()
    try:
        connection.execute(f"SET memory_limit = '{MEMORY}B'")
        # Blocks are handed round, not given back: else the kernel clears the same pages over and over.
        connection.execute("SET block_allocator_memory = '100%'")
        connection.execute(f"SET temp_directory = '{quoted(folder / 'spill')}'")
        connection.execute("SET enable_progress_bar = false")
        yield connection
    except duckdb.IOException as error:
        raise _named(error, folder) from None
    except duckdb.OutOfMemoryException:
        raise NoRoom(_NO_ROOM.format(_memory(connection) // 1_000_000, folder)) from None
    finally:
        connection.close()


_NO_ROOM = (
    "The projection did not fit in {} MB of memory and the room on the disk of {}. "
    "Run the same command again where there is more of either, or ask for less."
)


def make_room(connection: duckdb.DuckDBPyConnection, events: int) -> None:
    """Let a session of many events, from some thirteen million, have memory in proportion.

    Its joins hold something of every child and fact, which cannot all be spilled. It gets no more than
    DuckDB's own limit, four fifths of what the machine or its container has.
    """
    needed = events * MEMORY_AN_EVENT
    if needed > MEMORY:
        connection.execute("RESET memory_limit")
        connection.execute(f"SET memory_limit = '{min(needed, _memory(connection))}B'")


def _memory(connection: duckdb.DuckDBPyConnection) -> int:
    """How many bytes the session may have."""
    limit = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
    ((size,),) = connection.execute(limit).fetchall()
    return int(size)


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
