"""The look of the feedback workbook, and the only way text gets into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from tracker.publish.discretion import without_ids
from tracker.publish.stamp import NOT_CONTROLLED, checked, is_synthetic
from tracker.publish.swedish import number

SYNTHETIC = "SYNTETISKA DATA – inga verkliga barn"
_ACCENT, _SOFT, _ALARM = "#0B5C94", "#4D5661", "#8F2D0E"
_LONGEST = 2000

_STAMP_SV = {
    "position": "läge i loggen",
    "as_of": "per",
    "codebook": "kodbok",
    "definition": "definition",
    "software": "programvara",
}

_WARM = "#FBEBDD"
_RIGHT: Mapping[str, Any] = {"valign": "top", "align": "right", "indent": 1}
_SECTION: Mapping[str, Any] = {
    "bold": True,
    "font_size": 12,
    "font_color": _ACCENT,
    "bottom": 1,
    "bottom_color": _ACCENT,
}
_HEADER: Mapping[str, Any] = {
    "bold": True,
    "text_wrap": True,
    "valign": "vcenter",
    "bg_color": _ACCENT,
    "font_color": "#FFFFFF",
}

_STYLES: Mapping[str, Mapping[str, Any]] = {
    "text": {"text_wrap": True, "valign": "top"},
    "bold": {"bold": True, "text_wrap": True, "valign": "top"},
    "number": {**_RIGHT, "num_format": "#,##0"},
    "share": {**_RIGHT, "num_format": "0.0 %"},
    "whole_share": {**_RIGHT, "num_format": "0 %"},
    "days": {**_RIGHT, "num_format": "#,##0.0"},
    "absent": {**_RIGHT, "font_color": _SOFT, "italic": True, "text_wrap": True},
    "unknown": {"bg_color": _WARM, "text_wrap": True, "valign": "top"},
    "unknown_number": {**_RIGHT, "num_format": "#,##0", "bg_color": _WARM},
    "header": _HEADER,
    "number_header": {**_HEADER, "align": "right", "indent": 1},
    "title": {"bold": True, "font_size": 14, "font_color": _ACCENT, "valign": "vcenter"},
    "section": _SECTION,
    "number_section": {**_SECTION, "align": "right", "indent": 1},
    "remark": {"font_color": _SOFT, "italic": True},
    "soft": {"font_color": _SOFT, "text_wrap": True, "valign": "top"},
    "alarm": {"bold": True, "font_color": _ALARM, "border": 2, "border_color": _ALARM, "align": "center"},
    "Ja": {"bold": True, "font_size": 16, "bg_color": "#D8E9D3", "valign": "vcenter", "indent": 1},
    "Nej": {"bold": True, "font_size": 16, "bg_color": "#F3D6CB", "valign": "vcenter", "indent": 1},
    "other": {"bold": True, "font_size": 16, "bg_color": "#FBEFC9", "valign": "vcenter", "indent": 1},
}


class Book:
    """A workbook being written: its formats, and cells that are always text or numbers, never formulas.

    Every text passes ``without_ids``: no national id gets in, whatever the caller hands over.
    """

    def __init__(self, workbook: Any, stamp: Mapping[str, str]) -> None:
        self.workbook = workbook
        self.stamp = stamp
        self.styles = {name: workbook.add_format(dict(style)) for name, style in _STYLES.items()}

    def sheet(self, name: str) -> Any:
        """A new sheet, set up for A4 paper."""
        sheet = self.workbook.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.7)
        sheet.fit_to_pages(1, 0)
        sheet.set_footer(f"&L&8{self.stamp_line().replace('&', '&&')[:220]}&R&8Sida &P av &N")
        return sheet

    def text(self, sheet: Any, row: int, column: int, text: str, style: str = "text") -> None:
        """Text in a cell; an absent one leaves the cell empty."""
        if text:
            sheet.write_string(row, column, _safe(text), self.styles[style])
        else:
            sheet.write_blank(row, column, None, self.styles[style])

    def number(self, sheet: Any, row: int, column: int, value: float, style: str = "number") -> None:
        """A number in a cell."""
        sheet.write_number(row, column, value, self.styles[style])

    def across(self, sheet: Any, row: int, columns: tuple[int, int], text: str, style: str = "text") -> None:
        """Text over several columns of a row."""
        first, last = columns
        sheet.merge_range(row, first, row, last, "", self.styles[style])
        sheet.write_string(row, first, _safe(text), self.styles[style])

    def stamp_line(self) -> str:
        """The stamp in Swedish."""
        full = checked(self.stamp)
        parts = [SYNTHETIC] if is_synthetic(full) else []
        parts += ["inte röjandekontrollerad" if full["disclosure"] == NOT_CONTROLLED else full["disclosure"]]
        parts += [f"{label} {full[key]}" for key, label in _STAMP_SV.items() if key in full]
        return " · ".join(parts)


def _safe(text: str) -> str:
    shown = without_ids(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]} …"


@dataclass(frozen=True)
class Heading:
    """A column of a table sheet: its title, width in characters and the style of its title."""

    title: str
    width: float
    style: str = "header"


@dataclass(frozen=True)
class Cell:
    """A cell of a table sheet: text or a number (None: empty), and its style."""

    value: str | float | None
    style: str = "text"


def table_sheet(
    book: Book, name: str, about: str, headings: Sequence[Heading], rows: Sequence[Sequence[Cell]]
) -> Any:
    """A sheet with a title, a sentence about it, and a table with frozen, filterable, repeated headers."""
    sheet = book.sheet(name)
    last = len(headings) - 1
    _top(book, sheet, name, about, headings)
    for column, heading in enumerate(headings):
        sheet.set_column(column, column, heading.width)
        book.text(sheet, HEADER_ROW, column, heading.title, heading.style)
    for row, cells in enumerate(rows, start=HEADER_ROW + 1):
        for column, cell in enumerate(cells):
            _write(book, sheet, row, column, cell)
        sheet.set_row(row, _height(cells, headings))
    sheet.set_row(HEADER_ROW, max(line_height(h.title, h.width * 0.8) for h in headings) + 4)
    sheet.freeze_panes(HEADER_ROW + 1, 0)
    sheet.autofilter(HEADER_ROW, 0, HEADER_ROW + max(len(rows), 1), last)
    sheet.repeat_rows(HEADER_ROW)
    return sheet


HEADER_ROW = 3
"""0-based row of a table sheet's column titles: under title, explanation and the synthetic mark."""


def _top(book: Book, sheet: Any, name: str, about: str, headings: Sequence[Heading]) -> None:
    wide = sum(heading.width for heading in headings)
    over = (0, len(headings) - 1)
    book.across(sheet, 0, over, name, "title")
    book.across(sheet, 1, over, about, "soft")
    sheet.set_row(0, 22)
    sheet.set_row(1, line_height(about, wide))
    if is_synthetic(book.stamp):
        book.across(sheet, 2, over, SYNTHETIC, "alarm")
    else:
        sheet.set_row(2, 4)


def line_height(text: str, width: float) -> float:
    """Height in points of a row that holds ``text`` wrapped in ``width`` characters of column."""
    lines = sum(max(1, ceil(len(line) / (width * 0.92))) for line in text.split("\n"))
    return min(15.0 * lines + 1, 400.0)


def _height(cells: Sequence[Cell], headings: Sequence[Heading]) -> float:
    """High enough for the longest cell; a row with a single cell is a remark that may run over its column."""
    if len(cells) == 1:
        return line_height("", 1)
    pairs = zip(cells, headings, strict=True)
    return max(line_height(cell.value, h.width) for cell, h in pairs if isinstance(cell.value, str))


def _write(book: Book, sheet: Any, row: int, column: int, cell: Cell) -> None:
    if isinstance(cell.value, str | None):
        book.text(sheet, row, column, cell.value or "", cell.style)
    else:
        book.number(sheet, row, column, cell.value, cell.style)


def more(left_out: int, what: str) -> str:
    """A sentence that says how many are not listed."""
    return f"… och ytterligare {number(left_out)} {what}"
