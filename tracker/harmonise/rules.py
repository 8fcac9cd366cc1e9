"""Row rules: one small function for each check a spec can name, over typed columns.

A check gives the indexes of the rows that break it. Empty cells break only ``required``,
``one_of_given`` and ``implies``; a column the file does not have counts as empty, except for
``required`` (whether a file may lack a column is for header recognition to say).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from tracker.domain.delivery import DeliveryNote, Value
from tracker.domain.periods import age_on
from tracker.domain.spec import CellType, RecordSpec, RuleSpec

Rows = Iterable[int]


@dataclass(frozen=True)
class Table:
    """The typed columns of a delivery, as the checks see them."""

    note: DeliveryNote
    spec: RecordSpec
    rows: int
    columns: Mapping[str, Sequence[Value]]

    def of(self, rule: RuleSpec) -> list[Sequence[Value]]:
        """The columns a rule names; a column of nothing for one the file does not have."""
        return [self.columns.get(name) or (None,) * self.rows for name in rule.fields]

    def pairs(self, rule: RuleSpec) -> Iterable[tuple[int, date, date]]:
        """Rows in which both fields of a rule are dates."""
        for row, (first, second) in enumerate(zip(*self.of(rule), strict=True)):
            if isinstance(first, date) and isinstance(second, date):
                yield row, first, second


def _required(rule: RuleSpec, table: Table) -> Rows:
    cells = table.columns.get(rule.fields[0], ())
    return [row for row, cell in enumerate(cells) if cell is None]


def _not_before(rule: RuleSpec, table: Table) -> Rows:
    return [row for row, later, earlier in table.pairs(rule) if later < earlier]


def _not_after_extract(rule: RuleSpec, table: Table) -> Rows:
    (days,) = table.of(rule)
    last = table.note.extracted_on
    return [row for row, day in enumerate(days) if isinstance(day, date) and day > last]


def _within_period(rule: RuleSpec, table: Table) -> Rows:
    """Only a delivery that is the full content of its period has no room for other days."""
    if not table.note.full:
        return ()
    (days,) = table.of(rule)
    first, last = _whole(table, rule.fields[0]), table.note.period.last
    return [row for row, day in enumerate(days) if isinstance(day, date) and not first <= day <= last]


def _whole(table: Table, field: str) -> date:
    """The first day of the period; of its month or year for columns of months or years."""
    first = table.note.period.first
    match table.spec.by_name[field].type:
        case CellType.MONTH:
            return first.replace(day=1)
        case CellType.YEAR:
            return first.replace(month=1, day=1)
        case _:
            return first


def _range(rule: RuleSpec, table: Table) -> Rows:
    (numbers,) = table.of(rule)
    least, most = rule.parameters.get("min"), rule.parameters.get("max")
    return [
        row
        for row, number in enumerate(numbers)
        if isinstance(number, int | float)
        and ((least is not None and number < least) or (most is not None and number > most))
    ]


def _one_of_given(rule: RuleSpec, table: Table) -> Rows:
    first, *others = table.of(rule)
    empty = [row for row, cell in enumerate(first) if cell is None]
    for cells in others:
        empty = [row for row in empty if cells[row] is None]
    return empty


def _implies(rule: RuleSpec, table: Table) -> Rows:
    pairs = zip(*table.of(rule), strict=True)
    return [row for row, (given, then) in enumerate(pairs) if given is not None and then is None]


def _age_at_most(rule: RuleSpec, table: Table) -> Rows:
    years = rule.parameters["years"]
    return [row for row, birth_date, day in table.pairs(rule) if age_on(birth_date, day) > years]


def _duplicate_source_id(rule: RuleSpec, table: Table) -> Rows:
    """Every row that repeats an id of an earlier row."""
    (ids,) = table.of(rule)
    seen: set[Value] = set()
    repeats = []
    for row, given in enumerate(ids):
        if given is not None and given in seen:
            repeats.append(row)
        seen.add(given)
    return repeats


CHECKS: Mapping[str, Callable[[RuleSpec, Table], Rows]] = MappingProxyType(
    {
        "required": _required,
        "not_before": _not_before,
        "not_after_extract": _not_after_extract,
        "within_period": _within_period,
        "range": _range,
        "one_of_given": _one_of_given,
        "implies": _implies,
        "age_at_most": _age_at_most,
        "duplicate_source_id": _duplicate_source_id,
    }
)
"""The checks by the name a spec gives them."""


def breaking_rows(rule: RuleSpec, table: Table) -> Sequence[int]:
    """Indexes of the rows that break a rule, within the rule's validity on the row's own date.

    Raises ``KeyError`` for a check that does not exist; specs are checked when they are read.
    """
    rows = CHECKS[rule.check](rule, table)
    if rule.valid_from is None and rule.valid_to is None:
        return list(rows)
    days = table.columns.get(table.spec.period_by) or (None,) * table.rows
    return [row for row in rows if _valid(rule, days[row])]


def _valid(rule: RuleSpec, day: Value) -> bool:
    if not isinstance(day, date):
        return True
    return (rule.valid_from or date.min) <= day <= (rule.valid_to or date.max)
