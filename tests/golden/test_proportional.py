"""The score test of proportional hazards against R's ``cox.zph`` (survival 3.8)."""

import numpy as np
import pytest

from tests.golden.regression_data import DEATH, close, expected, veteran
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.proportional import Transform, proportional_hazards
from tracker.estimate.regression import cox
from tracker.estimate.results import Test

BASICS = expected("survival_basics")
ALL: list[Transform] = ["km", "identity", "rank", "log"]
TERMS = ["trt", "celltype", "karno", "age"]


def same_test(test: Test, key: str) -> None:
    ours = [*test.frame[["statistic", "df", "p_value"]].to_numpy(float)]
    ours.append(np.array([test.statistic, test.df, test.p_value]))
    close(ours, BASICS[key]["data"])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("transform", ALL)
def test_each_column(transform: Transform, ties: Ties) -> None:
    fit = cox(veteran(), DEATH, ["trt", "karno", "age"], ties=ties)
    same_test(proportional_hazards(fit, transform), f"cox_zph_small_{ties}_{transform}")


@pytest.mark.parametrize("transform", ALL[:3])
def test_terms_of_several_columns(transform: Transform) -> None:
    fit = cox(veteran(), DEATH, TERMS)
    same_test(proportional_hazards(fit, transform), f"cox_zph_terms_efron_{transform}")
    same_test(proportional_hazards(fit, transform, "column"), f"cox_zph_singledf_efron_{transform}")


def test_strata() -> None:
    fit = cox(veteran(), DEATH, ["trt", "karno", "age"], strata=["celltype"])
    same_test(proportional_hazards(fit), "cox_zph_strata_celltype_km")
