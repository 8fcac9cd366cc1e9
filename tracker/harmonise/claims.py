"""Claims: delivered cells become typed values and rows are checked against the spec.

Work goes column by column, each distinct cell read once. Code columns keep the delivered wording; the
child id passes through untouched, for only pseudonymise judges it; free text is searched for national
ids and dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from types import MappingProxyType

from tracker.domain.delivery import Cell, Claims, Column, Extract, Value
from tracker.domain.findings import Finding, Severity
from tracker.domain.spec import CellType, ColumnSpec, RecordSpec, RuleSpec
from tracker.harmonise.dates import NOT_YET, Problem, end_words, read_date, read_end, read_month, read_year
from tracker.harmonise.numbers import read_decimal, read_integer, read_source_id, read_source_ids
from tracker.harmonise.rules import Table, breaking_rows
from tracker.harmonise.shapes import as_shown, holds_national_id
from tracker.harmonise.wording import Place, grouped
from tracker.harmonise.wordings import read_wording

Reader = Callable[[Cell], Value | Problem]

_READERS: Mapping[CellType, Reader] = MappingProxyType(
    {
        CellType.INTEGER: read_integer,
        CellType.DECIMAL: read_decimal,
        CellType.SOURCE_ID: read_source_id,
        CellType.SOURCE_IDS: read_source_ids,
        CellType.CODE: read_wording,
        CellType.CODES: read_wording,
    }
)
_CALENDAR: Mapping[CellType, Callable[[Cell, date], Value | Problem]] = MappingProxyType(
    {CellType.DATE: read_date, CellType.MONTH: read_month, CellType.YEAR: read_year}
)
_SCANNED = frozenset({CellType.TEXT, CellType.CODE, CellType.CODES})
_BEYOND_EXTRACT = timedelta(days=366)  # later dates are slips; up to here a rule of the spec says what holds


def claim(extract: Extract) -> Claims:
    """Typed columns of an extract, with the rows that break a rule quarantined.

    A cell that places an event in time, or a required one, quarantines its row when it cannot be read;
    any other unreadable cell is dropped with a warning. Rows set aside by recognition are not checked.
    """
    letters = {name: column.letter for name, column in extract.columns.items()}
    place = Place(extract.note, extract.spec, extract.sheet, extract.row_numbers, letters)
    read = _read_columns(extract, place)
    table = Table(extract.note, extract.spec, len(extract.row_numbers), read.columns)
    for rule in _rules(extract.spec):
        read.note_all(_rule_findings(rule, table, place, read))
    return Claims(
        note=extract.note,
        spec=extract.spec,
        sheet=extract.sheet,
        row_numbers=extract.row_numbers,
        letters=letters,
        columns=read.columns,
        quarantined={row: tuple(found) for row, found in sorted(read.quarantined.items())},
        set_aside=extract.set_aside,
        findings=[*extract.findings, *read.findings],
    )


@dataclass
class _Read:
    """What reading has given so far."""

    set_aside: Mapping[int, str]
    columns: dict[str, Sequence[Value]] = field(default_factory=dict)
    unreadable: dict[str, set[int]] = field(default_factory=dict)
    quarantined: dict[int, list[Finding]] = field(default_factory=lambda: defaultdict(list))
    findings: list[Finding] = field(default_factory=list)

    def note_all(self, found: Sequence[tuple[int, Finding]]) -> None:
        """Keep the findings of one rule and column: errors by row, the others grouped."""
        for row, finding in found:
            if finding.severity is Severity.ERROR:
                self.quarantined[row].append(finding)
        self.findings += grouped([f for _, f in found if f.severity is not Severity.ERROR])


def _read_columns(extract: Extract, place: Place) -> _Read:
    read = _Read(extract.set_aside)
    for name, column in extract.columns.items():
        spec = extract.spec.by_name[name]
        cells = _plain(column)
        if spec.type in _SCANNED:
            read.note_all(list(_national_ids(cells, name, place, read.set_aside)))
        if spec.type is not CellType.TEXT:
            _read_column(cells, spec, extract, place, read)
    return read


def _plain(column: Column) -> Sequence[Cell]:
    """The cells with blanks as None and truth values as Excel shows them, so that ``True`` is not 1."""
    blank = {cell for cell in set(column.cells) if isinstance(cell, str) and not cell.strip()}
    if bool in set(map(type, column.cells)):
        return [
            _truth(cell) if isinstance(cell, bool) else None if cell in blank else cell
            for cell in column.cells
        ]
    return [None if cell in blank else cell for cell in column.cells] if blank else column.cells


def _truth(cell: bool) -> str:
    return "SANT" if cell else "FALSKT"


def _read_column(
    cells: Sequence[Cell], spec: ColumnSpec, extract: Extract, place: Place, read: _Read
) -> None:
    if spec.type is CellType.CHILD_ID:
        read.columns[spec.name] = cells
        return
    reader = _reader(spec, extract)
    values: dict[Cell, Value | Problem] = {None: None}
    values |= {cell: reader(cell) for cell in set(cells) if cell is not None}
    problems = {}
    if Problem in set(map(type, values.values())):
        problems = {cell: value for cell, value in values.items() if isinstance(value, Problem)}
        values |= dict.fromkeys(problems)
    read.columns[spec.name] = list(map(values.__getitem__, cells))  # type: ignore[arg-type]  # no problem is left
    if problems:
        _note_problems(problems, cells, spec.name, place, read)


def _note_problems(
    problems: Mapping[Cell, Problem], cells: Sequence[Cell], name: str, place: Place, read: _Read
) -> None:
    """Findings of the cells that are no value; each way of writing «no end yet» is one of its own."""
    severity = Severity.ERROR if _stops_row(place.spec, place.spec.by_name[name]) else Severity.WARNING
    found: dict[str, list[tuple[int, Finding]]] = defaultdict(list)
    for row, cell in enumerate(cells):
        if cell in problems and row not in read.set_aside:
            problem = problems[cell]
            said = problem.kind == NOT_YET
            finding = place.cell_finding(problem, name, row, Severity.INFO if said else severity)
            found[problem.found if said else ""].append((row, finding))
    read.unreadable[name] = {row for row, _ in found[""]}
    for findings in found.values():
        read.note_all(findings)


def _reader(spec: ColumnSpec, extract: Extract) -> Reader:
    calendar = _CALENDAR.get(spec.type)
    if calendar is None:
        return _READERS[spec.type]
    latest = extract.note.extracted_on + _BEYOND_EXTRACT
    if spec.not_yet:
        return partial(read_end, latest=latest, not_yet=end_words(spec.not_yet))
    return partial(calendar, latest=latest)  # type: ignore[call-arg]  # by name


def _stops_row(spec: RecordSpec, column: ColumnSpec) -> bool:
    """Whether a row without this value would say something false: when it happened, or what is required."""
    return column.required or column.name == spec.period_by or any(column.name == e.on for e in spec.events)


def _national_ids(
    cells: Sequence[Cell], name: str, place: Place, set_aside: Mapping[int, str]
) -> Iterator[tuple[int, Finding]]:
    hits = {cell for cell in set(cells) if cell is not None and holds_national_id(as_shown(cell) or "")}
    for row, cell in enumerate(cells) if hits else ():
        if cell in hits and row not in set_aside:
            yield row, place.national_id_finding(name, row, cell)


def _rules(spec: RecordSpec) -> Iterator[RuleSpec]:
    """The rules of a spec, and one for each required column that no rule speaks of."""
    yield from spec.rules
    spoken_of = {rule.fields[0] for rule in spec.rules if rule.check == "required"}
    for column in spec.columns:
        # A row without a child is no mistake: it loads, unlinkable.
        if column.required and column.type is not CellType.CHILD_ID and column.name not in spoken_of:
            message = f"{column.label_sv} saknas."
            yield RuleSpec("ROW-101", "required", Severity.ERROR, (column.name,), message, "Fyll i värdet.")


def _rule_findings(rule: RuleSpec, table: Table, place: Place, read: _Read) -> list[tuple[int, Finding]]:
    unreadable = set().union(*(read.unreadable.get(name, ()) for name in rule.fields))
    rows = [row for row in breaking_rows(rule, table) if row not in unreadable and row not in read.set_aside]
    return [(row, place.rule_finding(rule, row, read.columns)) for row in rows]
