"""A table, stamped, as csv, xlsx, parquet or json.

How each form carries the stamp, so that Excel, pandas and R open the file without being told anything:

csv      UTF-8 with byte-order mark, comma and decimal point; a last column ``stamp`` repeats the stamp on
         every row (a row pasted elsewhere still says what it is) and ``<file>.stamp.json`` holds it whole.
         With Swedish regional settings Excel expects semicolons: give such readers the xlsx.
xlsx     first sheet ``About`` holds the stamp, second sheet ``Data`` the table with headers in row 1
json     ``{"stamp": {…}, "columns": […], "rows": [{…}, …]}``
parquet  key ``tracker_stamp`` (JSON) in the schema metadata

Only columns are written, never the index. Text that a spreadsheet could take for a formula gets a leading
apostrophe in csv and is written as text in xlsx.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.domain.errors import UsageError
from tracker.publish.cells import Scalar, guarded, names_of, rows_of
from tracker.publish.files import replacing, write_text
from tracker.publish.spreadsheet import write_workbook
from tracker.publish.stamp import Stamp, checked, stamp_line


class TableFormat(StrEnum):
    """The file formats a table can be written in."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSON = "json"


def write_table(frame: pd.DataFrame, stamp: Stamp, path: Path, fmt: TableFormat | str) -> Path:
    """Write ``frame`` to ``path`` in ``fmt``, stamped, whole or not at all; return ``path``.

    Raises ``UsageError`` for an unknown format or a table a spreadsheet cannot hold, ``ValueError`` for
    an incomplete stamp.
    """
    if fmt not in tuple(TableFormat):
        raise UsageError(f"unknown table format {fmt!r}: use {', '.join(TableFormat)}")
    full = checked(stamp)
    with replacing(path) as partial:
        _WRITERS[TableFormat(fmt)](frame, full, partial)
        if fmt == TableFormat.CSV:
            _write_stamp_beside(path, full)
    return path


def _write_stamp_beside(path: Path, stamp: Stamp) -> None:
    text = json.dumps(dict(stamp), ensure_ascii=False, indent=2)
    write_text(path.with_name(f"{path.name}.stamp.json"), text + "\n")


def _write_csv(frame: pd.DataFrame, stamp: Stamp, path: Path) -> None:
    line = stamp_line(stamp)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        writer.writerow([*map(guarded, names_of(frame)), "stamp"])
        writer.writerows([*map(_csv_cell, row), line] for row in rows_of(frame))


def _csv_cell(value: Scalar) -> Scalar:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return guarded(value.replace("\0", "")) if isinstance(value, str) else value


def _write_json(frame: pd.DataFrame, stamp: Stamp, path: Path) -> None:
    names = names_of(frame)
    rows = [dict(zip(names, map(_json_cell, row), strict=True)) for row in rows_of(frame)]
    document = {"stamp": dict(stamp), "columns": names, "rows": rows}
    text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _json_cell(value: Scalar) -> Scalar:
    if isinstance(value, float) and abs(value) == float("inf"):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


def _write_parquet(frame: pd.DataFrame, stamp: Stamp, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    metadata = dict(table.schema.metadata or {}) | {b"tracker_stamp": json.dumps(dict(stamp)).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


_WRITERS: Mapping[TableFormat, Callable[[pd.DataFrame, Stamp, Path], None]] = {
    TableFormat.CSV: _write_csv,
    TableFormat.XLSX: write_workbook,
    TableFormat.PARQUET: _write_parquet,
    TableFormat.JSON: _write_json,
}
