"""Intervals of recurrence cover; ``python -m tests.coverage`` measures it with more replications."""

import numpy as np

from tests.coverage.recurrence import measure, poisson_where_children_differ

REPLICATIONS = 300


def test_intervals_cover() -> None:
    table = measure(REPLICATIONS, seed=11)
    error = np.sqrt(table["nominal"] * (1 - table["nominal"]) / REPLICATIONS)
    off = (table["rate"] - table["nominal"]) / error
    assert len(table) == 18
    assert (off.abs() < 3.5).all(), table.assign(off=off)[off.abs() >= 3.5].to_string()


def test_where_children_differ_poisson_intervals_are_too_short() -> None:
    table = poisson_where_children_differ(REPLICATIONS, seed=12)
    assert table["rate"].iloc[-1] < 0.92
