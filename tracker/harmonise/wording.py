"""How findings of rows and cells are worded: expected, found, where; never an identity or free text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from tracker.domain.delivery import Cell, DeliveryNote, Value
from tracker.domain.findings import Finding, Severity
from tracker.domain.spec import CellType, ColumnSpec, RecordSpec, RuleSpec
from tracker.harmonise.dates import Problem
from tracker.harmonise.shapes import shape

NATIONAL_ID_IN_TEXT = "CELL-201"

_CELL_RULES = {
    "unreadable": "CELL-101",
    "ambiguous": "CELL-102",
    "out_of_range": "CELL-103",
    "damaged": "CELL-104",
    "too_long": "CELL-105",
    "not_yet": "CELL-106",
}
_CELL_MESSAGES = {
    "unreadable": "Värdet i kolumnen {label} går inte att läsa.",
    "ambiguous": "Datumet i kolumnen {label} kan läsas på flera sätt.",
    "out_of_range": "Datumet i kolumnen {label} är utanför det möjliga.",
    "damaged": "Id:t i kolumnen {label} har förstörts av kalkylprogrammet.",
    "too_long": "Texten i kolumnen {label} är för lång för att vara en kod.",
    "not_yet": "I kolumnen {label} står ”{found}”. Det har lästs som att inget slut finns ännu.",
}
_DROPPED = " Raden läses in utan det värdet."
_SHOWN = frozenset({CellType.DATE, CellType.MONTH, CellType.YEAR, CellType.INTEGER, CellType.DECIMAL})
_IDENTIFYING = frozenset({"birth_date"})
_MOST_SHOWN = 10**8  # from nine digits on a number may be somebody's
_INDIVIDUALLY = 50
_NAMED_RANGES = 20


@dataclass(frozen=True)
class Place:
    """Where in the delivered file: turns row indexes and fields into what the sender sees."""

    note: DeliveryNote
    spec: RecordSpec
    sheet: str
    row_numbers: Sequence[int]
    letters: Mapping[str, str]

    def cell_finding(self, problem: Problem, field: str, row: int, severity: Severity) -> Finding:
        """A cell that could not be read; as a WARNING the row loads without it."""
        label = self.spec.by_name[field].label_sv
        message = _CELL_MESSAGES[problem.kind].format(label=label, found=problem.found)
        return Finding(
            rule=_CELL_RULES[problem.kind],
            severity=severity,
            message=message + _DROPPED if severity is Severity.WARNING else message,
            remedy=problem.remedy,
            sheet=self.sheet,
            row=self.row_numbers[row],
            column=self.letters.get(field, ""),
            fields=(field,),
            expected=problem.expected,
            found=problem.found,
        )

    def national_id_finding(self, field: str, row: int, cell: Cell) -> Finding:
        """Free text or a code cell that holds what looks like a national id."""
        label = self.spec.by_name[field].label_sv
        return Finding(
            rule=NATIONAL_ID_IN_TEXT,
            severity=Severity.ERROR,
            message=f"I kolumnen {label} står något som ser ut som ett personnummer.",
            remedy="Ta bort personnumret ur cellen och leverera raden igen. Texten sparas inte.",
            sheet=self.sheet,
            row=self.row_numbers[row],
            column=self.letters.get(field, ""),
            fields=(field,),
            expected="text utan personnummer",
            found=f"personnummerliknande siffror i text, {len(str(cell))} tecken",
        )

    def rule_finding(self, rule: RuleSpec, row: int, columns: Mapping[str, Sequence[Value]]) -> Finding:
        """A row that breaks a rule of the spec."""
        present = [field for field in rule.fields if field in self.letters]
        return Finding(
            rule=rule.id,
            severity=rule.severity,
            message=rule.message_sv,
            remedy=rule.remedy_sv,
            sheet=self.sheet,
            row=self.row_numbers[row],
            column=self.letters[present[0]] if present else "",
            fields=rule.fields,
            expected=self._expected(rule),
            found="; ".join(self._shown(field, columns, row) for field in rule.fields),
        )

    def _expected(self, rule: RuleSpec) -> str:
        labels = [self.spec.by_name[field].label_sv for field in rule.fields]
        return _EXPECTED[rule.check].format(
            first=labels[0],
            second=labels[-1],
            all=", ".join(labels),
            extract=self.note.extracted_on.isoformat(),
            period=f"{self.note.period.first.isoformat()} till {self.note.period.last.isoformat()}",
            least=rule.parameters.get("min", "–"),
            most=rule.parameters.get("max", "–"),
            years=rule.parameters.get("years", ""),
        )

    def _shown(self, field: str, columns: Mapping[str, Sequence[Value]], row: int) -> str:
        column = self.spec.by_name[field]
        value = columns[field][row] if field in columns else None
        return f"{column.label_sv}: {_value_shown(column, value)}"


_EXPECTED = {
    "required": "ett värde i {first}",
    "not_before": "{first} tidigast samma dag som {second}",
    "not_after_extract": "{first} senast uttagsdagen {extract}",
    "within_period": "{first} inom {period}",
    "range": "{first} från {least} till {most}",
    "one_of_given": "minst ett värde i {all}",
    "implies": "ett värde i {second} när {first} är angivet",
    "age_at_most": "högst {years} år",
    "duplicate_source_id": "ett eget {first} på varje rad",
}


def _value_shown(column: ColumnSpec, value: Value) -> str:
    if value is None:
        return "tomt"
    long_number = isinstance(value, int | float) and abs(value) >= _MOST_SHOWN
    if column.type in _SHOWN and column.name not in _IDENTIFYING and not long_number:
        return value.isoformat() if isinstance(value, date) else str(value)
    return "angivet" if isinstance(value, tuple) else shape(value)


def grouped(findings: Sequence[Finding], message: str = "{} Gäller även raderna {}.") -> list[Finding]:
    """Findings of one rule and column: the first fifty one by one, the rest as one that names the rows.

    What is only said aloud (INFO) is one from the start.
    """
    alone = 0 if findings and findings[0].severity is Severity.INFO else _INDIVIDUALLY
    if len(findings) <= alone + 1:
        return list(findings)
    first, rest = findings[:alone], findings[alone:]
    rows = _row_ranges(sorted(finding.row for finding in rest[1:] if finding.row is not None))
    together = replace(rest[0], count=len(rest), message=message.format(rest[0].message, rows))
    return [*first, together]


def _row_ranges(rows: Iterable[int]) -> str:
    """Row numbers as ranges: ``52–60, 71``; the first twenty ranges, then ``…``."""
    ranges: list[list[int]] = []
    for row in rows:
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1][1] = row
        else:
            ranges.append([row, row])
    named = [str(a) if a == b else f"{a}–{b}" for a, b in ranges[:_NAMED_RANGES]]
    return ", ".join(named + ["…"] * (len(ranges) > _NAMED_RANGES))
