"""Curves made ready to be drawn: parts by panel and line, axes of days told in months, numbers at risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.estimate.results import Curves

DAYS_IN_MONTH = 365.25 / 12
_DAYS, _MONTHS = (1, 2, 7, 14, 28), (1, 3, 6, 12, 24, 60, 120)
_APART = 0.44
"""Inches a tick needs, for the number at risk below it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ticks:
    """Where the axis of time has ticks (days), what they say, and in which unit."""

    days: tuple[float, ...]
    labels: tuple[str, ...]
    unit: str


def ticks(last: float, wide: float) -> Ticks:
    """As many as ``wide`` inches take: months of 365.25 / 12 days when over three of them, else days."""
    unit, length = "days", 1.0
    spacings: tuple[int, ...] = _DAYS
    if last > 3 * DAYS_IN_MONTH:
        unit, length, spacings = ("months", DAYS_IN_MONTH, _MONTHS)
    most = max(int(wide / _APART), 2)
    spacing = next((s for s in spacings if int(last / length + 0.02) / s <= most), spacings[-1])
    counts = np.arange(0, last / length + 0.02, spacing)
    return Ticks(tuple(counts * length), tuple(f"{count:.0f}" for count in counts), unit)


@dataclass(frozen=True)
class Line:
    """One step curve, ordered: the value holds from each day on."""

    label: str
    time: Floats
    estimate: Floats
    lower: Floats
    upper: Floats
    rows: pd.DataFrame

    def at_risk(self, days: Sequence[float]) -> list[float]:
        """How many were at risk just before each day: none after the last that was seen."""
        return at_risk(self.rows, days)


def at_risk(rows: pd.DataFrame, days: Sequence[float]) -> list[float]:
    """How many of ordered rows (``time``, ``at_risk``) were at risk just before each day, to the nearest day.

    At the beginning it is the most of that day: some enter at a later step of it.
    """
    time, known = (rows[name].to_numpy(float) for name in ("time", "at_risk"))
    wanted = np.round(np.asarray(days, float))
    first = np.searchsorted(time, wanted - 1e-9, side="left")
    at_first = float(known[time <= time[0]].max()) if len(time) else 0.0
    before = np.r_[known, 0.0][first]
    return [float(count) for count in np.where(first == 0, at_first, before)]


@dataclass(frozen=True)
class Panel:
    """What one plot shows."""

    label: str
    lines: tuple[Line, ...]


def panels(curves: Curves, panel: str | None, line: str | None) -> list[Panel]:
    """The curves by two of their columns, in the order in which levels come.

    Raises ValueError when another of their columns still has several levels: curves would hide each other.
    """
    named = [name for name in (*curves.strata, *curves.key) if name not in (panel, line)]
    if several := [name for name in named if curves.frame[name].nunique(dropna=False) > 1]:
        raise ValueError(f"curves differ by {', '.join(several)} too: choose one level, a panel or a line")
    return [
        Panel(level, tuple(_line(curves, name, part) for name, part in _parts(rows, line)))
        for level, rows in _parts(curves.frame, panel)
    ]


def _parts(frame: pd.DataFrame, column: str | None) -> list[tuple[str, pd.DataFrame]]:
    if column is None:
        return [("", frame)]
    return [(str(level), rows) for level, rows in frame.groupby(column, sort=False, dropna=False)]


def _line(curves: Curves, label: str, part: pd.DataFrame) -> Line:
    rows = part.sort_values(["time", "step"], kind="stable")
    last = rows.drop_duplicates("time", keep="last")
    columns = [last[name].to_numpy(float) for name in ("time", "estimate", "lower", "upper")]
    if len(last) and columns[0][0] > 0 and not np.isnan(curves.start):
        starts = (0.0, curves.start, curves.start, curves.start)
        columns = [np.concatenate([[start], column]) for start, column in zip(starts, columns, strict=True)]
    time, estimate, lower, upper = columns
    return Line(label, time, estimate, lower, upper, rows)


def kept(values: Floats, tolerance: float) -> NDArray[np.int64]:
    """Rows of step values [N, K] that are worth drawing: the first, the last, and each that differs visibly.

    A row is left out when no value is more than ``tolerance`` from the row drawn before it, and it stays
    missing or known.
    """
    rows = [0]
    for row in range(1, len(values)):
        last, now = values[rows[-1]], values[row]
        same = np.isnan(last) == np.isnan(now)
        if not same.all() or np.nanmax(np.abs(now - last), initial=0.0) > tolerance:
            rows.append(row)
    if len(values) and rows[-1] != len(values) - 1:
        rows.append(len(values) - 1)
    return np.array(rows[: len(values)], np.int64)
