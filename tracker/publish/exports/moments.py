"""Moments as one increasing number: days with the steps of a day as fractions of it.

R and its kin know one time and (start, stop]. Day d, step k becomes d + k/n; the end of the day, where
observation ends, d + (n − 1)/n. n is a power of two above every step, at least 64: the fractions are exact in
binary, so what is tied here is tied there (all k-th steps of a day), and what comes first comes first. R
counts who leaves at a time as at risk at it and who enters at it as not: our rule, with no further ado.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.projections.flow_clock import CENSORING, END
from tracker.publish.exports.material import days_between, is_end

FEWEST = 64


def steps_per_day(stays: pd.DataFrame) -> int:
    """The n above for these stays: a power of two, at least 64."""
    entered = stays.loc[~is_end(stays["entered_step"]), "entered_step"].max()
    left = stays.loc[stays["left_step"].notna() & ~is_end(stays["left_step"]), "left_step"].max()
    highest = max((int(step) for step in (entered, left) if pd.notna(step)), default=0)
    return max(FEWEST, 1 << (highest + 1).bit_length())


def on_one_clock(stays: pd.DataFrame, parts: int) -> pd.DataFrame:
    """Of each stay ``start``, ``stop`` and ``went_to`` (missing when censored), on the rows of ``stays``."""
    goes = stays["to_state"].notna() & ~stays["exit"].isin(list(CENSORING))
    entered = days_between(stays["entered_on"], stays["origin_on"])
    left = days_between(stays["left_on"], stays["origin_on"])
    last = stays["left_step"].where(goes).fillna(END)
    return pd.DataFrame(
        {
            "start": _one_number(entered, stays["entered_step"], parts),
            "stop": _one_number(left, last, parts),
            "went_to": stays["to_state"].where(goes),
        },
        index=stays.index,
    )


def _one_number(day: pd.Series, step: pd.Series, parts: int) -> NDArray[np.float64]:
    whole = day.to_numpy("float64")
    slot = np.minimum(step.to_numpy("float64"), parts - 1)
    moment: NDArray[np.float64] = whole + slot / parts
    return moment
