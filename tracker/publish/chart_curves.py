"""Curves over time: steps with interval bands and numbers at risk, and occupation stacked by state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tracker.estimate.results import About, Curves
from tracker.publish.chart_grid import ROW, Grid, Key, grid
from tracker.publish.chart_sheet import (
    ENGLISH,
    MARGIN,
    SMALL,
    TEXT,
    Chart,
    Words,
    finished,
    line_style,
    sheet,
    stamp_height,
    state_colours,
    styled,
    title_height,
)
from tracker.publish.chart_time import Floats, Line, Panel, at_risk, kept, panels, ticks
from tracker.publish.svg import INK, SOFT_INK

NO_LABELS: Mapping[str, str] = {}
NO_MARKS: Mapping[float, str] = {}


class Scale(StrEnum):
    """How values are told: shares as percentages, or numbers as they are."""

    SHARE = "share"
    NUMBER = "number"


def told(level: str, labels: Mapping[str, str]) -> str:
    """What a level is called: by the labels given, or its own name without underscores."""
    return labels[level] if level in labels else level.replace("_", " ")


def empty(words: Words, about: About) -> Chart:
    """A sheet that says that there is nothing to draw."""
    page = sheet(title_height(words) + 0.6 + stamp_height(about), words, about)
    page.text(MARGIN, title_height(words) + 0.25, "No one is in this figure.", fontsize=TEXT)
    return finished(page, words)


def scaled(axes: Axes, scale: Scale) -> None:
    """Shares as percentages on the axis of values."""
    if scale is Scale.SHARE:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g} %"))


def step_curves(
    curves: Curves,
    words: Words,
    *,
    panel: str | None = None,
    line: str | None = None,
    scale: Scale = Scale.SHARE,
    y: str = "",
    since: str = "entry",
    labels: Mapping[str, str] = NO_LABELS,
    top: float | None = None,
    counted: str = "at risk",
    marks: Mapping[float, str] = NO_MARKS,
) -> Chart:
    """Step curves with interval bands: a line for each level of ``line``, a plot for each of ``panel``.

    Both are columns of the strata or key of the curves. Under each plot stand the numbers at risk just
    before each tick. ``y`` names the values, ``since`` what time is counted from, ``top`` the end of the axis
    of values, ``counted`` what the numbers under it are, ``marks`` days of note and what they are. For
    survival, incidence, occupation, mean numbers. Raises ValueError when curves would hide each other.
    """
    with styled(words):
        drawn = panels(curves, panel, line) if len(curves.frame) else []
        if not drawn:
            return empty(words, curves.about)
        names = list(dict.fromkeys(one.label for plot in drawn for one in plot.lines))
        keys = [Key(told(name, labels), line_style(n) | {"linewidth": 1.8}) for n, name in enumerate(names)]
        place = grid(words, curves.about, len(drawn), keys if len(names) > 1 else [], len(names))
        last = max(one.time[-1] for plot in drawn for one in plot.lines) or 1.0
        highest = top or _highest(drawn, scale)
        for number, plot in enumerate(drawn):
            axes = place.axes(number)
            for one in plot.lines:
                _step(axes, one, names.index(one.label), highest)
            framed_plot(axes, plot.label, labels)
            _time_axis(axes, last, place.wide, since)
            axes.set_ylim(0, highest)
            _mark(axes, plot, marks, highest)
            axes.yaxis.set_major_locator(MaxNLocator(5))
            scaled(axes, scale)
            axes.set_ylabel((y or curves.quantity) if place.is_first(number) else "")
            _numbers_below(place, number, plot, last, _Counted(counted, names, labels))
        return finished(place.page, words)


def _mark(axes: Axes, plot: Panel, marks: Mapping[float, str], highest: float) -> None:
    """Days of note as upright lines, named where the curves are not: at the top or at the foot."""
    for day, said in marks.items():
        there = [one.estimate[np.searchsorted(one.time, day, side="right") - 1] for one in plot.lines]
        top = max(there, default=0.0) < highest / 2
        axes.axvline(day, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=1)
        axes.annotate(
            said,
            (day, float(top)),
            xycoords=("data", "axes fraction"),
            xytext=(3, -4 if top else 4),
            textcoords="offset points",
            va="top" if top else "bottom",
            fontsize=SMALL,
            color=INK,
        )


VISIBLE = 0.0015
"""The share of the height of a plot below which a step is not drawn: half a dot in print."""


def _step(axes: Axes, one: Line, number: int, highest: float) -> None:
    style = line_style(number)
    values = np.column_stack([one.estimate, one.lower, one.upper])
    rows = kept(values, VISIBLE * highest)
    time, (estimate, lower, upper) = one.time[rows], values[rows].T
    known = ~(np.isnan(lower) | np.isnan(upper))
    axes.fill_between(
        time, lower, upper, where=known.tolist(), step="post", color=style["color"], alpha=0.16, linewidth=0
    )
    axes.step(time, estimate, where="post", linewidth=1.5, **style)


def _highest(drawn: Sequence[Panel], scale: Scale) -> float:
    """A round number above everything drawn; never above 1 for shares."""
    tops = [np.nanmax(np.r_[one.upper, one.estimate, 0.0]) for plot in drawn for one in plot.lines]
    most = float(max(tops)) or 1.0
    above = float(MaxNLocator(5).tick_values(0, most)[-1])
    return min(1.0, above) if scale is Scale.SHARE else above


def _time_axis(axes: Axes, last: float, wide: float, since: str) -> None:
    axis = ticks(last, wide)
    axes.set_xticks(axis.days, axis.labels)
    axes.set_xlim(0, last)
    axes.set_xlabel(f"{axis.unit} since {since}")


def framed_plot(axes: Axes, label: str, labels: Mapping[str, str]) -> None:
    """The name of a plot, above it."""
    if label:
        axes.set_title(told(label, labels), loc="left", fontsize=TEXT, fontweight="bold", pad=5)


@dataclass(frozen=True)
class _Counted:
    """What the numbers under a plot are, and the lines they belong to, in the order of the legend."""

    said: str
    names: Sequence[str]
    labels: Mapping[str, str]


def _numbers_below(place: Grid, number: int, plot: Panel, last: float, counted: _Counted) -> None:
    """Numbers under the ticks they belong to, a row for each line, named where there is room."""
    left, top = place.corner(number)
    axis = ticks(last, place.wide)
    first = top + place.tall + 0.6
    several = len(counted.names) > 1
    named = place.columns == 1 and several
    said = f"{counted.said}, in the order above" if several and not named else counted.said
    place.page.text(MARGIN if named else left, first, said, color=SOFT_INK, ha="left")
    for one in plot.lines:
        row = counted.names.index(one.label)
        at, colour = first + ROW * (row + 1), line_style(row)["color"] if several else INK
        if named:
            place.page.text(MARGIN, at, told(one.label, counted.labels), color=colour)
        for day, count in zip(axis.days, one.at_risk(axis.days), strict=True):
            beside = left + place.wide * day / last
            place.page.text(beside, at, thousands(count), ha="center", color=colour)


def thousands(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", "\u202f")


def stacked_occupation(
    curves: Curves,
    words: Words,
    *,
    panel: str | None = None,
    state: str = "state",
    order: Sequence[str] = (),
    since: str = "entry",
    labels: Mapping[str, str] = ENGLISH,
) -> Chart:
    """The share in each state over time, stacked: a plot for each level of ``panel``.

    ``order`` is that of the states from below, the chain's when left out. Under each plot stand the numbers
    under observation. A plot ends where nobody was followed further.
    """
    with styled(words):
        drawn = panels(curves, panel, state) if len(curves.frame) else []
        if not drawn:
            return empty(words, curves.about)
        seen = list(dict.fromkeys(one.label for plot in drawn for one in plot.lines))
        states = [name for name in order or _FROM_BELOW if name in seen]
        states += [name for name in seen if name not in states]
        colours = state_colours(states)
        keys = [Key(told(name, labels), {"color": colours[name], "linewidth": 7}) for name in states]
        place = grid(words, curves.about, len(drawn), keys, 1)
        last = max(one.time[-1] for plot in drawn for one in plot.lines) or 1.0
        for number, plot in enumerate(drawn):
            axes = place.axes(number)
            _stack(axes, plot, states, colours)
            framed_plot(axes, plot.label, labels)
            _time_axis(axes, last, place.wide, since)
            axes.set_ylim(0, 1)
            axes.grid(visible=False)
            scaled(axes, Scale.SHARE)
            axes.set_ylabel("share of children" if place.is_first(number) else "")
            _followed(place, number, plot, last)
        return finished(place.page, words)


_FROM_BELOW = ("dead", "moved", "adult", "intervention", "granted", "investigation", "referral", "closed")


def _stack(axes: Axes, plot: Panel, states: Sequence[str], colours: Mapping[str, str]) -> None:
    lines = {one.label: one for one in plot.lines}
    named = [name for name in states if name in lines]
    end = min(one.time[-1] for one in plot.lines)
    days = np.unique(np.concatenate([one.time[one.time <= end] for one in plot.lines]))
    shares = np.column_stack([_on(lines[name], days) for name in named])
    rows = kept(shares, VISIBLE)
    edges = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(shares[rows], axis=1)], axis=1)
    for number, name in enumerate(named):
        axes.fill_between(
            days[rows],
            edges[:, number],
            edges[:, number + 1],
            step="post",
            facecolor=colours[name],
            edgecolor="white",
            linewidth=0.4,
        )


def _on(one: Line, days: Floats) -> Floats:
    """The values of a line on these days."""
    last = np.maximum(np.searchsorted(one.time, days, side="right") - 1, 0)
    values: Floats = one.estimate[last]
    return values


def _followed(place: Grid, number: int, plot: Panel, last: float) -> None:
    left, top = place.corner(number)
    axis = ticks(last, place.wide)
    first = top + place.tall + 0.6
    place.page.text(left, first, "under observation", color=SOFT_INK, ha="left")
    every = pd.concat([one.rows for one in plot.lines])
    together = every.groupby(["time", "step"])[["at_risk"]].sum().reset_index()
    for day, count in zip(axis.days, at_risk(together, axis.days), strict=True):
        place.page.text(left + place.wide * day / last, first + ROW, thousands(count), ha="center")
