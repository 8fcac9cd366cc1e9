"""Municipality check: does the file speak of the municipality whose folder it lies in?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracker.domain.delivery import Cell, Column
from tracker.domain.findings import Finding
from tracker.intake.file_rules import finding, rejection
from tracker.intake.headers import fold
from tracker.intake.municipalities import code_named, municipalities

OTHER_MUNICIPALITY = "other_municipality"
"""Rule by which a row of another municipality is set aside."""

_HEADERS = {"kommun", "kommunkod", "kommunnamn", "kommunnr", "kommunnummer", "municipality", "kommunensnamn"}
_CODE = re.compile(r"(?<!\d)\d{4}(?!\d)")
_YEARS = range(1900, 2101)


@dataclass(frozen=True)
class Belonging:
    """Rows of another municipality (row index → rule) and what to say."""

    set_aside: Mapping[int, str]
    findings: tuple[Finding, ...]


def check_municipality(
    municipality: str, file_name: str, unrecognised: Sequence[Column], row_numbers: Sequence[int], sheet: str
) -> Belonging:
    """Looks for a municipality column and at the file name; unknown names prove nothing.

    Raises ``RejectedFile`` FILE-065 when every row that names a municipality names another.
    """
    findings = list(_about_name(municipality, file_name))
    aside: dict[int, str] = {}
    for column in unrecognised:
        if fold(column.header) in _HEADERS:
            aside.update(_others(municipality, column))
            if aside:
                findings.append(_about_rows(municipality, column, aside, row_numbers, sheet))
    return Belonging(aside, tuple(findings))


def _others(municipality: str, column: Column) -> dict[int, str]:
    meant = {cell: code_of(cell) for cell in set(column.cells)}
    others = {cell for cell, code in meant.items() if code and code != municipality}
    if others and not any(code == municipality for code in meant.values()):
        found = ", ".join(sorted({shown(meant[cell]) for cell in others})[:5])
        raise rejection("FILE-065", {"found": found, "expected": shown(municipality)})
    return {i: OTHER_MUNICIPALITY for i, cell in enumerate(column.cells) if cell in others}


def _about_rows(
    municipality: str, column: Column, aside: Mapping[int, str], row_numbers: Sequence[int], sheet: str
) -> Finding:
    rows = sorted(row_numbers[index] for index in aside)
    found = ", ".join(sorted({shown(code_of(column.cells[index])) for index in aside})[:5])
    values = {"found": found, "expected": shown(municipality)}
    return finding("FILE-066", values, sheet=sheet, row=rows[0], column=column.letter, count=len(rows))


def _about_name(municipality: str, file_name: str) -> Sequence[Finding]:
    codes = [
        code for code in _CODE.findall(file_name) if int(code) not in _YEARS and code in municipalities()
    ]
    if codes and municipality not in codes:
        return [finding("FILE-067", {"found": shown(codes[0]), "expected": shown(municipality)})]
    return []


def code_of(cell: Cell) -> str:
    """The municipality code a cell means (``180``, ``0180``, ``Stockholm``, ``Stockholms kommun``), or ''."""
    text = str(cell).strip() if isinstance(cell, str | int | float) else ""
    code = text.removesuffix(".0").zfill(4)
    if code in municipalities():
        return code
    return code_named(text)


def shown(code: str) -> str:
    """``Stockholm (0180)``."""
    return f"{municipalities().get(code, 'okänd kommun')} ({code})"
