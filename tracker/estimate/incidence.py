"""Leaving one state for one of several: cumulative incidence with competing exits.

The Aalen–Johansen estimate of a chain with one state to leave and its exits. On the clock of the state this
is the incidence of leaving, loops and all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, overload

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.intervals import Interval
from tracker.estimate.occupation import Occupation, occupation, probability_bounds
from tracker.estimate.product_integral import Variance
from tracker.estimate.results import Curves
from tracker.estimate.risk_sets import Floats, RiskSets, Stays, number_of

IncidenceVariance = Literal["greenwood", "aalen", "delta"]
"""Multinomial and Poisson as for occupation; delta is the estimate of R's cmprsk."""

DELTA = "delta method with finite-population correction for ties, as in cmprsk (Gray 1988, Ann. Statist. 16)"


@overload
def exits_of(data: RiskSets, state: str) -> RiskSets: ...
@overload
def exits_of(data: Stays, state: str) -> Stays: ...
def exits_of(data: RiskSets | Stays, state: str) -> RiskSets | Stays:
    """Only what happens to those in ``state``: the chain of that state and where it leads.

    Every exit ends the chain. Strata and moments stay as they are. Raises EstimateError for an unknown
    state, one nobody leaves, and one that is come back to unless the clock is the state's: those who come
    back would not be new.
    """
    origin = number_of(data.states, state)
    moves = [number for number, (source, _) in enumerate(data.transitions) if source == origin]
    if not moves:
        raise EstimateError(f"There is no way out of «{state}» in these data.")
    targets = [data.transitions[number][1] for number in moves]
    states = (state, *(data.states[target] for target in targets))
    pairs = tuple((0, number + 1) for number in range(len(targets)))
    _require_new(data, origin)
    if isinstance(data, RiskSets):
        return _counts_of(data, origin, moves, states, pairs)
    return _stays_of(data, origin, targets, states, pairs)


def _require_new(data: RiskSets | Stays, origin: int) -> None:
    if data.about.clock != "state" and _come_back(data, origin):
        raise EstimateError(
            f"Some come back to «{data.states[origin]}» on this clock: the incidence of leaving it counts "
            "from each time it was entered. Use the clock of the state, or the occupation of states."
        )


def _come_back(data: RiskSets | Stays, origin: int) -> bool:
    if isinstance(data, Stays):
        return bool(np.any(data.to == origin))
    back = [number for number, (_, target) in enumerate(data.transitions) if target == origin]
    return bool(data.moved[:, :, back].any())


def _counts_of(
    risk: RiskSets, origin: int, moves: list[int], states: tuple[str, ...], pairs: tuple[tuple[int, int], ...]
) -> RiskSets:
    def only(values: Floats) -> Floats:
        kept = np.zeros((*values.shape[:2], len(states)))
        kept[:, :, 0] = values[:, :, origin]
        return kept

    moved = risk.moved[:, :, moves]
    entered = only(risk.entered)
    entered[:, :, 1:] = 0
    return replace(
        risk,
        states=states,
        transitions=pairs,
        at_risk=only(risk.at_risk),
        moved=moved,
        entered=entered,
        censored=only(risk.censored),
    )


def _stays_of(
    stays: Stays, origin: int, targets: list[int], states: tuple[str, ...], pairs: tuple[tuple[int, int], ...]
) -> Stays:
    kept = stays.state == origin
    renumbered = np.full(len(stays.states) + 1, -1, np.int64)
    renumbered[targets] = np.arange(1, len(targets) + 1)
    return replace(
        stays,
        states=states,
        transitions=pairs,
        subject=stays.subject[kept],
        stratum=stays.stratum[kept],
        state=np.zeros(int(kept.sum()), np.int64),
        entered=stays.entered[kept],
        left=stays.left[kept],
        to=renumbered[stays.to[kept]],
        weight=stays.weight[kept],
        covariates=stays.covariates.loc[kept].reset_index(drop=True),
    )


def leaving(
    risk: RiskSets, state: str, *, since: float | None = None, variance: Variance = "greenwood"
) -> Occupation:
    """Having left ``state`` for each of its exits, or not yet: occupation of the chain of its exits.

    On the clock of the state, time counts from when it was entered. Arguments and errors as for
    ``aalen_johansen`` and ``exits_of``.
    """
    return occupation(exits_of(risk, state), state, since, variance)


def cumulative_incidence(
    risk: RiskSets,
    state: str,
    causes: Sequence[str] | None = None,
    *,
    since: float | None = None,
    variance: IncidenceVariance = "greenwood",
    interval: Interval = "log",
    level: float = 0.95,
) -> Curves:
    """The probability of having left ``state`` for each of ``causes`` (None: every exit), by stratum.

    ``key`` is ``cause``; ``at_risk`` counts those still in ``state`` (all that can leave), ``events`` the
    exits to the cause. Exits for other causes compete: they are not censoring. ``variance``: greenwood (as
    etm), aalen, or delta (as cmprsk's cuminc). Raises EstimateError for unknown causes and as ``leaving``.
    """
    fit = leaving(risk, state, since=since, variance="greenwood" if variance == "delta" else variance)
    wanted = list(fit.risk.states[1:]) if causes is None else list(causes)
    if unknown := [name for name in wanted if name not in fit.risk.states[1:]]:
        raise EstimateError(f"«{state}» is not left for {', '.join(unknown)} in these data.")
    curves = fit.curves(interval=interval, level=level)
    frame = _causes(curves.frame, list(curves.strata), state, wanted)
    method = replace(curves.method, name="cumulative incidence with competing exits")
    if variance == "delta":
        frame["std_error"] = _delta_errors(fit, frame, wanted)
        bounds = probability_bounds(
            frame["estimate"].to_numpy(), frame["std_error"].to_numpy(), interval, level
        )
        frame["lower"], frame["upper"] = bounds
        method = replace(method, variance=DELTA)
    return replace(
        curves,
        quantity="cumulative incidence",
        frame=frame.drop(columns="row"),
        key=("cause",),
        method=method,
    )


def _causes(frame: pd.DataFrame, strata: list[str], state: str, wanted: list[str]) -> pd.DataFrame:
    """The rows of each cause, with those still in the state at risk; ``row`` numbers strata and moments."""
    still = frame.loc[frame["state"] == state, "at_risk"].to_numpy()
    parts = [
        frame[frame["state"] == cause].assign(at_risk=still, row=np.arange(len(still))) for cause in wanted
    ]
    named = pd.concat(parts, ignore_index=True).rename(columns={"state": "cause"})
    return named


def _delta_errors(fit: Occupation, frame: pd.DataFrame, wanted: list[str]) -> Floats:
    group, moment = fit.rows()
    done = np.searchsorted(fit.steps.moment, moment, side="right")
    errors = np.empty(len(frame))
    for cause in wanted:
        rows = (frame["cause"] == cause).to_numpy()
        variance = delta_variance(fit, fit.risk.states.index(cause))
        errors[rows] = np.sqrt(variance[done, group])[frame.loc[rows, "row"]]
    return errors


def delta_variance(fit: Occupation, cause: int) -> Floats:
    """Variance of the incidence of a cause after each step [K + 1, G], by the delta method.

    sum over u <= t of S(u-)²/Y² [(1 − r)² c₁ d₁ + r² c₂ d₂] with r = (F(t) − F(u))/S(u), d₁ exits for the
    cause, d₂ others, c = (Y − d)/(Y − 1); written as a square in F(t), its three sums carried along. Changes
    only where the incidence does. Aalen (1978), Ann. Statist. 6:534–545; the tie correction is cmprsk's.
    """
    staying, incidence = fit.probability[:, :, 0], fit.probability[:, :, cause]
    risk = fit.steps.at_risk[:, :, 0]
    own = np.round(fit.steps.matrix[:, :, 0, cause] * risk, 9)
    other = np.round((1 - fit.steps.matrix[:, :, 0, 0]) * risk - own, 9)
    left = staying[1:]
    inverse = np.divide(1, left, out=np.zeros_like(left), where=left > 0)
    ratio = incidence[1:] * inverse
    first = _tied(staying[:-1], own, risk)
    second = np.where(left > 0, _tied(staying[:-1], other, risk), 0)
    constant = np.cumsum((1 + ratio) ** 2 * first + ratio**2 * second, axis=0)
    linear = np.cumsum(inverse * ((1 + ratio) * first + ratio * second), axis=0)
    square = np.cumsum(inverse**2 * (first + second), axis=0)
    value = constant + incidence[1:] ** 2 * square - 2 * incidence[1:] * linear
    last = np.maximum.accumulate(np.where(own > 0, np.arange(1, len(own) + 1)[:, None], 0), axis=0)
    padded = np.concatenate([np.zeros((1, value.shape[1])), np.maximum(value, 0)])
    held = np.concatenate([np.zeros((1, value.shape[1]), np.int64), last])
    return np.take_along_axis(padded, held, axis=0)


def _tied(staying: Floats, exits: Floats, risk: Floats) -> Floats:
    """S²c d/Y² with c = (Y − d)/(Y − 1) for d > 1, else 1; zero without exits."""
    correction = np.where(exits > 1, (risk - exits) / np.maximum(risk - 1, 1), 1)
    return np.divide(staying**2 * correction * exits, risk**2, out=np.zeros_like(risk), where=risk > 0)
