"""Tables as files, for R, Python, Stata, SPSS and Excel.

parquet  columns of codes as dictionaries, so that R reads factors with their levels in order
csv.gz   UTF-8, comma, decimal point, nothing for what is missing; equal tables give equal bytes. Text that a
         spreadsheet could take for a formula gets a leading apostrophe
xlsx     sheets ``About`` and ``Data``, text always as text
dta      Stata 13–18; columns of codes as numbers with value labels, in Swedish or English
sav      SPSS; the same
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pyreadstat

from tracker.domain.errors import UsageError
from tracker.publish.cells import guarded
from tracker.publish.exports.tables import Column, Table
from tracker.publish.spreadsheet import EXCEL_ROWS, write_workbook
from tracker.publish.stamp import SYNTHETIC, Stamp, is_synthetic


class Format(StrEnum):
    """The file formats of exports."""

    PARQUET = "parquet"
    CSV = "csv.gz"
    XLSX = "xlsx"
    DTA = "dta"
    SAV = "sav"


LABELLED = (Format.DTA, Format.SAV)
"""Formats that hold numbers with labels."""

_SPSS_WORDS = frozenset(["all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"])
"""Words SPSS does not take as names of variables; they get an underscore."""

_STATA_LABEL = 80


@dataclass(frozen=True)
class Look:
    """How files look: the language of labels (sv, en) and the stamp they carry."""

    language: str
    stamp: Stamp


def fitting(table: Table, fmt: Format) -> Table:
    """The table as the format can hold it. Raises UsageError when a worksheet has too few rows for it."""
    if fmt is Format.XLSX and len(table.frame) >= EXCEL_ROWS:
        raise UsageError(
            f"{table.name} has {len(table.frame)} rows, and a worksheet of Excel holds {EXCEL_ROWS - 1} "
            "below its header: choose csv.gz or parquet, or a smaller cohort."
        )
    if fmt is not Format.SAV:
        return table
    names = {one.name: f"{one.name}_" for one in table.columns if one.name.lower() in _SPSS_WORDS}
    columns = tuple(replace(one, name=names.get(one.name, one.name)) for one in table.columns)
    return replace(table, frame=table.frame.rename(columns=names), columns=columns)


def write(table: Table, path: Path, fmt: Format, look: Look) -> None:
    """Write the table to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _WRITERS[fmt](table, path, look)
    except pyreadstat.ReadstatError:
        _ask_the_system(path)
        raise


def _ask_the_system(path: Path) -> None:
    """Raise what the operating system says of writing there: pyreadstat says only that it could not."""
    with path.open("ab") as file:
        file.write(bytes(1_000_000))


def _parquet(table: Table, path: Path, look: Look) -> None:
    made = pa.Table.from_pandas(table.frame, schema=table.schema, preserve_index=False)
    metadata = {b"tracker_stamp": json.dumps(dict(look.stamp)).encode()}
    pq.write_table(made.replace_schema_metadata(metadata), path, compression="zstd")


def _csv(table: Table, path: Path, look: Look) -> None:
    frame = table.frame.assign(
        **{one.name: _text(table.frame[one.name]) for one in table.columns if _is_text(one)}
    )
    made = pa.Table.from_pandas(frame, preserve_index=False)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        pacsv.write_csv(made, packed, pacsv.WriteOptions(quoting_style="needed", quoting_header="none"))


def _is_text(column: Column) -> bool:
    return column.kind in ("code", "codes", "text", "month")


def _text(values: pd.Series) -> pd.Series:
    """Text that no spreadsheet takes for a formula; each different text is looked at once."""
    safe = {text: guarded(text.replace("\0", "")) for text in map(str, values.dropna().unique())}
    return values.astype(object).map(safe, na_action="ignore")


def _xlsx(table: Table, path: Path, look: Look) -> None:
    times = {
        one.name: table.frame[one.name].dt.tz_localize(None) for one in table.columns if one.kind == "time"
    }
    write_workbook(table.frame.assign(**times), look.stamp, path)


def _dta(table: Table, path: Path, look: Look) -> None:
    labels: list[str | None] = [one.label(look.language)[:_STATA_LABEL] for one in table.columns]
    pyreadstat.write_dta(
        _numbered(table),
        str(path),
        file_label=_title(look)[:_STATA_LABEL],
        column_labels=labels,
        version=15,
        variable_value_labels=_value_labels(table, look.language),
    )


def _sav(table: Table, path: Path, look: Look) -> None:
    pyreadstat.write_sav(
        _numbered(table),
        str(path),
        file_label=_title(look)[:60],
        column_labels=[one.label(look.language) for one in table.columns],
        row_compress=True,
        variable_value_labels=_value_labels(table, look.language),
    )


def _title(look: Look) -> str:
    synthetic = f"{SYNTHETIC}, " if is_synthetic(look.stamp) else ""
    return f"{synthetic}{look.stamp['disclosure']}, position {look.stamp['position']}"


def _numbered(table: Table) -> pd.DataFrame:
    """The frame with codes as the numbers of their levels, flags as 0 and 1 and dates as dates."""
    return pd.DataFrame({one.name: _as_plain(one, table.frame[one.name]) for one in table.columns})


def _as_plain(column: Column, values: pd.Series) -> pd.Series:
    if column.kind == "code":
        numbers = {level.code: level.number for level in column.levels}
        return values.astype(object).map(numbers).astype("Int32")
    if column.kind == "flag":
        return values.astype("Int32")
    if column.kind == "date":
        return _or_none(values.dt.date, values)
    return values if column.kind == "number" else _or_none(values, values)


def _or_none(values: pd.Series, given: pd.Series) -> pd.Series:
    plain: pd.Series = values.astype(object).where(given.notna(), None)
    return plain


def _value_labels(table: Table, language: str) -> dict[str, dict[int | float, str]]:
    found: dict[str, dict[int | float, str]] = {
        one.name: {
            level.number: level.label_sv if language == "sv" else level.label_en for level in one.levels
        }
        for one in table.columns
        if one.kind == "code"
    }
    flags: dict[int | float, str] = {0: "nej", 1: "ja"} if language == "sv" else {0: "no", 1: "yes"}
    return found | {one.name: flags for one in table.columns if one.kind == "flag"}


_WRITERS: Mapping[Format, Callable[[Table, Path, Look], Any]] = {
    Format.PARQUET: _parquet,
    Format.CSV: _csv,
    Format.XLSX: _xlsx,
    Format.DTA: _dta,
    Format.SAV: _sav,
}
