"""A snapshot opened for counting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tracker.projections.snapshot import Snapshot


def opened(snapshot: Snapshot | Path | str) -> Snapshot:
    """The snapshot itself, or the one in the folder named. Raises SnapshotError."""
    return snapshot if isinstance(snapshot, Snapshot) else Snapshot.open(Path(snapshot))


@contextmanager
def session(snapshot: Snapshot) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB session with a view for each table, closed at the end of the block."""
    with snapshot.duckdb() as connection:
        yield connection
