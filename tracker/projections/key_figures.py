"""Two municipal key figures: children who did not come back within a year, and how long investigations take.

The first follows the definition municipalities report to Kolada (Kommunens Kvalitet i Korthet): share of
children 0–12 and youths 13–20 who did not return to the social services within one year after all
investigations and interventions ended; a return is a formal investigation; endings of the first
half-year; financial assistance and unaccompanied children not included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from tracker.projections.flow_counts import rows
from tracker.projections.intervals import Z, ratio_variance, wilson
from tracker.projections.reading import opened, session
from tracker.projections.snapshot import Snapshot
from tracker.projections.stamping import stamp_of
from tracker.projections.workspace import run, sql

DEFINITION = "key-figures/1"
UNACCOMPANIED = "B_ENSAM"
"""Referral or investigation reason that marks an unaccompanied child."""

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (
        "not returned within one year",
        "children whose investigations and granted interventions in a municipality had all ended on a day "
        "of January to June, and for whom no investigation was opened there on the days after it, up to and "
        "including the same day a year later. Kolada shows the figure of a half-year the year after",
    ),
    (
        "unit",
        "child within a municipality, once a year, at its first such day (ours); an intervention is open "
        "from the decision",
    ),
    (
        "age",
        "at the ending, in whole years from the month of birth; where that is not known, as last stated",
    ),
    (
        "too recent",
        "the year after is not wholly covered by full deliveries of investigations, returned or not; or the "
        "ending itself lies after the last day covered",
    ),
    (
        "not delivered",
        "investigations or interventions of the day of ending are not covered by a full delivery, though "
        "later ones are",
    ),
    (
        "left out",
        "unaccompanied children (a referral or investigation with that reason); children known to have moved "
        "out or died within the year without returning (ours); financial assistance is in no delivery",
    ),
    ("interval of the share", "95 %, Wilson (1927); children are the units"),
    (
        "investigation time",
        "mean days from opened to closed, investigations closed in the year; 95 % interval normal, variance "
        "clustered on child. A year not covered to its end misses the later closings",
    ),
)


@dataclass(frozen=True)
class KeyFigures:
    """The two figures by municipality (``all``: together) and year, stamped.

    ``not_returned``: municipality, year (of ending), key_figure_year, age_class (``0-12``, ``13-20``,
    ``unknown``, ``other``), closed, returned, not_returned, denominator, share_not_returned with low and
    high, status (value | too_recent | not_delivered | not_applicable), and the children left out by reason.
    ``investigation_time``: municipality, year (of closing), investigations, children, mean_days with low
    and high, median_days, covered_whole_year.
    """

    not_returned: pd.DataFrame
    investigation_time: pd.DataFrame
    stamp: Mapping[str, str]
    definitions: tuple[tuple[str, str], ...] = DEFINITIONS


def key_figures(snapshot: Snapshot | Path | str) -> KeyFigures:
    """Both key figures of a snapshot. Raises SnapshotError for a folder that is no snapshot."""
    source = opened(snapshot)
    with session(source) as connection:
        return KeyFigures(
            _not_returned(connection), _investigation_time(connection), stamp_of(source.manifest, DEFINITION)
        )


def _not_returned(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    run(connection, "last_days")
    run(connection, "key_closings", unaccompanied=UNACCOMPANIED)
    frame: pd.DataFrame = rows(connection, sql("key_not_returned").template).to_pandas()
    known = frame["returned"] + frame["not_returned"]
    share = (frame["not_returned"] / known).where(known > 0)
    low, high = wilson(share.to_numpy(dtype=float), known.to_numpy(dtype=float))
    frame.insert(2, "key_figure_year", frame["year"] + 1)
    missing = np.where(frame["too_recent"] > 0, "too_recent", "not_applicable")
    missing = np.where(frame["not_delivered"] > 0, "not_delivered", missing)
    return frame.assign(
        denominator=known,
        share_not_returned=share,
        share_not_returned_low=low,
        share_not_returned_high=high,
        status=np.where(known > 0, "value", missing),
    )


def _investigation_time(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    frame: pd.DataFrame = rows(connection, sql("key_investigation_time").template).to_pandas()
    y, x, clusters = (frame[name].to_numpy(dtype=float) for name in ("days", "investigations", "children"))
    products = tuple(frame[name].to_numpy(dtype=float) for name in ("yy", "xy", "xx"))
    half = Z * np.sqrt(ratio_variance(y, x, (products[0], products[1], products[2]), clusters))
    told = frame.drop(columns=["days", "yy", "xy", "xx"])
    return told.assign(mean_days=y / x, mean_days_low=y / x - half, mean_days_high=y / x + half)
