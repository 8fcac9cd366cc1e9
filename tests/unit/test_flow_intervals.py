"""Intervals against published figures and against sums taken the long way round."""

from __future__ import annotations

import numpy as np
import pytest

from tracker.projections.intervals import clustered, effective_size, ratio_variance, wilson

# Newcombe (1998), Statistics in Medicine 17:857–872, table I, method 3: r, n, limits.
NEWCOMBE = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# Weil (1970), litters of rats, pups surviving / pups alive at 4 days, as in table 1 of Rao & Scott (1992).
CONTROL = "13/13 12/12 9/9 9/9 8/8 8/8 12/13 11/12 9/10 9/10 8/9 11/13 4/5 5/7 7/10 7/10"
TREATED = "12/12 11/11 10/10 9/9 10/11 9/10 9/10 8/9 8/9 4/5 7/9 4/7 5/10 3/6 3/10 0/7"


def arrays(*values: float) -> list[np.ndarray]:
    return [np.array([value], dtype=float) for value in values]


def litters(text: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = [tuple(map(int, part.split("/"))) for part in text.split()]
    return np.array([y for y, _ in pairs]), np.array([x for _, x in pairs])


def sums(y: np.ndarray, x: np.ndarray) -> tuple:
    products = tuple(arrays((y * y).sum(), (x * y).sum(), (x * x).sum()))
    return *arrays(y.sum(), x.sum()), products, *arrays((x > 0).sum())


@pytest.mark.parametrize(("r", "n", "low", "high"), NEWCOMBE)
def test_wilson_as_published(r, n, low, high):
    limits = wilson(*arrays(r / n, n))
    assert [round(float(limit[0]), 4) for limit in limits] == [low, high]


# Design effects of the two groups as computed by the PF package's rsb() from the same table.
@pytest.mark.parametrize(("text", "effect"), [(CONTROL, 1.232495), (TREATED, 3.952861)])
def test_design_effect_as_published(text, effect):
    y, x = litters(text)
    share = y.sum() / x.sum()
    binomial = share * (1 - share) / x.sum()
    assert ratio_variance(*sums(y, x))[0] / binomial == pytest.approx(effect, abs=1e-6)


def test_effective_size_is_rows_over_design_effect():
    y, x = litters(TREATED)
    variance = ratio_variance(*sums(y, x))
    size = effective_size(*arrays(y.sum() / x.sum()), variance, *arrays(x.sum(), len(x)))
    assert size[0] == pytest.approx(x.sum() / 3.952861, rel=1e-6)


def test_clustering_widens_the_interval():
    y, x = litters(TREATED)
    low, high = clustered(*sums(y, x))
    plain_low, plain_high = wilson(*arrays(y.sum() / x.sum(), x.sum()))
    assert low[0] < plain_low[0] < plain_high[0] < high[0]


def test_one_row_a_child_is_wilson_with_one_fewer():
    y, x = np.array([1] * 7 + [0] * 13), np.ones(20, dtype=int)
    assert np.allclose(clustered(*sums(y, x)), wilson(*arrays(7 / 20, 19)), rtol=1e-12)


@pytest.mark.parametrize("y", [[0, 0, 0], [2, 1, 3]])
def test_a_share_of_none_or_all_counts_children_not_rows(y):
    x = np.array([2, 1, 3])
    assert np.allclose(clustered(*sums(np.array(y), x)), wilson(*arrays(sum(y) / 6, 3)), rtol=1e-12)


def test_no_design_effect_below_one_is_claimed():
    y, x = np.array([1, 1, 1]), np.array([2, 2, 2])
    assert np.allclose(clustered(*sums(y, x)), wilson(*arrays(0.5, 6)), rtol=1e-12)


def test_one_child_is_one_observation():
    assert np.allclose(clustered(*sums(np.array([2]), np.array([5]))), wilson(*arrays(0.4, 1)), rtol=1e-12)


def test_no_denominator_no_limits():
    low, high = clustered(*sums(np.array([0]), np.array([0])))
    assert np.isnan(low[0]) and np.isnan(high[0])
