"""Files as senders make them: workbooks with titles and sum rows, delimited text in several encodings."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import xlsxwriter

from tracker.synth.render import Cell

Rows = Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Layout:
    """What stands around the data: title rows above the header, a sum row below; and how it is encoded.

    ``created`` is fixed so that equal content gives equal bytes.
    """

    sheet: str
    titles: tuple[str, ...] = ()
    sum_row: tuple[Cell, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ";"
    quoting: Literal[0, 1, 2, 3] = csv.QUOTE_MINIMAL
    created: datetime = datetime(2026, 1, 1)

    @property
    def first_row(self) -> int:
        """Row number in Excel of the first data row (1-based); a blank row follows the titles."""
        return len(self.titles) + 3 if self.titles else 2


def write(path: Path, headers: Sequence[str], rows: Rows, layout: Layout) -> None:
    """Write one delivery in the format of its extension: xlsx, xls, csv or txt."""
    path.parent.mkdir(parents=True, exist_ok=True)
    {".xlsx": _xlsx, ".xls": _xls, ".csv": _text, ".txt": _text}[path.suffix](path, headers, rows, layout)


def _xlsx(path: Path, headers: Sequence[str], rows: Rows, layout: Layout) -> None:
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd", "strings_to_numbers": False}
    book = xlsxwriter.Workbook(str(path), options)
    book.set_properties(
        {"created": layout.created, "title": "Syntetiska uppgifter (synthetic)", "author": "tracker synth"}
    )
    sheet = book.add_worksheet(layout.sheet)
    bold = book.add_format({"bold": True})
    for k, title in enumerate(layout.titles):
        sheet.write_string(k, 0, title, bold)
    at = layout.first_row - 1
    for column, header in enumerate(headers):
        sheet.write_string(at - 1, column, header, bold)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    epoch = date(1899, 12, 30).toordinal()
    text, number = sheet._write_string, sheet._write_number  # the checked versions take twice the time
    for row in rows:
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                text(at, column, cell)
            elif cell is None:
                continue
            elif isinstance(cell, date):
                number(at, column, cell.toordinal() - epoch, day)
            else:
                number(at, column, cell)
        at += 1
    for column, cell in enumerate(layout.sum_row):
        if cell is not None:
            sheet.write(at, column, cell)
    book.close()


def _xls(path: Path, headers: Sequence[str], rows: Rows, layout: Layout) -> None:
    import xlwt  # noqa: PLC0415 - a development dependency, needed only for plans with old_excel

    book = xlwt.Workbook()
    sheet = book.add_sheet(layout.sheet)
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    head = layout.first_row - 2
    for k, title in enumerate(layout.titles):
        sheet.write(k, 0, title)
    for at, row in enumerate((headers, *rows, layout.sum_row), start=head):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write(at, column, cell, day)
            elif cell is not None:
                sheet.write(at, column, cell)
    book.save(str(path))


def _text(path: Path, headers: Sequence[str], rows: Rows, layout: Layout) -> None:
    with path.open("w", encoding=layout.encoding, errors="replace", newline="") as stream:
        writer = csv.writer(stream, delimiter=layout.delimiter, quoting=layout.quoting, lineterminator="\r\n")
        writer.writerows([title] for title in layout.titles)
        if layout.titles:
            writer.writerow([])
        writer.writerow(headers)
        writer.writerows(rows)
        if layout.sum_row:
            writer.writerow(layout.sum_row)
