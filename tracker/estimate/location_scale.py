"""Accelerated failure time by maximum likelihood: log T = x beta + exp(z gamma) × error.

Newton's method with analytic derivatives on rows that are exact, interval-censored or right-censored, and
left-truncated. (lifelines has these models, but in interval-censored data with late entry its optimiser often
stops short or fails, and elsewhere it leaves coefficients good to 1e-5; this arrives at the maximum.)
Sources: Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, §3.6–3.8; Burridge
(1981), JRSS B 43: 41–45, on concavity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_ndtr, ndtri

from tracker.domain.errors import EstimateError
from tracker.estimate.climbing import Point, climb, inverse
from tracker.estimate.risk_sets import Floats

Family = Literal["weibull", "exponential", "lognormal", "loglogistic"]

RUNAWAY = 25.0
"""A time ratio of e^25 between rows of the data is not an estimate."""


@dataclass(frozen=True)
class Errors:
    """The distribution of the error: log S and log f with first and second derivatives, and its quantiles."""

    log_survival: Callable[[Floats], tuple[Floats, Floats, Floats]]
    log_density: Callable[[Floats], tuple[Floats, Floats, Floats]]
    quantile: Callable[[Floats], Floats]


def _extreme_survival(z: Floats) -> tuple[Floats, Floats, Floats]:
    power = -np.exp(np.minimum(z, 700.0))
    return power, power, power


def _extreme_density(z: Floats) -> tuple[Floats, Floats, Floats]:
    power = np.exp(np.minimum(z, 700.0))
    return z - power, 1 - power, -power


def _normal_survival(z: Floats) -> tuple[Floats, Floats, Floats]:
    log = log_ndtr(-z)
    hazard = np.exp(_normal_density(z)[0] - log)
    return log, -hazard, -hazard * (hazard - z)


def _normal_density(z: Floats) -> tuple[Floats, Floats, Floats]:
    return -0.5 * z**2 - 0.5 * np.log(2 * np.pi), -z, np.full_like(z, -1.0)


def _logistic_survival(z: Floats) -> tuple[Floats, Floats, Floats]:
    gone = 0.5 * (1 + np.tanh(z / 2))
    return -np.logaddexp(0, z), -gone, -gone * (1 - gone)


def _logistic_density(z: Floats) -> tuple[Floats, Floats, Floats]:
    log, first, second = _logistic_survival(z)
    return z + 2 * log, 1 + 2 * first, 2 * second


_EXTREME = Errors(_extreme_survival, _extreme_density, lambda p: np.log(-np.log1p(-p)))
ERRORS: dict[str, Errors] = {
    "weibull": _EXTREME,
    "exponential": _EXTREME,
    "lognormal": Errors(_normal_survival, _normal_density, ndtri),
    "loglogistic": Errors(_logistic_survival, _logistic_density, lambda p: np.log(p) - np.log1p(-p)),
}


@dataclass(frozen=True)
class Rows:
    """Times, one row each (N): the event is in [lower, upper), at lower when they are equal, after it when
    ``upper`` is infinite; known only of those who had not had it at ``entry``. ``location`` [N, P] and
    ``scale`` [N, Q] are the covariates, ``weight`` the rows each stands for.
    """

    lower: Floats
    upper: Floats
    entry: Floats
    location: Floats
    scale: Floats
    weight: Floats


@dataclass(frozen=True)
class Maximum:
    """A fitted model: ``values`` are beta, then gamma (none when the scale is fixed at 1).

    ``covariance`` is the inverse of the observed information; ``scores`` [N, P + Q] by row, weighted.
    """

    values: Floats
    covariance: Floats
    log_likelihood: float
    scores: Floats
    iterations: int


def maximum(rows: Rows, family: Family, names: tuple[str, ...], start: Floats) -> Maximum:
    """The maximum of the likelihood from a start; ``names`` tell the parameters in refusals.

    Raises EstimateError when a parameter runs to infinity or Newton's method does not arrive.
    """

    def check(values: Floats) -> None:
        _require_finite(rows, values, names)

    values, point, steps = climb(lambda tried: _at(rows, family, tried), start, check)
    _require_spread(rows, family, values, names)
    scores = _scores(rows, family, values)
    return Maximum(values, inverse(point[2], names), point[0], scores, steps)


def _require_spread(rows: Rows, family: Family, values: Floats, names: tuple[str, ...]) -> None:
    """Intervals that a model without spread explains wholly have their greatest likelihood where it is 0."""
    if (rows.upper == rows.lower).any():
        return
    alike = np.flatnonzero((_slopes(rows, family, values)[0] * rows.weight) @ rows.scale > -1e-8)
    if alike.size:
        name = names[rows.location.shape[1] + int(alike[0])]
        raise EstimateError(
            f"«{name}» runs to minus infinity: the times are too alike, or too few, to tell how they spread."
        )


def start_of(rows: Rows) -> Floats:
    """Where to start: least squares of log time, those still there taken as leaving when last seen."""
    ended = np.isfinite(rows.upper)
    middle = np.where(ended, (rows.lower + np.where(ended, rows.upper, 0.0)) / 2, rows.lower)
    log, root = np.log(np.maximum(middle, 0.5)), np.sqrt(rows.weight)
    beta = np.linalg.lstsq(rows.location * root[:, None], log * root, rcond=None)[0]
    spread = np.sqrt(np.average((log - rows.location @ beta) ** 2, weights=rows.weight))
    return np.concatenate([beta, np.full(rows.scale.shape[1], np.log(max(0.8 * spread, 0.1)))])


def _at(rows: Rows, family: Family, values: Floats) -> Point:
    slopes = _slopes(rows, family, values)
    eta, s, eta_eta, eta_s, s_s = slopes[1:] * rows.weight
    x, z = rows.location, rows.scale
    gradient = np.concatenate([eta @ x, s @ z])
    cross = (x.T * eta_s) @ z
    second = np.block([[(x.T * eta_eta) @ x, cross], [cross.T, (z.T * s_s) @ z]])
    return float(slopes[0] @ rows.weight), gradient, -second


def _slopes(rows: Rows, family: Family, values: Floats) -> Floats:
    """By row [6, N]: log-likelihood; its derivatives by eta and s; eta eta, eta s and s s."""
    errors, width = ERRORS[family], rows.location.shape[1]
    eta, s = rows.location @ values[:width], rows.scale @ values[width:]
    slopes = np.zeros((6, len(eta)))
    exact, open_ended = rows.upper == rows.lower, np.isinf(rows.upper)
    for kind, part in ((exact, _exact), (open_ended, _survived), (~exact & ~open_ended, _between)):
        if kind.any():
            slopes[:, kind] = part(errors, rows.lower[kind], rows.upper[kind], eta[kind], s[kind])
    late = rows.entry > 0
    if late.any():
        slopes[:, late] -= _survived(errors, rows.entry[late], rows.entry[late], eta[late], s[late])
    return slopes


def _exact(errors: Errors, time: Floats, _: Floats, eta: Floats, s: Floats) -> Floats:
    log = np.log(time)
    slopes = _through(*errors.log_density((log - eta) / np.exp(s)), (log - eta) / np.exp(s), s)
    slopes[0] -= s + log
    slopes[2] -= 1
    return slopes


def _survived(errors: Errors, time: Floats, _: Floats, eta: Floats, s: Floats) -> Floats:
    reached = time > 0
    z = np.where(reached, np.log(np.where(reached, time, 1.0)) - eta, 0.0) / np.exp(s)
    return np.where(reached, _through(*errors.log_survival(z), z, s), 0.0)


def _between(errors: Errors, lower: Floats, upper: Floats, eta: Floats, s: Floats) -> Floats:
    """log of S(lower) − S(upper), which may be far out in either tail."""
    from_start = lower <= 0
    low = np.where(from_start, 0.0, np.log(np.where(from_start, 1.0, lower)) - eta) / np.exp(s)
    high = (np.log(upper) - eta) / np.exp(s)
    before = np.where(from_start, 0.0, errors.log_survival(low)[0])
    value = before + np.log(-np.expm1(errors.log_survival(high)[0] - before))
    opened = _edge(errors, low, s, value) * np.where(from_start, 0.0, -1.0)
    change = opened + _edge(errors, high, s, value)
    first = change[:2]
    second = change[2:] - np.stack([first[0] ** 2, first[0] * first[1], first[1] ** 2])
    return np.concatenate([value[None], first, second])


def _edge(errors: Errors, z: Floats, s: Floats, value: Floats) -> Floats:
    """First and second derivatives of the probability below one edge, over that of the interval [5, N]."""
    log, slope, _ = errors.log_density(z)
    density = np.exp(log - value)
    return density * _through(np.zeros_like(z), np.ones_like(z), slope, z, s)[1:]


def _through(value: Floats, first: Floats, second: Floats, z: Floats, s: Floats) -> Floats:
    """Derivatives by z turned into those by eta and s, where z = (log t − eta) exp(−s) [6, N]."""
    turned = np.exp(-s)
    return np.stack(
        [
            value,
            -first * turned,
            -first * z,
            second * turned**2,
            (second * z + first) * turned,
            (second * z + first) * z,
        ]
    )


def _require_finite(rows: Rows, values: Floats, names: tuple[str, ...]) -> None:
    width = rows.location.shape[1]
    spread = np.ptp(rows.location, axis=0) * np.abs(values[:width])
    widest = np.exp(np.maximum(0.0, (rows.scale @ values[width:]).max(initial=0.0)))
    if (spread > RUNAWAY * widest).any():
        raise EstimateError(
            f"The coefficient of «{names[int(np.argmax(spread))]}» runs to infinity: some of its values have "
            f"no events, or all of them."
        )


def _scores(rows: Rows, family: Family, values: Floats) -> Floats:
    eta, s = (_slopes(rows, family, values) * rows.weight)[1:3]
    return np.concatenate([eta[:, None] * rows.location, s[:, None] * rows.scale], axis=1)
