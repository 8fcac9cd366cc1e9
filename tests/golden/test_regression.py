"""Cox regression from counts against R's ``coxph``: estimates, variances, likelihoods, tests, residuals."""

import numpy as np
import pandas as pd
import pytest

from tests.golden.regression_data import (
    DEATH,
    close,
    expected,
    illness_death,
    lung,
    mgus2,
    same_fit,
    sir,
    veteran,
)
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.regression import cox
from tracker.estimate.robust_regression import martingale_residuals, score_residuals

BASICS, MGUS2, SIR = expected("survival_basics"), expected("mgus2"), expected("sir_cont")
SMALL = ["trt", "karno", "age"]
BOTH: list[Ties] = ["efron", "breslow"]


@pytest.mark.parametrize("ties", BOTH)
def test_veteran(ties: Ties) -> None:
    everything = ["trt", "celltype", "karno", "age", "diagtime", "prior"]
    same_fit(cox(veteran(), DEATH, everything, ties=ties), BASICS[f"cox_veteran_{ties}"])
    stratified = cox(veteran(), DEATH, "trt + karno + age", ties=ties, strata=["celltype"])
    same_fit(stratified, BASICS[f"cox_veteran_strata_celltype_{ties}"])
    same_fit(cox(veteran(), DEATH, SMALL, ties=ties), BASICS[f"cox_small_{ties}"])


def test_terms_are_named_by_their_levels() -> None:
    fit = cox(veteran(), DEATH, ["trt", "celltype"])
    named = ["trt", "celltype: smallcell", "celltype: adeno", "celltype: large"]
    assert fit.frame["term"].tolist() == named


@pytest.mark.parametrize("ties", BOTH)
def test_lung_weighted_and_clustered(ties: Ties) -> None:
    terms = ["age", "sex", "ph.ecog"]
    weighted = cox(lung("ph.ecog", weight="w"), DEATH, terms, ties=ties, cluster="subject")
    same_fit(weighted, BASICS[f"cox_lung_weighted_robust_{ties}"])
    clustered = cox(lung("ph.ecog", "inst"), DEATH, terms, ties=ties, cluster="inst")
    same_fit(clustered, BASICS[f"cox_lung_cluster_inst_{ties}"])


@pytest.mark.parametrize("ties", BOTH)
@pytest.mark.parametrize("clock", ["forward", "reset"])
@pytest.mark.parametrize("transition", [("0", "1"), ("0", "2"), ("1", "0"), ("1", "2")])
def test_each_transition_of_a_chain_with_loops(clock: str, transition: tuple[str, str], ties: Ties) -> None:
    fit = cox(sir(clock), transition, ["age10", "sex"], ties=ties, cluster="subject")
    same_fit(fit, SIR[f"cox_{clock}_{transition[0]}to{transition[1]}_{ties}"])


@pytest.mark.parametrize("ties", BOTH)
@pytest.mark.parametrize("cause", ["pcm", "death"])
def test_cause_specific(cause: str, ties: Ties) -> None:
    five = ["age", "sex", "hgb", "creat", "mspike"]
    same_fit(cox(mgus2(), ("free", cause), five[:2], ties=ties), MGUS2[f"coxcs_{cause}_{ties}"])
    same_fit(cox(mgus2(*five), ("free", cause), five, ties=ties), MGUS2[f"coxcs5_{cause}_{ties}"])


def test_illness_and_death() -> None:
    wanted = MGUS2["illness_death_cox_breslow"]
    names = [("mgus", "pcm"), ("mgus", "death"), ("pcm", "death")]
    fits = [cox(illness_death(), pair, ["age", "sex"], ties="breslow", cluster="subject") for pair in names]
    close(np.concatenate([fit.estimates for fit in fits]), wanted["coef"])
    for place, fit in enumerate(fits):
        own = slice(2 * place, 2 * place + 2)
        close(fit.covariance, np.array(wanted["var_robust"]["data"])[own, own])
        close(fit.model_covariance, np.array(wanted["var_model"]["data"])[own, own])
    close(sum(fit.log_likelihood[1] for fit in fits), wanted["loglik"][1])


@pytest.mark.parametrize("ties", BOTH)
def test_residuals_are_in_order_of_rows(ties: Ties) -> None:
    wanted = BASICS[f"cox_small_residuals_{ties}"]
    stays = veteran()
    fit = cox(stays, DEATH, SMALL, ties=ties)
    scores = score_residuals(fit, stays)
    close(martingale_residuals(fit, stays), wanted["martingale"])
    close(scores, pd.DataFrame(wanted["score"]["data"]))
    close(scores @ fit.model_covariance, pd.DataFrame(wanted["dfbeta"]["data"]))
