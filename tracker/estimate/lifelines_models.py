"""Through lifelines on the spells: its parametric and Cox fitters, with days as the intervals they are.

For families not fitted here (generalised gamma, piecewise exponential, lifelines' own splines), and to
compare. Where there is a choice ``parametric``, ``flexible`` and ``regression`` are exact, cluster on
the child and arrive where lifelines' optimiser does not. Sources: Davidson-Pilon (2019), J. Open Source
Softw. 4(40): 1317, and those named there for each model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies, when first imported
    from lifelines import CoxPHFitter
    from lifelines.exceptions import (
        ConvergenceError,
        ConvergenceWarning,
        StatError,
        StatisticalWarning,
    )
    from lifelines.fitters import (
        ParametericAFTRegressionFitter,
        ParametricRegressionFitter,
        ParametricUnivariateFitter,
    )

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import coefficient_frame
from tracker.estimate.design import Design, design, term_list
from tracker.estimate.parametric_times import Times, as_intervals
from tracker.estimate.results import Coefficients, Method
from tracker.estimate.risk_sets import Floats, Stays

Kind = Literal["aft", "regression", "cox", "univariate"]
_BETTER = "; accelerated_failure, flexible_hazards and cox fit most of these models exactly"
_SAID = (ConvergenceWarning, StatisticalWarning)
_FAILED = (ConvergenceError, StatError, np.linalg.LinAlgError, ValueError, IndexError)
_TIMES = {"lower_bound_col": "lower", "upper_bound_col": "upper", "entry_col": "entry"}


@dataclass(frozen=True, kw_only=True, eq=False)
class LifelinesFit(Coefficients):
    """What lifelines estimated; ``fitter`` is its own fitted object, for predictions and plots of its own.

    Its covariates are called x0, x1 … in the order of ``design.names``.
    """

    fitter: Any
    design: Design | None


def fit(
    stays: Stays,
    fitter: Any,
    state: str,
    terms: str | Sequence[str] = (),
    *,
    to: Sequence[str] | None = None,
    times: Times = "days",
    level: float = 0.95,
) -> LifelinesFit:
    """Fit a model of lifelines to the time until ``state`` is left (for one of ``to``; other exits censor).

    ``fitter``: an instance, such as ``WeibullAFTFitter()`` (its penalizer and other choices are the
    caller's), a parametric univariate fitter (takes no ``terms``), or ``CoxPHFitter()``, which takes days as
    tied times (on the clock of the state) and Efron's likelihood. ``terms`` as in ``design``; ``times`` as
    in ``as_intervals``, late entry included. Terms are those of the design; parameters other than the
    location's are named «rho_: …». Standard errors are lifelines' own, from the inverse information.

    Raises EstimateError for what lifelines says it did not do (no convergence, an approximated variance,
    separation), for standard errors that are not numbers, and for fitters without coefficients.
    """
    kind = _kind(fitter)
    frame = as_intervals(stays, state, to, times)
    planned = design(frame, terms) if term_list(terms) else None
    if (planned is None) is not (kind == "univariate"):
        wanted = "no terms" if kind == "univariate" else "at least one term"
        raise EstimateError(f"{_name(fitter)} takes {wanted}.")
    matrix = planned.matrix(frame) if planned else np.empty((len(frame), 0))
    data = frame[["subject", "lower", "upper", "entry", "event", "weight"]].assign(
        left=_left(stays, state, times), **{f"x{number}": column for number, column in enumerate(matrix.T)}
    )
    _heeding(fitter, lambda: _FIT[kind](fitter, data))
    names, estimates, covariance = _fitted(fitter, kind, planned)
    if not (np.isfinite(estimates).all() and np.all(np.diag(covariance) > 0)):
        raise EstimateError(f"{_name(fitter)} gives parameters without a standard error{_BETTER}.")
    return LifelinesFit(
        quantity=_QUANTITY[kind],
        frame=coefficient_frame(names, estimates, covariance, covariance, level),
        covariance=covariance,
        log_likelihood=(_null(fitter, kind), float(fitter.log_likelihood_)),
        subjects=int(data["subject"].nunique()),
        spells=len(data),
        events=int(data["event"].sum()),
        about=stays.about,
        method=_method(fitter, kind, times),
        level=level,
        fitter=fitter,
        design=planned,
    )


def _left(stays: Stays, state: str, times: Times) -> Floats:
    """When stays in a state end, for a likelihood of ties: whoever is there on day d is until d + 1."""
    rows = stays.state == stays.states.index(state)
    day: Floats = stays.moments.time[stays.left[rows]] + (times == "days")
    return day


def _kind(fitter: Any) -> Kind:
    kinds: tuple[tuple[type, Kind], ...] = (
        (CoxPHFitter, "cox"),
        (ParametericAFTRegressionFitter, "aft"),
        (ParametricRegressionFitter, "regression"),
        (ParametricUnivariateFitter, "univariate"),
    )
    for model, kind in kinds:
        if isinstance(fitter, model):
            return kind
    called = fitter.__name__ if isinstance(fitter, type) else type(fitter).__name__
    hint = f"; give it as {called}()" if isinstance(fitter, type) else ""
    raise EstimateError(f"{called} is no parametric or Cox fitter of lifelines with coefficients{hint}.")


def _name(fitter: Any) -> str:
    return f"lifelines' {type(fitter).__name__}"


def _heeding(fitter: Any, run: Callable[[], None]) -> None:
    """Run a fit; what it warns of, or fails with, is a refusal."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            run()
        except _FAILED as failed:
            raise EstimateError(f"{_name(fitter)} gave up: {_first_sentence(failed)}{_BETTER}.") from failed
    if said := [one.message for one in heard if issubclass(one.category, _SAID)]:
        raise EstimateError(f"{_name(fitter)} doubts its result: {_first_sentence(said[0])}{_BETTER}.")


def _first_sentence(said: Warning | str | Exception) -> str:
    text = " ".join(str(said).split())
    return text.partition(". ")[0].rstrip(".:") or type(said).__name__


def _weights(data: pd.DataFrame) -> dict[str, str]:
    return {} if data["weight"].eq(1).all() else {"weights_col": "weight"}


def _regressors(data: pd.DataFrame) -> list[str]:
    return [str(name) for name in data if str(name).startswith("x")]


def _fit_aft(fitter: Any, data: pd.DataFrame) -> None:
    weights = _weights(data)
    columns = [*_TIMES.values(), *weights.values(), *_regressors(data)]
    fitter.fit_interval_censoring(data[columns], **_TIMES, **weights)


def _fit_regression(fitter: Any, data: pd.DataFrame) -> None:
    """Every parameter by every covariate, which is lifelines' way where there is no location."""
    weights, formula = _weights(data), " + ".join(["1", *_regressors(data)])
    regressors = dict.fromkeys(fitter._fitted_parameter_names, formula)
    columns = [*_TIMES.values(), *weights.values(), *_regressors(data)]
    fitter.fit_interval_censoring(data[columns], regressors=regressors, **_TIMES, **weights)


def _fit_cox(fitter: Any, data: pd.DataFrame) -> None:
    weights = _weights(data)
    columns = ["left", "event", "entry", *weights.values(), *_regressors(data)]
    fitter.fit(data[columns], "left", "event", entry_col="entry", **weights)


def _fit_univariate(fitter: Any, data: pd.DataFrame) -> None:
    fitter.fit_interval_censoring(
        data["lower"],
        data["upper"],
        entry=data["entry"],
        weights=data["weight"],
    )


_FIT: dict[Kind, Callable[[Any, pd.DataFrame], None]] = {
    "aft": _fit_aft,
    "regression": _fit_regression,
    "cox": _fit_cox,
    "univariate": _fit_univariate,
}
_QUANTITY: dict[Kind, str] = {
    "aft": "log time ratio",
    "regression": "coefficient",
    "cox": "log hazard ratio",
    "univariate": "parameter",
}


def _fitted(fitter: Any, kind: Kind, planned: Design | None) -> tuple[tuple[str, ...], Floats, Floats]:
    """The terms, the estimates and their covariance, in lifelines' order of parameters."""
    parameters: Any = fitter.summary if kind == "univariate" else fitter.params_
    called = {f"x{number}": name for number, name in enumerate(planned.names if planned else ())}
    location: str = getattr(fitter, "_primary_parameter_name", "")
    names = tuple(_term(index, called | {"Intercept": "(intercept)"}, location) for index in parameters.index)
    values: Floats = (parameters["coef"] if kind == "univariate" else parameters).to_numpy(float)
    return names, values, fitter.variance_matrix_.to_numpy(float)


def _term(index: Any, called: dict[str, str], location: str) -> str:
    if not isinstance(index, tuple):
        return called.get(str(index), str(index))
    parameter, covariate = str(index[0]), str(index[1])
    name = called.get(covariate, covariate)
    return name if parameter == location else f"{parameter}: {name}"


def _null(fitter: Any, kind: Kind) -> float:
    """The log-likelihood without covariates, from lifelines' own test against that model."""
    top = float(fitter.log_likelihood_)
    if kind == "univariate":
        return top
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return top - float(fitter.log_likelihood_ratio_test().test_statistic) / 2


def _method(fitter: Any, kind: Kind, times: Times) -> Method:
    ties = {"days": "days are intervals [d, d + 1)", "exact": "times are exact"}[times]
    return Method(
        _name(fitter),
        "Davidson-Pilon (2019), J. Open Source Softw. 4(40): 1317",
        "inverse observed information",
        "Wald",
        "efron" if kind == "cox" else ties,
    )
