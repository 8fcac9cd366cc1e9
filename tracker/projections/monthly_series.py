"""Monthly series of what municipalities delivered in full: the same municipalities in every month.

A month of a municipality counts when all its days are covered by full deliveries of the record types
counted, read at least ``SETTLED_DAYS`` after its end. The window across the break and the set of
municipalities are those with most municipality-months (``constant_window``); who is left out is told, and
why. Rows count whether or not they name a child: nobody is followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import duckdb
import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025, Period
from tracker.projections.coverage import Covered
from tracker.projections.covered_months import (
    Grid,
    Window,
    constant_window,
    covered_months,
    every_month,
)
from tracker.projections.reading import session
from tracker.projections.snapshot import Snapshot
from tracker.projections.workspace import sql

GROUPS = ("sex", "age_group", "municipality", "size_class")
"""What series can be broken down and chosen by: what every record says."""

MONTH_DAYS = 30.4375
CHILDREN = 10_000
"""Children whose months are the unit of exposure, where populations are known."""

ENOUGH = 8
"""Months on either side that a window should have."""


@dataclass(frozen=True)
class Definition:
    """A series: the record types it rests on (any of each group), and what else a month must have.

    ``lead``: so many months before it must be covered as well (an intervention started in a month was decided
    in an earlier one, and decisions are what is delivered by period). ``complete``: reports that opened
    nothing are declared to be completely recorded. ``share``: of how many, not over exposure.
    """

    name: str
    said: str
    records: tuple[tuple[str, ...], ...]
    lead: int = 0
    complete: bool = False
    share: bool = False


_SUPPORT = ("open_support", "open_support_counts")

SERIES = (
    Definition("referrals", "referrals received", (("referrals",),), complete=True),
    Definition("opened_share", "share of referrals opened", (("referrals",),), complete=True, share=True),
    Definition("investigations", "investigations opened", (("investigations",),)),
    Definition("granted", "granted decisions", (("interventions",),)),
    Definition("interventions", "interventions started", (("interventions",),), lead=3),
    Definition("open_support", "support without a needs decision started", (_SUPPORT,)),
    Definition(
        "all_support", "interventions and support without a needs decision started",
        (("interventions",), _SUPPORT), lead=3,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class MonthlySeries:
    """A series ready to be analysed.

    ``frame``: the columns of ``by``, ``period``, ``count``, ``of`` (of a share) or ``exposure`` (else), and
    ``unknown`` (rows that cannot be told to be either); every month of every level, zeros included.
    ``places``: municipality, ``used`` and ``why`` not. ``unit`` says what an exposure of one is.
    """

    definition: Definition
    frame: pd.DataFrame
    by: tuple[str, ...]
    places: pd.DataFrame
    unit: str

    @property
    def used(self) -> list[str]:
        """The municipalities of the series."""
        return list(self.places.loc[self.places["used"], "municipality"])


@dataclass(frozen=True)
class Asked:
    """What is counted: the breakdown, the days, and the levels of ``GROUPS`` it is limited to."""

    by: tuple[str, ...] = ()
    period: Period | None = None
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    break_on: date = SOCIAL_SERVICES_ACT_2025


class Exposure(StrEnum):
    """What counts are of: covered months (of 30.4 days), or months of the children who live there."""

    MONTHS = "months"
    CHILDREN = "children"


@dataclass(frozen=True)
class SeriesSource:
    """The deliveries of a snapshot by month, for as many series as are asked for.

    ``rows``: series, municipality, period, sex, age_group, size_class, count, of, unknown. ``population``:
    municipality, year, children 0–17.
    """

    asked: Asked
    rows: pd.DataFrame
    intervals: tuple[Covered, ...]
    places: tuple[str, ...]
    population: pd.DataFrame

    @property
    def months(self) -> list[date]:
        """The whole months asked for in which anything was delivered in full."""
        if not self.intervals:
            return []
        first = min(one.first for one in self.intervals)
        last = max(one.last for one in self.intervals)
        if asked := self.asked.period:
            first, last = max(first, asked.first), min(last, asked.last)
        return every_month(first, last) if first <= last else []


def read_series(snapshot: Snapshot, asked: Asked) -> SeriesSource:
    """Everything monthly series are made of, counted once. Raises SnapshotError."""
    with session(snapshot) as connection:
        rows = connection.execute(sql("series_rows").template).df()
        intervals = connection.execute(
            "SELECT municipality, record_type, covered_from, covered_to, extracted_on, not_opened_complete "
            "FROM coverage ORDER BY ALL"
        ).fetchall()
        population = _population(connection)
    for name, levels in asked.where.items():
        rows = rows[rows[name].isin(list(levels))]
    told = {row[0] for row in intervals} | set(rows["municipality"])
    covered = tuple(Covered(*row) for row in intervals)
    return SeriesSource(asked, rows, covered, tuple(sorted(told)), population)


def _population(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    return connection.execute(
        "SELECT municipality, year(year) AS year, max(population_0_17) AS children FROM municipality_facts "
        "WHERE population_0_17 > 0 GROUP BY ALL ORDER BY ALL"
    ).df()


def monthly_series(
    source: SeriesSource, definition: Definition, exposure: Exposure | None = None
) -> MonthlySeries:
    """One series. ``exposure`` None: children where every municipality tells their number, else months.

    Per child, only municipalities that tell the number are in. Raises EstimateError when no municipality
    delivered what the series rests on in full in any month on either side of the break.
    """
    months = source.months
    children = _children(source, months)
    known = ~np.isnan(children)
    grid = _grid(source, definition, months, known if exposure is Exposure.CHILDREN else np.ones_like(known))
    break_at = sum(month < source.asked.break_on for month in months)
    window = constant_window(grid.usable, break_at, ENOUGH)
    if window is None:
        raise EstimateError(f"{_nowhere(definition)} {source.asked.break_on}.")
    held = np.ix_(window.rows, range(window.first, window.end))
    chosen = exposure or (Exposure.CHILDREN if known[held].all() else Exposure.MONTHS)
    weights = (
        children[held] / CHILDREN if chosen is Exposure.CHILDREN else np.ones((len(window.rows), len(window)))
    )
    spanned = months[window.first : window.end]
    days = np.array([pd.Period(month, "M").days_in_month for month in spanned])
    amounts = pd.DataFrame(
        weights * days / MONTH_DAYS,
        index=pd.Index([source.places[row] for row in window.rows], name="municipality"),
        columns=pd.Index(spanned, name="period"),
    )
    frame = _counted(source, definition, amounts, "sum" if chosen is Exposure.CHILDREN else "max")
    places = _places(source, grid, window, (spanned[0], spanned[-1]))
    return MonthlySeries(definition, frame, source.asked.by, places, _UNITS[chosen])


_UNITS = {
    Exposure.MONTHS: "month",
    Exposure.CHILDREN: f"month and {CHILDREN:,} children 0–17",
}


def _nowhere(definition: Definition) -> str:
    needed = " and ".join(" or ".join(group) for group in definition.records)
    declared = ", with not-opened reports declared complete," if definition.complete else ""
    return f"No municipality has delivered {needed} in full{declared} in months on both sides of"


@dataclass(frozen=True)
class _Usable:
    """Municipalities (rows) by months: covered, declared complete, telling outcomes, their children counted.

    Each where it is needed; everywhere else true.
    """

    covered: Grid
    declared: Grid
    telling: Grid
    counted: Grid

    @property
    def usable(self) -> Grid:
        """All of it."""
        found: Grid = self.covered & self.declared & self.telling & self.counted
        return found


def _grid(source: SeriesSource, definition: Definition, months: Sequence[date], counted: Grid) -> _Usable:
    shape = (len(source.places), len(months))
    covered, declared, telling = np.ones(shape, bool), np.ones(shape, bool), np.ones(shape, bool)
    for record_types in definition.records:
        found = covered_months(source.intervals, record_types, months)
        rows = [source.places.index(place) for place in found.municipalities]
        spread = np.zeros((2, *shape), bool)
        spread[:, rows] = found.after_lead(definition.lead), found.complete
        covered, declared = covered & spread[0], declared & spread[1]
    if not definition.complete:
        declared[:] = True
    if definition.share:
        told = source.rows[source.rows["series"] == definition.name].groupby("municipality")["of"].sum()
        telling &= np.array([told.get(place, 0) > 0 for place in source.places])[:, None]
    return _Usable(covered, declared, telling, counted)


def _children(source: SeriesSource, months: Sequence[date]) -> np.ndarray:
    """Children of each municipality in each month, of the latest year told; NaN where none is."""
    found = np.full((len(source.places), len(months)), np.nan)
    years = np.array([month.year for month in months])
    for row in source.population.itertuples():
        if row.municipality in source.places:
            found[source.places.index(row.municipality), years >= row.year] = row.children
    return found


def _counted(
    source: SeriesSource, definition: Definition, exposure: pd.DataFrame, together: str
) -> pd.DataFrame:
    """Every month of every level of the breakdown, with its counts and exposure."""
    by = list(source.asked.by)
    first, last = pd.Timestamp(exposure.columns[0]), pd.Timestamp(exposure.columns[-1])
    rows = source.rows[source.rows["series"] == definition.name]
    rows = rows[rows["municipality"].isin(exposure.index) & rows["period"].between(first, last)]
    summed = rows.groupby([*by, "period"])[["count", "of", "unknown"]].sum()
    levels = rows[by].drop_duplicates().sort_values(by) if by else pd.DataFrame(index=[0])
    months = pd.DataFrame({"period": pd.to_datetime(list(exposure.columns))})
    whole = levels.merge(months, how="cross").join(summed, on=[*by, "period"])
    whole[["count", "of", "unknown"]] = whole[["count", "of", "unknown"]].fillna(0).astype("int64")
    if definition.share:
        return whole
    return _exposed(source, whole.drop(columns="of"), exposure, together)


def _exposed(
    source: SeriesSource, frame: pd.DataFrame, exposure: pd.DataFrame, together: str
) -> pd.DataFrame:
    """With exposure: that of the municipalities of the level; of everyone there, whoever is counted.

    Of several municipalities children add up (sum), months are the same (max).
    """
    where = [name for name in source.asked.by if name in ("municipality", "size_class")]
    long = exposure.reset_index().melt("municipality", var_name="period", value_name="exposure")
    long["period"] = pd.to_datetime(long["period"])
    sizes = source.rows.drop_duplicates("municipality").set_index("municipality")["size_class"]
    long["size_class"] = long["municipality"].map(sizes).fillna("unknown")
    summed = long.groupby([*where, "period"])["exposure"].agg(together).reset_index()
    return frame.merge(summed, on=[*where, "period"], how="left")


def _places(
    source: SeriesSource,
    grid: _Usable,
    window: Window,
    span: tuple[date, date],
) -> pd.DataFrame:
    within = slice(window.first, window.end)
    reasons = [
        (~grid.covered.any(axis=1), "not delivered in full"),
        (
            ~grid.covered[:, within].all(axis=1),
            f"not delivered in full in every month {span[0]:%Y-%m}–{span[1]:%Y-%m}",
        ),
        (~grid.declared[:, within].all(axis=1), "not-opened reports not declared complete"),
        (~grid.telling.any(axis=1), "says nothing of what became of referrals"),
        (~grid.counted[:, within].all(axis=1), "number of children not delivered"),
    ]
    why = np.select([test for test, _ in reasons], [said for _, said in reasons], "")
    used = np.isin(np.arange(len(source.places)), window.rows)
    return pd.DataFrame(
        {
            "municipality": source.places,
            "used": used,
            "why": why,
            "first_month": span[0],
            "last_month": span[1],
        }
    )
