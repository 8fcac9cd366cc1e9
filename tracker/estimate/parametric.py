"""Parametric models of the time until a state is left: Weibull, exponential, log-normal, log-logistic.

log T = x beta + sigma × error (accelerated failure time), fitted to stays by maximum likelihood, with late
entry, and with days taken as the intervals they are. Curves, quantiles and hazard ratios are read off the
fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import chi_squared, coefficient_frame
from tracker.estimate.design import design, term_list
from tracker.estimate.event_flows import columns_of
from tracker.estimate.location_scale import ERRORS, Family, Maximum, Rows, maximum, start_of
from tracker.estimate.parametric_fit import AcceleratedFailure, scale_columns, with_intercept
from tracker.estimate.parametric_times import Times, times_of
from tracker.estimate.results import Method, Test
from tracker.estimate.risk_sets import Floats, Ints, Stays

SOURCE = "Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data, §3.6–3.8"
VARIANCES = {"model": "inverse observed information", "robust": "sandwich, clustered on child"}
NAMES = {
    "weibull": "Weibull",
    "exponential": "Exponential",
    "lognormal": "Log-normal",
    "loglogistic": "Log-logistic",
}


def accelerated_failure(
    stays: Stays,
    state: str,
    terms: str | Sequence[str] = (),
    *,
    family: Family = "weibull",
    to: Sequence[str] | None = None,
    scale_by: Sequence[str] = (),
    times: Times = "days",
    variance: Literal["model", "robust"] = "robust",
    level: float = 0.95,
) -> AcceleratedFailure:
    """The time until ``state`` is left by covariates, in a parametric family.

    ``terms``: columns and products as in ``design``, numbers as they are; none gives the distribution alone.
    ``to``: the exits that are the event (None: all), others censor. ``scale_by``: columns each combination of
    which has a scale sigma of its own. ``times``: see ``times_of``; time is counted on the clock of the data,
    which should be that of the state. Coefficients are of log time: a ratio of 2 is twice as long a time.
    ``variance``: clustered on child, or the inverse observed information alone. Stays count by their weight.

    Raises EstimateError for unknown states and columns, columns that do not vary or cannot be told from
    others (named), coefficients that run to infinity (named), and when the maximum is not reached.
    """
    if family not in ERRORS:
        raise EstimateError(f"Families are {', '.join(ERRORS)}; found «{family}».")
    if variance not in VARIANCES:
        raise EstimateError(f"Variances are {' or '.join(VARIANCES)}; found «{variance}».")
    known = times_of(stays, state, to, times)
    frame = columns_of(stays).iloc[known.row].reset_index(drop=True)
    planned = design(frame, terms) if term_list(terms) else None
    scales = _scales(frame, scale_by)
    location, scale = with_intercept(planned, frame), scale_columns(family, scales, frame)
    names = ("(intercept)", *(planned.names if planned else ()), *_scale_names(family, scales))
    _require_variation(location, names)
    weight = stays.weight[known.row]
    alone = Rows(known.lower, known.upper, known.entry, location[:, :1], scale, weight)
    none = maximum(alone, family, ("(intercept)", *_scale_names(family, scales)), start_of(alone))
    rows, back = _standardised(replace(alone, location=location))
    top = maximum(rows, family, names, start_of(rows))
    model = back @ top.covariance @ back.T
    by_child = back @ _clustered(top, stays.subject[known.row]) @ back.T
    covariance = model if variance == "model" else by_child
    estimates = back @ top.values
    width, ratio = location.shape[1], 2 * (top.log_likelihood - none.log_likelihood)
    method = Method(
        f"{NAMES[family]} accelerated failure time",
        SOURCE,
        VARIANCES[variance],
        "Wald",
        "days are intervals [d, d + 1)" if times == "days" else "times are exact",
    )
    return AcceleratedFailure(
        quantity="log time ratio",
        frame=coefficient_frame(names, estimates, covariance, model, level),
        covariance=covariance,
        log_likelihood=(none.log_likelihood, top.log_likelihood),
        subjects=len(np.unique(stays.subject[known.row])),
        spells=len(known.row),
        events=int(np.isfinite(known.upper).sum()),
        about=stays.about,
        method=method,
        tests=_tests(estimates[1:width], covariance[1:width, 1:width], ratio, stays, method),
        iterations=top.iterations,
        level=level,
        family=family,
        design=planned,
        scales=scales,
        times=times,
        parameters=len(names),
        weight=float(weight.sum()),
        longest=float(stays.moments.time[stays.left[known.row]].max()),
        model_covariance=model,
    )


def _scales(frame: pd.DataFrame, scale_by: Sequence[str]) -> pd.DataFrame:
    """The combinations of columns that have a scale of their own."""
    if missing := [name for name in scale_by if name not in frame.columns]:
        raise EstimateError(f"No column for {', '.join(missing)}; there are {', '.join(frame.columns)}.")
    if not scale_by:
        return pd.DataFrame(index=range(1))
    return frame[list(scale_by)].drop_duplicates().sort_values(list(scale_by)).reset_index(drop=True)


def _scale_names(family: Family, scales: pd.DataFrame) -> tuple[str, ...]:
    if family == "exponential":
        return ()
    told = [", ".join(str(value) for value in row) for row in scales.itertuples(index=False)]
    return tuple(f"log(scale): {name}" if name else "log(scale)" for name in told)


def _require_variation(location: Floats, names: tuple[str, ...]) -> None:
    constant = np.flatnonzero(np.ptp(location[:, 1:], axis=0) == 0)
    if constant.size:
        raise EstimateError(
            f"«{names[1 + constant[0]]}» is the same in every stay: it has no effect to estimate."
        )


def _standardised(rows: Rows) -> tuple[Rows, Floats]:
    """The rows with covariates of mean 0 and spread 1, and the matrix that takes parameters back."""
    width = rows.location.shape[1]
    weight = rows.weight / rows.weight.sum()
    centre = weight @ rows.location[:, 1:]
    spread = np.sqrt(weight @ (rows.location[:, 1:] - centre) ** 2)
    columns = (rows.location[:, 1:] - centre) / spread
    back = np.eye(width + rows.scale.shape[1])
    back[range(1, width), range(1, width)] = 1 / spread
    back[0, 1:width] = -centre / spread
    return replace(rows, location=np.concatenate([rows.location[:, :1], columns], axis=1)), back


def _clustered(top: Maximum, subject: Ints) -> Floats:
    """The sandwich: inverse information around scores summed within child (White 1982; Lin and Wei 1989)."""
    number = pd.factorize(subject)[0]
    summed = np.column_stack([np.bincount(number, column) for column in top.scores.T])
    influence = summed @ top.covariance
    covariance: Floats = influence.T @ influence
    return covariance


def _tests(
    effects: Floats, covariance: Floats, likelihood_ratio: float, stays: Stays, method: Method
) -> dict[str, Test]:
    """That no covariate matters: by likelihood ratio, and by Wald with the variance asked for."""
    if not len(effects):
        return {}
    wald = float(effects @ np.linalg.solve(covariance, effects))
    return {
        name: chi_squared(name, value, len(effects), stays.about, method)
        for name, value in {"likelihood_ratio": likelihood_ratio, "wald": wald}.items()
    }
