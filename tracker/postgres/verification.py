"""Reading the log for verification: headers and events as they stand, streamed, in one view of the data.

Only built-in functions are called, and those by their schema: functions of ours can be changed by whoever
can change rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.record.commitments import Header
from tracker.record.verify import ERASURES, Entry, Ranges

BATCH_ROWS = 5_000

HEADERS = """
    SELECT batch_no, first_position, last_position, delivery_no, merkle_root, previous_hash, header_hash,
           CASE WHEN isfinite(recorded_at) THEN (extract(epoch FROM recorded_at) * 1000000)::bigint END
    FROM record.batch
"""

SEPARATED = " || E'\\x1f' || "
ENVELOPE = SEPARATED.join(
    (
        "event_type::text",
        "kind::text",
        "coalesce(subject_id::text, '')",
        "municipality",
        "coalesce(record_type, '')",
        "fact_id::text",
        "version::text",
        "coalesce(replaces::text, '')",
        "CASE WHEN occurred_on IS NULL THEN '' WHEN isfinite(occurred_on) "
        "THEN (occurred_on - DATE '2000-01-01')::text ELSE 'never' END",
        "coalesce(delivery_no::text, '')",
        "coalesce(row_no::text, '')",
        "''",
    )
)
ERASABLE = (
    "salt, event_type, kind, subject_id, municipality, record_type, fact_id, version, replaces, "
    "occurred_on, delivery_no, row_no, content, body"
)
ENTRIES = f"""
    SELECT position, batch_no, leaf, salt, {ENVELOPE}, content, body, erased_by,
           CASE WHEN erased_by IS NULL THEN 0 ELSE num_nonnulls({ERASABLE}) END
    FROM record.event ORDER BY position
"""
ERASING = """
    SELECT position, event_type::text, body FROM record.event
    WHERE position IN (SELECT last_position FROM record.batch) AND event_type::text = ANY (%s)
    ORDER BY position
"""


@dataclass(frozen=True)
class LogView:
    """The log as of one moment."""

    driver: Connection[Any]

    def headers(self) -> Iterator[Header]:
        """Batch headers by number."""
        for row in self._stream("headers", HEADERS + "ORDER BY batch_no"):
            yield Header(*row)

    def entries(self) -> Iterator[Entry]:
        """Events by position."""
        return map(Entry._make, self._stream("entries", ENTRIES))

    def erasures(self) -> dict[int, Ranges]:
        """What each erasure event says, by its position."""
        rows = self.driver.execute(ERASING, [list(ERASURES)])
        return {position: Ranges.read(event_type, body) for position, event_type, body in rows}

    def last_position(self) -> int:
        """Where the newest batch ends; 0 for an empty log."""
        found = self.driver.execute("SELECT coalesce(max(last_position), 0) FROM record.batch").fetchone()
        return int(found[0]) if found else 0

    def _stream(self, name: str, query: str) -> Iterator[Sequence[Any]]:
        with self.driver.cursor(name, binary=True) as cursor:
            cursor.itersize = BATCH_ROWS
            cursor.execute(query.encode())
            yield from cursor


@contextmanager
def log_view(url: str) -> Iterator[LogView]:
    """One unchanging view of the log, whatever is appended meanwhile."""
    with connect(url, Role.READER) as connection:
        driver = psycopg_connection(connection)
        driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        driver.execute("SET LOCAL search_path = pg_catalog")
        driver.execute("SET LOCAL cursor_tuple_fraction = 1")
        yield LogView(driver)


def head(url: str, batch_no: int | None = None) -> Header | None:
    """The header of a batch, or of the newest; None where there is none."""
    which = "ORDER BY batch_no DESC LIMIT 1" if batch_no is None else "WHERE batch_no = %s"
    with connect(url, Role.READER) as connection:
        driver = psycopg_connection(connection)
        row = driver.execute((HEADERS + which).encode(), [] if batch_no is None else [batch_no]).fetchone()
    return Header(*row) if row else None
