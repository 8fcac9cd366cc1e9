"""Baseline hazards, survival and occupation for given covariates, against R's survival."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.golden.regression_data import DEATH, close, expected, mgus2, veteran
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.predicted_occupation import Factors, predicted_occupation
from tracker.estimate.predictions import cumulative_hazards, survival
from tracker.estimate.regression import cox

BASICS, MGUS2 = expected("survival_basics"), expected("mgus2")
BOTH: list[Ties] = ["efron", "breslow"]
SMALL = ["trt", "karno", "age"]


def small(ties: Ties) -> CoxFit:
    return cox(veteran(), DEATH, SMALL, ties=ties)


@pytest.mark.parametrize("ties", BOTH)
def test_baseline_hazard(ties: Ties) -> None:
    at_zero, at_means = (BASICS[f"cox_small_basehaz_at_{where}_{ties}"] for where in ("zero", "means"))
    curves = cumulative_hazards(small(ties), pd.DataFrame({name: [0.0] for name in SMALL}))
    close(curves.at(at_zero["time"])["estimate"], at_zero["cumhaz"])
    means = pd.DataFrame([at_means["means"]])
    close(cumulative_hazards(small(ties), means).at(at_zero["time"])["estimate"], at_means["curve"]["cumhaz"])


@pytest.mark.parametrize("ties", BOTH)
def test_survival_of_patterns(ties: Ties) -> None:
    wanted = BASICS[f"cox_small_predicted_survival_{ties}"]
    patterns = pd.DataFrame(wanted["newdata"])
    found = survival(small(ties), patterns).at(wanted["time"])
    hazard = cumulative_hazards(small(ties), patterns).at(wanted["time"])
    names = {"estimate": "surv", "std_error": "se_surv", "lower": "lower_log", "upper": "upper_log"}
    for row, trt in enumerate(patterns["trt"]):
        for ours, theirs in names.items():
            close(found.loc[found["trt"] == trt, ours], np.array(wanted[theirs]["data"])[:, row])
        close(hazard.loc[hazard["trt"] == trt, "estimate"], np.array(wanted["cumhaz"]["data"])[:, row])
        close(hazard.loc[hazard["trt"] == trt, "std_error"], np.array(wanted["se_cumhaz"]["data"])[:, row])


@pytest.mark.parametrize("ties", BOTH)
def test_baseline_of_progression(ties: Ties) -> None:
    wanted = MGUS2[f"basehaz_pcm_age0_F_{ties}"]
    fit = cox(mgus2(), ("free", "pcm"), ["age", "sex"], ties=ties)
    found = cumulative_hazards(fit, pd.DataFrame({"age": [0.0], "sex": ["F"]}))
    close(found.at(wanted["time"])["estimate"], wanted["cumhaz"])


FACTORS: dict[str, Factors] = {"prodint": "product", "expm": "exponential"}


@pytest.mark.parametrize("ties", BOTH)
@pytest.mark.parametrize("name", list(FACTORS))
def test_absolute_risks(name: str, ties: Ties) -> None:
    wanted: dict[str, Any] = MGUS2[f"cox_absolute_risk_{name}_{ties}"]
    fits = [cox(mgus2(), ("free", cause), ["age", "sex"], ties=ties) for cause in ("pcm", "death")]
    patterns = pd.DataFrame(wanted["newdata"])
    read = predicted_occupation(fits, patterns, "free", factors=FACTORS[name]).at(wanted["times"])
    hazard = [cumulative_hazards(fit, patterns).at(wanted["times"]) for fit in fits]
    for sex, age in zip(patterns["sex"], patterns["age"], strict=True):
        curve = wanted["curves"][f"{sex}{age}"]
        own = read[(read["sex"] == sex) & (read["age"] == age)]
        for state, theirs in {"free": "event_free", "pcm": "pcm", "death": "death"}.items():
            close(own.loc[own["state"] == state, "estimate"], curve[theirs])
        for cause, cumulated in zip(("pcm", "death"), hazard, strict=True):
            of_pattern = cumulated[(cumulated["sex"] == sex) & (cumulated["age"] == age)]
            close(of_pattern["estimate"], curve[f"cumhaz_{cause}"])
            close(of_pattern["std_error"], curve[f"se_cumhaz_{cause}"])


def test_staying_has_the_error_of_survival_when_there_is_one_way_out() -> None:
    fit = small("efron")
    patterns = pd.DataFrame({"trt": [1, 2], "karno": [40, 80], "age": [65, 50]})
    times = [10.0, 100.0, 400.0]
    alone = survival(fit, patterns).at(times)
    found = predicted_occupation([fit], patterns, "alive", factors="exponential").at(times)
    found = found[found["state"] == "alive"]
    close(found["estimate"], alone["estimate"])
    close(found["std_error"], alone["std_error"])
