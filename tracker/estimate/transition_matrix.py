"""Transition probability matrices P(s, t) with their full covariance.

Andersen, Borgan, Gill & Keiding (1993), section IV.4.1: P(s, t) = ∏ (I + dA(u)) over u in (s, t], and the
recursion for the covariance of all its entries (IV.4.9). These need the Markov property; see ``landmark``
where it does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.intervals import Interval
from tracker.estimate.occupation import AALEN_JOHANSEN, VARIANCES, probability_bounds
from tracker.estimate.product_integral import Steps, Variance, forward, noise, steps_after
from tracker.estimate.results import TOO_RECENT, VALUE, Method, Summary
from tracker.estimate.risk_sets import Floats, RiskSets, where


@dataclass(frozen=True)
class TransitionMatrices:
    """P(since, t) by stratum [G] at ``times`` [T].

    ``probability`` [G, T, H, H]: from a state (row) to a state. ``covariance`` [G, T, H, H, H, H]: entry
    a, b, c, d is Cov(P_ab, P_cd). NaN past the last time anyone of the stratum was at risk.
    """

    risk: RiskSets
    since: float
    times: Floats
    probability: Floats
    covariance: Floats
    method: Method

    def summary(self, *, interval: Interval = "log", level: float = 0.95) -> Summary:
        """The entries as rows: strata, ``state`` (from), ``to_state``, ``time``, estimate … and ``status``.

        ``at_risk`` counts those in ``state`` at the end of day ``since``. Raises EstimateError for an
        unknown interval or level.
        """
        groups, times, states = self.probability.shape[:3]
        source, target, group, time = (
            axis.ravel() for axis in np.indices((states, states, groups, times)).transpose(0, 3, 1, 2, 4)
        )
        estimate = self.probability[group, time, source, target]
        variance = self.covariance[group, time, source, target, source, target]
        error = np.sqrt(np.maximum(variance, 0))
        known = ~np.isnan(estimate)
        lower, upper = np.full_like(estimate, np.nan), np.full_like(estimate, np.nan)
        bounds = probability_bounds(estimate[known], error[known], interval, level)
        lower[known], upper[known] = bounds
        names = np.array(self.risk.states, object)
        here = _in_state(self.risk, self.since)
        rows = pd.DataFrame(
            {
                "state": names[source],
                "to_state": names[target],
                "time": self.times[time],
                "estimate": estimate,
                "std_error": error,
                "lower": lower,
                "upper": upper,
                "at_risk": here[group, source],
                "status": np.where(known, VALUE, TOO_RECENT),
            }
        )
        strata = self.risk.strata.iloc[group].reset_index(drop=True)
        return Summary(
            "transition probability",
            pd.concat([strata, rows], axis=1),
            tuple(str(name) for name in self.risk.strata.columns),
            ("state", "to_state"),
            self.risk.about,
            replace(self.method, interval=interval),
            level,
        )


def transition_matrices(
    risk: RiskSets, times: Sequence[float], *, since: float = 0.0, variance: Variance = "greenwood"
) -> TransitionMatrices:
    """P(since, t) at the end of each day t of ``times``, with the covariance of all entries.

    Moves of day ``since`` do not count: the interval is (since, t], as in etm and mstate. A row of a state
    nobody has been at risk in stays where it starts. Raises EstimateError on the clock of the state, for
    times not after ``since`` or out of order, and strata with nobody at risk after it.
    """
    if risk.about.clock == "state":
        raise EstimateError("On the clock of the state there are no transition probabilities of the chain.")
    wanted = np.asarray(times, float)
    if wanted.size == 0 or not (since >= 0 and np.all(np.diff(wanted) > 0) and wanted[0] >= since):
        raise EstimateError("Times of transition probabilities increase, from the start on; these do not.")
    start = np.full(len(risk.strata), np.searchsorted(risk.moments.time, since, side="right") - 1, np.int64)
    followed = _followed_to(risk, since)
    steps = steps_after(risk, start)
    states = np.eye(len(risk.states))
    carried = forward(steps, np.tile(states, (len(start), 1, 1)))
    done = np.searchsorted(steps.moments.time, wanted, side="right")
    probability = carried[done].swapaxes(0, 1).copy()
    covariance = _covariances(steps, carried, done, variance)
    past = wanted > followed[:, None]
    probability[past], covariance[past] = np.nan, np.nan
    method = replace(AALEN_JOHANSEN, name="transition probabilities", variance=VARIANCES[variance])
    return TransitionMatrices(risk, since, wanted, probability, covariance, method)


def _in_state(risk: RiskSets, since: float) -> Floats:
    following = np.concatenate([risk.at_risk, np.zeros_like(risk.at_risk[:, :1])], axis=1)
    return following[:, int(np.searchsorted(risk.moments.time, since, side="right"))]


def _followed_to(risk: RiskSets, since: float) -> Floats:
    if not len(risk.strata):
        return np.zeros(0)
    some = (risk.at_risk.sum(2) > 0) & (risk.moments.time > since)
    empty = np.flatnonzero(~some.any(axis=1))
    if empty.size:
        raise EstimateError(f"Nobody is at risk after {since:g}{where(risk.strata, int(empty[0]))}.")
    last = len(risk.moments) - 1 - np.argmax(some[:, ::-1], axis=1)
    times: Floats = risk.moments.time[last]
    return times


def _covariances(steps: Steps, carried: Floats, done: NDArray[np.intp], variance: Variance) -> Floats:
    """[G, T, H, H, H, H]: carried through the steps, kept at those wanted."""
    groups, states = carried.shape[1:3]
    value = np.zeros((groups, states, states, states, states))
    kept = np.empty((groups, len(done), states, states, states, states))
    for number in range(len(steps) + 1):
        kept[:, done == number] = value.transpose(0, 1, 3, 2, 4)[:, None]
        if number < len(steps) and number < done[-1]:
            value = _one_step(steps, number, carried[number], value, variance)
    return kept


def _one_step(steps: Steps, number: int, rows: Floats, value: Floats, variance: Variance) -> Floats:
    """``value`` [G, a, c, b, d] after one more step, given the rows of P before it [G, a, H]."""
    one = Steps(
        steps.moment[number : number + 1],
        steps.moments,
        steps.matrix[number : number + 1],
        steps.at_risk[number : number + 1],
    )
    first, second = np.broadcast_arrays(rows[None, :, :, None, :], rows[None, :, None, :, :])
    matrix = steps.matrix[number][:, None, None]
    after: Floats = matrix.swapaxes(-1, -2) @ value @ matrix + noise(one, first, second, variance)[0]
    return after
