"""The live events as of a position, each with its child's one subject id.

Live: recorded or corrected at or before the position, and replaced by nothing at or before it. Subjects
said to be one child (SubjectsLinked, unless unlinked later) share the smallest of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from tracker.projections.workspace import make_room, quoted, run

LOG_SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("event_type", pa.string()),
        ("kind", pa.string()),
        ("subject_id", pa.string()),
        ("municipality", pa.string()),
        ("record_type", pa.string()),
        ("fact_id", pa.string()),
        ("version", pa.int32()),
        ("replaces", pa.int64()),
        ("occurred_on", pa.date32()),
        ("delivery_no", pa.int32()),
        ("row_no", pa.int32()),
        ("body", pa.string()),
    ]
)
"""The columns of the log as the projections read them; ``body`` is JSON text."""

LogEvents: TypeAlias = Path | pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]
"""Where the log comes from: Parquet files, an Arrow table, or batches read once in any order."""

SubjectLink = tuple[str, str, str]
"""Event type, subject, other subject."""


def open_log(connection: duckdb.DuckDBPyConnection, source: LogEvents, position: int | None) -> int:
    """Make the table ``log`` of the events up to ``position`` (None: all), and room to work on them.

    Returns the position it ends at.
    """
    if isinstance(source, Path):
        _keep_log(connection, f"read_parquet('{quoted(source)}')", position)
    else:
        connection.register("log_stream", _reader(source))
        _keep_log(connection, "log_stream", position)
        connection.unregister("log_stream")
    ((events, last),) = connection.execute("SELECT count(*), coalesce(max(position), 0) FROM log").fetchall()
    make_room(connection, events)
    return int(last if position is None else position)


def _keep_log(connection: duckdb.DuckDBPyConnection, source: str, position: int | None) -> None:
    columns = ", ".join(f"{field.name}::{_sql_type(field.type)} AS {field.name}" for field in LOG_SCHEMA)
    upto = "TRUE" if position is None else f"position <= {int(position)}"
    connection.execute("SET preserve_insertion_order = false")  # no order is asked of the log, nor kept
    connection.execute(f"CREATE TABLE log AS SELECT {columns} FROM {source} WHERE {upto}")
    connection.execute("SET preserve_insertion_order = true")


def _reader(source: pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]) -> pa.RecordBatchReader:
    if isinstance(source, pa.RecordBatchReader):
        return source
    if isinstance(source, pa.Table):
        return source.to_reader()
    batches: Iterator[pa.RecordBatch] = iter(source)
    first = next(batches, None)
    if first is None:
        return pa.RecordBatchReader.from_batches(LOG_SCHEMA, [])
    return pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))


def _sql_type(arrow_type: pa.DataType) -> str:
    return {pa.int64(): "BIGINT", pa.int32(): "INTEGER", pa.date32(): "DATE"}.get(arrow_type, "VARCHAR")


def write_live_events(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write the live events to ``out``, by child and day, and make the view ``events`` of them.

    The log itself is dropped.
    """
    run(connection, "live")
    connection.execute("CREATE TABLE canonical (subject_id VARCHAR, canonical_id VARCHAR)")
    canonical = canonical_subjects(connection.execute(_LINKS).fetchall())
    if canonical:
        connection.executemany("INSERT INTO canonical VALUES (?, ?)", sorted(canonical.items()))
    run(connection, "events", out=quoted(out))
    connection.execute("DROP VIEW live; DROP TABLE log")  # room for the tables to come


_LINKS = """
    SELECT event_type, subject_id, json_extract_string(body, '$.other') FROM live
    WHERE event_type IN ('SubjectsLinked', 'SubjectsUnlinked') ORDER BY position
"""


def canonical_subjects(links: Iterable[SubjectLink]) -> dict[str, str]:
    """The one id of every subject that is linked, by subject; links in log order, later ones undoing."""
    standing: dict[frozenset[str], None] = {}
    for event_type, subject, other in links:
        pair = frozenset((subject, other))
        if event_type == "SubjectsLinked":
            standing[pair] = None
        else:
            standing.pop(pair, None)
    return _smallest_in_component(standing)


def _smallest_in_component(pairs: Iterable[frozenset[str]]) -> dict[str, str]:
    leader: dict[str, str] = {}

    def find(subject: str) -> str:
        while leader.setdefault(subject, subject) != subject:
            leader[subject] = leader[leader[subject]]
            subject = leader[subject]
        return subject

    for pair in pairs:
        first, last = min(map(find, pair)), max(map(find, pair))
        leader[last] = first
    return {subject: find(subject) for subject in list(leader)}
