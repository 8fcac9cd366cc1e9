"""Dates seen: the days a column speaks of, read leniently, only to find a delivery's period.

Harmonise reads dates in earnest and says what is wrong with them; here an unreadable cell is no date.
"""

from __future__ import annotations

import calendar
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from tracker.domain.delivery import Cell
from tracker.domain.periods import Period
from tracker.domain.spec import CellType

_EXCEL_EPOCH = date(1899, 12, 30)
_SERIALS = range(18_000, 80_000)  # Excel serials of 1949–2119
YEARS = range(1950, 2100)
"""Years a delivery may speak of or be made in; others are slips or stand for something else."""

_YEAR_FIRST = re.compile(r"\s*(\d{4})[-./]?(\d{2})[-./]?(\d{2})(?:[T ].*)?\s*\Z")
_DAY_FIRST = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[ /.-]+(\d{4})\s*\Z")
_MONTH = re.compile(r"\s*(\d{4})[-./ ]?(\d{2})\s*\Z")
_YEAR = re.compile(r"\s*(\d{4})(?:\.0)?\s*\Z")
_LONELY_GAP = 366  # days
_LONELY_SHARE = 0.01


def days_seen(cells: Sequence[Cell], kind: CellType) -> Counter[date]:
    """How many rows speak of each day; a month or year counts as its last day (``kind`` says which)."""
    seen: Counter[date] = Counter()
    for cell, count in Counter(cells).items():
        day = _day(cell, kind)
        if day is not None:
            seen[day] += count
    return seen


def span(seen: Counter[date]) -> Period | None:
    """First to last day, leaving out lonely outliers: a few rows more than a year from all others.

    A single mistyped 2203 must not stretch the period or the extract date by two centuries.
    """
    days = sorted(seen)
    if not days:
        return None
    few = max(1.0, sum(seen.values()) * _LONELY_SHARE)
    days = _without_lonely_end(days, seen, few)
    days = _without_lonely_end(days[::-1], seen, few)[::-1]
    return Period(days[0], days[-1])


def _without_lonely_end(days: list[date], seen: Counter[date], few: float) -> list[date]:
    """Days without the last ones while they are few and far from those before."""
    beyond = 0
    for at in range(len(days) - 1, 0, -1):
        beyond += seen[days[at]]
        if beyond > few:
            break
        if abs((days[at] - days[at - 1]).days) > _LONELY_GAP:
            return days[:at]
    return days


def start_of(day: date, kind: CellType) -> date:
    """First day of the month or year that ``days_seen`` gave as its last day."""
    if kind is CellType.MONTH:
        return day.replace(day=1)
    return day.replace(month=1, day=1) if kind is CellType.YEAR else day


def _day(cell: Cell, kind: CellType) -> date | None:
    if isinstance(cell, datetime):
        cell = cell.date()
    if isinstance(cell, date):
        return _end_of(cell, kind) if cell.year in YEARS else None
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, int | float) and kind is not CellType.YEAR and int(cell) in _SERIALS:
        return _end_of(_EXCEL_EPOCH + timedelta(days=int(cell)), kind)
    return _day_in_text(str(cell), kind)


def _day_in_text(text: str, kind: CellType) -> date | None:
    if match := _YEAR_FIRST.match(text):
        return _made(kind, match[1], match[2], match[3])
    if match := _DAY_FIRST.match(text):
        return _made(kind, match[3], match[2], match[1])
    if kind is CellType.MONTH and (match := _MONTH.match(text)):
        return _made(kind, match[1], match[2], "1")
    if kind is CellType.YEAR and (match := _YEAR.match(text)):
        return _made(kind, match[1], "1", "1")
    return None


def _made(kind: CellType, year: str, month: str, day: str) -> date | None:
    if int(year) not in YEARS:
        return None
    try:
        return _end_of(date(int(year), int(month), int(day)), kind)
    except ValueError:
        return None


def _end_of(day: date, kind: CellType) -> date:
    if kind is CellType.YEAR:
        return date(day.year, 12, 31)
    if kind is CellType.MONTH:
        return day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day


def together(counters: Iterable[Counter[date]]) -> Counter[date]:
    """Days of several columns."""
    total: Counter[date] = Counter()
    for counter in counters:
        total.update(counter)
    return total
