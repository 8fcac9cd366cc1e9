"""Do intervals of a change of level and of trend cover: five years of months, twelve since the break.

Counts are Poisson around a mean that wanders as an AR(1) on the log scale; shares have the like on the logit
scale. Without autocorrelation and with 0.4 from month to month.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import t as student

from tracker.domain.periods import add_months
from tracker.estimate.interrupted import interrupted_counts, interrupted_shares
from tracker.estimate.interrupted_terms import LEVEL_CHANGE, TREND, TREND_CHANGE

BREAK = date(2025, 7, 1)
TRUTH = {TREND: 0.04, LEVEL_CHANGE: 0.2, TREND_CHANGE: 0.15}
WANDERING = 0.1
"""Standard deviation of the wandering, on the log or logit scale."""
AROUND = {"count": 250.0, "share": 0.45}

ALONE = "change of level, by Newey and West alone"
"""Too small in series of this length: why the module takes no error below the working one."""

Row = tuple[str, float, float]


def measure(replications: int, seed: int) -> pd.DataFrame:
    """Rows of ``what``, ``nominal`` and ``rate``, the share of replications in which it held."""
    random = np.random.default_rng(seed)
    rows = [
        row
        for kind in AROUND
        for correlation in (0.0, 0.4)
        for row in _covered(kind, correlation, replications, random)
    ]
    return pd.DataFrame(rows, columns=["what", "nominal", "rate"]).assign(replications=replications)


def _covered(kind: str, correlation: float, replications: int, random: np.random.Generator) -> Iterator[Row]:
    held = dict.fromkeys([*TRUTH, ALONE], 0)
    for _ in range(replications):
        series = simulated(kind, correlation, random)
        fit = interrupted_counts(series) if kind == "count" else interrupted_shares(series)
        terms = fit.coefficients.frame.set_index("term")
        level = terms.loc[LEVEL_CHANGE]
        far = student.ppf(0.975, len(series) - len(terms)) * level["std_error_newey_west"]
        held[ALONE] += int(abs(level["estimate"] - TRUTH[LEVEL_CHANGE]) <= far)
        for term, true in TRUTH.items():
            held[term] += int(terms.loc[term, "lower"] <= np.exp(true) <= terms.loc[term, "upper"])
    for term, times in held.items():
        yield f"{kind}, autocorrelation {correlation:g}: {term}", 0.95, times / replications


def simulated(
    kind: str, correlation: float, random: np.random.Generator, before: int = 48, since: int = 12
) -> pd.DataFrame:
    """A series of a count or share with the changes of ``TRUTH`` at ``BREAK``."""
    month = np.arange(-before, since)
    years, after = month / 12, month >= 0
    change = TRUTH[TREND] * years + TRUTH[LEVEL_CHANGE] * after + TRUTH[TREND_CHANGE] * years * after
    wandering = _wandering(len(month), correlation, random)
    linear = change + 0.1 * np.sin(2 * np.pi * month / 12) + wandering
    period = [add_months(BREAK, int(number)) for number in month]
    if kind == "count":
        mean = AROUND["count"] * np.exp(linear - WANDERING**2 / 2)
        return pd.DataFrame({"period": period, "count": random.poisson(mean), "exposure": 1.0})
    share = 1 / (1 + np.exp(-linear - np.log(AROUND["share"] / (1 - AROUND["share"]))))
    return pd.DataFrame({"period": period, "count": random.binomial(400, share), "of": 400})


def _wandering(months: int, correlation: float, random: np.random.Generator) -> np.ndarray:
    drawn = WANDERING * random.standard_normal(months)
    for month in range(1, months):
        drawn[month] = correlation * drawn[month - 1] + np.sqrt(1 - correlation**2) * drawn[month]
    return drawn
