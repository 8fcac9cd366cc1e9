"""Curves of staying in a state and comparisons of groups, against R (golden/survival/README.md)."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import log_rank, log_rank_trend, restricted_mean_difference
from tracker.estimate.exits import Exits, leaving
from tracker.estimate.gray import gray_test
from tracker.estimate.results import Curves, Test
from tracker.estimate.risk_sets import RiskSets, Stays, count, spells_as_stays
from tracker.estimate.robust_survival import robust_kaplan_meier, robust_nelson_aalen
from tracker.estimate.survival import fleming_harrington, kaplan_meier, nelson_aalen
from tracker.estimate.survival_summaries import quantiles, restricted_mean

HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = json.loads((HERE / "survival" / "expected.json").read_text())
TIES = pd.read_csv(HERE / "survival" / "ties.csv")
TIES_CURVES = pd.read_csv(HERE / "survival" / "ties_curves.csv", dtype={"set": str, "group": int})
TIES_NUMBERS = pd.read_csv(HERE / "survival" / "ties_numbers.csv", dtype={"at": str}, keep_default_na=True)
INTERVALS = {"log": "log", "log-log": "loglog", "plain": "plain", "logit": "logit", "arcsine": "arcsin"}
SETS = sorted(TIES["set"].unique())
DELAYED = [number for number in SETS if TIES.loc[TIES["set"] == number, "entered"].any()]
TOLERANCE = 1e-8


def stays(
    frame: pd.DataFrame, happened: "pd.Series[bool]", until: str, strata: list[str], **options: Any
) -> Stays:
    rows = frame.assign(state="in", to=happened.map({True: "out", False: None}))
    rows = rows if "entered" in rows else rows.assign(entered=0)
    return spells_as_stays(rows, subject="id", to_state="to", left=until, strata=strata, **options)


def veteran(*strata: str) -> Exits:
    frame = pd.read_csv(HERE / "regression" / "veteran.csv")
    cells = ["squamous", "smallcell", "adeno", "large"]
    frame["celltype"] = pd.Categorical(frame["celltype"], cells)
    return leaving(count(stays(frame, frame["status"] == 1, "time", list(strata))), "in")


def lung(*strata: str, weight: str | None = None) -> Stays:
    frame = pd.read_csv(HERE / "regression" / "lung.csv").dropna(subset=list(strata))
    return stays(frame, frame["status"] == 2, "time", list(strata), weight=weight)


def mgus2() -> RiskSets:
    frame = pd.read_csv(HERE / "regression" / "mgus2.csv").assign(state="mgus", entered=0)
    frame["to"] = frame["event"].where(frame["event"] != "censor", None)
    frame["age"] = pd.cut(frame["age"], [0, 60, 70, 80, 200], right=False)
    return count(spells_as_stays(frame, subject="id", to_state="to", left="etime", strata=["sex", "age"]))


def ties(number: int, *, weight: str | None = None) -> RiskSets:
    frame = TIES[TIES["set"] == number].assign(state="in")
    frame["to"] = frame["cause"].map({0: None, 1: "one", 2: "two", 3: "three"})
    strata = ["group"] if weight else ["group", "stratum"]
    return count(
        spells_as_stays(frame, subject="id", to_state="to", left="left", strata=strata, weight=weight)
    )


def by_group(number: int, **options: Any) -> Exits:
    frame = TIES[TIES["set"] == number]
    return leaving(count(stays(frame, frame["cause"] > 0, "left", ["group"], **options)), "in")


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(
        np.asarray(found, float), np.asarray(expected, float), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True
    )


CURVE = {
    "time": "time",
    "at_risk": "n_risk",
    "events": "n_event",
    "censored": "n_censor",
    "estimate": "surv",
    "std_error": "se_surv",
    "lower": "lower",
    "upper": "upper",
}
HAZARD = {"time": "time", "estimate": "cumhaz", "std_error": "se_cumhaz"}


def same_curves(curves: Curves, expected: dict[str, Any], columns: dict[str, str]) -> None:
    (column,) = curves.strata
    parts = {str(value): part for value, part in curves.frame.groupby(column, observed=True)}
    assert {f"{column}={value}" for value in parts} == set(expected)
    for value, part in parts.items():
        for ours, theirs in columns.items():
            same(part[ours], expected[f"{column}={value}"][theirs])


@pytest.mark.parametrize("interval", INTERVALS)
def test_kaplan_meier_with_each_interval(interval: Any) -> None:
    expected = EXPECTED[f"km_veteran_trt_{INTERVALS[interval]}"]
    same_curves(kaplan_meier(veteran("trt"), interval=interval), expected, CURVE)
    same_curves(nelson_aalen(veteran("trt")), expected, HAZARD)


def test_kaplan_meier_of_four_groups() -> None:
    same_curves(kaplan_meier(veteran("celltype")), EXPECTED["km_veteran_celltype_log"], CURVE)


def test_fleming_harrington_corrects_for_ties() -> None:
    expected = EXPECTED["nelson_aalen_veteran_trt_ctype2_stype2"]
    same_curves(fleming_harrington(veteran("trt")), expected, CURVE)


@pytest.mark.parametrize("variance", ["aalen", "greenwood", "klein"])
def test_variances_of_the_cumulative_hazard(variance: Any) -> None:
    curves = nelson_aalen(veteran("trt"), variance=variance)
    curves.frame["variance"] = curves.frame["std_error"] ** 2
    columns = {"estimate": "cumhaz", "variance": f"var_{variance}"}
    same_curves(curves, EXPECTED["nelson_aalen_variances_trt"], columns)


@pytest.mark.parametrize(
    ("weight", "key"), [("w", "km_lung_weighted_robust"), (None, "km_lung_unweighted_ij")]
)
def test_variances_clustered_on_the_person(weight: str | None, key: str) -> None:
    data = lung("sex", weight=weight)
    same_curves(robust_kaplan_meier(data, "in"), EXPECTED[key], CURVE)
    same_curves(robust_nelson_aalen(data, "in"), EXPECTED[key], HAZARD)


@pytest.mark.parametrize("interval", INTERVALS)
def test_quartiles_and_their_bounds(interval: Any) -> None:
    found = quantiles(kaplan_meier(veteran("trt"), interval=interval)).frame
    expected = EXPECTED[f"quantiles_veteran_trt_{INTERVALS[interval]}"]
    for ours, theirs in [("estimate", "quantile"), ("lower", "lower"), ("upper", "upper")]:
        same(found[ours], np.ravel(expected[theirs]["data"]))


@pytest.mark.parametrize(
    ("column", "horizon", "key"),
    [
        ("trt", 365, "table_veteran_trt_rmean365"),
        ("trt", "common", "table_veteran_trt_rmean_common"),
        ("celltype", 600, "table_veteran_celltype_rmean600"),
    ],
)
def test_restricted_means(column: str, horizon: Any, key: str) -> None:
    found = restricted_mean(veteran(column), horizon).frame.set_index(column)
    for name, row in zip(EXPECTED[key]["rows"], EXPECTED[key]["data"], strict=True):
        value: Any = name.split("=")[1]
        numbers = dict(zip(EXPECTED[key]["cols"], row, strict=True))
        mine = found.loc[int(value) if value.isdigit() else value]
        same([mine["estimate"], mine["std_error"]], [numbers["rmean"], numbers["se(rmean)"]])


def same_test(test: Test, expected: dict[str, Any]) -> None:
    for ours, theirs in [("observed", "obs"), ("expected", "exp")]:
        table = expected[theirs]["data"] if isinstance(expected[theirs], dict) else expected[theirs]
        same(test.frame[ours], np.ravel(np.transpose(table)))
    same(test.covariance, expected["var"]["data"])
    same([test.statistic, test.df, test.p_value], [expected["chisq"], expected["df"], expected["p"]])


@pytest.mark.parametrize(
    ("columns", "groups", "strata", "rho", "key"),
    [
        (["trt"], ["trt"], [], 0, "logrank_trt"),
        (["trt", "celltype"], ["trt"], [], 0, "logrank_trt"),
        (["trt", "celltype"], ["trt"], ["celltype"], 0, "logrank_trt_strata_celltype"),
        (["celltype"], ["celltype"], [], 0, "logrank_celltype"),
        (["trt", "celltype"], ["celltype"], [], 1, "peto_celltype_rho1"),
        (["trt", "celltype"], ["trt"], ["celltype"], 1, "peto_trt_strata_celltype_rho1"),
    ],
)
def test_log_rank(columns: list[str], groups: list[str], strata: list[str], rho: float, key: str) -> None:
    same_test(log_rank(veteran(*columns), groups, strata, rho=rho), EXPECTED[key])


def test_log_rank_with_groups_that_some_strata_do_not_have() -> None:
    by_sex = leaving(count(lung("sex")), "in")
    same_test(log_rank(by_sex, ["sex"]), EXPECTED["logrank_lung_sex"])
    exits = leaving(count(lung("ph.ecog", "inst")), "in")
    same_test(log_rank(exits, ["ph.ecog"], ["inst"]), EXPECTED["logrank_lung_phecog_strata_inst"])


@pytest.mark.parametrize(
    ("key", "rho", "strata"),
    [("gray_test", 0, []), ("gray_test_rho1", 1, []), ("gray_test_strata_agegroup", 0, ["age"])],
)
def test_gray(key: str, rho: float, strata: list[str]) -> None:
    for cause, expected in zip(["pcm", "death"], EXPECTED[key]["data"], strict=True):
        test = gray_test(mgus2(), "mgus", [cause], ["sex"], strata, rho=rho)
        same([test.statistic, test.p_value, test.df], expected)


TIES_COLUMNS = ["time", "at_risk", "events", "censored", "estimate", "std_error", "lower", "upper"]


def r_curves(number: object, kind: str) -> pd.DataFrame:
    return TIES_CURVES[(TIES_CURVES["set"] == str(number)) & (TIES_CURVES["kind"] == kind)]


@pytest.mark.parametrize("number", SETS)
def test_curves_of_heavily_tied_days(number: int) -> None:
    exits = by_group(number)
    for interval, kind in [("log", "log"), ("log-log", "log-log"), ("plain", "plain"), ("arcsine", "arcsin")]:
        found = kaplan_meier(exits, interval=interval).frame  # type: ignore[arg-type]  # literals, seen as text
        same(found[["group", *TIES_COLUMNS]], r_curves(number, kind)[["group", *TIES_COLUMNS]])
    same(
        nelson_aalen(exits).frame[["estimate", "std_error"]],
        r_curves(number, "log")[["hazard", "hazard_error"]],
    )
    tied = r_curves(number, "fleming-harrington")
    same(fleming_harrington(exits).frame[TIES_COLUMNS], tied[TIES_COLUMNS])
    weighted = kaplan_meier(by_group(number, weight="w")).frame
    same(weighted[TIES_COLUMNS], r_curves(number, "weighted")[TIES_COLUMNS])


def test_greenwood_of_weighted_counts() -> None:
    found = kaplan_meier(leaving(count(lung("sex", weight="w")), "in")).frame
    same(found[TIES_COLUMNS], r_curves("lung", "weighted")[TIES_COLUMNS])


def numbers(number: int, what: str) -> "pd.Series[float]":
    rows = TIES_NUMBERS[(TIES_NUMBERS["set"] == number) & (TIES_NUMBERS["what"] == what)]
    return rows["value"].astype(float)


@pytest.mark.parametrize("number", SETS)
def test_summaries_of_heavily_tied_days(number: int) -> None:
    exits = by_group(number)
    mean = restricted_mean(exits, 3).frame
    same(mean["estimate"], numbers(number, "mean"))
    same(mean["std_error"], numbers(number, "mean_error"))
    quartiles = quantiles(kaplan_meier(exits)).frame.sort_values(["probability", "group"])
    for ours, theirs in [("estimate", "quantile"), ("lower", "lower"), ("upper", "upper")]:
        same(quartiles[ours], numbers(number, theirs))


@pytest.mark.parametrize("number", SETS)
def test_log_rank_of_heavily_tied_days_is_the_exact_score_test(number: int) -> None:
    exits = leaving(ties(number), "in")
    found = [
        log_rank(exits, ["group"]),
        log_rank(exits, ["group"], ["stratum"]),
        log_rank_trend(exits, "group", {value: value for value in range(4)}, ["stratum"]),
    ]
    names = ["log_rank", "log_rank_stratified", "trend_stratified"]
    same([test.statistic for test in found], [numbers(number, name).item() for name in names])


@pytest.mark.parametrize("number", [number for number in SETS if number not in DELAYED])
def test_weighted_tests_of_heavily_tied_days(number: int) -> None:
    risk = ties(number)
    exits = leaving(risk, "in")
    rhos = [0.0, 0.5, 1.0]
    found = [log_rank(exits, ["group"], ["stratum"], rho=rho).statistic for rho in rhos]
    same(found, numbers(number, "survdiff"))
    for strata, name in [([], "gray"), (["stratum"], "gray_stratified")]:
        tests = [
            gray_test(risk, "in", [cause], ["group"], strata, rho=rho)
            for rho in rhos
            for cause in ("one", "two", "three")
        ]
        same([test.statistic for test in tests], numbers(number, name))


@pytest.mark.parametrize("number", DELAYED)
def test_gray_refuses_delayed_entry(number: int) -> None:
    with pytest.raises(EstimateError, match="does not allow delayed entry"):
        gray_test(ties(number), "in", ["one"], ["group"])


def test_difference_of_restricted_means_is_that_of_the_means() -> None:
    expected = EXPECTED["table_veteran_trt_rmean365"]["data"]
    (one, two), row = expected, restricted_mean_difference(veteran("trt"), 365).frame.iloc[0]
    assert (row["trt"], row["against_trt"]) == (2, 1)
    same(row["estimate"], two[4] - one[4])
    same(row["std_error"], np.hypot(one[5], two[5]))
