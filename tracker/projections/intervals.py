"""95 % intervals for shares: Wilson for independent rows, cluster-robust where one child has several.

Everything is vectorised over groups: arguments are float arrays of equal length, results likewise,
NaN where the denominator is zero.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


def wilson(share: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Wilson score limits of a share observed in ``size`` independent units.

    Wilson (1927), JASA 22:209–212; formula as in Newcombe (1998), Stat Med 17:857–872, method 3.
    ``size`` may be fractional (an effective size).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = (share + Z**2 / (2 * size)) / (1 + Z**2 / size)
        half = Z * np.sqrt(share * (1 - share) / size + Z**2 / (4 * size**2)) / (1 + Z**2 / size)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


Products = tuple[Floats, Floats, Floats]
"""Σ y_i², Σ x_i y_i and Σ x_i² over clusters."""


def ratio_variance(y: Floats, x: Floats, products: Products, clusters: Floats) -> Floats:
    """Linearised variance of the ratio y / x of two totals over clusters.

    With y_i and x_i the sums in cluster i, e_i = y_i − (y/x) x_i and m clusters:
    v = m / (m − 1) · Σ e_i² / x². Cochran (1977), Sampling Techniques, s. 2.11 and 6.3; Rao & Scott
    (1992), Biometrics 48:577–585. NaN with fewer than two clusters.
    """
    yy, xy, xx = products
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = y / x
        residual = np.maximum(yy - 2 * ratio * xy + ratio**2 * xx, 0)
        return np.where(clusters > 1, clusters / (clusters - 1) * residual / x**2, np.nan)


def effective_size(share: Floats, variance: Floats, size: Floats, clusters: Floats) -> Floats:
    """How many independent units carry as much information: share (1 − share) / variance.

    Never more than ``size`` (a design effect below one is not claimed), and the number of clusters
    where the variance says nothing: a share of 0 or 1, or a single cluster.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        effective = share * (1 - share) / variance
    silent = (share <= 0) | (share >= 1) | np.isnan(variance)
    return np.where(silent, clusters, np.minimum(effective, size))


def clustered(y: Floats, x: Floats, products: Products, clusters: Floats) -> tuple[Floats, Floats]:
    """Wilson limits of y / x at its effective size; clusters (children) are the independent units.

    Effective size in a score interval: Korn & Graubard (1998), Survey Methodology 24:193–201; compared
    by Dean & Pagano (2015), J Surv Stat Methodol 3:484–503. With one row a cluster it is Wilson's own
    interval, but for m − 1 in place of m.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = y / x
    return wilson(share, effective_size(share, ratio_variance(y, x, products, clusters), x, clusters))
