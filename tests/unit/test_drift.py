"""Drift: silent while nothing changes, told when it does, and not for what everybody does."""

from __future__ import annotations

from datetime import date
from math import log

import numpy as np
import pytest

from tracker.desk.drift import whole_months
from tracker.projections.drift import LEAST_CELLS, LEAST_PEERS, Months, Share, unmapped_drift, volume_drift

SENDER = ("0180", "referrals")


def months(*counts: int) -> Months:
    return {date(2023 + n // 12, n % 12 + 1, 1): count for n, count in enumerate(counts)}


def poisson(rng: np.random.Generator, mean: float, count: int, dispersion: float = 1.0) -> Months:
    """Counts of a mean whose variance is ``dispersion`` times it."""
    if dispersion == 1:
        return months(*rng.poisson(mean, count))
    shape = mean / (dispersion - 1)
    return months(*rng.poisson(rng.gamma(shape, mean / shape, count)))


@pytest.mark.parametrize("mean", [0.5, 5, 60, 900])
@pytest.mark.parametrize(("dispersion", "most"), [(1.0, 6), (3.0, 75)])
def test_false_alarms_are_rare(mean: float, dispersion: float, most: int) -> None:
    """Of 6000 months in which nothing happens 1 in 1000 is told, where counts scatter as widely 1 in 80."""
    rng = np.random.default_rng(3)
    counts = {(f"{n:04}", f"type{n}"): poisson(rng, mean, 27, dispersion) for n in range(2000)}
    assert len(volume_drift(counts)) <= most


@pytest.mark.parametrize(("mean", "factor"), [(60, 0.4), (60, 2.0), (900, 0.8), (20, 0.0)])
def test_what_matters_is_told(mean: float, factor: float) -> None:
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(100):
        past = poisson(rng, mean, 24)
        after = poisson(rng, mean * factor, 27)
        changed = {month: past.get(month, after[month]) for month in after}
        found += bool(volume_drift({SENDER: changed}))
    assert found >= 95


def test_a_month_without_anything_is_told_in_words() -> None:
    (told,) = volume_drift({SENDER: months(*[40] * 14, 0)})
    assert (told.what, told.about, told.seen, told.expected) == ("volume", "2024-03", 0, 40)
    assert told.score == pytest.approx((2 * 0.375**0.5 - 2 * 40.375**0.5) / (1 + np.pi / 24) ** 0.5)
    assert told.sentence == "2024-03: 0 facts where 40 are expected"


def test_what_everybody_does_is_no_drift_and_standing_out_from_it_is() -> None:
    """All halve in July; the one that does not is told, with what it should have been."""
    peers = {(f"{n:04}", "referrals"): months(*[100] * 12, 100, 100, 50) for n in range(LEAST_PEERS + 1)}
    assert volume_drift(peers) == []
    (told,) = volume_drift({**peers, SENDER: months(*[200] * 12, 200, 200, 200)})
    assert told.municipality == "0180"
    assert told.expected == pytest.approx(200 * np.exp(log(50.5 / 100.5)))
    too_few = dict(list(peers.items())[:LEAST_PEERS])
    assert {one.municipality for one in volume_drift(too_few)} == {name for name, _ in too_few}


def test_peers_are_of_the_same_record_type() -> None:
    peers = {(f"{n:04}", "investigations"): months(*[100] * 12, 100, 100, 50) for n in range(8)}
    assert volume_drift(peers) == []
    assert len(volume_drift({**peers, SENDER: months(*[100] * 12, 100, 100, 50)})) == 1


def test_without_a_past_nothing_is_said() -> None:
    assert volume_drift({SENDER: months(*[40] * 7, 0), ("0184", "referrals"): {}}) == []


def share(no: int, unmapped: int, cells: int = 400, field: str = "referrer") -> Share:
    return Share(no, field, cells, unmapped)


def test_a_new_menu_in_the_case_system_is_told() -> None:
    (told,) = unmapped_drift({SENDER: [share(1, 4), share(3, 5), share(9, 90)]})
    assert (told.about, told.what, told.seen) == ("referrer", "unmapped", 0.225)
    assert told.expected == pytest.approx(9 / 800)
    assert told.sentence == "referrer: 22% unmapped where 1% is usual"


@pytest.mark.parametrize("now", [share(9, 0), share(9, 8), share(9, 9, LEAST_CELLS - 1), share(9, 11)])
def test_less_small_or_few_is_not(now: Share) -> None:
    assert unmapped_drift({SENDER: [share(1, 4), share(3, 5), now]}) == []


def test_a_first_delivery_is_held_against_the_peers() -> None:
    peers = {(f"{n:04}", "referrals"): [share(n + 1, 4 + n)] for n in range(LEAST_PEERS)}
    assert unmapped_drift(peers) == []
    (told,) = unmapped_drift({**peers, SENDER: [share(99, 200)]})
    assert (told.municipality, told.expected) == ("0180", 6 / 400)
    assert unmapped_drift({SENDER: [share(99, 200)]}) == []


def test_the_newest_extract_is_the_last_one_given() -> None:
    late = [share(9, 2), share(7, 100)]  # delivery 7 was taken in before 9 and extracted after it
    assert [one.seen for one in unmapped_drift({SENDER: late})] == [0.25]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2024, 1, 1), date(2024, 3, 31), [1, 2, 3]),
        (date(2024, 1, 2), date(2024, 3, 30), [2]),
        (date(2024, 12, 1), date(2025, 1, 31), [12, 1]),
        (date(2024, 2, 1), date(2024, 2, 28), []),
        (date(2024, 2, 1), date(2024, 2, 29), [2]),
    ],
)
def test_only_whole_months_count(first: date, last: date, expected: list[int]) -> None:
    assert [month.month for month in whole_months(first, last)] == expected
