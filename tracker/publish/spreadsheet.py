"""Excel workbooks, and a stamped table as one: sheet ``About`` (the stamp), sheet ``Data`` (the table)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from tracker.domain.errors import UsageError
from tracker.publish.cells import Scalar, names_of, rows_of, shown
from tracker.publish.stamp import SYNTHETIC, Stamp, is_synthetic, stamp_line, stamped_time

EXCEL_ROWS = 1_048_576
EXCEL_TEXT = 32_767


@contextmanager
def workbook_at(path: Path) -> Iterator[Any]:
    """A workbook to fill, whose texts stay texts; it is written to ``path`` when the block ends well.

    It is put together in memory: a full disk is then an ordinary error of the operating system, and nothing
    of it lies in a temporary folder.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    content = BytesIO()
    with xlsxwriter.Workbook(content, {**options, "in_memory": True}) as book:
        yield book
    path.write_bytes(content.getbuffer())


def write_workbook(frame: pd.DataFrame, stamp: Stamp, path: Path) -> None:
    """Write the table; every text is a text cell, every number a number, every day a date.

    Raises ``UsageError`` when a worksheet cannot hold the table.
    """
    if len(frame) >= EXCEL_ROWS:
        raise UsageError(f"{len(frame)} rows do not fit in a worksheet: use csv or parquet")
    with workbook_at(path) as book:
        book.set_properties({"created": stamped_time(stamp), "comments": stamp_line(stamp)})
        _about_sheet(book, stamp)
        _data_sheet(book, frame, stamp)


def _about_sheet(book: Any, stamp: Stamp) -> None:
    sheet = book.add_worksheet("About")
    bold, wrap = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True})
    sheet.set_column(0, 0, 16, bold)
    sheet.set_column(1, 1, 90, wrap)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    for row, (key, value) in enumerate(stamp.items()):
        sheet.write_string(row, 0, key, bold)
        sheet.write_string(row, 1, value, wrap)
    if is_synthetic(stamp):
        alarm = book.add_format({"bold": True, "font_color": "#9C1C1C"})
        sheet.write_string(len(stamp) + 1, 1, f"{SYNTHETIC}: no real child is in these figures", alarm)


def _data_sheet(book: Any, frame: pd.DataFrame, stamp: Stamp) -> None:
    sheet = book.add_worksheet("Data")
    names, rows = names_of(frame), rows_of(frame)
    header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    formats = {
        date: book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"}),
        int: book.add_format({"num_format": "#,##0"}),
        float: book.add_format({"num_format": "#,##0.0###"}),
    }
    for column, name in enumerate(names):
        sheet.write_string(0, column, name, header)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value, formats)
    _set_up(sheet, names, rows, stamp)


def _write_cell(sheet: Any, row: int, column: int, value: Scalar, formats: Mapping[type, Any]) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float() if abs(value) < float("inf"):
            sheet.write_number(row, column, value, formats[type(value)])
        case date():
            sheet.write_datetime(row, column, value, formats[type(value)])
        case _:
            sheet.write_string(row, column, _fitting(str(value)))


def _fitting(text: str) -> str:
    if len(text) > EXCEL_TEXT:
        raise UsageError(f"a text of {len(text)} characters does not fit in a cell: use csv or parquet")
    return text


def _set_up(sheet: Any, names: list[str], rows: list[list[Scalar]], stamp: Stamp) -> None:
    for column, name in enumerate(names):
        widest = max([len(name), *(len(shown(row[column])) for row in rows[:1000])])
        sheet.set_column(column, column, min(max(widest + 2, 8), 60))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), max(len(names) - 1, 0))
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&8" + stamp_line(stamp).replace("&", "&&")[:240])
