"""The findings of an analysis as files: report, tables in three formats, figures in two, their origin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tracker.projections.cohort import StudyCohort
from tracker.publish.analysis_report import Told, analysis_page
from tracker.publish.files import write_text
from tracker.publish.findings import Findings, Table
from tracker.publish.stamp import Stamp, checked
from tracker.publish.tables import TableFormat, write_table

MARK = "analysis.json"
REPORT = "report.html"
MOST_IN_A_WORKBOOK = 100_000
"""Rows beyond which a table is written without a workbook, which nobody could open."""


def write_findings(
    told: Told, findings: Findings, cohort: StudyCohort, stamp: Stamp, folder: Path
) -> list[Path]:
    """Write everything into ``folder``, an empty one; gives the files, the report first.

    ``report.html``; ``tables/`` with parquet, csv and, up to ``MOST_IN_A_WORKBOOK`` rows, xlsx of each
    table, the attrition and the composition of the cohort; ``figures/`` with svg and png; further files of
    the findings; ``analysis.json`` with the stamp, the cohort as declared and a checksum of each file.
    """
    tables = [*findings.tables, *_of_cohort(cohort)]
    written = [path for table in tables for path in _tables(table, stamp, folder / "tables")]
    written += [
        path for chart in findings.charts for path in _figures(chart.name, chart.svg, chart.png, folder)
    ]
    for name, write in findings.files.items():
        write(folder / name)
        written.append(folder / name)
    names = [str(path.relative_to(folder)) for path in written]
    report = write_text(folder / REPORT, analysis_page(told, findings, cohort, stamp, names))
    made = [report, *written]
    write_text(folder / MARK, _manifest(told, cohort, stamp, folder, made))
    return [*made, folder / MARK]


def _of_cohort(cohort: StudyCohort) -> list[Table]:
    return [
        Table("attrition", "Who is left after each rule", cohort.attrition),
        Table("composition", "Who is in the cohort", cohort.composition),
    ]


def _tables(table: Table, stamp: Stamp, folder: Path) -> Iterator[Path]:
    formats = [TableFormat.PARQUET, TableFormat.CSV]
    if len(table.frame) <= MOST_IN_A_WORKBOOK:
        formats.append(TableFormat.XLSX)
    for fmt in formats:
        yield write_table(table.frame, stamp, folder / f"{table.name}.{fmt.value}", fmt)


def _figures(name: str, svg: str, png: bytes, folder: Path) -> Iterator[Path]:
    yield write_text(folder / "figures" / f"{name}.svg", '<?xml version="1.0" encoding="UTF-8"?>\n' + svg)
    if png:
        path = folder / "figures" / f"{name}.png"
        path.write_bytes(png)
        yield path


def _manifest(told: Told, cohort: StudyCohort, stamp: Stamp, folder: Path, made: list[Path]) -> str:
    content = {
        "analysis": told.name,
        "stamp": checked(stamp),
        "cohort": asdict(cohort.spec) | {"version": cohort.spec.version, "unit": cohort.unit.value},
        "children": cohort.children,
        "entries": cohort.entries,
        "files": {str(path.relative_to(folder)): _sha256(path) for path in sorted(made)},
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
