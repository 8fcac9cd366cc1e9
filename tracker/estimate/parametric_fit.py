"""A fitted accelerated failure time model, and what is read off it: curves, quantiles, hazard ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import coefficient_frame
from tracker.estimate.design import Design
from tracker.estimate.intervals import quantile_of
from tracker.estimate.location_scale import ERRORS, Family
from tracker.estimate.parametric_times import Times
from tracker.estimate.results import Coefficients, Curves, Summary
from tracker.estimate.risk_sets import END, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class AcceleratedFailure(Coefficients):
    """A fitted model. Terms of ``frame``: the intercept and covariates, whose ``ratio`` is one of times
    (twice as long: 2), then the logarithm of the scale sigma, whose ratio is sigma itself.

    ``design`` is None for a model without covariates. ``scales`` has a row for each combination of columns
    with a scale of its own. ``parameters`` counts what was estimated, ``longest`` is the longest follow-up.
    """

    family: Family
    design: Design | None
    scales: pd.DataFrame
    times: Times
    parameters: int
    weight: float
    longest: float
    model_covariance: Floats

    @property
    def aic(self) -> float:
        """Akaike's criterion: −2 log likelihood + 2 parameters."""
        return -2 * self.log_likelihood[1] + 2 * self.parameters

    @property
    def bic(self) -> float:
        """Schwarz's criterion: −2 log likelihood + log(stays) × parameters; weights count as stays."""
        return -2 * self.log_likelihood[1] + float(np.log(self.weight)) * self.parameters

    def curves(self, patterns: pd.DataFrame, days: Sequence[float]) -> Curves:
        """Share still there by the end of each of the days, for each row of covariates (the key).

        With exact times, at each time. Intervals are symmetric on the scale of the linear predictor, with the
        delta method. Raises EstimateError past the longest time anyone was followed.
        """
        asked = np.unique(np.asarray(days, float))
        if asked.size == 0 or not (asked >= 0).all() or asked[-1] > self.longest:
            raise EstimateError(
                f"Curves of the model are read from 0 to {self.longest:g}, the longest anyone was followed."
            )
        reached = np.maximum(asked + (1.0 if self.times == "days" else 0.0), 1e-300)
        parts = [self._curve(patterns.iloc[[row]], asked, reached) for row in range(len(patterns))]
        key = tuple(str(name) for name in patterns.columns)
        frame = pd.concat(parts, ignore_index=True)
        return Curves("share still there", frame, (), key, self.about, self.method, np.nan, self.level)

    def _curve(self, pattern: pd.DataFrame, asked: Floats, reached: Floats) -> pd.DataFrame:
        location, scale, columns = self._at(pattern)
        z = (np.log(reached) - location) / scale
        slopes = np.stack([np.concatenate([columns[0] / scale, columns[1] * at]) for at in z])
        error = np.sqrt(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes))
        half = quantile_of(self.level) * error
        survival = ERRORS[self.family].log_survival
        log, slope, _ = survival(z)
        repeated = pattern.iloc[np.zeros(len(asked), int)].reset_index(drop=True)
        return repeated.assign(
            time=asked,
            step=END,
            at_risk=np.nan,
            events=np.nan,
            estimate=np.exp(log),
            std_error=np.abs(slope) * np.exp(log) * error,
            lower=np.exp(survival(z + half)[0]),
            upper=np.exp(survival(z - half)[0]),
        )

    def quantiles(self, patterns: pd.DataFrame, probabilities: Sequence[float]) -> Summary:
        """Time by which a share has left, for each row of covariates (the key) and ``probability``.

        Standard errors by the delta method, intervals symmetric on the scale of log time. A time past the
        longest follow-up is the model's extrapolation and says so: ``extrapolated``.
        """
        shares = np.asarray(probabilities, float)
        if shares.size == 0 or not ((shares > 0) & (shares < 1)).all():
            raise EstimateError("Quantiles are asked for shares between 0 and 1.")
        parts = [self._quantiles(patterns.iloc[[row]], shares) for row in range(len(patterns))]
        key = (*(str(name) for name in patterns.columns), "probability")
        frame = pd.concat(parts, ignore_index=True)
        return Summary("time by which a share has left", frame, (), key, self.about, self.method, self.level)

    def _quantiles(self, pattern: pd.DataFrame, shares: Floats) -> pd.DataFrame:
        location, scale, columns = self._at(pattern)
        z = ERRORS[self.family].quantile(shares)
        slopes = np.stack([np.concatenate([columns[0], columns[1] * scale * at]) for at in z])
        error = np.sqrt(np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes))
        time, half = np.exp(location + scale * z), quantile_of(self.level) * error
        return (
            pattern.iloc[np.zeros(len(shares), int)]
            .reset_index(drop=True)
            .assign(
                probability=shares,
                estimate=time,
                std_error=time * error,
                lower=time * np.exp(-half),
                upper=time * np.exp(half),
                extrapolated=time > self.longest,
            )
        )

    def _at(self, pattern: pd.DataFrame) -> tuple[float, float, tuple[Floats, Floats]]:
        """x beta, sigma, and the columns behind both, for one row of covariates."""
        location = with_intercept(self.design, pattern)[0]
        scale = scale_columns(self.family, self.scales, pattern)[0]
        values = self.frame["estimate"].to_numpy(float)
        width = len(location)
        return (
            float(location @ values[:width]),
            float(np.exp(scale @ values[width:])),
            (location, scale),
        )

    def hazard_ratios(self) -> Coefficients:
        """The covariates of a Weibull or exponential model as hazard ratios: −beta / sigma on the log scale.

        Raises EstimateError for the other families, whose hazards are not proportional, and where the scale
        differs between groups.
        """
        if self.family not in ("weibull", "exponential") or len(self.scales) > 1:
            raise EstimateError(
                "Only a Weibull or exponential model with one scale has proportional hazards; this one has "
                "ratios of times."
            )
        values = self.frame["estimate"].to_numpy(float)
        width = len(values) - (self.family == "weibull")
        shape = float(np.exp(-values[width:].sum()))
        turned = np.concatenate([-shape * np.eye(width), shape * values[:width, None]], axis=1)[
            1:, : len(values)
        ]
        covariance, model = (
            turned @ matrix @ turned.T for matrix in (self.covariance, self.model_covariance)
        )
        names = tuple(self.frame["term"].iloc[1:width])
        frame = coefficient_frame(names, -shape * values[1:width], covariance, model, self.level)
        taken = {name: getattr(self, name) for name in ("log_likelihood", "subjects", "spells", "events")}
        return Coefficients(
            "log hazard ratio",
            frame,
            covariance,
            about=self.about,
            method=replace(self.method, name=f"{self.method.name}, as proportional hazards"),
            level=self.level,
            **taken,
        )


def with_intercept(planned: Design | None, frame: pd.DataFrame) -> Floats:
    """The columns of the location: ones, then the covariates [N, P]."""
    ones = np.ones((len(frame), 1))
    return ones if planned is None else np.concatenate([ones, planned.matrix(frame)], axis=1)


def scale_columns(family: Family, scales: pd.DataFrame, frame: pd.DataFrame) -> Floats:
    """The columns of the logarithm of the scale [N, Q]: an indicator for each row of ``scales``.

    Raises EstimateError for columns and combinations the model has not seen.
    """
    if family == "exponential":
        return np.empty((len(frame), 0))
    if not len(scales.columns):
        return np.ones((len(frame), 1))
    if missing := [name for name in scales.columns if name not in frame.columns]:
        raise EstimateError(f"The scale of the model depends on {', '.join(missing)}: columns are missing.")
    wanted = pd.MultiIndex.from_frame(frame[list(scales.columns)])
    number = pd.MultiIndex.from_frame(scales).get_indexer(wanted)
    if (number < 0).any():
        raise EstimateError(f"The model has not seen every combination of {', '.join(scales.columns)}.")
    columns: Floats = np.eye(len(scales))[number]
    return columns
