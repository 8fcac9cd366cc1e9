"""A series of months with a break: what was seen, what the model says, and the trend had nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates as drawn_dates
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.estimate.results import About
from tracker.publish.chart_curves import NO_LABELS, Scale, empty, framed_plot, scaled
from tracker.publish.chart_grid import Key, grid
from tracker.publish.chart_sheet import LINES, SMALL, Chart, Words, finished, styled
from tracker.publish.svg import INK, SOFT_INK

_dates: Any = drawn_dates  # without types
_FITTED, _BEFORE = LINES[0], LINES[1]


def interrupted_series(
    frame: pd.DataFrame,
    words: Words,
    about: About,
    *,
    panel: str | None = None,
    y: str = "",
    scale: Scale = Scale.NUMBER,
    breaks: Mapping[date, str] | None = None,
    labels: Mapping[str, str] = NO_LABELS,
) -> Chart:
    """Points for each period, the fitted line with its band on either side of the break, the trend before.

    ``frame``: ``period`` (a date, the first of the period) and ``value``; where given ``fitted``, ``lower``
    and ``upper`` (of the fitted), ``counterfactual`` (the earlier trend carried on). A plot for each level
    of ``panel``. ``breaks`` are days with a word each; the Act of 1 July 2025 when left out.
    """
    with styled(words):
        if not len(frame):
            return empty(words, about)
        days = breaks if breaks is not None else {SOCIAL_SERVICES_ACT_2025: "Act of 1 July 2025"}
        parts = list(frame.groupby(panel, sort=False)) if panel else [("", frame)]
        place = grid(words, about, len(parts), _keys(frame), 0)
        top = float(
            np.nanmax(frame[[c for c in ("value", "upper", "counterfactual") if c in frame]].to_numpy(float))
        )
        for number, (name, part) in enumerate(parts):
            axes = place.axes(number)
            _series(axes, part.sort_values("period"), list(days))
            framed_plot(axes, str(name), labels)
            axes.set_ylim(0, top * 1.08 or 1)
            scaled(axes, scale)
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.set_ylabel(y if place.is_first(number) else "")
            for day, said in days.items():
                _break(axes, day, said if number == 0 else "")
        return finished(place.page, words)


def _keys(frame: pd.DataFrame) -> list[Key]:
    dot = {"color": SOFT_INK, "marker": "o", "markersize": 3.2, "linestyle": "none"}
    keys = [Key("observed", dot)]
    if "fitted" in frame:
        keys.append(Key("fitted", {"color": _FITTED, "linewidth": 1.8}))
    if "counterfactual" in frame:
        keys.append(
            Key("earlier trend carried on", {"color": _BEFORE, "linewidth": 1.5, "linestyle": (0, (5, 1.6))})
        )
    return keys


def _series(axes: Axes, part: pd.DataFrame, breaks: list[date]) -> None:
    when = np.array([_number(day) for day in part["period"]])
    edges = [-np.inf, *(_number(day) for day in sorted(breaks)), np.inf]
    if "fitted" in part:
        for first, end in pairwise(edges):
            side = part[(when >= first) & (when < end)]
            at = when[(when >= first) & (when < end)]
            if "lower" in part:
                axes.fill_between(at, side["lower"], side["upper"], color=_FITTED, alpha=0.16, linewidth=0)
            axes.plot(at, side["fitted"], color=_FITTED, linewidth=1.7)
    if "counterfactual" in part:
        after = when >= edges[1]
        axes.plot(
            when[after], part["counterfactual"][after], color=_BEFORE, linewidth=1.4, linestyle=(0, (5, 1.6))
        )
    axes.plot(when, part["value"], marker="o", markersize=3.0, color=SOFT_INK, linestyle="none")
    locator = _dates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(_dates.ConciseDateFormatter(locator, show_offset=False))


def _break(axes: Axes, day: date, said: str) -> None:
    axes.axvline(_number(day), color=INK, linewidth=0.9, linestyle=(0, (2, 2)))
    if said:
        axes.annotate(
            said,
            (_number(day), 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -3),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=SMALL,
            color=INK,
        )


def _number(day: date) -> float:
    """Where a day stands on the axis."""
    return float(_dates.date2num(day))
