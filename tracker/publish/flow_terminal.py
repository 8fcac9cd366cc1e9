"""The flow summary in a terminal: each step in its main unit, shares with their intervals, classes apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.table import Table

from tracker.projections.flow_summary import FlowSummary
from tracker.projections.flow_words import STEP_LABELS, UNIT_LABELS
from tracker.publish.stamp import stamp_line
from tracker.publish.swedish import number

SHOWN = {
    "received": ("referrals", "children"),
    "investigation": ("referrals",),
    "need": ("investigations",),
    "granted": ("investigations",),
    "started": ("investigations",),
    "followed_up": ("investigations",),
    "returned": ("children",),
    "clock_14_days": ("referrals",),
    "clock_4_months": ("investigations",),
}
"""Units shown of each step; files have all of them."""


def terminal_table(summary: FlowSummary) -> Table:
    """A table of the classes somebody is in: shares of the step before and of the start (with its interval,
    else the step's), median days among completed."""
    table = Table(
        *summary.by, "", "antal", "av steget", "av start", "95 %", "dagar",
        title="Sorteringskedjan", caption=stamp_line(summary.stamp), box=None, pad_edge=False,
        header_style="bold", title_justify="left", caption_justify="left",
    )  # fmt: skip
    table.columns[-6].min_width = 30 if summary.by else 36
    for column in table.columns[-5:]:
        column.justify, column.no_wrap = "right", True
    rows = summary.table[summary.table["count"].fillna(0) > 0]
    for cells, style in _lines(rows, summary.by):
        table.add_row(*cells, style=style)
    return table


def _lines(rows: pd.DataFrame, by: tuple[str, ...]) -> Iterator[tuple[list[str], str]]:
    heading: tuple[Any, ...] = ()
    records: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]  # columns are text
    for row in records:
        if row["unit"] not in SHOWN.get(row["step"], ()):
            continue
        group = [str(row[name]) for name in by]
        place = (*group, row["block"], row["step"], row["unit"])
        if place != heading:
            heading = place
            yield [*group, _heading(row), "", "", "", "", ""], "bold"
        yield [*([""] * len(by)), *_cells(row)], "" if row["status_step"] == "value" else "dim"


def _heading(row: dict[str, Any]) -> str:
    step = f"{STEP_LABELS.get(row['step'], 'Inkommet')} ({UNIT_LABELS[row['unit']]})"
    return step if row["block"] == "linkable" else f"Utan barn-id: {step.lower()}"


def _cells(row: dict[str, Any]) -> list[str]:
    interval = ""
    if row["status_start"] == "value" or row["status_step"] == "value":
        part = "start" if row["status_start"] == "value" else "step"
        low, high = _percent(row[f"share_{part}_low"]), _percent(row[f"share_{part}_high"])
        interval = f"{low.removesuffix(' %')}–{high}"
    return [
        "  " + row["label_sv"].removeprefix(f"{STEP_LABELS.get(row['step'])}: "),
        number(int(row["count"])),
        _percent(row["share_step"]),
        _percent(row["share_start"]),
        interval,
        "" if pd.isna(row["median_days_among_completed"]) else f"{row['median_days_among_completed']:.0f}",
    ]


def _percent(share: Any) -> str:
    return "" if pd.isna(share) else f"{100 * share:.1f}".replace(".", ",") + " %"
