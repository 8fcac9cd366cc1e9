"""Intervals of occupation cover; ``python -m tests.coverage`` measures it with more replications."""

import numpy as np

from tests.coverage.occupation import measure

REPLICATIONS = 200


def test_intervals_cover_and_the_markov_test_keeps_its_level() -> None:
    table = measure(REPLICATIONS, seed=11)
    error = np.sqrt(table["nominal"] * (1 - table["nominal"]) / REPLICATIONS)
    off = (table["rate"] - table["nominal"]) / error
    assert len(table) == 73
    assert (off.abs() < 3.5).all(), table.assign(off=off)[off.abs() >= 3.5].to_string()
