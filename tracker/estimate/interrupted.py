"""Interrupted time series: did a series of months change level or slope on a day.

Segmented regression (Wagner et al. 2002, J. Clin. Pharm. Ther. 27:299–309; Bernal, Cummins & Gasparrini 2017,
Int. J. Epidemiol. 46:348–355). With years y since the break (month of the break: 0) and A for the months from
it on,

    log(mean / exposure) = a + b·y + c·A + d·y·A + season          counts, quasi-Poisson
    logit(share)         = a + b·y + c·A + d·y·A + season          shares, quasi-binomial

c is the change of level in the month of the break, d the change of trend per year. Errors are robust to
autocorrelation and to variance other than the model's (Newey & West 1987). In series as short as these they
are too small (intervals of 95 % hold some 80 %), so none is taken below that of a working AR(1), corrected
for the terms fitted (``interrupted_errors``); together they hold 91 to 97 % (``tests.coverage``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import t as student
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from tracker.domain.errors import EstimateError
from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.estimate.interrupted_effects import Estimated, effects_since, fitted_months
from tracker.estimate.interrupted_errors import Errors, Parts, error_of, newey_west, working
from tracker.estimate.interrupted_terms import Season, term_columns
from tracker.estimate.results import About, Coefficients, Method, Test
from tracker.estimate.risk_sets import Floats, Ints

MINIMUM_MONTHS = 8
"""Months needed on either side: Penfold & Zhang (2013), Acad. Pediatr. 13:S38–S44."""
SEASON_MONTHS = 24
"""Months needed in all before a season is told from a trend."""

_SOURCE = "Wagner et al. (2002), J. Clin. Pharm. Ther. 27:299–309; Bernal et al. (2017), IJE 46:348–355"
_VARIANCE = (
    "Newey & West (1987), Bartlett weights, floor(4 (n/100)^(2/9)) lags (Newey & West 1994), × n/(n − k); "
    "no error below that of quasi-likelihood with a working AR(1) (Zeger 1988, Biometrika 75:621–629), its "
    "correlation corrected for the terms fitted (Worsley et al. 2002, NeuroImage 15:1–15)"
)
_INTERVAL = "Student's t with n − k degrees of freedom"
COUNTS = Method(
    "segmented quasi-Poisson regression of monthly counts", _SOURCE, _VARIANCE, _INTERVAL, ties="none"
)
SHARES = Method("segmented logistic regression of monthly shares", _SOURCE, _VARIANCE, _INTERVAL, ties="none")
LJUNG_BOX = Method(
    "Ljung–Box test", "Ljung & Box (1978), Biometrika 65:297–303, of Pearson residuals", ties="none"
)


@dataclass(frozen=True)
class Design:
    """The model. ``season`` None: harmonic from two years on, else none. ``left_out``: months not used."""

    break_on: date = SOCIAL_SERVICES_ACT_2025
    season: Season | None = None
    left_out: tuple[date, ...] = ()
    level: float = 0.95


@dataclass(frozen=True)
class Interrupted:
    """A fitted interrupted series.

    ``coefficients``: terms on the log or logit scale, ``ratio`` their exponential (rate or odds ratio).
    Their frame has ``std_error_newey_west`` and ``std_error_working`` too, the larger of which is
    ``std_error``; ``std_error_model`` is that of months taken as independent.
    ``months``: period, value (events per exposure, or share), fitted with ``lower`` and ``upper``,
    ``counterfactual`` (what the model says had nothing changed; from the break on) and ``used``.
    ``effects``: for the first and the last month since the break, and all of them together, ``fitted`` and
    ``expected`` (had nothing changed) means, their ``difference`` and ``ratio``, each with limits
    (delta method). ``dispersion`` is Pearson's, ``correlation`` that of the working AR(1) from month to
    month; ``autocorrelation`` is the test of residuals.
    """

    coefficients: Coefficients
    months: pd.DataFrame
    effects: pd.DataFrame
    months_before: int
    months_after: int
    lags: int
    season: Season
    dispersion: float
    correlation: float
    durbin_watson: float
    autocorrelation: Test


def interrupted_counts(
    series: pd.DataFrame, design: Design | None = None, about: About | None = None
) -> Interrupted:
    """The segmented regression of a series of counts.

    ``series``: ``period`` (first day of each month, once), ``count`` (whole numbers, zero or more) and
    ``exposure`` (above zero: child-months, covered months …; its unit is that of the rates). Months that
    are not there, or left out, are gaps: residuals on either side of one are not taken as neighbours.
    Raises EstimateError for fewer than ``MINIMUM_MONTHS`` on a side, a season asked of less than two years,
    a side without any event, and input that is no such series.
    """
    return _interrupted(series, "exposure", design or Design(), about or About())


def interrupted_shares(
    series: pd.DataFrame, design: Design | None = None, about: About | None = None
) -> Interrupted:
    """The segmented regression of a series of shares: ``count`` of ``of`` in each ``period``.

    Months in which ``of`` is zero are gaps. Otherwise as ``interrupted_counts``; a side on which all or none
    of them are counted is refused too.
    """
    return _interrupted(series, "of", design or Design(), about or About())


@dataclass(frozen=True)
class _Data:
    """The months used: their number since the break, count, exposure or denominator, and columns."""

    month: Ints
    count: Floats
    base: Floats
    terms: tuple[str, ...]
    columns: Floats
    shares: bool


def _interrupted(series: pd.DataFrame, base: str, design: Design, about: About) -> Interrupted:
    frame = _checked(series, base, design)
    season = design.season or (Season.HARMONIC if int(frame["used"].sum()) >= SEASON_MONTHS else Season.NONE)
    used = frame[frame["used"]]
    _require_enough(used, base, design, season)
    terms, columns = term_columns(used["month"].to_numpy(), used["calendar"].to_numpy(), season)
    data = _Data(
        used["month"].to_numpy(),
        used["count"].to_numpy(float),
        used[base].to_numpy(float),
        terms,
        columns,
        base == "of",
    )
    fit = _fit(data)
    lags = lags_for(len(used))
    parts = _parts(fit, data)
    related, correlation = working(parts, data.month)
    df = len(used) - columns.shape[1]
    dispersion = float(parts.pearson @ parts.pearson / df)
    alone = np.asarray(dispersion * np.linalg.inv(parts.information), float)
    errors = Errors(newey_west(parts, data.month, lags), related, alone)
    told = Estimated(
        np.asarray(fit.params), errors.covariance, float(student.ppf(0.5 + design.level / 2, df))
    )
    return Interrupted(
        replace(_coefficients(told, errors, data, fit), about=about, level=design.level),
        fitted_months(frame, base, season, told),
        effects_since(frame, base, season, told),
        int((data.month < 0).sum()),
        int((data.month >= 0).sum()),
        lags,
        season,
        dispersion,
        correlation,
        float(durbin_watson(parts.pearson)),
        _ljung_box(parts.pearson, about),
    )


def lags_for(months: int) -> int:
    """How many months apart residuals may be related: floor(4 (n/100)^(2/9)), Newey & West (1994)."""
    return int(np.floor(4 * (months / 100) ** (2 / 9)))


def _checked(series: pd.DataFrame, base: str, design: Design) -> pd.DataFrame:
    """The series with the number of each month since the break, its place in the year, whether it is used."""
    if missing := {"period", "count", base} - set(series.columns):
        raise EstimateError(f"The series lacks {', '.join(sorted(missing))}.")
    period = pd.to_datetime(series["period"])
    if period.isna().any() or period.duplicated().any() or (period.dt.day != 1).any():
        raise EstimateError("Each month of the series is told once, by its first day.")
    count, of = series["count"].to_numpy(float), series[base].to_numpy(float)
    if not (np.all(count >= 0) and np.all(of >= 0) and np.all(np.isfinite(count + of))):
        raise EstimateError(f"Counts and {base} of the series must be numbers, zero or more.")
    if base == "of" and np.any(count > of):
        raise EstimateError("In some month more are counted than there are to count of.")
    if base == "exposure" and np.any(of == 0):
        raise EstimateError("In some month of the series there is no exposure; leave it out.")
    since = (period.dt.year - design.break_on.year) * 12 + period.dt.month - design.break_on.month
    used = ~period.dt.date.isin(design.left_out) & (of > 0)
    frame = series.assign(month=since, calendar=period.dt.month, used=used)
    return frame.sort_values("month").reset_index(drop=True)


def _require_enough(used: pd.DataFrame, base: str, design: Design, season: Season) -> None:
    sides = {"before": used[used["month"] < 0], "from": used[used["month"] >= 0]}
    if short := [name for name, side in sides.items() if len(side) < MINIMUM_MONTHS]:
        told = " and ".join(f"{len(sides[name])} {name}" for name in sides)
        raise EstimateError(
            f"The series has {told} {design.break_on}; {MINIMUM_MONTHS} months are needed "
            f"on either side, too few are {' and '.join(short)}."
        )
    if season is not Season.NONE and len(used) < SEASON_MONTHS:
        raise EstimateError(
            f"A season is not told from a trend in {len(used)} months; {SEASON_MONTHS} are needed."
        )
    for name, side in sides.items():
        counted = side["count"].sum()
        if counted == 0 or (base == "of" and counted == side["of"].sum()):
            said = "Nothing was counted" if counted == 0 else "All were counted"
            raise EstimateError(f"{said} in the months {name} {design.break_on}: no ratio can be estimated.")


_EXACT = 1e-12
"""A sum of squared residuals below which there are none."""


def _fit(data: _Data) -> Any:
    if np.linalg.matrix_rank(data.columns) < data.columns.shape[1]:
        raise EstimateError(
            "The months used cannot tell the terms of the model apart: " + ", ".join(data.terms) + "."
        )
    if data.shares:
        pairs = np.column_stack([data.count, data.base - data.count])
        model = sm.GLM(pairs, data.columns, family=sm.families.Binomial())
    else:
        model = sm.GLM(data.count, data.columns, family=sm.families.Poisson(), exposure=data.base)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # refused below, in our words
        fit = model.fit(maxiter=200, tol_criterion="params", atol=1e-10, rtol=1e-10)
    if np.sum(np.asarray(fit.resid_pearson) ** 2) < _EXACT:
        raise EstimateError(
            "The model meets every month of the series exactly: its errors cannot be estimated."
        )
    if not fit.converged:
        raise EstimateError("The regression of the series does not converge.")
    return fit


def _parts(fit: Any, data: _Data) -> Parts:
    fitted = np.asarray(fit.fittedvalues)
    weight = data.base * fitted * (1 - fitted) if data.shares else fitted
    residual = data.count - (data.base * fitted if data.shares else fitted)
    weighted = data.columns * np.sqrt(weight)[:, None]
    return Parts(
        data.columns * residual[:, None], weighted.T @ weighted, weighted, residual / np.sqrt(weight)
    )


def _coefficients(told: Estimated, errors: Errors, data: _Data, fit: Any) -> Coefficients:
    error = error_of(told.covariance)
    statistic = told.params / error
    frame = pd.DataFrame(
        {
            "term": data.terms,
            "estimate": told.params,
            "std_error": error,
            "std_error_model": error_of(errors.model),
            "std_error_newey_west": error_of(errors.newey_west),
            "std_error_working": error_of(errors.working),
            "ratio": np.exp(told.params),
            "lower": np.exp(told.params - told.quantile * error),
            "upper": np.exp(told.params + told.quantile * error),
            "z": statistic,
            "p_value": 2 * student.sf(np.abs(statistic), len(data.month) - len(data.terms)),
        }
    )
    family, share = fit.model.family, data.count.sum() / data.base.sum()
    null = np.full(len(data.count), share) if data.shares else share * data.base
    likelihoods = [float(family.loglike(fit.model.endog, mean)) for mean in (null, fit.fittedvalues)]
    events = int(data.count.sum())
    return Coefficients(
        "odds ratio" if data.shares else "rate ratio",
        frame,
        told.covariance,
        (likelihoods[0], likelihoods[1]),
        int(data.base.sum()) if data.shares else events,
        len(data.month),
        events,
        About(),
        SHARES if data.shares else COUNTS,
        iterations=int(fit.fit_history["iteration"]),
    )


def _ljung_box(residuals: Floats, about: About) -> Test:
    """Of the residuals at up to a fifth of their number of lags, at most ten."""
    lags = max(1, min(10, len(residuals) // 5))
    found = acorr_ljungbox(residuals, lags=[lags])
    statistic, p_value = float(found["lb_stat"].iloc[0]), float(found["lb_pvalue"].iloc[0])
    frame = pd.DataFrame({"lags": [lags], "residuals": [len(residuals)]})
    return Test(LJUNG_BOX.name, statistic, lags, p_value, frame, about, LJUNG_BOX)
