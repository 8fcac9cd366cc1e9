"""Which months each municipality delivered in full, and those that did so a whole window long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.projections.coverage import Covered

SETTLED_DAYS = 30
"""A month counts when its rows were read at least so long after its end: late registrations are in."""

Grid = NDArray[np.bool_]


@dataclass(frozen=True)
class CoveredMonths:
    """For each municipality (rows) and month (columns, first days): what holds on all its days.

    ``covered``: delivered in full and read late enough; ``complete``: and declared to hold all reports that
    opened nothing.
    """

    municipalities: tuple[str, ...]
    months: tuple[date, ...]
    covered: Grid
    complete: Grid

    def after_lead(self, months: int) -> Grid:
        """Covered, and so were as many months before."""
        found = self.covered.copy()
        for lead in range(1, months + 1):
            found[:, lead:] &= self.covered[:, :-lead]
            found[:, :lead] = False
        return found


def covered_months(
    intervals: Iterable[Covered], record_types: Sequence[str], months: Sequence[date]
) -> CoveredMonths:
    """The months covered, of each municipality for the first of the record types that it delivers."""
    some = [one for one in intervals if one.record_type in record_types]
    rank = {name: number for number, name in enumerate(record_types)}
    places = sorted({one.municipality for one in some})
    row = {place: number for number, place in enumerate(places)}
    chosen = {place: min(rank[o.record_type] for o in some if o.municipality == place) for place in places}
    first, end = _edges(months)
    days = np.zeros((2, len(places), len(months)), np.int64)
    for one in some:
        if rank[one.record_type] == chosen[one.municipality]:
            within = np.minimum(end, _day(one.last) + 1) - np.maximum(first, _day(one.first))
            settled = _day(one.extracted_on) - (end - 1) >= SETTLED_DAYS
            held = np.where(settled, np.maximum(within, 0), 0)
            days[0, row[one.municipality]] += held
            days[1, row[one.municipality]] += held if one.not_opened_complete else 0
    covered, complete = days == end - first
    return CoveredMonths(tuple(places), tuple(months), covered, complete)


def every_month(first: date, last: date) -> list[date]:
    """The first days of the whole months within these days."""
    whole = pd.period_range(first, last, freq="M")
    return [m.start_time.date() for m in whole if m.start_time.date() >= first and m.end_time.date() <= last]


def _edges(months: Iterable[date]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first day of each month and of the one after it, as day numbers."""
    starts = np.array([np.datetime64(month, "M") for month in months], dtype="datetime64[M]")
    days = [part.astype("datetime64[D]").astype(np.int64) for part in (starts, starts + 1)]
    return days[0], days[1]


def _day(day: date) -> int:
    return int(np.datetime64(day, "D").astype(np.int64))


@dataclass(frozen=True)
class Window:
    """Months ``first`` to ``end`` (not included) by number, and the municipalities that have all of them."""

    first: int
    end: int
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return self.end - self.first


def constant_window(usable: Grid, break_at: int, minimum: int) -> Window | None:
    """The window across the break with most municipality-months, every municipality in all its months.

    Windows with ``minimum`` months on either side go before others; of equal ones the longer, then the
    earlier. None when no municipality has a month on either side of the break.
    """
    starts = [m for m in _turns(usable, 1) if m < break_at]
    ends = [m + 1 for m in _turns(usable, -1) if m >= break_at]
    best: tuple[tuple[bool, int, int, int], Window] | None = None
    for first, end in product(starts, ends):
        rows = np.flatnonzero(usable[:, first:end].all(axis=1))
        enough = break_at - first >= minimum and end - break_at >= minimum
        rank = (enough, len(rows) * (end - first), end - first, -first)
        if len(rows) and (best is None or rank > best[0]):
            best = rank, Window(first, end, tuple(int(row) for row in rows))
    return best[1] if best else None


def _turns(usable: Grid, step: int) -> list[int]:
    """Months in which some municipality begins (step 1) or ends (step −1) to be usable."""
    beside = np.zeros_like(usable)
    if step > 0:
        beside[:, 1:] = usable[:, :-1]
    else:
        beside[:, :-1] = usable[:, 1:]
    return [int(month) for month in np.flatnonzero((usable & ~beside).any(axis=0))]
