"""Times for forms that know nothing but timestamps."""

from __future__ import annotations

import pandas as pd

from tracker.projections.flow_clock import EPOCH
from tracker.publish.exports.material import Material


def timestamps(material: Material, events: pd.DataFrame) -> pd.Series:
    """Of each event its day, and its order within the day as minutes.

    Day 0 is 1 January 1970 unless exact dates leave: no true date follows from it.
    """
    if material.exact:
        day = events["on"]
    else:
        day = pd.Timestamp(EPOCH) + pd.to_timedelta(events["day"].astype("int64"), unit="D")
    return (day + pd.to_timedelta(events["order"] - 1, unit="min")).astype("datetime64[us]")
