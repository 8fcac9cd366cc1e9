"""Intervals of survival cover; ``python -m tests.coverage`` measures it with more replications."""

import numpy as np

from tests.coverage.survival import measure

REPLICATIONS = 250


def test_intervals_cover_and_tests_keep_their_level() -> None:
    table = measure(REPLICATIONS, seed=7)
    error = np.sqrt(table["nominal"] * (1 - table["nominal"]) / REPLICATIONS)
    off = (table["rate"] - table["nominal"]) / error
    assert len(table) == 28
    assert (off.abs() < 3.5).all(), table.assign(off=off)[off.abs() >= 3.5].to_string()
