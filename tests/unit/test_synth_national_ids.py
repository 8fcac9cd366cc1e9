"""National ids of synthetic children: the test series only, right check digits, unique, right sex."""

import numpy as np
import pandas as pd
import pytest
from personnummer.personnummer import Personnummer

from tracker.synth.national_ids import (
    COORDINATION,
    LOCAL,
    NOTATIONS,
    PERSONAL,
    assign,
    check_digit,
    synthetic_number,
    written,
)


def test_check_digit_of_a_published_example() -> None:
    # 811228-9874 is Skatteverket's published example of a personal identity number.
    assert check_digit("811228987") == 4


def test_every_number_is_valid_by_an_independent_library_and_in_the_test_series() -> None:
    days = np.repeat(pd.date_range("2008-02-28", periods=60).to_numpy("datetime64[D]"), 30)
    boys = np.tile([True, False], 900)
    numbers, kinds = assign(days, boys, np.random.default_rng(4), 0.1)
    for number, kind, boy, day in zip(numbers, kinds, boys, days, strict=True):
        if kind == LOCAL:
            assert number == ""
            continue
        read = Personnummer(number)
        assert 980 <= int(number[8:11]) <= 999
        assert read.is_coordination_number() == (kind == COORDINATION)
        assert read.is_male() == boy
        born = int(number[6:8]) - (60 if kind == COORDINATION else 0)
        assert (number[:6], born) == (f"{day.astype(object):%Y%m}", day.astype(object).day)
    given = [n for n in numbers if n]
    assert len(set(given)) == len(given)
    assert set(kinds) == {PERSONAL, COORDINATION}


def test_numbers_run_out_into_local_ids() -> None:
    days = np.full(50, np.datetime64("2012-05-17"))
    numbers, kinds = assign(days, np.ones(50, bool), np.random.default_rng(1), 0.02)
    assert sum(map(bool, numbers)) == 20
    assert (kinds == LOCAL).sum() == 30


def test_no_number_outside_the_test_series() -> None:
    with pytest.raises(ValueError, match="980–999"):
        synthetic_number(pd.Timestamp("2012-05-17"), 123, coordination=False)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_notations_keep_the_digits(notation: str) -> None:
    number = synthetic_number(pd.Timestamp("2015-03-31"), 981, coordination=False)
    shown = written(number, notation)
    assert number.endswith("".join(c for c in shown if c.isdigit()))
    assert len(shown) == len(notation)
