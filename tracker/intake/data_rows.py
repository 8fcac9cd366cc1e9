"""Data rows: the rows below the headers, without blank ones, and which of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from tracker.domain.delivery import Cell
from tracker.domain.findings import Finding, column_letter
from tracker.intake.file_rules import finding, rejection
from tracker.intake.raw import RawTable
from tracker.intake.recognise import Match

_SHOWN = 10
_ABOUT_BROKEN = {
    "FILE-025": ("text utan nolltecken", "nolltecken"),
    "FILE-026": ("citattecken i par", "ett citattecken utan slut"),
    "FILE-027": ("en rad av rimlig längd", "orimligt många tecken"),
}
"""Rule → what was expected and found; other rules are about the number of cells."""


@dataclass(frozen=True)
class DataRows:
    """Cells of every column for the data rows; ``places`` are the row indexes in the raw table."""

    table: RawTable
    columns: Sequence[Sequence[Cell]]
    row_numbers: Sequence[int]
    places: Sequence[int]
    broken: Mapping[int, str]  # row index here → file rule


def data_rows(match: Match) -> DataRows:
    """Rows below the header of ``match``; wholly blank rows are no rows."""
    table, first = match.table, match.row + 1
    columns = [column[first:] for column in table.columns]
    places: Sequence[int] = range(first, len(table.row_numbers))
    blank = _blank_rows(columns, match)
    if blank:
        keep = [index not in blank for index in range(len(places))]
        columns = [list(compress(column, keep)) for column in columns]
        places = list(compress(places, keep))
    numbers = table.row_numbers[first:] if not blank else [table.row_numbers[place] for place in places]
    broken = {index: table.broken[place] for index, place in enumerate(places) if place in table.broken}
    return DataRows(table, columns, numbers, places, broken)


def _blank_rows(columns: Sequence[Sequence[Cell]], match: Match) -> set[int]:
    """Indexes of blank rows; only rows without the day that decides the period are looked at closely."""
    key = next(c for c, (name, _) in match.fields.items() if name == match.spec.period_by)
    suspects = [index for index, cell in enumerate(columns[key]) if cell is None]
    return {index for index in suspects if all(column[index] is None for column in columns)}


def about_broken(rows: DataRows) -> Iterator[Finding]:
    """Findings for lines that could not be cut into cells, one each up to a limit, then one for the rest."""
    width = len(rows.columns)
    for rule in sorted(set(rows.broken.values())):
        at = [index for index, why in rows.broken.items() if why == rule]
        expected, found = _ABOUT_BROKEN.get(rule, (str(width), f"fler än {width}"))
        values = {"expected": expected, "found": found}
        for index in at[:_SHOWN]:
            yield finding(rule, values, sheet=rows.table.sheet, row=rows.row_numbers[index])
        if len(at) > _SHOWN:
            number = rows.row_numbers[at[_SHOWN]]
            yield finding(rule, values, sheet=rows.table.sheet, row=number, count=len(at) - _SHOWN)


def about_short(rows: DataRows, aside: Mapping[int, str]) -> Iterator[Finding]:
    """One finding for text rows with too few cells."""
    short = set(rows.table.short)
    if not short:
        return
    at = [
        i for i, place in enumerate(rows.places) if place in short and i not in aside and i not in rows.broken
    ]
    if at:
        number = rows.row_numbers[at[0]]
        yield finding("FILE-029", {"expected": str(len(rows.columns))}, row=number, count=len(at))


def about_formulas(rows: DataRows, used: Mapping[int, str], aside: Mapping[int, str]) -> Iterator[Finding]:
    """Formulas without values: FILE-016 where they do not matter.

    Raises ``RejectedFile`` FILE-015 when one stands in a used column of a data row: reading it as empty
    would turn a known fact into an unknown one, and a full delivery into retractions.
    """
    if not rows.table.uncalculated:
        return
    index_of = {place: index for index, place in enumerate(rows.places)}
    matters: list[tuple[int, int]] = []
    rest: list[tuple[int, int]] = []
    for row, column in rows.table.uncalculated:
        index = index_of.get(row)
        in_use = column in used and index is not None and index not in aside
        (matters if in_use else rest).append((row, column))
    if matters:
        raise rejection("FILE-015", {"found": _shown_cells(matters, rows.table.sheet)})
    if rest:
        sheet, (row, column) = rows.table.sheet, rest[0]
        values = {"found": _shown_cells(rest, sheet)}
        letter = column_letter(column)
        yield finding("FILE-016", values, sheet=sheet, row=row + 1, column=letter, count=len(rest))


def _shown_cells(cells: Sequence[tuple[int, int]], sheet: str) -> str:
    shown = ", ".join(f"{column_letter(column)}{row + 1}" for row, column in cells[:_SHOWN])
    more = f" och {len(cells) - _SHOWN} till" if len(cells) > _SHOWN else ""
    return f"{shown}{more} (blad ”{sheet}”)"


def about_merged(rows: DataRows, used: Mapping[int, str]) -> Iterator[Finding]:
    """Merged cells that swallow data rows in used columns."""
    first = rows.places[0] if rows.places else 0
    ranges = [
        (top, left, bottom, right)
        for top, left, bottom, right in rows.table.merged
        if bottom >= first and bottom > top and any(column in used for column in range(left, right + 1))
    ]
    if ranges:
        shown = ", ".join(_range(*place) for place in ranges[:_SHOWN])
        more = f" och {len(ranges) - _SHOWN} till" if len(ranges) > _SHOWN else ""
        top, left, _, _ = ranges[0]
        values, letter = {"found": shown + more}, column_letter(left)
        sheet = rows.table.sheet
        yield finding("FILE-041", values, sheet=sheet, row=top + 1, column=letter, count=len(ranges))


def _range(top: int, left: int, bottom: int, right: int) -> str:
    return f"{column_letter(left)}{top + 1}:{column_letter(right)}{bottom + 1}"
