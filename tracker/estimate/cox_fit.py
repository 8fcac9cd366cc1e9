"""A fitted Cox model: from event sets and a design to coefficients, standard errors and tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from tracker.domain.errors import EstimateError
from tracker.estimate.design import Design
from tracker.estimate.event_sets import EventSets
from tracker.estimate.partial_likelihood import PartialLikelihood, Point, Sums, Ties, maximum
from tracker.estimate.results import About, Coefficients, Method, Test
from tracker.estimate.risk_sets import Floats

SOURCE = (
    "Cox (1972); ties: Breslow (1974), Efron (1977); counts and tests: Therneau & Grambsch (2000), ch. 3; "
    "robust variance: Lin & Wei (1989)"
)
MODEL, ROBUST = "model (inverse information)", "robust (Lin–Wei sandwich)"
COX = Method("Cox regression", SOURCE, MODEL, "Wald")


@dataclass(frozen=True, kw_only=True, eq=False)
class CoxFit(Coefficients):
    """A fitted Cox model, with what residuals, tests and predictions need of it.

    ``columns`` [patterns, K] is the design less ``centre``; the hazard in ``sums`` is therefore that of a
    person at the centre. ``model_covariance`` is the inverse information, ``start`` the likelihood at 0.
    """

    transition: tuple[str, str]
    strata: tuple[str, ...]
    design: Design
    ties: Ties
    sets: EventSets
    columns: Floats
    centre: Floats
    sums: Sums
    start: Point
    model_covariance: Floats

    @property
    def estimates(self) -> Floats:
        """The coefficients [K]."""
        values: Floats = self.frame["estimate"].to_numpy(float)
        return values

    def likelihood(self) -> PartialLikelihood:
        """Its partial likelihood, to evaluate anew."""
        return PartialLikelihood(self.sets, self.columns, self.ties)


@dataclass(frozen=True)
class Asked:
    """What was asked for and of whom, carried into the fit."""

    transition: tuple[str, str]
    strata: tuple[str, ...]
    ties: Ties
    level: float
    about: About
    subjects: int
    spells: int
    quantity: str = "log hazard ratio"
    method: Method = COX


def fit_sets(sets: EventSets, planned: Design, asked: Asked) -> CoxFit:
    """The maximum of the partial likelihood, with model-based standard errors and tests.

    Columns are centred and scaled while Newton runs, so that their units do not matter. Raises what
    ``maximum`` raises.
    """
    if not 0 < asked.level < 1:
        raise EstimateError(f"The level of intervals lies between 0 and 1; found {asked.level}.")
    raw = planned.matrix(sets.patterns)
    weight = sets.spread(sets.weight / sets.summed(np.ones(len(raw))))
    centre = weight @ raw / weight.sum()
    columns = raw - centre
    scale = np.sqrt(weight @ columns**2 / weight.sum())
    scale[scale == 0] = 1.0
    start, top, steps = maximum(PartialLikelihood(sets, columns / scale, asked.ties), planned.names)
    estimates = top.coefficients / scale
    covariance = np.linalg.inv(top.information) / np.outer(scale, scale)
    frame = coefficient_frame(planned.names, estimates, covariance, covariance, asked.level)
    start = Point(start.coefficients, start.value, start.score * scale, _scaled(start.information, scale))
    return CoxFit(
        quantity=asked.quantity,
        frame=frame,
        covariance=covariance,
        log_likelihood=(start.value, top.value),
        subjects=asked.subjects,
        spells=asked.spells,
        events=round(float(sets.number.sum())),
        about=asked.about,
        method=replace(asked.method, ties=f"{asked.ties}; {asked.method.ties}"),
        tests=_tests(estimates, covariance, start, top, asked),
        iterations=steps,
        level=asked.level,
        transition=asked.transition,
        strata=asked.strata,
        design=planned,
        ties=asked.ties,
        sets=sets,
        columns=columns,
        centre=centre,
        sums=PartialLikelihood(sets, columns, asked.ties).sums(estimates),
        start=start,
        model_covariance=covariance,
    )


def _scaled(information: Floats, scale: Floats) -> Floats:
    scaled: Floats = information * np.outer(scale, scale)
    return scaled


def coefficient_frame(
    names: tuple[str, ...], estimates: Floats, covariance: Floats, model: Floats, level: float
) -> pd.DataFrame:
    """The frame of ``Coefficients``: intervals and p-values by Wald from ``covariance``."""
    error = np.sqrt(np.diag(covariance))
    z = estimates / error
    half = stats.norm.ppf(0.5 + level / 2) * error
    return pd.DataFrame(
        {
            "term": list(names),
            "estimate": estimates,
            "std_error": error,
            "std_error_model": np.sqrt(np.diag(model)),
            "ratio": np.exp(estimates),
            "lower": np.exp(estimates - half),
            "upper": np.exp(estimates + half),
            "z": z,
            "p_value": 2 * stats.norm.sf(np.abs(z)),
        }
    )


def chi_squared(name: str, statistic: float, df: int, about: About, method: Method) -> Test:
    """A test referred to chi-squared."""
    p_value = float(stats.chi2.sf(statistic, df))
    return Test(name, statistic, df, p_value, pd.DataFrame(), about, method)


def _tests(estimates: Floats, covariance: Floats, start: Point, top: Point, asked: Asked) -> dict[str, Test]:
    statistics = {
        "likelihood_ratio": 2 * (top.value - start.value),
        "score": float(start.score @ np.linalg.solve(start.information, start.score)),
        "wald": float(estimates @ np.linalg.solve(covariance, estimates)),
    }
    df = len(estimates)
    return {
        name: chi_squared(name, value, df, asked.about, asked.method) for name, value in statistics.items()
    }
