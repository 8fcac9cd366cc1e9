"""Sheet scan: what the parser will not tell about a worksheet: far cells, formulas, errors, merges.

Byte patterns over the sheet's XML; each first asks a cheap question that an ordinary sheet answers with
no, because a national year holds some 450,000 rows. What a hostile sheet hides from these patterns
(other quotes, no cell references) still meets the memory limit of the reading process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tracker.intake.raw import Limits, Unreadable

_FAR_COLUMN = re.compile(rb'"[A-Z]{3,}[0-9]')
_FAR_ROW = re.compile(rb'<row r="[0-9]{6}')
_FILLED = re.compile(rb'<c r="([A-Z]{1,9})([0-9]{1,12})"[^>]*(?<!/)>')
_FORMULA = re.compile(rb"<f[ >/]")
_UNCALCULATED = re.compile(rb"<c ([^>]*)>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>")
_ERROR = re.compile(rb't="e"')
_ERROR_CELL = re.compile(rb'<c ([^>]*t="e"[^>]*)>')
_REFERENCE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3})([0-9]{1,7}):([A-Z]{1,3})([0-9]{1,7})"')
_MOST_PLACES = 10_000


@dataclass(frozen=True)
class SheetFacts:
    """Places in one sheet as 0-based (row, column); merges as (row, column, last row, last column).

    ``may_hold_nul`` is False only when the whole workbook was seen to escape no NUL character.
    """

    uncalculated: tuple[tuple[int, int], ...] = ()
    errors: tuple[tuple[int, int], ...] = ()
    merged: tuple[tuple[int, int, int, int], ...] = ()
    may_hold_nul: bool = True


def scan_sheet(part: bytes, limits: Limits) -> SheetFacts:
    """The facts of a worksheet's XML; raises ``Unreadable`` FILE-013 for a cell far outside."""
    if _FAR_COLUMN.search(part) or _FAR_ROW.search(part):
        _check_extent(part, limits)
    return SheetFacts(
        uncalculated=_uncalculated(part) if _FORMULA.search(part) else (),
        errors=_places(_ERROR_CELL, part) if _ERROR.search(part) else (),
        merged=_merged(part),
    )


def _check_extent(part: bytes, limits: Limits) -> None:
    """Only filled cells count: styled empty rows down to the bottom are common and harmless."""
    last_row, last_column = 1, 1
    for match in _FILLED.finditer(part):
        column, row = _column_number(match[1]), int(match[2])
        last_row, last_column = max(row, last_row), max(column, last_column)
        if last_column > limits.columns or last_row * last_column > limits.cells:
            raise Unreadable("FILE-013", found=(match[1] + match[2]).decode("ascii"))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _place(letters: bytes, digits: bytes) -> tuple[int, int]:
    return int(digits) - 1, _column_number(letters) - 1


def _places(pattern: re.Pattern[bytes], part: bytes) -> tuple[tuple[int, int], ...]:
    places: list[tuple[int, int]] = []
    for cell in pattern.finditer(part):
        reference = _REFERENCE.search(cell[1])
        if reference and len(places) < _MOST_PLACES:
            places.append(_place(reference[1], reference[2]))
    return tuple(places)


def _uncalculated(part: bytes) -> tuple[tuple[int, int], ...]:
    """Formulas without a cached value; an empty *text* result (t="str") is a value."""
    places: list[tuple[int, int]] = []
    for cell in _UNCALCULATED.finditer(part):
        reference = _REFERENCE.search(cell[1])
        if reference and b't="str"' not in cell[1] and len(places) < _MOST_PLACES:
            places.append(_place(reference[1], reference[2]))
    return tuple(places)


def _merged(part: bytes) -> tuple[tuple[int, int, int, int], ...]:
    tail = part[part.rfind(b"</sheetData>") :]  # merges follow the data
    return tuple((*_place(m[1], m[2]), *_place(m[3], m[4])) for m in _MERGE.finditer(tail))
