"""Results as a researcher holds them: a table, its origin and method, a picture."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import pandas as pd

from tracker.domain.errors import EstimateError, UsageError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.design import Design
from tracker.estimate.exits import Exits
from tracker.estimate.fine_gray import cumulative_incidence as fine_gray_incidence
from tracker.estimate.occupation import Occupation
from tracker.estimate.parametric_fit import AcceleratedFailure
from tracker.estimate.predictions import cumulative_hazards, survival
from tracker.estimate.proportional import Transform, proportional_hazards
from tracker.estimate.results import About, Coefficients, Curves, Method, Summary, Test
from tracker.estimate.risk_sets import Stays
from tracker.estimate.robust import clustered, robust_expected_time, robust_occupation
from tracker.estimate.sojourn import expected_time
from tracker.estimate.survival_summaries import quantiles, restricted_mean
from tracker.publish.chart_sheet import stamp_words
from tracker.study.pictures import (
    Picture,
    curves_picture,
    model_picture,
    occupation_picture,
    summary_picture,
)

HEAD = 12
"""Rows of a table shown before it is asked for."""

SHOWN = (30, 90, 180, 365, 730)
"""Days at which curves are shown before they are asked for."""

NO_LABELS: Mapping[str, str] = {}
Patterns = pd.DataFrame | Sequence[Mapping[str, object]]
"""Covariate patterns to predict for: a row, or a mapping, each."""


Estimate = TypeVar("Estimate", Curves, Coefficients, Summary, Test)


@dataclass(frozen=True, repr=False)
class Result(Generic[Estimate]):
    """What every result has: ``frame``, ``about``, ``method``, and how it shows itself.

    ``estimate`` is the result as ``tracker.estimate`` gives it.
    """

    estimate: Estimate

    @property
    def frame(self) -> pd.DataFrame:
        """The numbers, tidy."""
        return self.estimate.frame

    @property
    def about(self) -> About:
        """Which cohort, on which clock, as of which position, read with which codebook."""
        return self.estimate.about

    @property
    def method(self) -> Method:
        """The estimator, its source, variance, interval and tie rule."""
        return self.estimate.method

    def _title(self) -> str:
        return str(getattr(self.estimate, "quantity", ""))

    def _definition(self) -> str:
        told = self.method
        parts: dict[str, str] = {"variance": told.variance, "interval": told.interval, "ties": told.ties}
        said = [told.name, *(f"{name} {value}" for name, value in parts.items() if value)]
        return f"{'; '.join(said)}. Source: {told.source}"

    def _origin(self) -> str:
        about = self.about
        return f"clock {about.clock} · {stamp_words(about)}" if about.clock else stamp_words(about)

    def _head(self) -> pd.DataFrame:
        """The rows shown before the table is asked for."""
        return self.frame.head(HEAD)

    def __repr__(self) -> str:
        head = self._head().to_string(index=False) if len(self.frame) else "nobody"
        return "\n".join((self._title(), self._definition(), self._origin(), head))

    def _repr_html_(self) -> str:
        lines = [html.escape(line) for line in (self._definition(), self._origin())]
        head = self._head()
        rows = f"<p>{len(self.frame)} rows, of which:</p>" if len(self.frame) > len(head) else ""
        table = head.to_html(index=False, border=0) if len(self.frame) else "<p>nobody</p>"
        said = "".join(f"<p><small>{line}</small></p>" for line in lines)
        return f"<h4>{html.escape(self._title())}</h4>{said}{rows}{table}"


@dataclass(frozen=True, repr=False)
class CurvesResult(Result[Curves]):
    """Step functions of time, such as survival; ``frame`` has a row for each moment of change."""

    exits: Exits | None = field(default=None)

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """The curves at the end of these days; ``status`` is ``too_recent`` past what anyone was followed."""
        return self.estimate.at(times)

    def select(self, **levels: object) -> CurvesResult:
        """Only the curves with these levels: ``select(state="closed")``, ``select(sex=["girl", "boy"])``.

        Raises UsageError for columns and levels that are not there, with those that are.
        """
        return CurvesResult(replace(self.estimate, frame=selected(self.estimate, levels)), self.exits)

    def quantiles(self, probabilities: Sequence[float] = (0.25, 0.5, 0.75)) -> SummaryResult:
        """The days by which these shares have left, of a survival curve."""
        self._staying("quantiles")
        return SummaryResult(quantiles(self.estimate, probabilities))

    def median(self) -> SummaryResult:
        """The day by which half have left, of a survival curve."""
        return self.quantiles([0.5])

    def restricted_mean(self, horizon: float) -> SummaryResult:
        """The mean time in the state up to a horizon, of a Kaplan–Meier curve."""
        return SummaryResult(restricted_mean(self._staying("the restricted mean"), horizon))

    def plot(self, title: str = "", labels: Mapping[str, str] = NO_LABELS) -> Picture:
        """Curves with intervals and numbers at risk; ``labels`` replace names of states and levels."""
        return curves_picture(self.estimate, title, labels)

    def _head(self) -> pd.DataFrame:
        last = self.frame["time"].max() if len(self.frame) else 0
        days = [day for day in SHOWN if day <= last] or [last]
        return self.at(days).drop(columns="step").head(2 * HEAD) if len(self.frame) else self.frame

    def _staying(self, wanted: str) -> Exits:
        if self.exits is None:
            raise EstimateError(f"A curve of staying in a state has {wanted}; «{self._title()}» is another.")
        return self.exits


def selected(curves: Curves, levels: Mapping[str, object]) -> pd.DataFrame:
    """The rows of curves with these levels of their columns."""
    frame = curves.frame
    for name, wanted in levels.items():
        if name not in (*curves.strata, *curves.key):
            there = ", ".join((*curves.strata, *curves.key)) or "none"
            raise UsageError(f"Curves are chosen by {there}; there is no «{name}».")
        values = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
        known = set(frame[name])
        if unknown := [str(value) for value in values if value not in known]:
            there = ", ".join(map(str, frame[name].unique()))
            raise UsageError(f"«{name}» has no {', '.join(unknown)}; it has {there}.")
        frame = frame[frame[name].isin(values)]
    return frame.reset_index(drop=True)


@dataclass(frozen=True, repr=False)
class OccupationResult(CurvesResult):
    """The share in each state over time; ``fit`` is the Aalen–Johansen estimate with its covariances."""

    fit: Occupation = field(kw_only=True)
    stays: Callable[[], Stays] = field(kw_only=True)

    def expected_time(self, horizons: Sequence[float]) -> SummaryResult:
        """Expected days in each state up to each horizon."""
        return SummaryResult(expected_time(self.fit, horizons))

    def robust(self, times: Sequence[float]) -> SummaryResult:
        """Occupation at these days with variance clustered on child: no Markov property needed."""
        return SummaryResult(robust_occupation(self.fit, clustered(self.fit, self.stays(), times=times)))

    def robust_expected_time(self, horizons: Sequence[float]) -> SummaryResult:
        """Expected days in each state, with variance clustered on child."""
        squared = clustered(self.fit, self.stays(), horizons=horizons)
        return SummaryResult(robust_expected_time(self.fit, squared))

    def plot(self, title: str = "", labels: Mapping[str, str] = NO_LABELS) -> Picture:
        """The states stacked, a plot for each stratum; ``.select(state=…).plot()`` draws one as a line."""
        return occupation_picture(self.estimate, title, labels)


@dataclass(frozen=True, repr=False)
class SummaryResult(Result[Summary]):
    """Single numbers with intervals: medians, expected times, occupation at given days, shares."""

    def plot(self, title: str = "", labels: Mapping[str, str] = NO_LABELS) -> Picture:
        """A dot with its interval for each number."""
        return summary_picture(self.estimate, title, labels)


@dataclass(frozen=True, repr=False)
class TestResult(Result[Test]):
    """A test: ``statistic``, ``df``, ``p_value``, and in ``frame`` what went into it."""

    __test__ = False  # not a test of the test runner's

    @property
    def statistic(self) -> float:
        """The statistic, referred to chi-squared unless the method says otherwise."""
        return self.estimate.statistic

    @property
    def df(self) -> float:
        """Its degrees of freedom."""
        return self.estimate.df

    @property
    def p_value(self) -> float:
        """The probability of one as large were the hypothesis true."""
        return self.estimate.p_value

    def _title(self) -> str:
        return f"{self.estimate.name}: {self.statistic:.3f} on {self.df:g} df, p = {self.p_value:.3g}"


@dataclass(frozen=True, repr=False)
class ModelResult(Result[Coefficients]):
    """A regression; ``frame`` has a row for each term: estimate, std_error, ratio, lower, upper, p_value."""

    @property
    def tests(self) -> dict[str, Test]:
        """Tests that no covariate matters: likelihood ratio, score, Wald, where the method has them."""
        return self.estimate.tests

    @property
    def reference(self) -> dict[str, str]:
        """The level each covariate is compared with."""
        planned = getattr(self.estimate, "design", None)
        parts = planned.parts if isinstance(planned, Design) else ()
        alone = [part[0][0] for part in parts if len(part) == 1 and part[0][1] and part[0][0].levels]
        return {factor.name: str(factor.levels[0]) for factor in alone}

    def proportional_hazards(self, transform: Transform = "km") -> TestResult:
        """Do the ratios stay the same over time? As R's ``cox.zph``."""
        return TestResult(proportional_hazards(self._cox("a test of proportional hazards"), transform))

    def cumulative_hazard(self, patterns: Patterns) -> CurvesResult:
        """The cumulative hazard of children with these covariates: ``[{"sex": "girl"}, {"sex": "boy"}]``."""
        return CurvesResult(_named(cumulative_hazards(self._cox("hazards"), _frame(patterns))))

    def survival(self, patterns: Patterns) -> CurvesResult:
        """Not yet having had the transition, were it the only way out."""
        return CurvesResult(_named(survival(self._cox("survival curves"), _frame(patterns))))

    def incidence(self, patterns: Patterns) -> CurvesResult:
        """The cumulative incidence by covariates, of a Fine–Gray model."""
        return CurvesResult(_named(fine_gray_incidence(self._cox("incidence curves"), _frame(patterns))))

    def quantiles(
        self, patterns: Patterns, probabilities: Sequence[float] = (0.25, 0.5, 0.75)
    ) -> SummaryResult:
        """The days by which these shares have left, of a parametric model of times."""
        if not isinstance(self.estimate, AcceleratedFailure):
            raise EstimateError(f"A parametric model of times has quantiles; {self.method.name} has none.")
        return SummaryResult(self.estimate.quantiles(_frame(patterns), probabilities))

    def plot(self, title: str = "", labels: Mapping[str, str] = NO_LABELS) -> Picture:
        """The ratios with their intervals, on a log scale, reference levels shown."""
        return model_picture(self.estimate, self.reference, title, labels)

    def _title(self) -> str:
        model = self.estimate
        return (
            f"{model.quantity}s: {model.events:,} events, {model.spells:,} stays, {model.subjects:,} children"
        )

    def _cox(self, wanted: str) -> CoxFit:
        if not isinstance(self.estimate, CoxFit):
            raise EstimateError(f"A Cox model has {wanted}; {self.method.name} has none.")
        return self.estimate


def _frame(patterns: Patterns) -> pd.DataFrame:
    return patterns if isinstance(patterns, pd.DataFrame) else pd.DataFrame([dict(one) for one in patterns])


def _named(curves: Curves) -> Curves:
    """Curves of patterns are told apart by them: they are the strata of a plot."""
    last = tuple(name for name in curves.key if name == "state")
    patterns = tuple(name for name in curves.key if name not in last)
    return replace(curves, strata=(*curves.strata, *patterns), key=last)
