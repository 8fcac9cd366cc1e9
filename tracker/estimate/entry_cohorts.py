"""First outcomes of those who came in each half-year, and those before a day against those from it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import LOG_RANK, log_rank
from tracker.estimate.exits import leaving
from tracker.estimate.gray import GRAY, gray_test
from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.intervals import quantile_of
from tracker.estimate.results import TOO_RECENT, VALUE, About, Curves, Method, Summary, Test
from tracker.estimate.risk_sets import RiskSets, flow_counts
from tracker.projections.first_events import OTHER, WAITING, FirstEvents, first_event_flows

WINDOWS = (30, 90, 180, 365)
"""Days in which an outcome is looked for."""
NOT_DELIVERED, LOST = "not_delivered", "lost"

INCIDENCE = Method(
    "cumulative incidence with competing ends",
    "Aalen & Johansen (1978), Scand. J. Statist. 5:141–150; closing, growing up and dying compete",
    "Greenwood-type (multinomial)",
    "95 %, log",
    "all events of a day are tied",
)
BEFORE, SINCE = "a year before", "a year since"


def risk_sets_of(
    events: FirstEvents, outcome: str, frame: pd.DataFrame, strata: Sequence[str], about: About
) -> RiskSets:
    """Waiting for an outcome, by stratum. Raises EstimateError when there is no one."""
    if not len(frame):
        raise EstimateError(f"There is no one to follow to {outcome}.")
    table = first_event_flows(events, outcome, frame, strata)
    moves = [(WAITING, outcome), (WAITING, OTHER)]
    return flow_counts(table, strata, states=[WAITING, outcome, OTHER], transitions=moves, about=about)


def incidence_by_half_year(
    events: FirstEvents, frame: pd.DataFrame, about: About, windows: Sequence[int] = WINDOWS
) -> Summary:
    """Each outcome within each window, of those who came in each half-year, by the groups of the cohort.

    ``frame``: the rows of ``events.frame`` that can tell; half-years and groups of which none can are
    ``not_delivered``. ``too_recent``: the last who may have come could not be followed so long; nothing is
    then told, though some were. ``lost``: the last still waiting were lost sight of. ``entries`` came in all,
    ``at_risk`` those that can tell; ``lost`` of them were not followed through the window.
    """
    strata = ["half_year", *events.by]
    groups = events.frame.groupby(strata, observed=True).size().rename("entries").reset_index()
    cells = groups.merge(
        pd.DataFrame(product(events.outcomes, windows), columns=["outcome", "days"]), how="cross"
    )
    parts = [_read(events, frame, outcome, windows, about) for outcome in events.outcomes]
    read = pd.concat(parts, ignore_index=True)
    found = cells.merge(read, on=[*strata, "outcome", "days"], how="left")
    ends = _half_year_end(found["half_year"]) + pd.to_timedelta(found["days"], "D")
    recent = ends > events.frame["until"].max()
    missing = found["at_risk"].isna()
    lost = found["status"] == TOO_RECENT
    found["status"] = np.select([missing, recent, lost], [NOT_DELIVERED, TOO_RECENT, LOST], VALUE)
    found.loc[found["status"] != VALUE, ["estimate", "std_error", "lower", "upper"]] = np.nan
    found[["at_risk", "events", "lost"]] = found[["at_risk", "events", "lost"]].fillna(0).astype("int64")
    ordered = found.sort_values([*events.by, "half_year"], kind="stable").reset_index(drop=True)
    return Summary("cumulative incidence", ordered, tuple(strata), ("outcome", "days"), about, INCIDENCE)


_READ = ["estimate", "std_error", "lower", "upper"]


def _read(
    events: FirstEvents, frame: pd.DataFrame, outcome: str, windows: Sequence[int], about: About
) -> pd.DataFrame:
    strata = ["half_year", *events.by]
    columns = [*strata, "outcome", "days", "at_risk", "events", "lost", *_READ, "status"]
    if not len(frame):
        return pd.DataFrame(columns=columns)
    curves = cumulative_incidence(risk_sets_of(events, outcome, frame, strata, about), WAITING, [outcome])
    read = curves.at(windows).rename(columns={"time": "days", "cause": "outcome"})
    sizes = frame.groupby(strata, observed=True).size().rename("at_risk").reset_index()
    counted = [_within(frame, outcome, strata, days) for days in windows]
    told = read.drop(columns=["at_risk", "events", "step"]).astype({"days": "int64"})
    return told.merge(sizes, on=strata).merge(pd.concat(counted), on=[*strata, "days"])[columns]


def _within(frame: pd.DataFrame, outcome: str, strata: list[str], days: int) -> pd.DataFrame:
    """Reached within the window, and lost in it."""
    reached = (frame[f"{outcome}_on"] - frame["start_on"]).dt.days <= days
    gone = frame["stop"].isin(["lost", "moved"]) & frame[f"{outcome}_on"].isna()
    lost = gone & ((frame["until"] - frame["start_on"]).dt.days < days)
    counts = frame[strata].assign(events=reached, lost=lost)
    return counts.groupby(strata, observed=True)[["events", "lost"]].sum().reset_index().assign(days=days)


def _half_year_end(half_year: pd.Series) -> pd.Series:
    year, half = half_year.str[:4], half_year.str[-1]
    return pd.Series(pd.to_datetime(year + np.where(half == "1", "-06-30", "-12-31")), half_year.index)


@dataclass(frozen=True)
class Compared:
    """Those who came in the year before a day, followed to that day, and in the year from it on.

    ``curves``: incidence of each outcome by ``period``; ``differences``: of the incidence within ``days``,
    since less before, with plain limits (periods independent); ``tests``: outcome, test,
    statistic (one degree of freedom), p value, and in ``status`` why there is none.
    """

    curves: Curves
    differences: pd.DataFrame
    tests: pd.DataFrame


def compare_around(
    events: FirstEvents, frame: pd.DataFrame, day: date, about: About, outcomes: Sequence[str]
) -> Compared:
    """Those who came in the twelve months before the day against the twelve from it on.

    Each period is followed to its own end (as censoring), so that nothing that happened to the earlier ones
    after the day counts as before it, and both have had the same time. Gray's test compares incidences,
    log-rank the rates among those still waiting. Raises EstimateError when nobody came in one of them.
    """
    near = _around(frame, day)
    counts = near["period"].value_counts()
    if len(counts) < 2:
        raise EstimateError(
            f"Nothing to compare around {day}: nobody came in the year before it or after it."
        )
    curves, rows = [], []
    for outcome in outcomes:
        risk = risk_sets_of(events, outcome, near, ["period"], about)
        curves.append(cumulative_incidence(risk, WAITING, [outcome]))
        exits = leaving(risk, WAITING, [outcome], others="censored")
        tests = {
            GRAY.name: partial(gray_test, risk, WAITING, [outcome], ["period"]),
            LOG_RANK.name: partial(log_rank, exits, ["period"]),
        }
        sizes = {"before": int(counts[BEFORE]), "since": int(counts[SINCE])}
        rows += [
            {"outcome": outcome, "around": day, "test": name, **sizes, **_tested(test)}
            for name, test in tests.items()
        ]
    together = replace(curves[0], frame=pd.concat([one.frame for one in curves], ignore_index=True))
    return Compared(together, _differences(together, WINDOWS[:-1]), pd.DataFrame(rows))


def _around(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    """The rows of both years with their ``period`` and the last day that belongs to it, ``cut_on``."""
    middle = pd.Timestamp(day)
    first, last = middle - pd.DateOffset(years=1), middle + pd.DateOffset(years=1) - pd.Timedelta(days=1)
    near = frame[frame["start_on"].between(first, last)]
    before = near["start_on"] < middle
    return near.assign(
        period=np.where(before, BEFORE, SINCE),
        cut_on=pd.Series(last, near.index).mask(before, middle - pd.Timedelta(days=1)),
    )


def _tested(test: Callable[[], Test]) -> dict[str, object]:
    """A test as columns; one that cannot be made says why in ``status``."""
    try:
        made = test()
    except EstimateError as refused:
        return {"statistic": np.nan, "p_value": np.nan, "status": str(refused)}
    return {"statistic": made.statistic, "p_value": made.p_value, "status": VALUE}


def _differences(curves: Curves, windows: Sequence[int]) -> pd.DataFrame:
    read = curves.at(windows)
    read = read[read["status"] == VALUE].rename(columns={"cause": "outcome", "time": "days"})
    before, since = (read[read["period"] == period] for period in (BEFORE, SINCE))
    both = before.merge(since, on=["outcome", "days"], suffixes=("_before", "_since"))
    difference = both["estimate_since"] - both["estimate_before"]
    error = np.hypot(both["std_error_before"], both["std_error_since"])
    z = quantile_of(curves.level)
    told = both[["outcome", "days", "estimate_before", "estimate_since"]].astype({"days": "int64"})
    return told.assign(
        difference=difference, std_error=error, lower=difference - z * error, upper=difference + z * error
    )
