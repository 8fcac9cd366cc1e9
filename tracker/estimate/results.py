"""What estimators return: numbers with their uncertainty, risk sets and origin, as tidy frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError


@dataclass(frozen=True)
class About:
    """What the data of an estimate were: who, on which clock, as of when, read with what.

    ``position`` is the position of the log the snapshot was cut at; None for data from elsewhere.
    """

    cohort: str = ""
    clock: str = ""
    unit: str = ""
    position: int | None = None
    codebook: str = ""
    chain: str = ""
    rules: str = ""
    software: str = ""
    synthetic: bool = False


@dataclass(frozen=True)
class Method:
    """How an estimate was made: the estimator, where it is published, its variance, interval and tie rule."""

    name: str
    source: str
    variance: str = ""
    interval: str = ""
    ties: str = "all k-th steps of a day are tied"


VALUE, TOO_RECENT, NOT_APPLICABLE = "value", "too_recent", "not_applicable"
"""Status of a value read off a curve: known, past what anyone was followed, or before the curve starts."""

SETTLED = "settled"
"""The column of curves that says nothing more can happen."""


@dataclass(frozen=True)
class Curves:
    """Step functions of time, a row for each moment something may change.

    ``frame`` has the columns of ``strata``, those of ``key`` (such as ``state`` or ``cause``: what tells
    the curves of one stratum apart), then ``time`` (days, or the unit of the data), ``step`` (within the
    day), ``at_risk`` (just before), ``events`` (at the moment), ``estimate``, ``std_error``, ``lower`` and
    ``upper``; a bound that the method does not give is missing. ``settled``, where a method gives it, says
    that nothing more can happen after the row: everyone has left for good, and the curve goes on as it is.
    Before its first row a curve is at ``start``, which is the same for every curve; NaN when a curve is
    defined from its first row on only.
    """

    quantity: str
    frame: pd.DataFrame
    strata: tuple[str, ...]
    key: tuple[str, ...]
    about: About
    method: Method
    start: float = 0.0
    level: float = 0.95

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """The curves at the end of the given days: strata, key, time, estimate … and ``status``.

        ``at_risk`` and ``events`` are those of the row read: just before, and at, the last change. A time
        past the last row of a curve has status ``too_recent``, no estimate and nobody at risk: nobody was
        followed so far, and something could have happened; one before a curve that has no ``start`` is
        ``not_applicable``. Raises EstimateError for a negative or missing time.
        """
        wanted = np.sort(np.asarray(times, float))
        if wanted.size == 0 or not np.all(wanted >= 0):
            raise EstimateError("Times to read a curve at must be zero or more, and at least one.")
        if not len(self.frame):
            return self.frame.drop(columns=SETTLED, errors="ignore").assign(status=VALUE)
        return self._read(wanted)

    def _read(self, wanted: NDArray[np.float64]) -> pd.DataFrame:
        """All curves at once: rows ordered by curve and moment, each wanted time looked up in each curve."""
        curve, time = self._curve_numbers(), self.frame["time"].to_numpy(float)
        order = np.lexsort((self.frame["step"].to_numpy(), time, curve))
        curves = np.arange(curve.max() + 1)
        known = np.unique(np.concatenate([time, wanted]))
        code = curve * len(known) + np.searchsorted(known, time)
        asked = curves[:, None] * len(known) + np.searchsorted(known, wanted)
        last = np.searchsorted(code[order], asked.ravel(), side="right") - 1
        first = np.repeat(np.searchsorted(curve[order], curves), len(wanted))
        end = np.repeat(np.searchsorted(curve[order], curves, side="right") - 1, len(wanted))
        rows = order[np.maximum(last, first)]
        read = self.frame.iloc[rows].reset_index(drop=True).assign(time=np.tile(wanted, len(curves)))
        early = last < first
        read.loc[early, ["estimate", "std_error", "lower", "upper"]] = [self.start, 0.0] + [self.start] * 2
        read.loc[early, "events"] = 0
        late = (read["time"].to_numpy() > time[order[end]]) & ~self._settled()[order[end]]
        early &= np.isnan(self.start)
        read.loc[late | early, ["estimate", "std_error", "lower", "upper"]] = np.nan
        read.loc[late | early, "at_risk"] = 0
        return read.drop(columns=SETTLED, errors="ignore").assign(
            status=np.select([late, early], [TOO_RECENT, NOT_APPLICABLE], VALUE)
        )

    def _settled(self) -> NDArray[np.bool_]:
        if SETTLED not in self.frame:
            return np.zeros(len(self.frame), np.bool_)
        return self.frame[SETTLED].to_numpy(np.bool_)

    def _curve_numbers(self) -> NDArray[np.int64]:
        names = [*self.strata, *self.key]
        if not names:
            return np.zeros(len(self.frame), np.int64)
        grouped = self.frame.groupby(names, sort=False, dropna=False)
        return np.asarray(grouped.ngroup(), np.int64)


@dataclass(frozen=True)
class Coefficients:
    """A fitted regression: one row a term.

    ``frame``: ``term``, ``estimate`` (on the scale of the linear predictor), ``std_error`` (the one the
    interval rests on: robust where ``method.variance`` says so), ``std_error_model``, ``ratio`` (its
    exponential: hazard, subdistribution hazard, rate or time ratio), ``lower`` and ``upper`` (of the
    ratio), ``z``, ``p_value``. ``covariance`` belongs to ``std_error``. ``tests`` holds the global
    likelihood-ratio, score and Wald tests where the method has them.
    """

    quantity: str
    frame: pd.DataFrame
    covariance: NDArray[np.float64]
    log_likelihood: tuple[float, float]
    subjects: int
    spells: int
    events: int
    about: About
    method: Method
    tests: dict[str, Test] = field(default_factory=dict)
    iterations: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Test:
    """A test of a hypothesis: ``statistic`` referred to chi-squared with ``df`` degrees of freedom.

    ``frame`` holds what went into it by group or term (such as observed and expected). ``covariance`` is that
    of the scores tested, in the order of the groups or terms, where the method has one.
    """

    name: str
    statistic: float
    df: float
    p_value: float
    frame: pd.DataFrame
    about: About
    method: Method
    covariance: NDArray[np.float64] | None = None

    __test__ = False  # not a test of the test runner's


@dataclass(frozen=True)
class Summary:
    """Single numbers by stratum: restricted means, quantiles, expected times in state, differences.

    ``frame``: strata, key, ``estimate``, ``std_error``, ``lower``, ``upper``, ``at_risk`` (at the start),
    ``events``; and what the quantity is at (``horizon``, ``probability``).
    """

    quantity: str
    frame: pd.DataFrame
    strata: tuple[str, ...]
    key: tuple[str, ...]
    about: About
    method: Method
    level: float = 0.95
