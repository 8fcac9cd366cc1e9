"""Variances clustered on child of occupation, incidence and expected times.

The infinitesimal jackknife (Jaeckel 1972; as in R's survfit): ``squared_influence`` adds up what each child
does to the estimate. It holds without the Markov property, with several stays of a child and with weights.
Of incidence and stays in one state: ``incidence.leaving`` with ``incidence.exits_of`` the spells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.influence import influence_tables, records
from tracker.estimate.intervals import Interval
from tracker.estimate.occupation import Occupation, by_state, probability_bounds
from tracker.estimate.results import NOT_APPLICABLE, TOO_RECENT, VALUE, Summary
from tracker.estimate.risk_sets import Floats, Stays
from tracker.estimate.sojourn import require_follow_up, time_frame
from tracker.estimate.squared_influence import SquaredInfluence, squared_influence

IJ = "infinitesimal jackknife, clustered on child"


def clustered(
    fit: Occupation, stays: Stays, times: Sequence[float] = (), horizons: Sequence[float] = ()
) -> SquaredInfluence:
    """The squared influences behind ``fit``, the spells of everyone at hand; see ``squared_influence``."""
    return squared_influence(stays, influence_tables(fit, times, horizons))


def robust_occupation(
    fit: Occupation, squared: SquaredInfluence, *, interval: Interval = "log", level: float = 0.95
) -> Summary:
    """State occupation at the end of given days, with variance clustered on child, by stratum.

    ``frame``: strata, ``state``, ``time``, ``estimate``, ``std_error``, ``lower``, ``upper``, ``at_risk``
    (observed at the start) and ``status``: ``too_recent`` past the follow-up of a stratum,
    ``not_applicable`` before it starts. Raises EstimateError for sums of other strata or states.
    """
    _require_same(fit, squared)
    times = np.array(squared.times, float)
    group, time = (axis.ravel() for axis in np.indices((len(fit.risk.strata), len(times))))
    row, state = by_state(group, len(fit.risk.states))
    done = np.searchsorted(fit.steps.moments.time, times, side="right")
    variance = np.diagonal(squared.squares[:, : len(times)], axis1=2, axis2=3)
    estimate = fit.probability[done[time[row]], group[row], state]
    error = np.sqrt(variance[group[row], time[row], state])
    status = _status(fit, times)[group[row], time[row]]
    known = status == VALUE
    lower, upper = np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
    lower[known], upper[known] = probability_bounds(estimate[known], error[known], interval, level)
    told = pd.DataFrame(
        {
            "state": np.array(fit.risk.states, object)[state],
            "time": times[time[row]],
            "estimate": np.where(known, estimate, np.nan),
            "std_error": np.where(known, error, np.nan),
            "lower": lower,
            "upper": upper,
            "at_risk": fit.start.in_state[group[row], state],
            "status": status,
        }
    )
    frame = pd.concat([fit.risk.strata.iloc[group[row]].reset_index(drop=True), told], axis=1)
    method = replace(fit.method, variance=IJ, interval=interval)
    strata = tuple(str(name) for name in fit.risk.strata.columns)
    return Summary("state occupation", frame, strata, ("state",), fit.risk.about, method, level)


def robust_expected_time(fit: Occupation, squared: SquaredInfluence, *, level: float = 0.95) -> Summary:
    """Expected time in each state to given horizons, with variance clustered on child; see ``expected_time``.

    Raises EstimateError as ``expected_time`` does, and for sums of other strata or states.
    """
    _require_same(fit, squared)
    parts = []
    for number, horizon in enumerate(squared.horizons, start=len(squared.times)):
        require_follow_up(fit, horizon)
        variance = np.diagonal(squared.squares[:, number], axis1=1, axis2=2)
        estimate = (fit.start.initial[:, None] @ fit.time_to_come(horizon)[0])[:, 0]
        parts.append(time_frame(fit, horizon, estimate, np.sqrt(variance), level))
    if not parts:
        raise EstimateError("The squared influences have no horizons: expected times were not asked for.")
    method = replace(fit.method, name="expected time in state", variance=IJ, interval="plain")
    strata = tuple(str(name) for name in fit.risk.strata.columns)
    frame = pd.concat(parts, ignore_index=True)
    return Summary("expected time in state", frame, strata, ("state",), fit.risk.about, method, level)


def _require_same(fit: Occupation, squared: SquaredInfluence) -> None:
    if fit.risk.states != squared.states or records(fit.risk.strata) != records(squared.strata):
        raise EstimateError("The squared influences are of other strata or states than the estimate.")


def _status(fit: Occupation, times: Floats) -> NDArray[np.object_]:
    late = (times > fit.followed_to[:, None]) & ~fit.settled[-1][:, None]
    early = times < fit.start.time[:, None]
    return np.select([late, early], [TOO_RECENT, NOT_APPLICABLE], VALUE).astype(object)
