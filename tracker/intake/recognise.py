"""Recognition: which sheet, which row holds the headers, and which record type they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from tracker.domain.delivery import Cell
from tracker.domain.findings import Finding
from tracker.domain.spec import RecordSpec
from tracker.intake.aliases import Aliases
from tracker.intake.file_rules import finding, rejection
from tracker.intake.headers import candidates
from tracker.intake.privacy_guard import shown_header
from tracker.intake.raw import RawTable
from tracker.intake.spec_files import header_index, load_spec, load_specs

HEADER_ROWS = 25
"""How far down headers are looked for."""

_LONGEST_HEADER = 120
_ALIAS_RANK = 1  # a municipality's own alias beats every alias of the spec


@dataclass(frozen=True)
class Match:
    """Headers of one table read as one record type.

    ``fields`` maps column index → (field, rank); rank 0 is the label itself, higher is a looser alias.
    ``row`` is the index of the header row.
    """

    table: RawTable
    spec: RecordSpec
    row: int
    fields: Mapping[int, tuple[str, int]]

    @property
    def found(self) -> set[str]:
        """Fields recognised."""
        return {name for name, _ in self.fields.values()}

    @property
    def missing(self) -> list[str]:
        """Labels of required columns that were not recognised."""
        return [c.label_sv for c in self.spec.columns if c.required and c.name not in self.found]

    @property
    def score(self) -> tuple[bool, int, int]:
        """Complete matches first, then most fields, then most headers spelt exactly as in the spec."""
        exact = sum(rank == 0 for _, rank in self.fields.values())
        return not self.missing, len(self.found), exact


def recognise(
    tables: Sequence[RawTable], municipality: str, record_type: str, aliases: Aliases
) -> tuple[Match, list[Finding]]:
    """The best match over sheets, rows and record types, and what to say about the choice.

    ``record_type`` is the declared one or empty. Raises ``RejectedFile``: FILE-017 nothing in the file,
    FILE-030 no headers, FILE-031 required headers missing, FILE-032 two record types fit equally well.
    """
    if not any(table.columns for table in tables):
        raise rejection("FILE-017")
    specs = [load_spec(record_type)] if record_type else list(load_specs().values())
    matches = [
        match
        for table in tables
        for top in [_top_rows(table)]
        for spec in specs
        for match in _best_row(table, top, spec, _own_headers(aliases, municipality, spec))
    ]
    if not matches:
        raise rejection("FILE-030", {"expected": HEADER_ROWS})
    matches.sort(key=lambda match: match.score, reverse=True)
    best = matches[0]
    if best.missing:
        raise rejection("FILE-031", _missing(best))
    _check_unambiguous(matches)
    return best, list(_said(best, tables, matches, declared=record_type))


def _own_headers(aliases: Aliases, municipality: str, spec: RecordSpec) -> dict[str, str]:
    scope = (municipality, spec.record_type)
    return {folded: name for (*place, folded), name in aliases.items() if tuple(place) == scope}


Candidates = Mapping[int, tuple[str, ...]]
"""Column index → folded readings of a cell that could be a header."""


def _top_rows(table: RawTable) -> list[Candidates]:
    """The first rows, each text cell folded once for all record types."""
    return [
        {column: candidates(cell) for column, cell in enumerate(table.row(row)) if _may_be_header(cell)}
        for row in range(min(HEADER_ROWS, len(table.row_numbers)))
    ]


def _may_be_header(cell: Cell) -> TypeGuard[str]:
    """Most cells of the first data rows are not even worth folding: dates, numbers, long texts."""
    return isinstance(cell, str) and len(cell) <= _LONGEST_HEADER and not cell[0].isdigit()


def _best_row(
    table: RawTable, top: Sequence[Candidates], spec: RecordSpec, own: Mapping[str, str]
) -> Iterator[Match]:
    """The row with most recognised headers, if any has two (or all the spec's required ones)."""
    index = header_index(spec.record_type)
    best: Match | None = None
    for row, cells in enumerate(top):
        known = {column: _known(folded, index, own) for column, folded in cells.items()}
        match = Match(table, spec, row, {column: name for column, name in known.items() if name})
        if match.fields and (best is None or match.score > best.score):
            best = match
    if best and (len(best.found) >= 2 or not best.missing):
        yield best


def _known(
    folded: Sequence[str], index: Mapping[str, tuple[str, int]], own: Mapping[str, str]
) -> tuple[str, int] | None:
    for reading in folded:
        if reading in own:
            return own[reading], _ALIAS_RANK
        if reading in index:
            return index[reading]
    return None


def _missing(match: Match) -> dict[str, str | int]:
    headers = [shown_header(cell) for cell in match.table.row(match.row) if isinstance(cell, str)]
    found = ", ".join(headers[:30])
    return {"record": match.spec.label_sv, "expected": ", ".join(match.missing), "found": found}


def _check_unambiguous(matches: Sequence[Match]) -> None:
    best = matches[0]
    equal = [match for match in matches if match.score[:2] == best.score[:2]]  # spelling decides nothing here
    rivals = {match.spec.label_sv for match in equal if match.spec is not best.spec}
    if rivals:
        raise rejection("FILE-032", {"found": " och ".join(sorted({best.spec.label_sv, *rivals}))})


def _said(
    best: Match, tables: Sequence[RawTable], matches: Sequence[Match], declared: str
) -> Iterator[Finding]:
    sheet = best.table.sheet
    if not declared:
        yield finding("FILE-033", {"found": f"{best.spec.label_sv} ({best.spec.record_type})"}, sheet=sheet)
    if sum(bool(table.columns) for table in tables) > 1:
        yield finding("FILE-034", {"found": f"”{sheet}”"}, sheet=sheet)
    if best.row > 0:
        number = best.table.row_numbers[best.row]
        yield finding("FILE-035", {"found": str(number)}, sheet=sheet, row=number)
    for other in matches:
        rows = len(other.table.row_numbers) - other.row - 1
        if other.table is not best.table and other.spec is best.spec and not other.missing and rows > 0:
            values: dict[str, str | int] = {
                "found": f"”{other.table.sheet}”",
                "record": best.spec.label_sv,
                "rows": rows,
            }
            yield finding("FILE-046", values, sheet=other.table.sheet)
