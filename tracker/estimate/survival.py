"""Staying in a state: Kaplan–Meier, Nelson–Aalen and Fleming–Harrington curves, from counts.

All exits of one moment are tied; who enters at a moment is at risk from the next, so delayed entry needs
nothing more. Case weights count as in R: Greenwood's formula of the weighted counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.exits import NEGLIGIBLE, Exits
from tracker.estimate.intervals import HazardInterval, Interval, hazard_bounds, survival_bounds
from tracker.estimate.one_by_one import one_by_one
from tracker.estimate.results import SETTLED, Curves, Method
from tracker.estimate.risk_sets import END, Floats, Ints

HazardVariance = Literal["aalen", "greenwood", "klein"]

ABGK = "Andersen, Borgan, Gill & Keiding (1993)"
KAPLAN_MEIER = Method("Kaplan–Meier", "Kaplan & Meier (1958), JASA 53:457–481", "Greenwood (1926)")
NELSON_AALEN = Method("Nelson–Aalen", f"Nelson (1972), Technometrics 14:945–966; Aalen (1978); {ABGK} IV.1")
FLEMING_HARRINGTON = Method(
    "Fleming–Harrington", "Fleming & Harrington (1984), Comm. Statist. 13:2469–2486", "tie-corrected Aalen"
)


def kaplan_meier(exits: Exits, *, interval: Interval = "log", level: float = 0.95) -> Curves:
    """The probability of still being in the state, by stratum.

    Rows at the moments of events and of censoring (who is censored on a day of events stands in their
    row). Standard errors by Greenwood's formula; once everyone
    has left, the estimate is 0 and has neither error nor bounds. Raises EstimateError for an unknown
    interval or level.
    """
    survival, log_variance = survival_steps(exits)
    method = replace(KAPLAN_MEIER, interval=interval)
    return survival_curves(exits, survival, log_variance, method, level)


def nelson_aalen(
    exits: Exits,
    *,
    variance: HazardVariance = "aalen",
    interval: HazardInterval = "log",
    level: float = 0.95,
) -> Curves:
    """The cumulative hazard of leaving the state, by stratum: sum of d/Y.

    ``variance``: aalen, sum of d/Y²; greenwood, sum of d(Y−d)/Y³; klein, sum of d(Y−d)/(Y²(Y−1)), both of
    which allow for ties (Klein 1991, Scand. J. Statist. 18:333–340). Raises EstimateError for an unknown
    variance, interval or level.
    """
    hazard = np.cumsum(hazard_steps(exits), axis=1)
    total = np.cumsum(_hazard_variance(exits, variance), axis=1)
    return hazard_curves(
        exits, hazard, total, replace(NELSON_AALEN, variance=variance, interval=interval), level
    )


def fleming_harrington(exits: Exits, *, interval: Interval = "log", level: float = 0.95) -> Curves:
    """The probability of still being in the state as exp(−H), H the Nelson–Aalen estimate corrected for ties.

    The d exits of a moment count as one after another: 1/Y + 1/(Y−1) + …, with variance the sum of their
    squares. Never reaches 0. Raises EstimateError for weighted counts, an unknown interval or level.
    """
    exits.require_whole("The tie-corrected hazard")
    hazard, variance = (np.cumsum(part, axis=1) for part in one_by_one(exits))
    method = replace(FLEMING_HARRINGTON, interval=interval)
    return survival_curves(exits, np.exp(-hazard), variance, method, level)


def survival_steps(exits: Exits) -> tuple[Floats, Floats]:
    """Kaplan–Meier just after each moment [G, T], and Greenwood's variance of its log (infinite at 0)."""
    at_risk, events = exits.at_risk, exits.events
    left = at_risk - events
    everyone = (events > 0) & (left <= NEGLIGIBLE * at_risk)
    stays = np.where(everyone, 0.0, 1 - hazard_steps(exits))
    steps = np.divide(events, at_risk * left, out=np.zeros_like(at_risk), where=(events > 0) & ~everyone)
    survival: Floats = np.cumprod(stays, axis=1, dtype=np.float64)
    variance: Floats = np.cumsum(np.where(everyone, np.inf, steps), axis=1, dtype=np.float64)
    return survival, variance


def hazard_steps(exits: Exits) -> Floats:
    """The share of those at risk who leave at each moment [G, T]; 0 where nobody is at risk."""
    return _over(exits.events, exits.at_risk)


def _hazard_variance(exits: Exits, variance: HazardVariance) -> Floats:
    at_risk, events = exits.at_risk, exits.events
    match variance:
        case "aalen":
            return _over(events, at_risk**2)
        case "greenwood":
            return _over(events * (at_risk - events), at_risk**3)
        case "klein":
            return _over(events * (at_risk - events), at_risk**2 * np.maximum(at_risk - 1, 0))
    raise EstimateError(f"Variances of Nelson–Aalen are aalen, greenwood, klein; found «{variance}».")


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def survival_curves(
    exits: Exits, survival: Floats, log_variance: Floats, method: Method, level: float
) -> Curves:
    """Survival and the variance of its logarithm [G, T] as curves with bounds on the method's scale."""
    log_error = np.sqrt(log_variance)
    std_error = np.multiply(survival, log_error, out=np.full_like(survival, np.nan), where=survival > 0)
    bounds = survival_bounds(survival, log_error, method.interval, level)
    columns = (survival, std_error, *bounds)
    curves = _curves(exits, f"still in {exits.state}", columns, method=method, start=1.0, level=level)
    return replace(curves, frame=curves.frame.assign(**{SETTLED: curves.frame["estimate"] == 0}))


def hazard_curves(exits: Exits, hazard: Floats, variance: Floats, method: Method, level: float) -> Curves:
    """A cumulative hazard and its variance [G, T] as curves with bounds on the method's scale."""
    std_error = np.sqrt(variance)
    columns = (hazard, std_error, *hazard_bounds(hazard, std_error, method.interval, level))
    return _curves(exits, "cumulative hazard", columns, method=method, start=0.0, level=level)


_COLUMNS = ("estimate", "std_error", "lower", "upper")


def _curves(
    exits: Exits, quantity: str, columns: tuple[Floats, ...], *, method: Method, start: float, level: float
) -> Curves:
    group, moment = np.nonzero((exits.events > 0) | (exits.lost > 0))
    values = {name: column[group, moment] for name, column in zip(_COLUMNS, columns, strict=True)}
    frame = exits.strata.iloc[group].reset_index(drop=True)
    frame = frame.assign(
        time=exits.time[moment],
        step=exits.step[moment],
        at_risk=exits.at_risk[group, moment],
        events=exits.events[group, moment],
        censored=exits.lost[group, moment],
        **values,
    )
    names = tuple(map(str, exits.strata.columns))
    frame = _with_the_censored(frame, group)
    return Curves(quantity, frame, names, (), exits.about, method, start, level)


def _with_the_censored(frame: pd.DataFrame, group: Ints) -> pd.DataFrame:
    """Who is censored at the end of a day joins the last row of exits of that day: nothing changed since."""
    same_day = np.diff(group, prepend=-1) == 0
    same_day &= np.diff(frame["time"].to_numpy(float), prepend=-1) == 0
    joins = same_day & (frame["step"].to_numpy() == END) & (frame["events"].to_numpy(float) == 0)
    censored = frame["censored"].to_numpy(float).copy()
    censored[:-1] += np.where(joins[1:], censored[1:], 0)
    joined: pd.DataFrame = frame.assign(censored=censored)[~joins].reset_index(drop=True)
    return joined
