"""Exits tied at a moment, counted as one after another: the tie correction of Fleming and Harrington."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, polygamma

from tracker.estimate.exits import Exits
from tracker.estimate.risk_sets import Floats


def one_by_one(exits: Exits) -> tuple[Floats, Floats]:
    """Sums of 1/k and of 1/k² for k from Y−d+1 to Y, of d exits among Y at risk [G, T]."""
    at_risk, left = np.round(exits.at_risk), np.round(exits.at_risk - exits.events)
    some = exits.events > 0
    sums = np.zeros_like(at_risk), np.zeros_like(at_risk)
    for total, order in zip(sums, (1, 2), strict=True):
        total[some] = _between(left[some], at_risk[some], order)
    return sums


_EXPANSION_FROM = 60.0


def _between(low: Floats, high: Floats, order: int) -> Floats:
    """Sum of k^−order for low < k <= high: by polygamma functions, or for large k their expansion.

    The expansion (Abramowitz & Stegun 6.3.18, 6.4.12) is written in differences, because those of two
    polygammas cancel when few of many leave. Its error is below 1e-13 of the sum.
    """
    exact = _by_polygamma(low, high, order)
    small = low < _EXPANSION_FROM
    base = np.where(small, _EXPANSION_FROM, low)
    top = np.maximum(high, base)
    if order == 1:
        series = -np.log1p((base - top) / top) + _power(top, base, 1) / 2 - _power(top, base, 2) / 12
        series += _power(top, base, 4) / 120 - _power(top, base, 6) / 252
    else:
        series = -_power(top, base, 1) + _power(top, base, 2) / 2 - _power(top, base, 3) / 6
        series += _power(top, base, 5) / 30 - _power(top, base, 7) / 42
    return np.where(small, exact, series)


def _power(high: Floats, low: Floats, power: int) -> Floats:
    """high^−power − low^−power, without cancellation."""
    shrink: Floats = np.expm1(power * np.log1p((low - high) / high))
    return shrink / low**power


def _by_polygamma(low: Floats, high: Floats, order: int) -> Floats:
    if order == 1:
        return np.asarray(digamma(high + 1) - digamma(low + 1))
    return np.asarray(polygamma(1, low + 1) - polygamma(1, high + 1))
