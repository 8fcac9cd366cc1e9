"""Royston and Parmar's model: proportional hazards on a smooth baseline.

The log cumulative hazard is s(log t) + x beta with s a natural cubic spline: without inner knots it is the
Weibull model. Days are intervals and entry may be late, as in ``parametric``; then only the values of s at
the ends of days are needed. (lifelines' splines stop short of the maximum with such data, so this is Newton's
method again.)
Source: Royston and Parmar (2002), Statistics in Medicine 21: 2175–2197.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import coefficient_frame
from tracker.estimate.design import Design, design, term_list
from tracker.estimate.event_flows import columns_of
from tracker.estimate.intervals import quantile_of
from tracker.estimate.parametric_times import StayTimes, Times, times_of
from tracker.estimate.results import Coefficients, Curves, Method
from tracker.estimate.risk_sets import END, Floats, Ints, Stays
from tracker.estimate.spline_hazard import SplineMaximum, basis, highest, place_knots, slope, spline_rows

SOURCE = "Royston and Parmar (2002), Statistics in Medicine 21: 2175–2197"


@dataclass(frozen=True, kw_only=True, eq=False)
class FlexibleFit(Coefficients):
    """A fitted model. Terms of ``frame``: the covariates (log hazard ratios), then those of the spline.

    ``knots``: on the scale of log time, the outer ones first and last. ``longest`` is the longest follow-up.
    """

    design: Design | None
    knots: Floats
    times: Times
    weight: float
    longest: float

    @property
    def aic(self) -> float:
        """Akaike's criterion."""
        return -2 * self.log_likelihood[1] + 2 * len(self.frame)

    @property
    def bic(self) -> float:
        """Schwarz's criterion; weights count as stays."""
        return -2 * self.log_likelihood[1] + float(np.log(self.weight)) * len(self.frame)

    def curves(self, patterns: pd.DataFrame, days: Sequence[float]) -> Curves:
        """Share still there by the end of each of the days (with exact times: at it), by row of covariates.

        Intervals on the scale of the log cumulative hazard, by the delta method. Raises EstimateError past
        the longest time anyone was followed.
        """
        asked = np.unique(np.asarray(days, float))
        if asked.size == 0 or not (asked >= 0).all() or asked[-1] > self.longest:
            raise EstimateError(
                f"Curves of the model are read from 0 to {self.longest:g}, the longest anyone was followed."
            )
        parts = [self._curve(patterns.iloc[[row]], asked) for row in range(len(patterns))]
        key = tuple(str(name) for name in patterns.columns)
        frame = pd.concat(parts, ignore_index=True)
        return Curves("share still there", frame, (), key, self.about, self.method, np.nan, self.level)

    def _curve(self, pattern: pd.DataFrame, asked: Floats) -> pd.DataFrame:
        reached = np.maximum(asked + (1.0 if self.times == "days" else 0.0), 1e-300)
        covariates = np.repeat(_covariates(self.design, pattern), len(asked), axis=0)
        columns = np.concatenate([covariates, basis(np.log(reached), self.knots)], axis=1)
        log_hazard = columns @ self.frame["estimate"].to_numpy(float)
        error = np.sqrt(np.einsum("ij,jk,ik->i", columns, self.covariance, columns))
        half, survival = quantile_of(self.level) * error, np.exp(-np.exp(log_hazard))
        repeated = pattern.iloc[np.zeros(len(asked), int)].reset_index(drop=True)
        return repeated.assign(
            time=asked,
            step=END,
            at_risk=np.nan,
            events=np.nan,
            estimate=survival,
            std_error=survival * np.exp(log_hazard) * error,
            lower=np.exp(-np.exp(log_hazard + half)),
            upper=np.exp(-np.exp(log_hazard - half)),
        )


def flexible_hazards(
    stays: Stays,
    state: str,
    terms: str | Sequence[str] = (),
    *,
    knots: int = 2,
    to: Sequence[str] | None = None,
    times: Times = "days",
    variance: Literal["model", "robust"] = "robust",
    level: float = 0.95,
) -> FlexibleFit:
    """The time until ``state`` is left: proportional hazards on a smooth baseline with so many inner knots.

    Knots lie at equal shares of the log times of events. ``terms``, ``to``, ``times`` and ``variance`` are as
    in ``accelerated_failure``. Raises EstimateError as that does, for more knots than distinct times carry,
    and when the fitted cumulative hazard falls somewhere (fewer knots then).
    """
    known = times_of(stays, state, to, times)
    frame = columns_of(stays).iloc[known.row].reset_index(drop=True)
    planned = design(frame, terms) if term_list(terms) else None
    covariates = _covariates(planned, frame)
    weight = stays.weight[known.row]
    placed = place_knots(known, knots)
    names = (*(planned.names if planned else ()), *(f"spline {number}" for number in range(knots + 2)))
    width = covariates.shape[1]
    columns, back = _standardised(covariates, weight, len(names))
    top = highest(spline_rows(known, columns, placed, weight), names)
    none = highest(spline_rows(known, columns[:, :0], placed, weight), names[width:])
    estimates = back @ top.values
    _require_rising(estimates[width:], placed, known)
    model = back @ top.covariance @ back.T
    covariance = model if variance == "model" else back @ _clustered(top, stays.subject[known.row]) @ back.T
    told = {"model": "inverse observed information", "robust": "sandwich, clustered on child"}
    ties = "days are intervals [d, d + 1)" if times == "days" else "times are exact"
    return FlexibleFit(
        quantity="log hazard ratio",
        frame=coefficient_frame(names, estimates, covariance, model, level),
        covariance=covariance,
        log_likelihood=(none.value, top.value),
        subjects=len(np.unique(stays.subject[known.row])),
        spells=len(known.row),
        events=int(np.isfinite(known.upper).sum()),
        about=stays.about,
        method=Method(f"Royston–Parmar, {knots} inner knots", SOURCE, told[variance], "Wald", ties),
        iterations=top.iterations,
        level=level,
        design=planned,
        knots=placed,
        times=times,
        weight=float(weight.sum()),
        longest=float(stays.moments.time[stays.left[known.row]].max()),
    )


def _covariates(planned: Design | None, frame: pd.DataFrame) -> Floats:
    return np.empty((len(frame), 0)) if planned is None else planned.matrix(frame)


def _standardised(covariates: Floats, weight: Floats, parameters: int) -> tuple[Floats, Floats]:
    """The covariates with mean 0 and spread 1, and the matrix that takes parameters back."""
    width = covariates.shape[1]
    share = weight / weight.sum()
    centre = share @ covariates
    spread = np.sqrt(share @ (covariates - centre) ** 2)
    spread[spread == 0] = 1.0
    back = np.eye(parameters)
    back[range(width), range(width)] = 1 / spread
    back[width, :width] = -centre / spread
    return (covariates - centre) / spread, back


def _clustered(top: SplineMaximum, subject: Ints) -> Floats:
    number = pd.factorize(subject)[0]
    influence = np.column_stack([np.bincount(number, column) for column in top.scores.T]) @ top.covariance
    covariance: Floats = influence.T @ influence
    return covariance


def _require_rising(spline: Floats, knots: Floats, known: StayTimes) -> None:
    """Between the first and last time known the cumulative hazard may not fall."""
    times = np.concatenate([known.lower, known.upper[np.isfinite(known.upper)]])
    seen = np.log(times[times > 0])
    places = np.linspace(seen.min(), seen.max(), 500)
    if (slope(places, knots) @ spline <= 0).any():
        raise EstimateError(
            "The fitted cumulative hazard falls somewhere, which none does: ask for fewer knots."
        )
