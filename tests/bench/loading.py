"""Loading, and what it is measured against: reading the same files and copying the finished rows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
from python_calamine import CalamineWorkbook

from tests.bench.place import settings
from tracker import pipeline
from tracker.desk import intake_desk
from tracker.wiring import Installation

COLUMNS = (
    "position, batch_no, leaf, salt, event_type, kind, subject_id, municipality, record_type, fact_id, "
    "version, replaces, occurred_on, delivery_no, row_no, content, body"
)
BLOCK = 50_000


def load(inbox: str, url: str) -> dict[str, Any]:
    """Files → committed events: an inbox scanned, taken in and loaded as `tracker ingest` does."""
    place = Installation(settings(), url)
    start = time.perf_counter()
    pipeline.prepare_workers()
    found = intake_desk.find(Path(inbox))
    waiting = intake_desk.take_in(found.files, place, lambda file: None)
    taken_in = time.perf_counter()
    receipts = [receipt for _, receipt in pipeline.load_all(waiting, place.tools(), place.settings.workers)]
    end = time.perf_counter()
    outcomes: dict[str, int] = {}
    for receipt in receipts:
        for outcome, rows in receipt.outcomes.items():
            outcomes[outcome.value] = outcomes.get(outcome.value, 0) + rows
    states = [receipt.state.value for receipt in receipts]
    return {
        "seconds": end - start,
        "take_in": taken_in - start,
        "files": len(receipts),
        "not_loaded": len(states) - states.count("loaded"),
        **outcomes,
    }


def read_and_copy(inbox: str, url: str) -> dict[str, Any]:
    """The base: every cell of the files read by calamine, then the log's rows copied to a bare table."""
    start = time.perf_counter()
    cells = sum(_cells(path) for path in sorted(Path(inbox).glob("*/*.xlsx")))
    read = time.perf_counter() - start
    rows, copied = _copy(url)
    return {"seconds": read + copied, "read": read, "copy": copied, "rows": rows, "cells": cells}


def _cells(path: Path) -> int:
    workbook = CalamineWorkbook.from_path(str(path))
    rows = [row for name in workbook.sheet_names for row in workbook.get_sheet_by_name(name).to_python()]
    return sum(map(len, rows))


def _copy(url: str) -> tuple[int, float]:
    """Rows and seconds of copying the log, from Python rows, into a table without index or constraint."""
    rows, seconds = 0, 0.0
    options = "-c role=tracker_owner"
    with psycopg.connect(url, options=options) as source, psycopg.connect(url, options=options) as target:
        target.execute(
            f"CREATE SCHEMA IF NOT EXISTS bench; DROP TABLE IF EXISTS bench.bare; "
            f"CREATE TABLE bench.bare AS SELECT {COLUMNS} FROM record.event LIMIT 0"
        )
        cursor = source.cursor("events")
        cursor.execute(f"SELECT {COLUMNS} FROM record.event")
        with target.cursor().copy(f"COPY bench.bare ({COLUMNS}) FROM STDIN") as copy:
            while block := cursor.fetchmany(BLOCK):
                start = time.perf_counter()
                for row in block:
                    copy.write_row(row)
                seconds += time.perf_counter() - start
                rows += len(block)
            start = time.perf_counter()
        target.commit()
        seconds += time.perf_counter() - start
        target.execute("DROP TABLE bench.bare")
    return rows, seconds
