"""Parametric models: their likelihood written anew, lifelines where it arrives, splits, truth, refusals."""

import warnings
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from lifelines import (
    CoxPHFitter,
    GeneralizedGammaFitter,
    LogLogisticAFTFitter,
    LogNormalAFTFitter,
    WeibullAFTFitter,
)
from numpy.typing import NDArray
from scipy import stats

from tracker.domain.errors import EstimateError
from tracker.estimate.flexible import flexible_hazards
from tracker.estimate.location_scale import Family
from tracker.estimate.parametric import NAMES, accelerated_failure
from tracker.estimate.parametric_times import as_intervals
from tracker.estimate.regression import cox
from tracker.estimate.risk_sets import END, Stays, spells_as_stays

Floats = NDArray[np.float64]


def spells(size: int, seed: int = 3) -> pd.DataFrame:
    """Weibull times in days with late entry and censoring; a number and a group shorten or lengthen them."""
    random = np.random.default_rng(seed)
    x, group = random.normal(40, 5, size), random.choice(["north", "south"], size)
    time = np.exp(3 + 0.04 * (x - 40) - 0.3 * (group == "south") + 0.7 * np.log(random.exponential(1, size)))
    day, entered = np.floor(time), random.integers(0, 12, size) * (random.random(size) < 0.3)
    censored = entered + random.integers(5, 60, size)
    rows = pd.DataFrame({"subject_id": np.arange(size) // 2, "x": x, "group": group, "time": time})
    rows = rows.assign(state="closed", entered=entered, entered_step=0, left=np.minimum(day, censored))
    rows["to_state"] = pd.Series("referral", index=rows.index).where(day <= censored, None)
    rows["left_step"] = np.where(day <= censored, 1, END)
    kept: pd.DataFrame = rows[day >= entered].reset_index(drop=True)
    return kept


def stays(rows: pd.DataFrame, weight: str | None = None) -> Stays:
    return spells_as_stays(
        rows,
        entered_step="entered_step",
        left_step="left_step",
        covariates=["x", "group"],
        states=["closed", "referral"],
        weight=weight,
    )


ROWS = spells(400)
DISTRIBUTIONS: dict[str, Any] = {
    "weibull": lambda scale, sigma: stats.weibull_min(1 / sigma, scale=scale),
    "exponential": lambda scale, sigma: stats.expon(scale=scale),
    "lognormal": lambda scale, sigma: stats.lognorm(sigma, scale=scale),
    "loglogistic": lambda scale, sigma: stats.fisk(1 / sigma, scale=scale),
}


def written_anew(rows: pd.DataFrame, family: str, values: Floats) -> float:
    """The likelihood of days with late entry, from the distributions of scipy."""
    sigma = 1.0 if family == "exponential" else np.exp(values[3])
    located = np.exp(values[0] + values[1] * rows["x"] + values[2] * (rows["group"] == "south"))
    curve = DISTRIBUTIONS[family](located.to_numpy(), sigma)
    day, entered = rows["left"].to_numpy(float), rows["entered"].to_numpy(float)
    happened = rows["to_state"].notna().to_numpy()
    share = np.where(happened, curve.cdf(day + 1) - curve.cdf(day), curve.sf(day + 1))
    return float(np.log(share).sum() - np.log(curve.sf(entered)).sum())


@pytest.mark.parametrize("family", NAMES)
def test_the_maximum_is_that_of_the_likelihood_written_anew(family: Family) -> None:
    fit = accelerated_failure(stays(ROWS), "closed", "x + group", family=family, variance="model")
    top = fit.frame["estimate"].to_numpy(float)
    assert fit.log_likelihood[1] == pytest.approx(written_anew(ROWS, family, top), abs=1e-8)
    information = np.linalg.inv(fit.covariance)
    step = 1e-3 / np.sqrt(np.diag(information))
    for i, size in enumerate(step):
        ahead, behind = (
            written_anew(ROWS, family, top + sign * size * np.eye(len(top))[i]) for sign in (1, -1)
        )
        assert abs(ahead - behind) / 2 < 1e-8
        second = -(ahead + behind - 2 * fit.log_likelihood[1]) / size**2
        assert second == pytest.approx(information[i, i], rel=1e-2)


@pytest.mark.parametrize(
    ("family", "fitter"),
    [("weibull", WeibullAFTFitter), ("lognormal", LogNormalAFTFitter), ("loglogistic", LogLogisticAFTFitter)],
)
def test_exact_times_are_those_of_lifelines(family: Family, fitter: type[WeibullAFTFitter]) -> None:
    """lifelines stops within about 1e-5 of the maximum, so no closer than 1e-3; ours is never below."""
    rows = ROWS.assign(left=np.minimum(ROWS["time"], ROWS["left"] + 1), south=ROWS["group"] == "south")
    rows = rows[rows["left"] > rows["entered"]].assign(event=lambda d: d["to_state"].notna())
    ours = accelerated_failure(stays(rows), "closed", "x + group", family=family, times="exact")
    frame = rows[["left", "event", "entered", "x", "south"]].astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = fitter().fit(frame, "left", "event", entry_col="entered")
    assert ours.log_likelihood[1] >= theirs.log_likelihood_ - 1e-6
    assert ours.log_likelihood[1] == pytest.approx(theirs.log_likelihood_, abs=1e-3)
    effects = theirs.params_.iloc[[0, 1] if theirs.params_.index[0][1] == "south" else [1, 0]].to_numpy()
    np.testing.assert_allclose(ours.frame["estimate"].iloc[[2, 1]], effects, rtol=0, atol=1e-3)


def test_lifelines_reads_the_intervals_and_its_wider_family_contains_two_of_ours() -> None:
    frame = as_intervals(stays(ROWS), "closed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wider = GeneralizedGammaFitter().fit_interval_censoring(
            frame["lower"], frame["upper"], entry=frame["entry"]
        )
    narrower = [
        accelerated_failure(stays(ROWS), "closed", family=family).log_likelihood[1]
        for family in ("weibull", "lognormal")
    ]
    assert max(narrower) - 1e-3 < wider.log_likelihood_ < max(narrower) + 5


def test_a_number_as_covariate_of_cox_is_that_of_lifelines() -> None:
    rows = ROWS.assign(left=ROWS["left"] + 1, entered_step=END)
    ours = cox(stays(rows), ("closed", "referral"), "x")
    frame = rows.assign(event=rows["to_state"].notna().astype(int))[["left", "event", "entered", "x"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CoxPHFitter().fit(frame, "left", "event", entry_col="entered")
    assert ours.frame["estimate"].iloc[0] == pytest.approx(theirs.params_["x"], abs=1e-6)


@pytest.mark.parametrize("family", NAMES)
def test_a_stay_in_two_pieces_is_one_stay(family: Family) -> None:
    long = ROWS["left"] > ROWS["entered"]
    cut = ROWS[long].assign(day=lambda d: (d["entered"] + d["left"]) // 2)
    first = cut.assign(left=cut["day"], left_step=END, to_state=None)
    second = cut.assign(entered=cut["day"], entered_step=END)
    second = second[(second["left"] > second["entered"])]
    first = first[first.index.isin(second.index)]
    pieces = pd.concat([ROWS.drop(index=second.index), first, second])
    whole, split = (
        accelerated_failure(stays(rows), "closed", "x + group", family=family) for rows in (ROWS, pieces)
    )
    np.testing.assert_allclose(split.frame["estimate"], whole.frame["estimate"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(split.covariance, whole.covariance, rtol=1e-7, atol=1e-12)


def test_order_units_and_weights_do_not_matter() -> None:
    whole = accelerated_failure(stays(ROWS), "closed", "x + group")
    shuffled = ROWS.sample(frac=1, random_state=1).assign(x=lambda d: d["x"] * 1000)
    other = accelerated_failure(stays(shuffled), "closed", "x + group")
    scaled = np.array([1, 1000, 1, 1])
    np.testing.assert_allclose(other.frame["estimate"] * scaled, whole.frame["estimate"], atol=1e-9)
    np.testing.assert_allclose(other.frame["std_error"] * scaled, whole.frame["std_error"], atol=1e-9)
    twice = accelerated_failure(stays(ROWS.assign(two=2.0), "two"), "closed", "x + group", variance="model")
    doubled = pd.concat([ROWS, ROWS])
    repeated = accelerated_failure(stays(doubled), "closed", "x + group", variance="model")
    np.testing.assert_allclose(twice.covariance, repeated.covariance, rtol=1e-8)
    assert twice.bic == pytest.approx(repeated.bic)


def test_without_inner_knots_the_smooth_baseline_is_weibull() -> None:
    weibull = accelerated_failure(stays(ROWS), "closed", "x + group")
    smooth = flexible_hazards(stays(ROWS), "closed", "x + group", knots=0)
    assert smooth.log_likelihood == pytest.approx(weibull.log_likelihood, abs=1e-8)
    assert smooth.aic == pytest.approx(weibull.aic) and smooth.bic == pytest.approx(weibull.bic)
    hazards = weibull.hazard_ratios()
    for column in ("estimate", "std_error", "std_error_model", "ratio", "lower", "upper"):
        np.testing.assert_allclose(smooth.frame[column].iloc[:2], hazards.frame[column], rtol=1e-6)
    patterns = pd.DataFrame({"x": [35.0, 45.0], "group": ["north", "south"]})
    for column in ("estimate", "std_error", "lower", "upper"):
        ours, theirs = (fit.curves(patterns, [0, 5, 20]).frame[column] for fit in (smooth, weibull))
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_smooth_baseline_finds_the_truth() -> None:
    """Times from two kinds of children mixed, so no family; days, late entry and a known hazard ratio."""
    random = np.random.default_rng(5)
    x = random.normal(0, 1, 6000)
    hazard = random.exponential(1, len(x)) * np.exp(-0.5 * x)
    grid = np.linspace(0, 400, 40_001)
    log_survival = np.log(0.5 * np.exp(-((grid / 5) ** 1.5)) + 0.5 * np.exp(-((grid / 60) ** 2)))
    day = np.floor(np.interp(hazard, -log_survival, grid))
    entered = random.integers(0, 20, len(x)) * (random.random(len(x)) < 0.4)
    rows = pd.DataFrame({"subject_id": range(len(x)), "x": x, "group": "all", "state": "closed"})
    rows = rows.assign(entered=entered, entered_step=0, left=day, left_step=1, to_state="referral")
    rows = rows[day >= entered]
    fit = flexible_hazards(stays(rows), "closed", "x", knots=5)
    assert abs(fit.frame["estimate"].iloc[0] - 0.5) < 3.5 * fit.frame["std_error"].iloc[0]
    read = fit.curves(pd.DataFrame({"x": [0.0]}), [3, 10, 40, 80]).frame
    truth = np.exp(np.interp(read["time"] + 1, grid, log_survival))
    np.testing.assert_allclose(read["estimate"], truth, atol=0.025)
    weibull = accelerated_failure(stays(rows), "closed", "x")
    assert weibull.aic > fit.aic + 100


def test_quantiles_say_when_they_are_past_the_data() -> None:
    fit = accelerated_failure(stays(ROWS), "closed", "x + group")
    read = fit.quantiles(pd.DataFrame({"x": [40.0], "group": ["north"]}), [0.5, 0.999]).frame
    assert read["extrapolated"].tolist() == [False, True]
    curve = fit.curves(pd.DataFrame({"x": [40.0], "group": ["north"]}), [read["estimate"].iloc[0] - 1])
    assert curve.frame["estimate"].iloc[0] == pytest.approx(0.5)


def test_what_cannot_be_told_is_refused() -> None:
    cases = [
        (ROWS.assign(x=1.0), {}, "«x» is the same in every stay"),
        (ROWS.assign(x=(ROWS["group"] == "south").astype(float)), {}, "cannot be told from other terms"),
        (ROWS.assign(to_state=ROWS["to_state"].where(ROWS["group"] == "north", None)), {}, "group: south"),
        (ROWS.assign(to_state=None), {}, "Nobody leaves «closed»"),
        (ROWS, {"to": ["adult"]}, "no state «adult»"),
        (ROWS, {"family": "gamma"}, "found «gamma»"),
        (ROWS, {"times": "weeks"}, "not «weeks»"),
        (ROWS, {"variance": "jackknife"}, "found «jackknife»"),
        (ROWS, {"times": "exact"}, "exact time of 0"),
        (ROWS, {"scale_by": ["county"]}, "No column for county"),
    ]
    for rows, asked, told in cases:
        ended = rows.assign(left_step=np.where(rows["to_state"].notna(), 1, END))
        with pytest.raises(EstimateError, match=told):
            accelerated_failure(stays(ended), "closed", "x + group", **asked)  # type: ignore[arg-type]  # wrong on purpose


def test_times_all_alike_and_more_knots_than_times_are_refused() -> None:
    alike = ROWS.assign(entered=0, left=4, to_state="referral", left_step=1)
    with pytest.raises(EstimateError, match="too alike, or too few"):
        accelerated_failure(stays(alike), "closed")
    some = ROWS.assign(left_step=np.where(ROWS["to_state"].notna(), 1, END)).head(6)
    with pytest.raises(EstimateError, match="Too few distinct times for 9 inner knots"):
        flexible_hazards(stays(some), "closed", knots=9)


def test_readings_past_the_data_and_impossible_ones_are_refused() -> None:
    pattern = pd.DataFrame({"x": [40.0], "group": ["north"]})
    fits = (
        accelerated_failure(stays(ROWS), "closed", "x + group", family="lognormal"),
        flexible_hazards(stays(ROWS), "closed", "x + group"),
    )
    for fit in fits:
        with pytest.raises(EstimateError, match="longest anyone was followed"):
            fit.curves(pattern, [10_000])
    with pytest.raises(EstimateError, match="proportional hazards"):
        fits[0].hazard_ratios()
    with pytest.raises(EstimateError, match="between 0 and 1"):
        fits[0].quantiles(pattern, [1.0])
    with pytest.raises(EstimateError, match="fewer"):
        flexible_hazards(stays(ROWS), "closed", "x", knots=60)


def test_steps_too_far_are_taken_back_without_a_warning() -> None:
    """Most stays end at once and a few go on for years: Newton's first steps overshoot."""
    random = np.random.default_rng(2)
    left = np.where(random.random(500) < 0.9, 0, random.integers(300, 3000, 500)).astype(float)
    rows = ROWS.iloc[[0] * 500].assign(entered=0, left=left, subject_id=range(500), x=random.normal(size=500))
    seen = random.random(500) < np.where(left == 0, 0.9, 0.2)
    rows = rows.assign(
        to_state=pd.Series("referral", index=rows.index).where(seen, None), left_step=np.where(seen, 1, END)
    )
    for family in get_args(Family):
        fit = accelerated_failure(stays(rows), "closed", "x", family=family)
        assert np.isfinite(fit.frame["std_error"]).all()
