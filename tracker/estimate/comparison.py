"""Do groups leave a state at different rates: log-rank and G-rho tests, differences of restricted means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import chi2, norm

from tracker.domain.errors import EstimateError
from tracker.estimate.exits import Exits
from tracker.estimate.groups import Layout, lay_out
from tracker.estimate.intervals import quantile_of
from tracker.estimate.results import Method, Summary, Test
from tracker.estimate.risk_sets import Floats
from tracker.estimate.survival_summaries import Horizon, areas

LOG_RANK = Method(
    "log-rank test",
    "Mantel (1966); Peto & Peto (1972), JRSS A 135:185–207; Klein & Moeschberger (2003), section 7.3",
    "hypergeometric",
)
G_RHO = Method(
    "G-rho test", "Harrington & Fleming (1982), Biometrika 69:553–566, S(t−)^rho", "hypergeometric"
)
TREND = Method(
    "test for trend",
    "Tarone (1975), Biometrika 62:679–682; Klein & Moeschberger (2003), 7.4",
    "hypergeometric",
)
MEAN_DIFFERENCE = Method(
    "difference of restricted means",
    "Royston & Parmar (2011), Stat. Med. 30:2409–2421; Klein & Moeschberger (2003), section 4.5",
    "Greenwood (1926), groups independent",
    "plain",
)


def log_rank(exits: Exits, groups: Sequence[str], strata: Sequence[str] = (), *, rho: float = 0.0) -> Test:
    """Test that the groups leave the state at the same rate at every moment.

    ``groups`` and ``strata`` are columns of ``exits.strata``; other columns are pooled. ``rho`` weighs each
    moment by S(t−)^rho, S the Kaplan–Meier curve of everyone in the stratum: 0 is the log-rank test, 1 that
    of Peto and Peto. Stratified: sums over strata. The frame has ``observed``, ``expected`` and
    ``variance`` of each group in each stratum (weighted, when rho is not 0), ``covariance`` is the sum
    [K, K]. Groups that are never at risk when someone leaves have no part in the test. Delayed entry is
    allowed. Raises EstimateError for weighted counts, a rho that is no number, and nothing to compare.
    """
    layout, scores = _scores(exits, groups, strata, rho)
    compared = scores.expected.sum(axis=0) > 0
    if compared.sum() < 2:
        raise EstimateError("Nothing to compare: fewer than two groups are at risk when anyone leaves.")
    statistic, df = quadratic(scores.total[compared], scores.covariance[np.ix_(compared, compared)])
    method = LOG_RANK if rho == 0 else G_RHO
    return _test(exits, method, (statistic, df), layout, scores)


def log_rank_trend(
    exits: Exits,
    group: str,
    scores: Mapping[object, float],
    strata: Sequence[str] = (),
    *,
    rho: float = 0.0,
) -> Test:
    """Test that rates of leaving rise or fall with the score of the group, with one degree of freedom.

    ``scores`` has a number for every value of the column ``group``. Otherwise as ``log_rank``. Raises
    EstimateError for groups without a score and scores that are all the same.
    """
    layout, parts = _scores(exits, [group], strata, rho)
    values = list(layout.groups[group])
    if missing := [value for value in values if value not in scores]:
        raise EstimateError(f"A trend needs a score for every group; {missing[0]} of «{group}» has none.")
    weights = np.array([float(scores[value]) for value in values])
    if not np.all(np.isfinite(weights)):
        raise EstimateError("A trend needs scores that are finite numbers; some are not.")
    variance = float(weights @ parts.covariance @ weights)
    if not variance > 1e-12 * float(weights @ weights) * max(1.0, float(np.trace(parts.covariance))):
        raise EstimateError("No trend to test: the groups at risk when anyone leaves have the same score.")
    return _test(exits, TREND, (float(weights @ parts.total) ** 2 / variance, 1), layout, parts)


def restricted_mean_difference(
    exits: Exits,
    horizon: Horizon,
    reference: Mapping[str, object] | None = None,
    *,
    level: float = 0.95,
) -> Summary:
    """How much longer one group stays in the state than another, up to a horizon.

    A row for each pair of strata of ``exits``, or for each against ``reference`` (a value for each column):
    the restricted mean of the named stratum less that of the one in the columns ``against_…``, with a plain
    interval, ``z`` and ``p_value``. Groups are taken as independent: no child in two of them. Raises
    EstimateError for fewer than two strata, a reference that is none of them, and a horizon past follow-up.
    """
    if len(exits.strata) < 2:
        raise EstimateError("A difference needs two groups; there are fewer.")
    end, mean, variance = areas(exits, horizon)
    one, other = _pairs(exits.strata, reference)
    estimate, error = mean[one] - mean[other], np.sqrt(variance[one] + variance[other])
    if not np.all(error > 0):
        raise EstimateError("The difference has no variance: nobody leaves within the horizon in two groups.")
    distance, z = quantile_of(level) * error, estimate / error
    against = exits.strata.iloc[other].add_prefix("against_").reset_index(drop=True)
    named = pd.concat([exits.strata.iloc[one].reset_index(drop=True), against], axis=1)
    events = exits.events[:, exits.time <= end].sum(axis=1)
    frame = named.assign(
        horizon=end,
        estimate=estimate,
        std_error=error,
        lower=estimate - distance,
        upper=estimate + distance,
        events=events[one] + events[other],
        z=z,
        p_value=2 * norm.sf(np.abs(z)),
    )
    strata, key = tuple(map(str, exits.strata.columns)), tuple(map(str, against.columns))
    return Summary("difference of restricted means", frame, strata, key, exits.about, MEAN_DIFFERENCE, level)


def quadratic(score: Floats, covariance: Floats) -> tuple[float, int]:
    """The chi-squared statistic of scores that sum to zero, and its degrees of freedom.

    Raises EstimateError when the covariance says nothing about some contrast of the groups.
    """
    kept = covariance[1:, 1:]
    if np.linalg.matrix_rank(kept, hermitian=True) < len(kept):
        raise EstimateError("Nothing to compare: some groups are never at risk together when anyone leaves.")
    return float(score[1:] @ np.linalg.solve(kept, score[1:])), len(kept)


@dataclass(frozen=True)
class _Scores:
    """Observed and expected [S, K], the variance of each [S, K], and the covariance of the sums [K, K]."""

    observed: Floats
    expected: Floats
    variance: Floats
    covariance: Floats

    @property
    def total(self) -> Floats:
        return np.asarray((self.observed - self.expected).sum(axis=0))


def _scores(exits: Exits, groups: Sequence[str], strata: Sequence[str], rho: float) -> tuple[Layout, _Scores]:
    exits.require_whole("The log-rank test")
    if not np.isfinite(rho):
        raise EstimateError("The exponent rho of the weights must be a number.")
    layout = lay_out(exits.strata, groups, strata)
    parts = [
        _stratum_scores(at_risk, events, rho)
        for at_risk, events in zip(layout.spread(exits.at_risk), layout.spread(exits.events), strict=True)
    ]
    observed, expected, covariance = (np.stack(part) for part in zip(*parts, strict=True))
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    return layout, _Scores(observed, expected, variance, covariance.sum(axis=0))


def _stratum_scores(at_risk: Floats, events: Floats, rho: float) -> tuple[Floats, Floats, Floats]:
    """Of one stratum, from counts [K, T]; moments at which nobody leaves say nothing."""
    some = events.sum(axis=0) > 0
    at_risk, events = at_risk[:, some], events[:, some]
    everyone, left = at_risk.sum(axis=0), events.sum(axis=0)
    curve = np.cumprod(np.concatenate([[1.0], 1 - left / everyone]))[:-1]
    weight = curve**rho if rho else np.ones_like(curve)
    share = at_risk / everyone
    ties = np.divide(everyone - left, everyone - 1, out=np.zeros_like(everyone), where=everyone > 1)
    spread = weight**2 * left * ties
    covariance = np.diag(share @ spread) - (share * spread) @ share.T
    return (events * weight).sum(axis=1), (share * left * weight).sum(axis=1), covariance


def _test(exits: Exits, method: Method, result: tuple[float, int], layout: Layout, scores: _Scores) -> Test:
    statistic, df = result
    frame = layout.cells().assign(
        observed=scores.observed.ravel(),
        expected=scores.expected.ravel(),
        variance=scores.variance.ravel(),
    )
    p_value = float(chi2.sf(statistic, df))
    return Test(method.name, statistic, df, p_value, frame, exits.about, method, scores.covariance)


def _pairs(strata: pd.DataFrame, reference: Mapping[str, object] | None) -> tuple[list[int], list[int]]:
    numbers = range(len(strata))
    if reference is None:
        pairs = list(combinations(numbers, 2))
        return [b for _, b in pairs], [a for a, _ in pairs]
    if set(reference) != set(map(str, strata.columns)):
        raise EstimateError(f"A reference has a value for each of {', '.join(map(str, strata.columns))}.")
    is_it = np.all([strata[name] == value for name, value in reference.items()], axis=0)
    if not is_it.any():
        raise EstimateError("The reference is none of the groups.")
    base = int(np.flatnonzero(is_it)[0])
    others = [number for number in numbers if number != base]
    return others, [base] * len(others)
