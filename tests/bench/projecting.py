"""Snapshot and flow summary, and what they are measured against."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import adbc_driver_postgresql.dbapi
import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.harmonise.codebook import Codebooks
from tracker.postgres.log_reading import BULK
from tracker.projections.flow_summary import flow_summary
from tracker.projections.snapshot import Snapshot, write_snapshot

BLOCK = 200_000
FLOW_COLUMNS = {
    "referrals": (
        *("municipality", "subject_id", "received_on", "concluded_on", "flow_class", "referral_type"),
        *("investigation_id", "link_method", "not_opened_complete", "observed_until"),
    ),
    "investigations": (
        *("municipality", "subject_id", "fact_id", "opened_on", "closed_on", "need", "closed"),
        "observed_until",
    ),
    "interventions": (
        *("municipality", "subject_id", "fact_id", "investigation_id", "link_method", "decided_on"),
        *("granted", "started_on", "observed_until"),
    ),
    "follow_ups": ("municipality", "subject_id", "intervention_id", "link_method", "held_on"),
    "spells": (
        *("municipality", "subject_id", "state", "entered_on", "entered_step", "left_on", "exit"),
        "episode_entered_on",
    ),
}
"""The columns the flow summary reads."""

TABLE = """
CREATE SCHEMA IF NOT EXISTS bench;
DROP TABLE IF EXISTS bench.event;
CREATE TABLE bench.event AS SELECT * FROM record.event LIMIT 0
"""
INTO = """
INSERT INTO bench.event (position, batch_no, leaf, salt, event_type, kind, subject_id, municipality,
                         record_type, fact_id, version, replaces, occurred_on, delivery_no, row_no, content,
                         body)
SELECT position, 1, leaf, substring(leaf FOR 16), event_type::record.event_type, kind::record.event_kind,
       subject_id::uuid, municipality, record_type, fact_id::uuid, version, replaces, occurred_on,
       delivery_no, row_no, substring(leaf FOR 16), body::text
FROM (SELECT *, sha256(int8send(position)) AS leaf FROM bench.incoming ORDER BY position) AS incoming
"""


def copy_log(log: str, url: str) -> dict[str, Any]:
    """Put a generated log into a table of the log's shape: the log itself takes only what is delivered.

    Children's events lie far from each other there, as deliveries would leave them.
    """
    with psycopg.connect(url, options="-c role=tracker_owner") as target:
        target.execute(TABLE)
    for batch in pq.ParquetFile(log).iter_batches(BLOCK):
        with _adbc(url) as connection, connection.cursor() as cursor:
            cursor.adbc_ingest("incoming", batch, mode="create", db_schema_name="bench")
            cursor.execute(INTO)
            cursor.execute("DROP TABLE bench.incoming")
            connection.commit()
    with psycopg.connect(url, options="-c role=tracker_owner") as target:
        target.execute("ANALYZE bench.event")
        counted = target.execute("SELECT count(*) FROM bench.event").fetchone()
    return {"events": counted[0] if counted else 0}


def snapshot(url: str, table: str, out: str) -> dict[str, Any]:
    """Snapshot and spells of every event of a table of the log's shape."""
    start = time.perf_counter()
    with _events(url, table) as batches:
        manifest = write_snapshot(Path(out), batches, Codebooks.load())
    seconds = time.perf_counter() - start
    rows = manifest.tables
    return {"seconds": seconds, "events": rows["events"]["rows"], "spells": rows["spells"]["rows"]}


def read_and_sort(url: str, table: str) -> dict[str, Any]:
    """The base: the same events by ADBC, sorted by child and date by DuckDB, written as Parquet."""
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "bench-results") as folder:
        start = time.perf_counter()
        with _events(url, table) as batches, duckdb.connect(f"{folder}/work.duckdb") as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.register("events", batches)
            connection.execute(
                "COPY (FROM events ORDER BY subject_id, occurred_on) "
                f"TO '{folder}/sorted.parquet' (FORMAT parquet)"
            )
        return {"seconds": time.perf_counter() - start}


def flow(folder: str, repeats: int) -> dict[str, Any]:
    """Flow summary of a snapshot and one GROUP BY over the columns it reads, in turn, after a warm-up."""
    opened = Snapshot.open(Path(folder))
    flow_summary(opened)
    _grouped(opened)
    flows, groups = [], []
    for _ in range(repeats):
        flows.append(_timed(lambda: flow_summary(opened)))
        groups.append(_timed(lambda: _grouped(opened)))
    return {"flow": median(flows), "group_by": median(groups), "repeats": repeats}


def _grouped(opened: Snapshot) -> None:
    read = " UNION ALL BY NAME ".join(f"SELECT {', '.join(c)} FROM {t}" for t, c in FLOW_COLUMNS.items())
    columns = sorted(
        {c for columns in FLOW_COLUMNS.values() for c in columns} - {"municipality", "subject_id"}
    )
    with opened.duckdb() as connection:
        connection.execute(
            f"SELECT municipality, count(*), count(DISTINCT subject_id) FILTER (received_on IS NOT NULL), "
            f"{', '.join(f'max({c})' for c in columns)} FROM ({read}) GROUP BY municipality"
        ).fetchall()


def _timed(work: Any) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _adbc(url: str) -> Any:
    return adbc_driver_postgresql.dbapi.connect(f"{url}?options=-crole%3Dtracker_owner")


@contextmanager
def _events(url: str, table: str) -> Iterator[pa.RecordBatchReader]:
    """The snapshot's own query over a table of the log's shape."""
    query = BULK.format(up_to=2**62).replace("record.event", table)
    with _adbc(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        yield cursor.fetch_record_batch()
