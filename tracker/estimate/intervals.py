"""Pointwise confidence intervals of survival probabilities and cumulative hazards.

Borgan & Liestøl (1990), Scand. J. Statist. 17:35–41; Andersen, Borgan, Gill & Keiding (1993), Statistical
Models Based on Counting Processes, sections IV.1.3 and IV.3.3; conventions at 0 and 1 as in R's survival.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.stats import norm

from tracker.domain.errors import EstimateError
from tracker.estimate.risk_sets import Floats

Interval = Literal["plain", "log", "log-log", "logit", "arcsine"]
"""Scale on which a survival probability's interval is symmetric."""

HazardInterval = Literal["plain", "log"]
"""Scale on which a cumulative hazard's interval is symmetric."""

Bounds = tuple[Floats, Floats]

ROUNDING = 1e-12
"""A probability less than this from 1 is 1: what is missing was lost in a product of shares."""


def quantile_of(level: float) -> float:
    """The standard normal quantile of a two-sided interval; raises EstimateError outside (0, 1)."""
    if not 0 < level < 1:
        raise EstimateError(f"A confidence level lies between 0 and 1; found {level:g}.")
    return float(norm.ppf(0.5 + level / 2))


def survival_bounds(survival: Floats, log_error: Floats, interval: str, level: float) -> Bounds:
    """Lower and upper bounds of survival probabilities.

    ``log_error`` is the standard error of log survival. A survival of 0 has no bounds, one of 1 only on the
    plain and log scales. Raises EstimateError for an unknown interval.
    """
    if interval not in _SURVIVAL:
        raise EstimateError(f"Intervals are {', '.join(_SURVIVAL)}; found «{interval}».")
    inside = survival > 0
    if interval in ("log-log", "logit", "arcsine"):
        inside &= survival < 1 - ROUNDING
    lower, upper = np.full_like(survival, np.nan), np.full_like(survival, np.nan)
    distance = quantile_of(level) * log_error[inside]
    lower[inside], upper[inside] = _SURVIVAL[interval](survival[inside], distance)
    return lower, upper


def hazard_bounds(hazard: Floats, std_error: Floats, interval: str, level: float) -> Bounds:
    """Lower and upper bounds of cumulative hazards; a hazard of 0 has bounds 0.

    Raises EstimateError for an unknown interval.
    """
    distance = quantile_of(level) * std_error
    if interval == "plain":
        return np.maximum(hazard - distance, 0), hazard + distance
    if interval != "log":
        raise EstimateError(f"Intervals of a cumulative hazard are plain or log; found «{interval}».")
    factor = np.exp(np.divide(distance, hazard, out=np.zeros_like(hazard), where=hazard > 0))
    return hazard / factor, hazard * factor


def _plain(survival: Floats, distance: Floats) -> Bounds:
    return np.maximum(survival * (1 - distance), 0), np.minimum(survival * (1 + distance), 1)


def _log(survival: Floats, distance: Floats) -> Bounds:
    return survival * np.exp(-distance), np.minimum(survival * np.exp(distance), 1)


def _log_log(survival: Floats, distance: Floats) -> Bounds:
    hazard = -np.log(survival)
    factor = np.exp(distance / hazard)
    return np.exp(-hazard * factor), np.exp(-hazard / factor)


def _logit(survival: Floats, distance: Floats) -> Bounds:
    odds, factor = survival / (1 - survival), np.exp(distance / (1 - survival))
    return odds / (odds + factor), odds * factor / (1 + odds * factor)


def _arcsine(survival: Floats, distance: Floats) -> Bounds:
    angle, turn = np.arcsin(np.sqrt(survival)), distance / 2 * np.sqrt(survival / (1 - survival))
    return np.sin(np.maximum(angle - turn, 0)) ** 2, np.sin(np.minimum(angle + turn, np.pi / 2)) ** 2


_SURVIVAL: dict[str, Callable[[Floats, Floats], Bounds]] = {
    "plain": _plain,
    "log": _log,
    "log-log": _log_log,
    "logit": _logit,
    "arcsine": _arcsine,
}
