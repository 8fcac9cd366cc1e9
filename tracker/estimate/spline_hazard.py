"""The likelihood of a spline of the log cumulative hazard, with days as intervals and late entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.domain.errors import EstimateError
from tracker.estimate.climbing import Point, climb, inverse
from tracker.estimate.parametric_times import StayTimes
from tracker.estimate.risk_sets import Floats

EARLIEST = -1e4
"""Linear predictor of a time of 0: nobody has left yet."""

RUNAWAY = 25.0
"""A hazard ratio of e^25 between stays of the data is not an estimate."""


def basis(log_time: Floats, knots: Floats) -> Floats:
    """Natural cubic spline of log time, linear beyond the outer knots [N, inner knots + 2]."""
    first, last = knots[0], knots[-1]
    place = (log_time - first) / (last - first)
    columns = [np.ones_like(place), place]
    for share in (knots[1:-1] - first) / (last - first):
        bends = np.maximum(place - share, 0) ** 3
        columns.append(
            bends - (1 - share) * np.maximum(place, 0) ** 3 - share * np.maximum(place - 1, 0) ** 3
        )
    return np.stack(columns, axis=1)


def slope(log_time: Floats, knots: Floats) -> Floats:
    """Derivative of the basis by log time [N, inner knots + 2]."""
    first, last = knots[0], knots[-1]
    place = (log_time - first) / (last - first)
    columns = [np.zeros_like(place), np.ones_like(place)]
    for share in (knots[1:-1] - first) / (last - first):
        bends = np.maximum(place - share, 0) ** 2
        columns.append(
            3 * (bends - (1 - share) * np.maximum(place, 0) ** 2 - share * np.maximum(place - 1, 0) ** 2)
        )
    stacked: Floats = np.stack(columns, axis=1) / (last - first)
    return stacked


def place_knots(known: StayTimes, inner: int) -> Floats:
    """Knots on the scale of log time: the first and last event, and equal shares of events between.

    Raises EstimateError where they would fall together.
    """
    if inner < 0:
        raise EstimateError("A spline has no inner knots or more.")
    ended = np.isfinite(known.upper)
    middle = np.log((known.lower[ended] + known.upper[ended]) / 2)
    knots: Floats = np.quantile(middle, np.linspace(0, 1, inner + 2))
    if len(np.unique(middle)) < inner + 2 or (np.diff(knots) <= 1e-9).any():
        raise EstimateError(f"Too few distinct times for {inner} inner knots: ask for fewer.")
    return knots


@dataclass(frozen=True)
class SplineRows:
    """Columns of the linear predictor by row: at the start and end of the interval of an event (or, where it
    never ended, at the last time seen), at entry, and its derivative by log time."""

    lower: Floats
    upper: Floats
    entry: Floats
    slope: Floats
    log_time: Floats
    started: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    late: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    exact: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    ended: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    weight: Floats


def spline_rows(known: StayTimes, covariates: Floats, knots: Floats, weight: Floats) -> SplineRows:
    """The rows of stays with their covariates [N, P], which come before the columns of the spline."""

    def columns(time: Floats) -> Floats:
        return np.concatenate([covariates, basis(_log(time), knots)], axis=1)

    ended = np.isfinite(known.upper)
    flat = np.zeros_like(covariates)
    return SplineRows(
        columns(known.lower),
        columns(np.where(ended, known.upper, known.lower)),
        columns(known.entry),
        np.concatenate([flat, slope(_log(known.lower), knots)], axis=1),
        _log(known.lower),
        known.lower > 0,
        known.entry > 0,
        ended & (known.upper == known.lower),
        ended,
        weight,
    )


@dataclass(frozen=True)
class SplineMaximum:
    """The top: values, inverse information, scores by row (weighted), log-likelihood and steps."""

    values: Floats
    covariance: Floats
    scores: Floats
    value: float
    iterations: int


def highest(rows: SplineRows, names: tuple[str, ...]) -> SplineMaximum:
    """The maximum of the likelihood. Raises EstimateError for terms that run away or cannot be told apart."""
    width = rows.lower.shape[1]
    spline = width - sum(name.startswith("spline ") for name in names)
    spread = np.ptp(rows.lower[:, :spline], axis=0)

    def check(values: Floats) -> None:
        away = np.abs(values[:spline]) * spread
        if (away > RUNAWAY).any():
            raise EstimateError(
                f"The coefficient of «{names[int(np.argmax(away))]}» runs to infinity: some of its values "
                f"have no events, or all of them."
            )

    values, point, steps = climb(lambda tried: _at(rows, tried), _start(rows, spline), check)
    scores = _terms(rows, values)[1]
    return SplineMaximum(values, inverse(point[2], names), scores * rows.weight[:, None], point[0], steps)


def _start(rows: SplineRows, spline: int) -> Floats:
    """The exponential curve whose rate is right on the whole: log H = log rate + log t."""
    start = np.zeros(rows.lower.shape[1])
    time = np.where(rows.started, np.exp(rows.log_time), 0.0)
    rate = np.log(rows.weight[rows.ended].sum() / float(rows.weight @ np.maximum(time, 0.5)))
    known = np.flatnonzero(rows.started)
    place = rows.lower[known, spline + 1]
    first, last = known[np.argmin(place)], known[np.argmax(place)]
    per_place = 1.0
    if place.max() > place.min():
        per_place = (rows.log_time[last] - rows.log_time[first]) / (place.max() - place.min())
    start[spline + 1] = per_place
    start[spline] = rate + rows.log_time[first] - per_place * place.min()
    return start


def _at(rows: SplineRows, values: Floats) -> Point:
    value, scores, information = _terms(rows, values)
    return float(rows.weight @ value), rows.weight @ scores, information


def _terms(rows: SplineRows, values: Floats) -> tuple[Floats, Floats, Floats]:
    """By row the log-likelihood [N] and its gradient [N, P]; the information over all rows [P, P]."""
    value, low, high, rise, low_low, high_high, low_high = _slopes(rows, values)
    entered = np.where(rows.late, _exp(rows.entry @ values), 0.0)
    parts = ((low, rows.lower), (high, rows.upper), (rise, rows.slope), (entered, rows.entry))
    scores = np.sum([by[:, None] * columns for by, columns in parts], axis=0)
    crossed = (rows.lower.T * (rows.weight * low_high)) @ rows.upper
    curved = ((low_low, rows.lower), (high_high, rows.upper), (-(rise**2), rows.slope), (entered, rows.entry))
    second = sum((columns.T * (rows.weight * by)) @ columns for by, columns in curved)
    return value + entered, scores, -(second + crossed + crossed.T)


def _slopes(rows: SplineRows, values: Floats) -> Floats:
    """By row [7, N]: log-likelihood; slopes by the predictor at the lower and upper time, by its derivative
    there (whose second is minus its square); second derivatives lower lower, upper upper, lower upper."""
    lower = np.where(rows.started, rows.lower @ values, EARLIEST)
    gone = -_exp(lower)
    slopes = np.zeros((7, len(lower)))
    slopes[[0, 1, 4]] = gone
    between = rows.ended & ~rows.exact
    slopes[:, between] = _interval(lower[between], (rows.upper @ values)[between])
    rise = (rows.slope @ values)[rows.exact]
    with np.errstate(invalid="ignore", divide="ignore"):
        slopes[0, rows.exact] += lower[rows.exact] + np.log(rise) - rows.log_time[rows.exact]
        slopes[3, rows.exact] = 1 / rise
    slopes[1, rows.exact] += 1
    return slopes


def _interval(lower: Floats, upper: Floats) -> Floats:
    """The likelihood of an event between two times: log of exp(−e^lower) − exp(−e^upper), and its slopes."""
    low, high, none = _exp(lower), _exp(upper), np.zeros_like(lower)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        value = -low + np.log(-np.expm1(low - high))
        by_low, by_high = np.exp(lower - low - value), np.exp(upper - high - value)
    second = (-by_low * (1 - low) - by_low**2, by_high * (1 - high) - by_high**2, by_low * by_high)
    return np.stack([value, -by_low, by_high, none, *second])


def _exp(values: Floats) -> Floats:
    """The exponential, short of overflow."""
    powers: Floats = np.exp(np.minimum(values, 700.0))
    return powers


def _log(time: Floats) -> Floats:
    return np.log(np.where(time > 0, time, 1.0))
