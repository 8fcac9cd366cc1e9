"""How long: the expected time in each state up to a horizon, and the mean stay in one state.

The integral of state occupation, with its variance by the delta method: a move at u changes the time still
to come in each state (Andersen et al. 1993, section IV.4.1, applied to the integral of P(s, t)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.incidence import leaving
from tracker.estimate.intervals import quantile_of
from tracker.estimate.occupation import Occupation, by_state
from tracker.estimate.product_integral import Variance, noise
from tracker.estimate.results import Summary
from tracker.estimate.risk_sets import Floats, RiskSets, where
from tracker.estimate.starting import mix_covariance


def expected_time(fit: Occupation, horizons: Sequence[float], *, level: float = 0.95) -> Summary:
    """Expected time in each state from the start of the curves to the end of each horizon, by stratum.

    ``frame``: strata, ``state``, ``horizon``, ``estimate`` in the unit of the clock, ``std_error`` (of the
    kind the occupation was fitted with), plain interval cut at zero, ``at_risk`` at the start, ``events``
    into the state up to the horizon. Raises EstimateError for a horizon before the start, or past the
    follow-up of a stratum while anyone may still be in a state that is left.
    """
    parts = [_at_horizon(fit, horizon, level) for horizon in horizons]
    frame = pd.concat(parts, ignore_index=True)
    strata = tuple(str(name) for name in fit.risk.strata.columns)
    method = replace(fit.method, name="expected time in state", interval="plain")
    return Summary("expected time in state", frame, strata, ("state",), fit.risk.about, method, level)


def _at_horizon(fit: Occupation, horizon: float, level: float) -> pd.DataFrame:
    require_follow_up(fit, horizon)
    ahead = fit.time_to_come(horizon)
    estimate = (fit.start.initial[:, None] @ ahead[0])[:, 0]
    covariance = _through(ahead[0], mix_covariance(fit.start)) + _moves(fit, ahead[1:])
    error = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    return time_frame(fit, horizon, estimate, error, level)


def _moves(fit: Occupation, ahead: Floats) -> Floats:
    before = fit.probability[:-1]
    added = noise(fit.steps, before, before, fit.variance)
    total: Floats = _through(ahead, added).sum(0)
    return total


def _through(ahead: Floats, covariance: Floats) -> Floats:
    carried: Floats = ahead.swapaxes(-1, -2) @ covariance @ ahead
    return carried


def require_follow_up(fit: Occupation, horizon: float) -> None:
    """Raise EstimateError for a horizon that is not after the start, or past the follow-up of a stratum.

    Where everyone has come to a state that nobody leaves, nothing more can happen: that is no limit.
    """
    if len(fit.start.time) and not horizon > fit.start.time.max():
        raise EstimateError(f"A horizon lies after the start of the curves; found {horizon:g}.")
    short = np.flatnonzero(~fit.settled[-1] & (fit.followed_to < horizon))
    if short.size:
        group = int(short[0])
        raise EstimateError(
            f"Nobody was followed to {horizon:g}{where(fit.risk.strata, group)}: the last one at risk was "
            f"seen at {fit.followed_to[group]:g}. Choose an earlier horizon."
        )


def time_frame(
    fit: Occupation, horizon: float, estimate: Floats, error: Floats, level: float
) -> pd.DataFrame:
    """Rows of expected times [G, H] for one horizon; see ``expected_time``."""
    groups, states = estimate.shape
    row, state = by_state(np.arange(groups), states)
    distance = quantile_of(level) * error
    events = _events_to(fit, horizon)
    columns = {
        "estimate": estimate,
        "std_error": error,
        "lower": np.maximum(estimate - distance, 0),
        "upper": estimate + distance,
        "at_risk": fit.start.in_state,
        "events": events,
    }
    told = {name: values[row, state] for name, values in columns.items()}
    named = pd.DataFrame({"state": np.array(fit.risk.states, object)[state], "horizon": horizon, **told})
    return pd.concat([fit.risk.strata.iloc[row].reset_index(drop=True), named], axis=1)


def _events_to(fit: Occupation, horizon: float) -> Floats:
    risk = fit.risk
    number = np.arange(len(risk.moments))
    counted = (number > fit.start.moment[:, None]) & (risk.moments.time <= horizon)
    into = np.zeros((len(risk.strata), len(risk.states)))
    for move, (_, target) in enumerate(risk.transitions):
        into[:, target] += (risk.moved[:, :, move] * counted).sum(1)
    return into


def restricted_mean_sojourn(
    risk: RiskSets,
    state: str,
    horizons: Sequence[float],
    *,
    since: float | None = None,
    variance: Variance = "greenwood",
    level: float = 0.95,
) -> Summary:
    """The mean stay in ``state`` up to each horizon, by stratum: the area under the curve of staying.

    On the clock of the state this is the mean of min(stay, horizon), in the unit of the clock. ``frame`` as
    of ``expected_time``, with ``events`` the exits up to the horizon. Errors as ``leaving`` and
    ``expected_time``.
    """
    fit = leaving(risk, state, since=since, variance=variance)
    times = expected_time(fit, horizons, level=level)
    kept = (times.frame["state"] == state).to_numpy()
    exits = [_events_to(fit, horizon).sum(1) for horizon in horizons]
    frame = times.frame[kept].assign(events=np.concatenate(exits)).reset_index(drop=True)
    return replace(times, quantity="restricted mean sojourn", frame=frame)
