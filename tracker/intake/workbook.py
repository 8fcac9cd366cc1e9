"""Workbooks: xlsx and xls bytes become raw tables. The one place that knows the spreadsheet reader."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.etree import ElementTree

import python_calamine as calamine

from tracker.domain.delivery import Cell
from tracker.domain.findings import column_letter
from tracker.intake.privacy_guard import safe_text
from tracker.intake.raw import Limits, Problem, RawTable, Unreadable
from tracker.intake.sheet_scan import SheetFacts, scan_sheet
from tracker.intake.zip_check import checked_parts

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_xlsx(content: bytes, limits: Limits) -> tuple[list[RawTable], list[Problem]]:
    """Tables of an xlsx workbook, after the zip check; raises ``Unreadable``."""
    facts = _scan(content, limits)
    tables = parse_workbook(content, facts)
    problems = [_error_cells(name, sheet.errors) for name, sheet in facts.items() if sheet.errors]
    return tables, problems


def read_xls(content: bytes) -> tuple[list[RawTable], list[Problem]]:
    """Tables of an old (OLE) workbook; raises ``Unreadable`` for encrypted, macro and foreign documents."""
    for stream, rule, found in _OLE_STREAMS:
        if stream.encode("utf-16-le") in content:
            raise Unreadable(rule, found=found, extension="som en arbetsbok")
    return parse_workbook(content, {}), []


_OLE_STREAMS = (
    ("EncryptedPackage", "FILE-006", ""),
    ("_VBA_PROJECT", "FILE-007", "VBA"),
    ("WordDocument", "FILE-004", "ett Word-dokument"),
    ("PowerPoint Document", "FILE-004", "en PowerPoint-presentation"),
    ("__substg1.0_", "FILE-004", "ett e-postmeddelande"),
)


def parse_workbook(content: bytes, facts: dict[str, SheetFacts]) -> list[RawTable]:
    """Tables of a workbook by the spreadsheet reader alone, unchecked; raises ``Unreadable``."""
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = [
            sheet for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet
        ]
        return [_table(workbook.get_sheet_by_name(s.name), facts.get(s.name, SheetFacts())) for s in sheets]
    except calamine.PasswordError as error:
        raise Unreadable("FILE-006") from error
    except (calamine.CalamineError, calamine.ZipError, calamine.XmlError, OSError) as error:
        raise Unreadable("FILE-009", found="arbetsboken går inte att läsa") from error


def _table(sheet: Any, facts: SheetFacts) -> RawTable:
    rows = sheet.to_python(skip_empty_area=False)
    columns = tuple(_cells(column) for column in zip(*rows, strict=True))
    merged = facts.merged or tuple((*first, *last) for first, last in _merges_of_xls(sheet))
    return RawTable(
        safe_text(sheet.name),
        columns,
        range(1, len(rows) + 1),
        broken=dict.fromkeys(_rows_with_nul(columns), "FILE-025") if facts.may_hold_nul else {},
        uncalculated=facts.uncalculated,
        merged=merged,
    )


def _rows_with_nul(columns: Sequence[Sequence[Cell]]) -> Iterator[int]:
    for column in columns:
        yield from (row for row, cell in enumerate(column) if isinstance(cell, str) and "\0" in cell)


def _merges_of_xls(sheet: Any) -> Sequence[tuple[tuple[int, int], tuple[int, int]]]:
    return sheet.merged_cell_ranges or ()


def _cells(column: Sequence[Any]) -> Sequence[Cell]:
    """Cells as the domain has them: whole numbers as int, days as date; blank text as it came."""
    if set(map(type, column)) <= {str, date, bool}:
        return column
    return [_convert.get(type(cell), _same)(cell) for cell in column]


def _same(cell: Any) -> Cell:
    return cell  # type: ignore[no-any-return]  # text, int, bool and date are cells already


def _number(cell: float) -> Cell:
    return int(cell) if cell.is_integer() else cell


def _day(cell: datetime) -> Cell:
    """A day when the clock says midnight; otherwise day and time as they are."""
    return cell.date() if cell.time() == time() else cell


def _clock(cell: time | timedelta) -> Cell:
    return str(cell)


_convert: dict[type, Callable[[Any], Cell]] = {
    float: _number,
    datetime: _day,
    time: _clock,
    timedelta: _clock,
}


def _scan(content: bytes, limits: Limits) -> dict[str, SheetFacts]:
    """Facts of each worksheet by sheet name, gathered while the zip is checked."""
    small: dict[str, bytes] = {}
    scanned: dict[str, SheetFacts] = {}
    names, escaped_nul = set(), False
    for name, part in checked_parts(content, limits):
        names.add(name)
        escaped_nul = escaped_nul or b"_x0000_" in part
        if name in {_WORKBOOK, _RELATIONS}:
            small[name] = part
        elif name.startswith("xl/worksheets/") and name.endswith(".xml"):
            scanned[name] = scan_sheet(part, limits)
    if _WORKBOOK not in names:
        raise Unreadable("FILE-004", extension="som en arbetsbok", found=_other_zip(names))
    sheets = {sheet: scanned[part] for sheet, part in _sheet_parts(small).items() if part in scanned}
    return {sheet: replace(facts, may_hold_nul=escaped_nul) for sheet, facts in sheets.items()}


def _other_zip(names: set[str]) -> str:
    if "xl/workbook.bin" in names:
        return "en binär Excel-arbetsbok (.xlsb)"
    if "word/document.xml" in names:
        return "ett Word-dokument"
    return "en OpenDocument-fil" if "content.xml" in names else "ett zip-arkiv som inte är en arbetsbok"


def _sheet_parts(small: dict[str, bytes]) -> dict[str, str]:
    """Sheet name → part name, from the workbook and its relations."""
    try:
        relations = ElementTree.fromstring(small.get(_RELATIONS, b"<x/>"))
        book = ElementTree.fromstring(small[_WORKBOOK])
    except ElementTree.ParseError as error:
        raise Unreadable("FILE-009", found="arbetsbokens förteckning går inte att läsa") from error
    targets = {
        r.get("Id", ""): posixpath.normpath(posixpath.join("/xl", r.get("Target", ""))) for r in relations
    }
    sheets = [element for element in book.iter() if element.tag.endswith("}sheet")]
    return {s.get("name", ""): targets.get(s.get(_RELATION_ID, ""), "").lstrip("/") for s in sheets}


def _error_cells(sheet: str, places: Sequence[tuple[int, int]]) -> Problem:
    shown = ", ".join(f"{column_letter(column)}{row + 1}" for row, column in places[:10])
    more = f" och {len(places) - 10} till" if len(places) > 10 else ""
    return Problem(
        "FILE-018",
        {"found": shown + more, "sheet": safe_text(sheet)},
        row=places[0][0] + 1,
        count=len(places),
    )
