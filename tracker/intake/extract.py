"""Extract: a delivered file becomes an ``Extract``: read, recognised, accounted for, not interpreted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracker.domain.delivery import Column, Extract
from tracker.domain.findings import Finding, column_letter
from tracker.intake.aliases import NO_ALIASES, Aliases
from tracker.intake.columns import assign
from tracker.intake.data_rows import (
    DataRows,
    about_broken,
    about_formulas,
    about_merged,
    about_short,
    data_rows,
)
from tracker.intake.file_rules import finding, rejection
from tracker.intake.municipality_check import check_municipality
from tracker.intake.note import complete_note
from tracker.intake.raw import Hints, Limits, Problem
from tracker.intake.recognise import Match, recognise
from tracker.intake.sandbox import read_sheets
from tracker.intake.set_aside import about_set_aside, find_set_aside
from tracker.intake.sidecar import Sidecar
from tracker.intake.systems import profile

_NOTHING_DECLARED = Sidecar()


def extract(
    file_name: str,
    content: bytes,
    municipality: str,
    sidecar: Sidecar | None = None,
    *,
    aliases: Aliases = NO_ALIASES,
    limits: Limits | None = None,
) -> Extract:
    """Read a delivered file of ``municipality`` (four-digit code) and recognise its columns.

    Rows are those below the headers, blank ones left out; ``set_aside`` names those that are no data
    (``sum_row``, ``footer_row``, ``header_row``, ``other_municipality``, or the file rule a line broke).
    Raises ``RejectedFile`` for a FATAL file rule; everything else is a finding of the extract.
    """
    sidecar = sidecar or _NOTHING_DECLARED
    tables, problems = read_sheets(content, file_name, limits, _hints(sidecar), municipality)
    match, recognition = recognise(tables, municipality, sidecar.record_type, aliases)
    _check_one_sheet(sidecar, recognition)
    rows = data_rows(match)
    if not rows.row_numbers and not sidecar.full:
        raise rejection("FILE-017")
    assigned = assign(match, rows.columns)
    sheet = match.table.sheet
    belonging = check_municipality(municipality, file_name, assigned.unrecognised, rows.row_numbers, sheet)
    aside = _set_aside(match, rows, assigned.used)
    aside = {**aside, **{i: why for i, why in belonging.set_aside.items() if i not in aside}, **rows.broken}
    note, about_note = complete_note(
        file_name, municipality, sidecar, match.spec, _without(assigned.used, aside)
    )
    used = _used_columns(assigned.used, len(rows.columns))
    findings = [
        *map(_finding, problems),
        *recognition,
        *assigned.findings,
        *belonging.findings,
        *about_broken(rows),
        *about_short(rows, aside),
        *about_formulas(rows, used, aside),
        *about_merged(rows, used),
        *about_set_aside(aside, rows.row_numbers, sheet),
        *about_note,
    ]
    return Extract(
        note,
        match.spec,
        sheet,
        rows.row_numbers,
        assigned.used,
        assigned.unrecognised,
        aside,
        tuple(findings),
    )


def _hints(sidecar: Sidecar) -> Hints:
    known = profile(sidecar.system)
    return Hints(known.encoding, known.delimiter) if known else Hints()


def _check_one_sheet(sidecar: Sidecar, findings: Sequence[Finding]) -> None:
    """A full period spread over sheets must not be read from one of them: the rest would be retracted."""
    others = [about for about in findings if about.rule == "FILE-046"]
    if sidecar.full and others:
        raise rejection("FILE-047", {"found": ", ".join(about.found for about in others)})


def _set_aside(match: Match, rows: DataRows, used: Mapping[str, Column]) -> dict[int, str]:
    return find_set_aside(used, rows.columns, match.spec.period_by) if rows.row_numbers else {}


def _without(columns: Mapping[str, Column], aside: Mapping[int, str]) -> Mapping[str, Column]:
    """The columns with the cells of set-aside rows blanked, so that they date nothing."""
    if not aside:
        return columns
    return {name: _blanked(column, aside) for name, column in columns.items()}


def _blanked(column: Column, aside: Mapping[int, str]) -> Column:
    cells = list(column.cells)
    for index in aside:
        cells[index] = None
    return Column(column.field, column.header, column.letter, cells)


def _used_columns(used: Mapping[str, Column], width: int) -> dict[int, str]:
    """Column index → field of the used columns."""
    by_letter = {column.letter: name for name, column in used.items()}
    letters = enumerate(map(column_letter, range(width)))
    return {index: by_letter[letter] for index, letter in letters if letter in by_letter}


def _finding(problem: Problem) -> Finding:
    sheet = str(problem.values.get("sheet", ""))
    return finding(problem.rule, problem.values, sheet=sheet, row=problem.row, count=problem.count)
