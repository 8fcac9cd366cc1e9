"""Accelerated failure time models against R's survreg."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.estimate.location_scale import Family
from tracker.estimate.parametric import NAMES, accelerated_failure
from tracker.estimate.risk_sets import Stays, spells_as_stays

DATA = Path(__file__).parent
EXPECTED: dict[str, Any] = json.loads((DATA / "accelerated_failure" / "expected.json").read_text())
CELLS = ["squamous", "smallcell", "adeno", "large"]
PATIENTS = pd.DataFrame(
    {"trt": [1, 2], "celltype": ["squamous", "adeno"], "karno": [60, 80], "age": [60, 45]}
)


def stays(name: str, dead: int, covariates: list[str]) -> Stays:
    rows = pd.read_csv(DATA / "regression" / f"{name}.csv").assign(state="alive", start=0)
    rows["to"] = rows["status"].map({dead: "dead"})
    rows["id"] = np.arange(len(rows)) + 1
    rows["w"] = 1 + (rows["id"] % 3) / 2 if name == "lung" else 1.0
    rows = rows.dropna(subset=covariates)
    if name == "veteran":
        rows["celltype"] = pd.Categorical(rows["celltype"], CELLS)
    return spells_as_stays(
        rows, subject="id", to_state="to", entered="start", left="time", covariates=covariates, weight="w"
    )


VETERAN = stays("veteran", 1, ["trt", "celltype", "karno", "age"])
LUNG = stays("lung", 2, ["age", "sex", "ph.ecog"])


@pytest.mark.parametrize("family", NAMES)
def test_families_are_survregs(family: Family) -> None:
    expected = EXPECTED[f"aft_veteran_{family}"]
    fit = accelerated_failure(
        VETERAN, "alive", "trt + celltype + karno + age", family=family, times="exact", variance="model"
    )
    scale = [] if family == "exponential" else [np.log(expected["scale"])]
    wanted = [*expected["coef"].values(), *scale]
    np.testing.assert_allclose(fit.frame["estimate"], wanted, rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, expected["var"]["data"], rtol=0, atol=1e-8)
    likelihoods = [expected["loglik_null"], expected["loglik"]]
    np.testing.assert_allclose(fit.log_likelihood, likelihoods, rtol=1e-10, atol=0)
    read = fit.quantiles(PATIENTS, expected["quantile_p"]).frame
    np.testing.assert_allclose(read["estimate"], np.ravel(expected["quantile_fit"]["data"]), rtol=1e-8)
    np.testing.assert_allclose(read["std_error"], np.ravel(expected["quantile_se"]["data"]), rtol=1e-8)


def test_each_group_may_have_its_scale() -> None:
    expected = EXPECTED["aft_veteran_weibull_strata_scale"]
    fit = accelerated_failure(
        VETERAN, "alive", "karno", scale_by=["celltype"], times="exact", variance="model"
    )
    wanted = [*expected["coef"].values(), *np.log(list(expected["scale"].values()))]
    np.testing.assert_allclose(fit.frame["estimate"], wanted, rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.covariance, expected["var"]["data"], rtol=0, atol=1e-8)
    assert fit.log_likelihood[1] == pytest.approx(expected["loglik"], rel=1e-10)


def test_weights_and_the_robust_variance_are_survregs() -> None:
    expected = EXPECTED["aft_lung_weibull_weighted_robust"]
    fit = accelerated_failure(LUNG, "alive", "age + sex + ph.ecog", times="exact")
    wanted = [*expected["coef"].values(), np.log(expected["scale"])]
    np.testing.assert_allclose(fit.frame["estimate"], wanted, rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.frame["std_error"], expected["se_robust"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(fit.frame["std_error_model"], expected["se_model"], rtol=0, atol=1e-8)
    assert fit.log_likelihood[1] == pytest.approx(expected["loglik"], rel=1e-10)
