"""Models through lifelines: the same numbers as our own where it arrives, refusals where it does not."""

from __future__ import annotations

import warnings
from typing import Any

import lifelines
import numpy as np
import pandas as pd
import pytest

from tracker.domain.errors import EstimateError
from tracker.estimate.lifelines_models import fit
from tracker.estimate.parametric import accelerated_failure
from tracker.estimate.regression import cox
from tracker.estimate.risk_sets import END, Stays, spells_as_stays


def spells(size: int = 500, seed: int = 11) -> pd.DataFrame:
    """Log-logistic times in days, with late entry, censoring and a second way out."""
    random = np.random.default_rng(seed)
    x, group = random.normal(0, 1, size), random.choice(["north", "south"], size)
    time = np.exp(3 + 0.3 * x - 0.4 * (group == "south") + 0.5 * random.logistic(size=size))
    entered = random.integers(0, 10, size) * (random.random(size) < 0.3)
    censored = entered + random.integers(10, 90, size)
    day = np.floor(time)
    rows = pd.DataFrame({"subject_id": np.arange(size), "x": x, "group": group, "state": "open"})
    rows = rows.assign(entered=entered, entered_step=0, left=np.minimum(day, censored))
    away = np.where(random.random(size) < 0.2, "moved", "closed")
    rows["to_state"] = pd.Series(away, index=rows.index).where(day <= censored, None)
    rows["left_step"] = np.where(day <= censored, 1, END)
    kept: pd.DataFrame = rows[day >= entered].reset_index(drop=True)
    return kept


def stays(rows: pd.DataFrame, weight: str | None = None) -> Stays:
    return spells_as_stays(
        rows, entered_step="entered_step", left_step="left_step", covariates=["x", "group"],
        states=["open", "closed", "moved"], weight=weight,
    )  # fmt: skip


ROWS = spells()
MODELS: dict[str, Any] = {
    "weibull": lifelines.WeibullAFTFitter,
    "lognormal": lifelines.LogNormalAFTFitter,
    "loglogistic": lifelines.LogLogisticAFTFitter,
}


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("to", [None, ["closed"]])
def test_accelerated_failure_is_ours_or_refused(family: Any, to: list[str] | None) -> None:
    ours = accelerated_failure(stays(ROWS), "open", "x + group", family=family, to=to, variance="model")
    try:
        theirs = fit(stays(ROWS), MODELS[family](), "open", "x + group", to=to)
    except EstimateError as refused:
        assert family == "lognormal" and "gave up" in str(refused)
        return
    assert theirs.events == ours.events and theirs.spells == ours.spells
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=2e-3)
    assert theirs.log_likelihood[1] <= ours.log_likelihood[1] + 1e-7
    by_term = theirs.frame.set_index("term")
    for term in ("x", "group: south", "(intercept)"):
        expected = ours.frame.set_index("term").loc[term]
        assert by_term.loc[term, "estimate"] == pytest.approx(expected["estimate"], abs=3e-3)
        assert by_term.loc[term, "std_error"] == pytest.approx(expected["std_error"], rel=1e-2)
    assert theirs.quantity == ours.quantity and theirs.about == ours.about


def test_a_fit_is_the_same_with_rows_counted_by_weight() -> None:
    doubled = pd.concat([ROWS, ROWS], ignore_index=True)
    weighted = fit(stays(ROWS.assign(w=2.0), "w"), lifelines.WeibullAFTFitter(), "open", "x")
    twice = fit(stays(doubled), lifelines.WeibullAFTFitter(), "open", "x")
    np.testing.assert_allclose(weighted.frame["estimate"], twice.frame["estimate"], atol=2e-3)
    np.testing.assert_allclose(weighted.frame["std_error"], twice.frame["std_error"], rtol=2e-3)


def test_cox_is_ours() -> None:
    ours = cox(stays(ROWS), ("open", "closed"), "x + group")
    theirs = fit(stays(ROWS), lifelines.CoxPHFitter(), "open", "x + group", to=["closed"])
    assert theirs.frame["term"].tolist() == ours.frame["term"].tolist()
    np.testing.assert_allclose(theirs.frame["estimate"], ours.frame["estimate"], atol=1e-6)
    np.testing.assert_allclose(theirs.covariance, ours.covariance, rtol=1e-4)
    assert theirs.log_likelihood == pytest.approx(ours.log_likelihood, abs=1e-6)


@pytest.mark.parametrize(
    ("fitter", "family"),
    [(lifelines.WeibullFitter, "weibull"), (lifelines.LogLogisticFitter, "loglogistic"),
     (lifelines.ExponentialFitter, "exponential")],
)  # fmt: skip
def test_univariate_models_reach_our_likelihood(fitter: Any, family: Any) -> None:
    ours = accelerated_failure(stays(ROWS), "open", family=family)
    theirs = fit(stays(ROWS), fitter(), "open")
    assert theirs.log_likelihood[1] == pytest.approx(ours.log_likelihood[1], abs=1e-3)
    assert theirs.design is None and len(theirs.frame) == len(ours.frame)


def test_a_model_we_do_not_have_contains_one_we_have() -> None:
    pieces = fit(stays(ROWS), lifelines.PiecewiseExponentialRegressionFitter([10, 30]), "open", "group")
    plain = accelerated_failure(stays(ROWS), "open", "group", family="exponential")
    assert pieces.log_likelihood[1] > plain.log_likelihood[1]
    assert pieces.frame["term"].tolist()[:2] == ["lambda_0_: (intercept)", "lambda_0_: group: south"]
    curve = pieces.fitter.predict_survival_function(pd.DataFrame({"x0": [0.0]}), times=[30.0])
    assert 0 < curve.iloc[0, 0] < 1


def test_exact_times_are_taken_as_they_are() -> None:
    rows = ROWS[ROWS["left"] > ROWS["entered"]].reset_index(drop=True)
    ours = accelerated_failure(stays(rows), "open", "x", times="exact", variance="model")
    theirs = fit(stays(rows), lifelines.WeibullAFTFitter(), "open", "x", times="exact")
    assert theirs.log_likelihood[1] == pytest.approx(ours.log_likelihood[1], abs=1e-3)
    assert theirs.method.ties == "times are exact"


class Doubtful(lifelines.WeibullAFTFitter):  # type: ignore[misc]  # untyped library
    """A fitter that warns of its own result, as lifelines does."""

    warned: type[Warning] = lifelines.exceptions.ConvergenceWarning

    def fit_interval_censoring(self, *args: Any, **named: Any) -> Any:
        warnings.warn("Column x0 has very low variance. Try dropping it", self.warned, stacklevel=2)
        return super().fit_interval_censoring(*args, **named)


def test_what_lifelines_doubts_or_gives_up_is_refused() -> None:
    with pytest.raises(
        EstimateError, match=r"lifelines' Doubtful doubts its result: Column x0 .*; accelerated"
    ):
        fit(stays(ROWS), Doubtful(), "open", "x")
    separated = ROWS.assign(x=np.where(ROWS["to_state"].eq("closed"), 1.0, 0.0))
    with pytest.raises(EstimateError, match=r"lifelines' CoxPHFitter (doubts its result|gave up)"):
        fit(stays(separated), lifelines.CoxPHFitter(), "open", "x", to=["closed"])
    with pytest.raises(EstimateError, match="gave up"):
        fit(stays(ROWS), lifelines.CRCSplineFitter(3), "open", "x")


def test_what_is_no_such_model_is_said() -> None:
    with pytest.raises(
        EstimateError, match=r"KaplanMeierFitter is no parametric or Cox fitter .* coefficients"
    ):
        fit(stays(ROWS), lifelines.KaplanMeierFitter(), "open")
    with pytest.raises(EstimateError, match=r"give it as WeibullAFTFitter\(\)"):
        fit(stays(ROWS), lifelines.WeibullAFTFitter, "open", "x")
    with pytest.raises(EstimateError, match="takes no terms"):
        fit(stays(ROWS), lifelines.WeibullFitter(), "open", "x")
    with pytest.raises(EstimateError, match="at least one term"):
        fit(stays(ROWS), lifelines.WeibullAFTFitter(), "open")
    with pytest.raises(EstimateError, match="no state «shut»"):
        fit(stays(ROWS), lifelines.WeibullFitter(), "shut")
