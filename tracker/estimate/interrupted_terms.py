"""The terms of a segmented regression of months: trend, change of level, change of trend, season."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from tracker.estimate.risk_sets import Floats, Ints

TREND, LEVEL_CHANGE, TREND_CHANGE = "trend before, per year", "change of level", "change of trend, per year"
CONSTANT = "constant"


class Season(StrEnum):
    """How the time of year is allowed for: two pairs of sine and cosine, eleven month terms, or not."""

    HARMONIC = "harmonic"
    MONTHS = "months"
    NONE = "none"


def term_columns(month: Ints, calendar: Ints, season: Season) -> tuple[tuple[str, ...], Floats]:
    """Names and values [n, k] of the terms, by months since the break and month of the year."""
    years, after = month / 12, (month >= 0).astype(float)
    named = {CONSTANT: np.ones(len(month)), TREND: years, LEVEL_CHANGE: after, TREND_CHANGE: years * after}
    if season is Season.HARMONIC:
        for pair in (1, 2):
            angle = 2 * np.pi * pair * calendar / 12
            named |= {f"season: sine {pair}": np.sin(angle), f"season: cosine {pair}": np.cos(angle)}
    elif season is Season.MONTHS:
        named |= {f"season: month {n:02}": (calendar == n).astype(float) for n in range(2, 13)}
    return tuple(named), np.column_stack(list(named.values()))
