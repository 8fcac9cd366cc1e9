"""The municipal key figure: children who did not return within one year."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from analyses.recurrence.returns import ALL, LABELS
from tracker.desk.analyses import Study
from tracker.estimate.results import Method, Summary
from tracker.projections.key_figures import KeyFigures
from tracker.publish.charts import Scale, Words, dots
from tracker.publish.findings import Section, Table

AGES = ("0-12", "13-20")
SHARE = Method("key figure: share", "Wilson (1927), JASA 22:209–212", "binomial", "Wilson, 95 %", "none")


def key_figure(study: Study, figures: KeyFigures) -> Section:
    """The municipal key figure of the whole snapshot."""
    frame = _latest_first(figures.not_returned)
    known = frame[(frame["status"] == "value") & frame["age_class"].isin(AGES)]
    year = known["year"].max() if len(known) else None
    shown = known[known["year"] == year].rename(
        columns={
            "share_not_returned": "estimate",
            "share_not_returned_low": "lower",
            "share_not_returned_high": "upper",
        }
    )
    words = Words(
        "key_figure",
        f"Children who did not return within one year, closings of January–June {year}"
        if year
        else "Key figure",
        "Share without a new investigation in the municipality, by age; Wilson intervals, 95 %.",
        tables=("key_figure",),
    )
    about = replace(study.about(), cohort="everyone in the snapshot")
    summary = Summary("share not returned", shown, (), ("municipality",), about, SHARE)
    chart = dots(summary, words, row="municipality", group="age_class", scale=Scale.SHARE, labels=LABELS)
    columns = [
        *("municipality", "year", "age_class", "closed", "returned", "not_returned", "denominator"),
        *("share_not_returned", "share_not_returned_low", "share_not_returned_high", "status"),
    ]
    text = (
        "The figure municipalities report, for everyone in the snapshot and not for the cohort above: it "
        "begins when investigations and interventions had ended, counts only formal investigations as "
        "return, and leaves out children whose year is not observed.",
    )
    note = "all: every municipality together. too_recent: the year after is not wholly delivered yet."
    told = frame.assign(year=frame["year"].astype(str), key_figure_year=frame["key_figure_year"].astype(str))
    table = Table("key_figure", "Not returned within one year", told, note, shown=24, columns=tuple(columns))
    return Section("The municipal key figure", text, (chart,), (table,))


def _latest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """All municipalities together first, then each; of each the latest year first."""
    order = frame.assign(apart=frame["municipality"] != ALL, before=-frame["year"])
    keys = ["apart", "municipality", "before", "age_class"]
    return order.sort_values(keys, kind="stable").drop(columns=["apart", "before"]).reset_index(drop=True)
