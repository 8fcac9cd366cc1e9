"""The sheets behind the summary: every finding, how the codes were read, the flow beside the group's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from tracker.domain.findings import Finding
from tracker.publish.discretion import PROTECTED_FIELDS, shape_only, wording
from tracker.publish.feedback_book import Book, Cell, Heading, more, table_sheet
from tracker.publish.feedback_content import CodeReading, Feedback
from tracker.publish.feedback_words import SEVERITY, error_groups, kind

FINDINGS, CODES = "Fel och varningar", "Så läste vi era koder"
MOST_FINDINGS = 5_000
MOST_OF_A_RULE = 1_000
MOST_READINGS = 5_000

_FINDING_HEADINGS = (
    Heading("Allvar", 14),
    Heading("Regel", 12),
    Heading("Blad", 14),
    Heading("Excel-rad", 10, "number_header"),
    Heading("Kolumn", 9),
    Heading("Fält", 20),
    Heading("Vad är fel", 42),
    Heading("Förväntat", 24),
    Heading("Hittat", 20),
    Heading("Så här gör ni", 42),
    Heading("Antal rader", 10, "number_header"),
)
_READING_HEADINGS = (
    Heading("Fält", 26),
    Heading("Er formulering", 52),
    Heading("Antal rader", 10, "number_header"),
    Heading("Vi läste det som", 46),
    Heading("Kod", 20),
)

_ABOUT_FINDINGS = (
    "Varje rad nedan är ett fynd, det allvarligaste och vanligaste först. "
    "Excel-rad och kolumn är de ni ser i er fil. "
    "Av personnummer och fritext visas aldrig innehållet, bara hur det ser ut."
)
_ABOUT_READINGS = (
    "Era egna ord och hur vi har översatt dem. Okända ord står först: raderna används, men räknas som "
    "«okänd kod» tills vi vet vad orden betyder. Säg gärna till om något är fel."
)
_UNKNOWN = "Okänd – inte översatt ännu"


def write_findings(book: Book, feedback: Feedback) -> None:
    """Write the sheet ``Fel och varningar``: at most ``MOST_FINDINGS``, ``MOST_OF_A_RULE`` of one rule."""
    listed = listed_findings(feedback.findings)
    rows = [_finding_row(finding, feedback.field_labels) for finding in listed]
    if not rows:
        rows = [[Cell("Inga fel eller varningar.", "remark")]]
    if left_out := len(feedback.findings) - len(listed):
        rows.append(
            [Cell(more(left_out, "fynd som inte får plats här. Antal per regel står i Sammanfattning."))]
        )
    table_sheet(book, FINDINGS, _ABOUT_FINDINGS, _FINDING_HEADINGS, rows)


def listed_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The findings to list: by severity, then the most common rule, then row; no rule crowds out another."""
    place = {kind(group.example): number for number, group in enumerate(error_groups(findings))}
    ordered = sorted(findings, key=lambda f: (place[kind(f)], f.sheet, f.row or 0, f.column))
    seen: Counter[str] = Counter()
    return list(islice(_at_most(ordered, seen), MOST_FINDINGS))


def _at_most(findings: Iterable[Finding], seen: Counter[str]) -> Iterable[Finding]:
    for finding in findings:
        seen[finding.rule] += 1
        if seen[finding.rule] <= MOST_OF_A_RULE:
            yield finding


def _finding_row(finding: Finding, labels: Mapping[str, str]) -> list[Cell]:
    protected = not PROTECTED_FIELDS.isdisjoint(finding.fields)
    fields = ", ".join(labels.get(name, name) for name in finding.fields)
    return [
        Cell(SEVERITY[finding.severity]),
        Cell(finding.rule),
        Cell(finding.sheet),
        Cell(finding.row, "number"),
        Cell(finding.column),
        Cell(fields),
        Cell(finding.message),
        Cell(finding.expected),
        Cell(shape_only(finding.found) if protected else finding.found),
        Cell(finding.remedy),
        Cell(finding.count, "number"),
    ]


def write_readings(book: Book, feedback: Feedback) -> None:
    """Write the sheet ``Så läste vi era koder``, unknown wordings first."""
    ordered = sorted(feedback.readings, key=lambda r: (bool(r.code), r.label, -r.count, r.delivered))
    rows = [_reading_row(reading) for reading in ordered[:MOST_READINGS]]
    if not rows:
        rows = [[Cell("Filen har inga koder att läsa.", "remark")]]
    if len(ordered) > MOST_READINGS:
        remark = more(len(ordered) - MOST_READINGS, "formuleringar som inte får plats här.")
        rows.append([Cell(remark, "remark")])
    table_sheet(book, CODES, _ABOUT_READINGS, _READING_HEADINGS, rows)


def _reading_row(reading: CodeReading) -> list[Cell]:
    style = "text" if reading.code else "unknown"
    return [
        Cell(reading.label or reading.field, style),
        Cell(wording(reading.delivered, bool(reading.code)), style),
        Cell(reading.count, "number" if reading.code else "unknown_number"),
        Cell(reading.label_sv or reading.code or _UNKNOWN, style),
        Cell(reading.code, style),
    ]
