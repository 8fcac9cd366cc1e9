"""Errors of a regression of months: by Newey and West, and by a working AR(1) corrected for its terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from statsmodels.stats.sandwich_covariance import S_hac_simple

from tracker.estimate.risk_sets import Floats, Ints


@dataclass(frozen=True)
class Parts:
    """Of the fit: scores [n, k], information [k, k], the columns weighted [n, k], Pearson residuals [n]."""

    scores: Floats
    information: Floats
    weighted: Floats
    pearson: Floats


def newey_west(parts: Parts, month: Ints, lags: int) -> Floats:
    """Their covariance; a month that is not there has no score, so that gaps keep their length."""
    n, k = parts.scores.shape
    scores = np.zeros((int(month[-1] - month[0]) + 1, k))
    scores[month - month[0]] = parts.scores
    bread = np.linalg.inv(parts.information)
    covariance: Floats = bread @ S_hac_simple(scores, nlags=lags) @ bread * n / (n - k)
    return covariance


_CORRELATIONS = np.linspace(-0.3, 0.95, 51)


def working(parts: Parts, month: Ints) -> tuple[Floats, float]:
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
class Errors:
    """Covariances of the estimates by the three accounts of how months vary [k, k]."""

    newey_west: Floats
    working: Floats
    model: Floats

    @property
    def covariance(self) -> Floats:
        """Newey and West's with errors raised to the working ones where smaller; correlations stay."""
        factor = np.maximum(1.0, error_of(self.working) / error_of(self.newey_west))
        raised: Floats = self.newey_west * np.outer(factor, factor)
        return raised


def error_of(covariance: Floats) -> Floats:
    """Standard errors."""
    error: Floats = np.sqrt(np.diagonal(covariance))
    return error
