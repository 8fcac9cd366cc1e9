"""Plots beside and under each other on one sheet, a legend above them, room for numbers below each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tracker.estimate.results import About
from tracker.publish.chart_sheet import MARGIN, TEXT, WIDTH, Sheet, Words, sheet, stamp_height, title_height

LEFT, RIGHT, GAP = 0.72, 0.24, 0.66
ROW = 0.165
"""Height of a line of numbers under a plot."""
_KEY, _BESIDE, _LETTER = 0.3, 0.24, 0.077
_TALL = (2.9, 2.15, 1.65)


@dataclass(frozen=True)
class Key:
    """An entry of the legend: what it says and how its line looks."""

    label: str
    style: Mapping[str, Any]


@dataclass(frozen=True)
class Grid:
    """Where each plot stands; numbers count from the top left, row by row."""

    page: Sheet
    columns: int
    left: float
    top: float
    pitch: float
    wide: float
    tall: float

    def corner(self, number: int) -> tuple[float, float]:
        """Left and top of a plot."""
        column = number % self.columns
        return self.left + column * (self.wide + GAP), self.top + (number // self.columns) * self.pitch

    def axes(self, number: int) -> Axes:
        """The axes of a plot."""
        return self.page.axes(*self.corner(number), self.wide, self.tall)

    def is_first(self, number: int) -> bool:
        """Whether a plot stands leftmost."""
        return number % self.columns == 0


def grid(words: Words, about: About, plots: int, keys: Sequence[Key], rows: int) -> Grid:
    """A sheet for so many plots, each with ``rows`` lines of numbers below it."""
    columns = 1 if plots == 1 else 2 if plots in (2, 4) else 3
    left = _left(keys) if columns == 1 and rows else LEFT
    wide = (WIDTH - left - RIGHT - GAP * (columns - 1)) / columns
    tall = _TALL[columns - 1]
    laid = _rows(keys)
    head = title_height(words)
    top = head + 0.2 * len(laid) + (0.36 if plots > 1 else 0.12)
    pitch = tall + 0.5 + (0.3 + ROW * rows if rows else 0.0) + (0.32 if plots > 1 else 0.0)
    height = top + pitch * math.ceil(plots / columns) - (0.32 if plots > 1 else 0.0) + stamp_height(about)
    page = sheet(height, words, about)
    for row, several in enumerate(laid):
        draw_keys(page, head + 0.08 + 0.2 * row, several)
    return Grid(page, columns, left, top, pitch, wide, tall)


def _left(keys: Sequence[Key]) -> float:
    """Room for the names beside their rows of numbers."""
    longest = max((len(key.label) for key in keys), default=0)
    return min(max(LEFT, 0.62 + 0.066 * longest), 2.0)


def _width(key: Key) -> float:
    return _KEY + 0.07 + _LETTER * len(key.label) + _BESIDE


def _rows(keys: Sequence[Key]) -> list[list[Key]]:
    rows: list[list[Key]] = []
    for key in keys:
        if not rows or sum(map(_width, rows[-1])) + _width(key) > WIDTH - 2 * MARGIN:
            rows.append([])
        rows[-1].append(key)
    return rows


def draw_keys(page: Sheet, top: float, keys: Sequence[Key]) -> None:
    """One row of the legend."""
    left, y = MARGIN, 1 - top / page.height
    for key in keys:
        xs = [(left + part * _KEY) / page.width for part in (0.0, 0.5, 1.0)]
        page.drawing.add_artist(Line2D(xs, [y] * 3, markevery=[1], solid_capstyle="butt", **dict(key.style)))
        page.text(left + _KEY + 0.07, top, key.label, fontsize=TEXT - 0.5)
        left += _width(key)
