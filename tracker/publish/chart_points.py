"""Estimates with their intervals, one below the other: coefficients, single numbers, counts as bars."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from tracker.estimate.results import About, Coefficients, Summary
from tracker.publish.chart_curves import NO_LABELS, Scale, empty, thousands, told
from tracker.publish.chart_grid import Key, draw_keys
from tracker.publish.chart_sheet import (
    LINES,
    MARGIN,
    TEXT,
    WIDTH,
    Chart,
    Sheet,
    Words,
    finished,
    sheet,
    stamp_height,
    styled,
    title_height,
)
from tracker.publish.svg import ACCENT, INK, SOFT_INK

PITCH = 0.215
LABELS, FIGURES = 2.3, 1.35
"""Width of the labels to the left and of the figures to the right."""
_RATIOS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Row:
    """A line of the chart; without a value it is a heading, or says in ``figures`` why there is none."""

    label: str
    value: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    figures: str = ""
    colour: str = ACCENT
    heading: bool = False


def forest(
    fitted: Coefficients,
    words: Words,
    *,
    reference: Mapping[str, str] | None = None,
    labels: Mapping[str, str] = NO_LABELS,
    x: str = "hazard ratio",
) -> Chart:
    """The ratios of a regression with their intervals, on a log scale, grouped by covariate.

    ``reference`` names the reference level of each category, shown as 1; ``labels`` apply to covariates and
    levels. The figures stand beside.
    """
    with styled(words):
        rows = list(_terms(fitted.frame, reference or {}, labels))
        if not rows:
            return empty(words, fitted.about)
        page, axes = _page(rows, words, fitted.about, figures=f"{x} ({100 * fitted.level:g} %)", x=x)
        _draw(axes, rows)
        ends = [v for row in rows for v in (row.lower, row.upper, row.value) if np.isfinite(v) and v > 0]
        axes.set_xscale("log")
        axes.set_xlim(min(0.8, *ends) * 0.93, max(1.25, *ends) * 1.07)
        axes.axvline(1, color=INK, linewidth=0.8, zorder=1)
        low, high = axes.get_xlim()
        shown = [ratio for ratio in _RATIOS if low <= ratio <= high]
        axes.xaxis.set_major_locator(FixedLocator(shown[:: 1 + len(shown) // 9]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return finished(page, words)


def _terms(frame: pd.DataFrame, reference: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[Row]:
    covariate = ""
    for term in frame.to_dict("records"):
        name, colon, level = str(term["term"]).partition(": ")
        if colon and name != covariate:
            yield Row(told(name, labels), heading=True)
            if name in reference:
                yield Row(
                    f"   {told(reference[name], labels)}", 1.0, figures="1 (reference)", colour=SOFT_INK
                )
        covariate = name if colon else ""
        told_ = f"   {told(level, labels)}" if colon else told(name, labels)
        value, lower, upper = (float(term[key]) for key in ("ratio", "lower", "upper"))
        yield Row(told_, value, lower, upper, f"{value:.2f} ({lower:.2f}–{upper:.2f})")


def dots(
    summary: Summary,
    words: Words,
    *,
    row: str,
    group: str | None = None,
    x: str = "",
    scale: Scale = Scale.NUMBER,
    labels: Mapping[str, str] = NO_LABELS,
) -> Chart:
    """Single numbers with their intervals: a line for each level of ``group``, under each level of ``row``.

    Both are columns of the frame. Raises ValueError when two numbers fall on one line.
    """
    with styled(words):
        if not len(summary.frame):
            return empty(words, summary.about)
        keys = [row, *([group] if group else [])]
        if summary.frame.duplicated(keys).any():
            raise ValueError(f"several numbers for one {' and '.join(keys)}: choose a level of the rest")
        groups = list(summary.frame[group].astype(str).unique()) if group else [""]
        rows = list(_numbers(summary.frame, keys, groups, scale, labels))
        legend = [
            Key(told(name, labels), {"color": _colour(n), "marker": "o", "markersize": 4, "linewidth": 1.3})
            for n, name in enumerate(groups)
        ]
        told_x = x or summary.quantity
        said = f"{100 * summary.level:g} % interval"
        page, axes = _page(rows, words, summary.about, figures=said, x=told_x, keys=legend if group else [])
        _draw(axes, rows)
        if (summary.frame["lower"].fillna(0) >= 0).all():
            axes.set_xlim(0, axes.get_xlim()[1])
        axes.xaxis.set_major_locator(MaxNLocator(6))
        if scale is Scale.SHARE:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(100 * value, 6):g} %"))
        return finished(page, words)


def _colour(number: int) -> str:
    return LINES[number % len(LINES)]


def _numbers(
    frame: pd.DataFrame, keys: Sequence[str], groups: Sequence[str], scale: Scale, labels: Mapping[str, str]
) -> Iterator[Row]:
    decimals = 3 if frame["estimate"].abs().median() <= 1 else 1
    for level, part in frame.groupby(keys[0], sort=False, dropna=False):
        for number, one in enumerate(part.to_dict("records")):
            name = str(one[keys[1]]) if len(keys) > 1 else ""
            value, lower, upper = (float(one[key]) for key in ("estimate", "lower", "upper"))
            yield Row(
                told(str(level), labels) if number == 0 else "",
                value,
                lower,
                upper,
                _figures(value, lower, upper, scale, decimals),
                _colour(groups.index(name)),
            )


def _figures(value: float, lower: float, upper: float, scale: Scale, decimals: int) -> str:
    """A number with its interval where it has one; of numbers mostly below one, three decimals."""
    if np.isnan(value):
        return "not known yet"
    factor, unit, places = (100, " %", 1) if scale is Scale.SHARE else (1, "", decimals)
    said = f"{factor * value:,.{places}f}{unit}"
    if np.isnan(lower) or np.isnan(upper):
        return said
    return f"{said} ({factor * lower:,.{places}f}–{factor * upper:,.{places}f})"


def bars(
    frame: pd.DataFrame,
    words: Words,
    about: About,
    *,
    label: str,
    value: str,
    figures: str | None = None,
    x: str = "",
    labels: Mapping[str, str] = NO_LABELS,
) -> Chart:
    """Counts or shares as bars, in the order of the rows: ``label`` and ``value`` are columns.

    ``figures`` is a column of text shown beside each bar; left out, the value.
    """
    with styled(words):
        if not len(frame):
            return empty(words, about)
        said = frame[figures or value].map(lambda v: v if isinstance(v, str) else thousands(v))
        rows = [
            Row(told(str(name), labels), float(number), figures=text)
            for name, number, text in zip(frame[label], frame[value], said, strict=True)
        ]
        page, axes = _page(rows, words, about, x=x or value)
        for place, one in zip(_places(rows), rows, strict=True):
            axes.barh(place, one.value, height=0.62, color=one.colour, linewidth=0)
        axes.set_xlim(0, max(one.value for one in rows) * 1.03 or 1)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: thousands(number)))
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.grid(visible=False, axis="y")
        return finished(page, words)


def _wrapped(row: Row) -> list[str]:
    return textwrap.wrap(row.label, 38, initial_indent="", drop_whitespace=True) or [""]


def _places(rows: Sequence[Row]) -> list[float]:
    """Where the middle of each row stands, in lines from the top; a label of two lines takes two."""
    places, taken = [], 0.0
    for row in rows:
        tall = max(1.0, 0.72 * len(_wrapped(row)) + 0.28)
        places.append(taken + tall / 2)
        taken += tall
    return places


def _page(
    rows: Sequence[Row], words: Words, about: About, *, figures: str = "", x: str, keys: Sequence[Key] = ()
) -> tuple[Sheet, Axes]:
    """A sheet with labels to the left, a plot, and figures to the right, one line for each row."""
    places = _places(rows)
    lines = places[-1] + max(1.0, 0.72 * len(_wrapped(rows[-1])) + 0.28) / 2
    top = title_height(words) + (0.24 if keys else 0.0) + (0.26 if figures else 0.06)
    tall = lines * PITCH
    page = sheet(top + tall + 0.55 + stamp_height(about), words, about)
    if keys:
        draw_keys(page, title_height(words) + 0.08, keys)
    wide = WIDTH - LABELS - FIGURES - 2 * MARGIN
    axes = page.axes(MARGIN + LABELS, top, wide, tall)
    axes.set_ylim(lines, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(x)
    right = WIDTH - MARGIN
    page.text(right, top - 0.13, figures, ha="right", color=SOFT_INK)
    for place, row in zip(places, rows, strict=True):
        weight = "bold" if row.heading else "normal"
        several = _wrapped(row)
        for line, said in enumerate(several):
            at = top + PITCH * (place + 0.62 * (line - (len(several) - 1) / 2))
            page.text(
                MARGIN + (0.12 if row.label.startswith("   ") else 0.0),
                at,
                said,
                fontsize=TEXT - 0.5,
                fontweight=weight,
            )
        page.text(right, top + PITCH * place, row.figures, ha="right", color=INK)
    return page, axes


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    for place, row in zip(_places(rows), rows, strict=True):
        if np.isfinite(row.lower) and np.isfinite(row.upper):
            axes.plot(
                [row.lower, row.upper], [place, place], color=row.colour, linewidth=1.4, solid_capstyle="butt"
            )
        if np.isfinite(row.value):
            axes.plot(
                [row.value],
                [place],
                marker="o",
                clip_on=False,
                markersize=4.2,
                color=row.colour,
                linestyle="none",
            )
