"""What must not change a Cox regression, and what it must equal."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize

from tests.regression_samples import EVENT, by_definition, flow_table, in_two, spells, stays
from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.regression import cox
from tracker.estimate.robust_regression import (
    martingale_residuals,
    score_products,
    score_residuals,
    with_products,
)

TERMS = "sex + age"
SEEDS = st.integers(0, 10_000)
TIES = st.sampled_from(["efron", "breslow"])


def fitted(data: Any, ties: Ties = "efron", **more: Any) -> CoxFit:
    """The fit, where the sample has one."""
    try:
        return cox(data, EVENT, TERMS, ties=ties, **{"strata": ["place"], **more})
    except EstimateError as refusal:
        assume("Separation" not in str(refusal) and "collinear" not in str(refusal))
        raise


def same(one: CoxFit, other: CoxFit) -> None:
    np.testing.assert_allclose(one.estimates, other.estimates, atol=1e-9)
    np.testing.assert_allclose(one.covariance, other.covariance, atol=1e-9)
    np.testing.assert_allclose(one.log_likelihood, other.log_likelihood, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(SEEDS, TIES)
def test_a_flow_table_says_as_much_as_the_spells(seed: int, ties: Ties) -> None:
    frame = spells(seed)
    counts, persons = fitted(flow_table(frame), ties), fitted(stays(frame), ties)
    same(counts, persons)
    for transform in ("km", "identity", "rank"):
        tests = [proportional_hazards(fit, transform).statistic for fit in (counts, persons)]
        np.testing.assert_allclose(tests[0], tests[1], rtol=1e-7)


@settings(max_examples=15, deadline=None)
@given(SEEDS, TIES, st.integers(0, 12))
def test_splitting_spells_changes_nothing(seed: int, ties: Ties, day: int) -> None:
    frame = spells(seed)
    whole = fitted(stays(frame, "weight"), ties, cluster="subject")
    same(whole, fitted(stays(in_two(frame, day), "weight"), ties, cluster="subject"))


@settings(max_examples=15, deadline=None)
@given(SEEDS, TIES)
def test_order_and_names_change_nothing(seed: int, ties: Ties) -> None:
    frame = spells(seed)
    mixed = frame.sample(frac=1, random_state=seed).assign(child=lambda x: 1000 - x["child"])
    same(fitted(stays(frame), ties, cluster="subject"), fitted(stays(mixed), ties, cluster="subject"))


@settings(max_examples=15, deadline=None)
@given(SEEDS, TIES)
def test_residuals_sum_to_nothing(seed: int, ties: Ties) -> None:
    given_stays = stays(spells(seed))
    fit = fitted(given_stays, ties)
    np.testing.assert_allclose(score_residuals(fit, given_stays).sum(0), 0, atol=1e-8)
    np.testing.assert_allclose(martingale_residuals(fit, given_stays).sum(), 0, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_weights_of_whole_numbers_are_repeated_rows_with_breslows_ties(seed: int) -> None:
    frame = spells(seed).assign(weight=lambda x: 2 * x["weight"])
    again = frame.loc[frame.index.repeat(frame["weight"].astype(int))].reset_index(drop=True)
    same(fitted(stays(frame, "weight"), "breslow"), fitted(stays(again), "breslow"))


@settings(max_examples=15, deadline=None)
@given(SEEDS, TIES)
def test_municipalities_add_up_to_the_robust_variance(seed: int, ties: Ties) -> None:
    frame = spells(seed)
    everybody = fitted(stays(frame), ties, cluster="subject")
    half = frame["child"] < 20
    national = fitted(flow_table(frame), ties)
    products = sum(score_products(national, stays(part)) for part in (frame[half], frame[~half]))
    joined = with_products(national, np.asarray(products), frame["child"].nunique())
    np.testing.assert_allclose(joined.covariance, everybody.covariance, atol=1e-10)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_it_is_the_maximum_of_the_likelihood_by_definition(seed: int) -> None:
    frame = spells(seed, 40)
    fit = fitted(stays(frame))
    columns = fit.design.matrix(frame)

    def loss(beta: np.ndarray) -> float:
        return -by_definition(frame, columns, beta)

    start = np.zeros(columns.shape[1])
    np.testing.assert_allclose([-loss(start), -loss(fit.estimates)], fit.log_likelihood, atol=1e-9)
    slope = optimize.approx_fprime(fit.estimates, loss, 1e-6)
    np.testing.assert_allclose(slope, 0, atol=1e-4)


def test_one_stratum_is_no_stratum() -> None:
    frame = spells(3).assign(place="all")
    same(fitted(stays(frame)), fitted(stays(frame), strata=[]))


def test_the_reference_only_names_the_comparison() -> None:
    frame = spells(4)
    girls, boys = fitted(stays(frame)), fitted(stays(frame), reference={"sex": "girl"})
    assert girls.frame["term"][0] == "sex: girl" and boys.frame["term"][0] == "sex: boy"
    np.testing.assert_allclose(girls.estimates[0], -boys.estimates[0], atol=1e-10)


def test_an_interaction_is_two_regressions_when_everything_interacts() -> None:
    frame = spells(5, 400)
    both = cox(stays(frame), EVENT, "place:sex", strata=["place"])
    alone = [cox(stays(frame[frame["place"] == place]), EVENT, "sex") for place in ("north", "south")]
    assert both.frame["term"].tolist() == ["place: north × sex: girl", "place: south × sex: girl"]
    expected = pd.concat([fit.frame for fit in alone])
    np.testing.assert_allclose(both.frame["estimate"], expected["estimate"], atol=1e-10)
    np.testing.assert_allclose(both.frame["std_error"], expected["std_error"], atol=1e-10)
