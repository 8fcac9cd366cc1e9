"""Intervals of regressions cover; ``python -m tests.coverage`` measures it with more replications."""

import numpy as np

from tests.coverage.regression import measure

REPLICATIONS = 40


def test_intervals_cover_and_tests_keep_their_level() -> None:
    table = measure(REPLICATIONS, seed=11)
    error = np.sqrt(table["nominal"] * (1 - table["nominal"]) / REPLICATIONS)
    off = (table["rate"] - table["nominal"]) / error
    assert len(table) == 7
    assert (off.abs() < 3.5).all(), table.assign(off=off).to_string()
