"""What cannot be is refused where data enter the estimators; nobody at all is a valid answer."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.domain.errors import EstimateError
from tracker.estimate.exits import leaving
from tracker.estimate.fine_gray import fine_gray
from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.risk_sets import Stays, count, flow_counts, spells_as_stays
from tracker.estimate.survival import kaplan_meier
from tracker.estimate.transition_matrix import transition_matrices

STATES, CHAIN = ["a", "b"], [("a", "b")]
SPELL = {
    "subject_id": "x",
    "state": "a",
    "to_state": "b",
    "entered": 0,
    "left": 5,
    "step_in": 0,
    "step_out": 1,
    "weight": 1.0,
}
FLOW = {"state": "a", "flow": "entered", "to_state": None, "day": 0, "step": 0, "count": 1}


def stays(rows: list[dict[str, Any]], **options: Any) -> Stays:
    frame = pd.DataFrame(rows, columns=list(SPELL), dtype=object)
    return spells_as_stays(
        frame,
        entered_step="step_in",
        left_step="step_out",
        weight="weight",
        states=STATES,
        transitions=CHAIN,
        **options,
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"entered": -1}, "«entered» is not in 1 rows"),
        ({"left": None}, "«left» is missing in 1 of 2 rows"),
        ({"left": float("inf")}, "«left» is not in 1 rows"),
        ({"left": "soon"}, "«left» is numbers"),
        ({"entered": pd.Timestamp("2025-01-01")}, "«entered» is numbers"),
        ({"entered": 6}, "1 spells end before they begin"),
        ({"subject_id": None}, "«subject_id» is missing in 1 rows"),
        ({"state": "c"}, "Unknown states: c"),
        ({"state": "b", "to_state": "a"}, "outside the chain: b → a"),
        ({"step_in": 0.5}, "«step_in» is not in 1 rows"),
        ({"step_in": None}, "«step_in» is not in 1 rows"),
        ({"step_out": -1}, "«step_out» is not in 1 rows"),
        ({"weight": None}, "«weight» is not in 1 rows"),
        ({"weight": -1}, "«weight» is not in 1 rows"),
        ({"weight": float("inf")}, "«weight» is not in 1 rows"),
    ],
)
def test_a_spell_that_cannot_be_is_refused_by_column(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(EstimateError, match=said):
        stays([SPELL, SPELL | wrong])


def test_dates_and_columns_of_one_name_are_refused() -> None:
    frame = pd.DataFrame([SPELL])
    with pytest.raises(EstimateError, match="«entered» is numbers"):
        spells_as_stays(frame.assign(entered=pd.Timestamp("2025-01-01")))
    with pytest.raises(EstimateError, match="same name: state"):
        spells_as_stays(pd.concat([frame, frame[["state"]]], axis=1))


def test_the_step_of_a_censored_spell_is_not_needed() -> None:
    counted = count(stays([SPELL, SPELL | {"to_state": None, "step_out": None}]))
    assert counted.censored.sum() == counted.moved.sum() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"count": -1}, "counts of zero or more"),
        ({"count": float("inf")}, "counts of zero or more"),
        ({"step": None}, "«step» is not in 1 rows"),
        ({"step": 0.5}, "«step» is not in 1 rows"),
        ({"day": -1}, "«day» is not in 1 rows"),
        ({"flow": "left"}, "found others in «flow»"),
        ({"flow": "censored"}, "More leave «a» than are in it"),
    ],
)
def test_a_flow_table_that_cannot_be_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(EstimateError, match=said):
        flow_counts(pd.DataFrame([FLOW | wrong], dtype=object))


def test_of_nobody_there_are_no_curves() -> None:
    nobody = count(stays([], strata=["subject_id"]))
    for risk in (nobody, nobody.pooled()):
        assert risk.at_risk.shape[0] == len(risk.strata) == 0
        assert kaplan_meier(leaving(risk, "a")).at([3]).empty
        assert cumulative_incidence(risk, "a").at([3]).empty
        assert transition_matrices(risk, [3]).probability.shape == (0, 1, 2, 2)
    for data in (stays([]), stays([SPELL | {"state": "b", "to_state": None}])):
        with pytest.raises(EstimateError, match="Nobody is ever at risk of a → b"):
            fine_gray(data, ("a", "b"), "weight")


def test_all_strata_as_one_are_the_counts_without_strata() -> None:
    rows = [SPELL, SPELL | {"subject_id": "y", "left": 7}]
    by_child, together = count(stays(rows, strata=["subject_id"])).pooled(), count(stays(rows))
    for name in ("at_risk", "moved", "entered", "censored"):
        np.testing.assert_array_equal(getattr(by_child, name), getattr(together, name))
