"""Recurrence on a few children by hand, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from tracker.domain.errors import EstimateError
from tracker.estimate.recurrence import gap_incidence, gap_incidence_robust, mean_count, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_models import (
    andersen_gill,
    prentice_williams_peterson,
    wei_lin_weissfeld_by_event,
)
from tracker.estimate.recurrence_rows import EVENT, NUMBER, each_event, event_rows, since_last_event
from tracker.estimate.results import About
from tracker.estimate.risk_sets import END, Stays, count, spells_as_stays

AGAIN = Recurrence(into=("referral",), terminal=("adult",))

CHILDREN = pd.DataFrame(
    [
        ("a", "closed", "referral", 0, 10, "girl"),
        ("a", "referral", "closed", 10, 30, "girl"),
        ("a", "closed", "referral", 30, 40, "girl"),
        ("a", "referral", None, 40, 60, "girl"),
        ("b", "closed", "adult", 0, 40, "boy"),
        ("c", "closed", "referral", 5, 40, "boy"),
        ("d", "closed", None, 0, 80, "girl"),
    ],
    columns=["subject_id", "state", "to_state", "entered", "left", "sex"],
)


def stays(rows: pd.DataFrame = CHILDREN, clock: str = "entry") -> Stays:
    return spells_as_stays(
        rows, covariates=["sex"], states=["closed", "referral", "adult"], about=About(clock=clock)
    )


def test_the_mean_number_until_growing_up_by_hand() -> None:
    read = mean_count_robust(stays(), AGAIN).at([0, 9, 10, 40, 70, 81])
    assert read["status"].tolist() == ["value"] * 5 + ["too_recent"]
    at_forty = 1 / 4 + 2 / 4  # b grows up on day 40 too: the referrals of the day come first
    np.testing.assert_allclose(read["estimate"][:5], [0, 0, 1 / 4, at_forty, at_forty])
    events = mean_count(count(stays()), AGAIN).frame.query("events > 0")
    assert events["time"].tolist() == [10, 40]
    assert events["at_risk"].tolist() == [4, 4]


def test_a_mean_number_has_no_error_before_the_first_event_and_no_end_once_all_are_grown_up() -> None:
    waiting = pd.DataFrame(
        [(child, "closed", None, 0, 3 + child / 7) for child in range(20)]
        + [
            (20, "closed", "referral", 0, 10),
            (20, "referral", "adult", 10, 30),
            (21, "closed", "adult", 0, 20),
        ],
        columns=["subject_id", "state", "to_state", "entered", "left"],
    )
    given = spells_as_stays(waiting, states=["closed", "referral", "adult"])
    curves = mean_count_robust(given, AGAIN)
    assert set(curves.frame.query("time < 10")["std_error"]) == {0.0}
    read = curves.at([29, 30, 4000])
    assert read["status"].tolist() == ["value"] * 3
    np.testing.assert_allclose(read["estimate"], [1 / 2] * 3)
    assert "settled" not in read


def test_who_leaves_in_an_event_and_is_not_seen_again_is_not_at_risk() -> None:
    table = mean_count(count(stays()), AGAIN).frame
    assert table.query("time == 60")["at_risk"].tolist() == [2]  # a and d: c left in its event on day 40


def test_rows_are_numbered_and_gaps_begin_after_each_event() -> None:
    rows = event_rows(stays(), AGAIN)
    assert rows.covariates[NUMBER].tolist() == [1, 2, 2, 3, 1, 1, 1]
    assert (rows.to == rows.states.index(EVENT)).sum() == 3
    gaps = since_last_event(rows)
    lengths = gaps.moments.time[gaps.left]
    assert lengths.tolist() == [10, 20, 30, 20, 40, 35, 80]
    assert gaps.moments.step[gaps.left].tolist() == [1, 1, 1, END, 1, 1, END]
    layers = each_event(rows, 2)
    assert len(layers) == 4 + 6
    assert (layers.to == 1).sum() == 2 + 1


def test_a_child_is_at_risk_once_on_each_day_of_a_gap_however_its_stays_are_split() -> None:
    split = pd.DataFrame(
        [
            ("a", "closed", "referral", 0, 0, 9, 1),
            ("a", "referral", "closed", 9, 1, 9, 2),
            ("a", "closed", "granted", 9, 2, 14, 1),
            ("a", "granted", "closed", 14, 1, 14, 2),
            ("a", "closed", None, 14, 2, 20, END),
        ],
        columns=["subject_id", "state", "to_state", "entered", "entered_step", "left", "left_step"],
    )
    given = spells_as_stays(split, entered_step="entered_step", left_step="left_step")
    gaps = since_last_event(event_rows(given, Recurrence(into=("referral",), at_risk=("closed",))))
    first, last = (gaps.moments.step[at].tolist() for at in (gaps.entered, gaps.left))
    assert gaps.moments.time[gaps.left].tolist() == [9, 5, 11]
    assert (first, last) == ([0, 0, 0], [1, 0, END])


def test_in_closed_only_the_gap_begins_with_closing() -> None:
    in_closed = Recurrence(into=("referral",), terminal=("adult",), at_risk=("closed",))
    gaps = since_last_event(event_rows(stays(), in_closed))
    assert gaps.moments.time[gaps.left].tolist() == [10, 10, 40, 35, 80]


def test_gap_incidence_is_of_the_state_clock_only() -> None:
    with pytest.raises(EstimateError, match="clock of the state"):
        gap_incidence(count(stays()), "closed")
    with pytest.raises(EstimateError, match="starts anew"):
        mean_count(count(stays(clock="state")), AGAIN)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Recurrence(into=("referal",)), "no state «referal»"),
        (Recurrence(into=()), "states to enter"),
        (Recurrence(into=("adult",), terminal=("adult",)), "none of which is terminal"),
        (Recurrence(into=("referral",), at_risk=("closed",)), "every child under observation"),
    ],
)
def test_impossible_recurrences_are_refused(event: Recurrence, told: str) -> None:
    with pytest.raises(EstimateError, match=told):
        mean_count_robust(stays(), event)


def test_a_child_in_two_places_is_refused() -> None:
    twice = pd.concat([CHILDREN, CHILDREN.iloc[[4]].assign(entered=5)])
    with pytest.raises(EstimateError, match="two stays at once"):
        andersen_gill(stays(twice), AGAIN, "sex")


def test_models_refuse_what_they_cannot_tell() -> None:
    nowhere = Recurrence(into=("referral",), out_of=("adult",), at_risk=("closed",))
    with pytest.raises(EstimateError, match="happen to nobody at risk"):
        andersen_gill(stays(), nowhere, "sex")
    with pytest.raises(EstimateError, match="at least one event"):
        wei_lin_weissfeld_by_event(stays(), AGAIN, "sex", most=0)
    with pytest.raises(EstimateError, match="not «days»"):
        prentice_williams_peterson(stays(), AGAIN, "sex", clock="days")  # type: ignore[arg-type]  # wrong on purpose


def test_gaps_of_a_child_counted_twice_change_only_the_variance_by_child() -> None:
    gaps = CHILDREN.query("state == 'closed'").assign(entered=0, left=lambda d: d["left"] - d["entered"])
    once = gap_incidence_robust(stays(gaps, "state"), "closed").frame
    twice = gap_incidence_robust(stays(pd.concat([gaps, gaps]), "state"), "closed").frame
    np.testing.assert_allclose(twice["estimate"], once["estimate"], atol=1e-12)
    np.testing.assert_allclose(twice["std_error"], once["std_error"], atol=1e-12)


def test_an_empty_cohort_has_an_empty_curve_and_no_model() -> None:
    nobody = stays(CHILDREN.iloc[:0])
    assert mean_count(count(nobody), AGAIN).frame.empty
    assert mean_count_robust(nobody, AGAIN).at([1, 2]).empty
    with pytest.raises(EstimateError, match="Nobody is ever at risk"):
        andersen_gill(nobody, AGAIN, "sex")


def test_nobody_who_comes_back_is_a_mean_of_nought() -> None:
    quiet = CHILDREN.query("to_state != 'referral'")
    read = mean_count_robust(stays(quiet), AGAIN).at([40]).iloc[0]
    assert (read["estimate"], read["std_error"], read["status"]) == (0, 0, "value")
    with pytest.raises(EstimateError):
        andersen_gill(stays(quiet), AGAIN, "sex")
