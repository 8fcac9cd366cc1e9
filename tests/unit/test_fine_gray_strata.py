"""A stratum in which nobody has the event says nothing, whatever competes there."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tracker.estimate.fine_gray import fine_gray_late_entry
from tracker.estimate.risk_sets import Stays, spells_as_stays


def stays(frame: pd.DataFrame) -> Stays:
    return spells_as_stays(
        frame,
        covariates=["x"],
        strata=["area"],
        states=["open", "granted", "closed"],
        transitions=[("open", "granted"), ("open", "closed")],
    )


def synthetic(size: int) -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "subject_id": range(size),
            "state": "open",
            "entered": random.integers(0, 3, size),
            "left": 3 + random.integers(0, 9, size),
            "to_state": random.choice(np.array(["granted", "closed", None], object), size),
            "x": random.integers(0, 2, size),
            "area": "events",
        }
    )


def test_a_stratum_without_events_adds_nothing_to_the_robust_variance() -> None:
    events = synthetic(60)
    none = synthetic(20).assign(subject_id=range(100, 120), area="no events")
    none.loc[none["to_state"] == "granted", "to_state"] = "closed"
    with_it, without = (
        fine_gray_late_entry(stays(frame), ("open", "granted"), ["x"], strata=["area"], censoring=["area"])
        for frame in (pd.concat([events, none], ignore_index=True), events)
    )
    assert with_it.frame["estimate"].to_numpy() == without.frame["estimate"].to_numpy()
    np.testing.assert_allclose(with_it.frame["std_error"], without.frame["std_error"], rtol=1e-12)
