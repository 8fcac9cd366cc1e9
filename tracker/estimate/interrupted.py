"""Interrupted time series: did a series of months change level or slope on a day.

Segmented regression (Wagner et al. 2002, J. Clin. Pharm. Ther. 27:299–309; Bernal, Cummins & Gasparrini 2017,
Int. J. Epidemiol. 46:348–355). With years y since the break (month of the break: 0) and A for the months from
it on,

    log(mean / exposure) = a + b·y + c·A + d·y·A + season          counts, quasi-Poisson
    logit(share)         = a + b·y + c·A + d·y·A + season          shares, quasi-binomial

c is the change of level in the month of the break, d the change of trend per year. Errors are robust to
autocorrelation and to variance other than the model's (Newey & West 1987). In series as short as these they
are too small (intervals of 95 % hold some 80 %), so none is taken below that of a working AR(1), corrected
for the terms fitted (``_working``); together they hold 91 to 97 % (``tests.coverage.interrupted``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import t as student
from statsmodels.stats.diagnostic import acorr_ljungbox
from statsmodels.stats.sandwich_covariance import S_hac_simple
from statsmodels.stats.stattools import durbin_watson
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from tracker.domain.errors import EstimateError
from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.estimate.results import About, Coefficients, Method, Test
from tracker.estimate.risk_sets import Floats, Ints

MINIMUM_MONTHS = 8
"""Months needed on either side: Penfold & Zhang (2013), Acad. Pediatr. 13:S38–S44."""
SEASON_MONTHS = 24
"""Months needed in all before a season is told from a trend."""

TREND, LEVEL_CHANGE, TREND_CHANGE = "trend before, per year", "change of level", "change of trend, per year"
CONSTANT = "constant"

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


class Season(StrEnum):
    """How the time of year is allowed for: two pairs of sine and cosine, eleven month terms, or not."""

    HARMONIC = "harmonic"
    MONTHS = "months"
    NONE = "none"


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
    terms, columns = _columns(used["month"].to_numpy(), used["calendar"].to_numpy(), season)
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
    working, correlation = _working(parts, data.month)
    df = len(used) - columns.shape[1]
    dispersion = float(parts.pearson @ parts.pearson / df)
    alone = np.asarray(dispersion * np.linalg.inv(parts.information), float)
    errors = _Errors(_newey_west(parts, data.month, lags), working, alone)
    told = _Told(np.asarray(fit.params), errors.covariance, float(student.ppf(0.5 + design.level / 2, df)))
    return Interrupted(
        replace(_coefficients(told, errors, data, fit), about=about, level=design.level),
        _months(frame, base, season, told),
        _effects(frame, base, season, told),
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


def _columns(month: Ints, calendar: Ints, season: Season) -> tuple[tuple[str, ...], Floats]:
    years, after = month / 12, (month >= 0).astype(float)
    named = {CONSTANT: np.ones(len(month)), TREND: years, LEVEL_CHANGE: after, TREND_CHANGE: years * after}
    if season is Season.HARMONIC:
        for pair in (1, 2):
            angle = 2 * np.pi * pair * calendar / 12
            named |= {f"season: sine {pair}": np.sin(angle), f"season: cosine {pair}": np.cos(angle)}
    elif season is Season.MONTHS:
        named |= {f"season: month {n:02}": (calendar == n).astype(float) for n in range(2, 13)}
    return tuple(named), np.column_stack(list(named.values()))


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


@dataclass(frozen=True)
class _Parts:
    """Of the fit: scores [n, k], information [k, k], the columns weighted [n, k], Pearson residuals [n]."""

    scores: Floats
    information: Floats
    weighted: Floats
    pearson: Floats


def _parts(fit: Any, data: _Data) -> _Parts:
    fitted = np.asarray(fit.fittedvalues)
    weight = data.base * fitted * (1 - fitted) if data.shares else fitted
    residual = data.count - (data.base * fitted if data.shares else fitted)
    weighted = data.columns * np.sqrt(weight)[:, None]
    return _Parts(
        data.columns * residual[:, None], weighted.T @ weighted, weighted, residual / np.sqrt(weight)
    )


def _newey_west(parts: _Parts, month: Ints, lags: int) -> Floats:
    """A month that is not there has no score, so that gaps keep their length."""
    n, k = parts.scores.shape
    scores = np.zeros((int(month[-1] - month[0]) + 1, k))
    scores[month - month[0]] = parts.scores
    bread = np.linalg.inv(parts.information)
    covariance: Floats = bread @ S_hac_simple(scores, nlags=lags) @ bread * n / (n - k)
    return covariance


_CORRELATIONS = np.linspace(-0.3, 0.95, 51)


def _working(parts: _Parts, month: Ints) -> tuple[Floats, float]:
    """The covariance under dispersion and AR(1) residuals, and their correlation from month to month.

    Residuals r = M e of a fit have another correlation than the errors e: that one is taken under which the
    residuals would be expected to have theirs, trace(D M R M) / trace(M R M) with D for neighbours; none
    below zero.
    """
    apart = np.abs(month[:, None] - month[None, :])
    bread, z, r = np.linalg.inv(parts.information), parts.weighted, parts.pearson
    left = np.eye(len(month)) - z @ bread @ z.T
    beside = (apart == 1) / 2
    expected = []
    for correlation in _CORRELATIONS:
        spread = left @ _powers(correlation, apart) @ left
        expected.append(np.trace(beside @ spread) / np.trace(spread))
    correlation = max(0.0, float(np.interp(r @ beside @ r / (r @ r), expected, _CORRELATIONS)))
    related = _powers(correlation, apart)
    dispersion = r @ r / np.trace(left @ related @ left)
    covariance: Floats = dispersion * bread @ (z.T @ related @ z) @ bread
    return covariance, correlation


def _powers(correlation: float, apart: Ints) -> Floats:
    related: Floats = np.where(apart == 0, 1.0, np.sign(correlation) ** apart * np.abs(correlation) ** apart)
    return related


@dataclass(frozen=True)
class _Errors:
    """Covariances of the estimates by the three accounts of how months vary [k, k]."""

    newey_west: Floats
    working: Floats
    model: Floats

    @property
    def covariance(self) -> Floats:
        """Newey and West's with errors raised to the working ones where smaller; correlations stay."""
        factor = np.maximum(1.0, _error(self.working) / _error(self.newey_west))
        raised: Floats = self.newey_west * np.outer(factor, factor)
        return raised


def _error(covariance: Floats) -> Floats:
    error: Floats = np.sqrt(np.diagonal(covariance))
    return error


@dataclass(frozen=True)
class _Told:
    """Estimates with their covariance, and the quantile of intervals."""

    params: Floats
    covariance: Floats
    quantile: float


def _coefficients(told: _Told, errors: _Errors, data: _Data, fit: Any) -> Coefficients:
    error = _error(told.covariance)
    statistic = told.params / error
    frame = pd.DataFrame(
        {
            "term": data.terms,
            "estimate": told.params,
            "std_error": error,
            "std_error_model": _error(errors.model),
            "std_error_newey_west": _error(errors.newey_west),
            "std_error_working": _error(errors.working),
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


@dataclass(frozen=True)
class _Mean:
    """Means of the months by the model [n], and how they change with each coefficient [n, k]."""

    value: Floats
    slope: Floats


def _mean(columns: Floats, told: _Told, base: Floats, shares: bool) -> _Mean:
    linear = columns @ told.params
    if shares:
        value = 1 / (1 + np.exp(-linear))
        return _Mean(value, columns * (value * (1 - value))[:, None])
    value = base * np.exp(linear)
    return _Mean(value, columns * value[:, None])


def _unchanged(columns: Floats) -> Floats:
    """The same months had nothing changed."""
    same = columns.copy()
    same[:, 2:4] = 0
    return same


def _months(frame: pd.DataFrame, base: str, season: Season, told: _Told) -> pd.DataFrame:
    shares = base == "of"
    _, columns = _columns(frame["month"].to_numpy(), frame["calendar"].to_numpy(), season)
    linear = columns @ told.params
    far = told.quantile * np.sqrt(np.einsum("nk,kl,nl->n", columns, told.covariance, columns))
    link = (lambda v: 1 / (1 + np.exp(-v))) if shares else np.exp
    with np.errstate(divide="ignore", invalid="ignore"):
        value = frame["count"].to_numpy(float) / frame[base].to_numpy(float)
    without = link(_unchanged(columns) @ told.params)
    return pd.DataFrame(
        {
            "period": frame["period"],
            "value": value,
            "fitted": link(linear),
            "lower": link(linear - far),
            "upper": link(linear + far),
            "counterfactual": np.where(frame["month"] >= 0, without, np.nan),
            "used": frame["used"],
        }
    )


def _effects(frame: pd.DataFrame, base: str, season: Season, told: _Told) -> pd.DataFrame:
    after = frame[frame["month"] >= 0]
    _, columns = _columns(after["month"].to_numpy(), after["calendar"].to_numpy(), season)
    exposure, shares = after[base].to_numpy(float), base == "of"
    seen = _mean(columns, told, exposure, shares)
    without = _mean(_unchanged(columns), told, exposure, shares)
    every = np.arange(len(after))
    chosen = {"first month": every[:1], "last month": every[-1:], "all months since": every}
    rows = [
        {
            "at": name,
            "from": after["period"].iloc[rows[0]],
            "to": after["period"].iloc[rows[-1]],
            **_effect(_over(seen, rows), _over(without, rows), told),
        }
        for name, rows in chosen.items()
    ]
    return pd.DataFrame(rows)


def _over(mean: _Mean, rows: Ints) -> _Mean:
    return _Mean(mean.value[rows].mean(keepdims=True), mean.slope[rows].mean(axis=0, keepdims=True))


def _effect(seen: _Mean, without: _Mean, told: _Told) -> dict[str, float]:
    fitted, expected = float(seen.value[0]), float(without.value[0])
    difference = seen.slope[0] - without.slope[0]
    ratio = seen.slope[0] / fitted - without.slope[0] / expected
    far, far_log = (
        told.quantile * float(np.sqrt(slope @ told.covariance @ slope)) for slope in (difference, ratio)
    )
    change = float(np.log(fitted / expected))
    return {
        "fitted": fitted,
        "expected": expected,
        "difference": fitted - expected,
        "difference_lower": fitted - expected - far,
        "difference_upper": fitted - expected + far,
        "ratio": fitted / expected,
        "ratio_lower": float(np.exp(change - far_log)),
        "ratio_upper": float(np.exp(change + far_log)),
    }


def _ljung_box(residuals: Floats, about: About) -> Test:
    """Of the residuals at up to a fifth of their number of lags, at most ten."""
    lags = max(1, min(10, len(residuals) // 5))
    found = acorr_ljungbox(residuals, lags=[lags])
    statistic, p_value = float(found["lb_stat"].iloc[0]), float(found["lb_pvalue"].iloc[0])
    frame = pd.DataFrame({"lags": [lags], "residuals": [len(residuals)]})
    return Test(LJUNG_BOX.name, statistic, lags, p_value, frame, about, LJUNG_BOX)
