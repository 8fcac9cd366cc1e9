"""Survival estimators on small data worked out by hand, and what they refuse."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from sksurv.compare import compare_survival
from sksurv.nonparametric import kaplan_meier_estimator, nelson_aalen_estimator

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import log_rank, log_rank_trend, restricted_mean_difference
from tracker.estimate.exits import Exits, leaving
from tracker.estimate.gray import gray_test
from tracker.estimate.intervals import survival_bounds
from tracker.estimate.one_by_one import one_by_one
from tracker.estimate.results import TOO_RECENT, VALUE
from tracker.estimate.risk_sets import Stays, count, flow_counts, spells_as_stays
from tracker.estimate.robust_survival import robust_kaplan_meier
from tracker.estimate.survival import fleming_harrington, kaplan_meier, nelson_aalen
from tracker.estimate.survival_summaries import quantiles, restricted_mean, time_lost

STATES = ["open", "granted", "closed"]
CHAIN = [("open", "granted"), ("open", "closed")]
Row = tuple[object, ...]


def stays(rows: list[Row], weight: str | None = None) -> Stays:
    """Rows of group, entered, left, to (None: censored) and weight."""
    columns = ["group", "entered", "left", "to_state", "w"]
    frame = pd.DataFrame([(*row, 1.0)[:5] for row in rows], columns=columns)
    frame = frame.assign(state="open", subject_id=range(len(frame)))
    frame["to_state"] = frame["to_state"].astype(object).where(frame["to_state"].notna(), None)
    return spells_as_stays(frame, strata=["group"], states=STATES, transitions=CHAIN, weight=weight)


def exits(rows: list[Row], to: list[str] | None = None, weight: str | None = None) -> Exits:
    return leaving(count(stays(rows, weight)), "open", to)


BY_HAND: list[Row] = [
    ("a", 0, 2, "granted"),
    ("a", 0, 2, "granted"),
    ("a", 0, 2, None),
    ("a", 1, 4, "granted"),
    ("a", 2, 4, None),  # enters on the day others leave: at risk from the next
]


def test_curve_by_hand_with_ties_and_delayed_entry() -> None:
    frame = kaplan_meier(exits(BY_HAND), interval="plain").frame
    assert frame[["time", "at_risk", "events", "censored"]].to_numpy().tolist() == [
        [2, 4, 2, 1],
        [4, 2, 1, 1],
    ]
    assert frame["estimate"].tolist() == [1 / 2, 1 / 4]
    variance = np.array([2 / (4 * 2), 2 / (4 * 2) + 1 / (2 * 1)])
    np.testing.assert_allclose(frame["std_error"], [1 / 2, 1 / 4] * np.sqrt(variance))


def test_hazard_by_hand() -> None:
    frame = nelson_aalen(exits(BY_HAND)).frame
    assert frame["estimate"].tolist() == [0.5, 1.0]
    np.testing.assert_allclose(frame["std_error"], np.sqrt([2 / 16, 2 / 16 + 1 / 4]))
    tied = fleming_harrington(exits(BY_HAND)).frame
    np.testing.assert_allclose(tied["estimate"], np.exp([-(1 / 4 + 1 / 3), -(1 / 4 + 1 / 3 + 1 / 2)]))


@pytest.mark.parametrize(
    ("at_risk", "events"), [(3, 3), (61, 1), (62, 2), (500, 470), (5_000, 3), (5_000, 4_990)]
)
def test_exits_one_by_one(at_risk: int, events: int) -> None:
    moment = np.array([1.0])
    counts = np.array([[float(at_risk)]]), np.array([[float(events)]])
    zero = np.zeros((1, 1))
    one = pd.DataFrame(index=range(1))
    data = Exits(one, "open", ("granted",), np.zeros(1, int), moment, np.ones(1, int), *counts, zero, zero)
    first, second = one_by_one(data)
    k = np.arange(at_risk - events + 1, at_risk + 1, dtype=float)
    np.testing.assert_allclose([first.item(), second.item()], [(1 / k).sum(), (1 / k**2).sum()], rtol=1e-12)


def test_a_curve_is_read_at_days_and_not_past_its_data() -> None:
    read = kaplan_meier(exits(BY_HAND)).at([1, 2, 3, 5])
    assert read["status"].tolist() == [VALUE, VALUE, VALUE, TOO_RECENT]
    np.testing.assert_array_equal(read["estimate"], [1, 0.5, 0.5, np.nan])


def test_a_curve_that_reaches_nought_has_no_error_there() -> None:
    everyone: list[Row] = [("a", 0, 1, "granted"), ("a", 0, 3, "granted")]
    frame = kaplan_meier(exits(everyone)).frame
    assert frame["estimate"].tolist() == [0.5, 0.0]
    assert frame.loc[1, ["std_error", "lower", "upper"]].isna().all()
    mean = restricted_mean(exits(everyone), 50).frame
    assert mean["estimate"].item() == 2


def test_everyone_censored_is_a_flat_curve() -> None:
    flat: list[Row] = [("a", 0, 3, None), ("a", 0, 5, None)]
    frame = kaplan_meier(exits(flat)).frame
    assert frame["estimate"].tolist() == [1, 1]
    assert frame["std_error"].tolist() == [0, 0]
    median = quantiles(kaplan_meier(exits(flat)), [0.5]).frame
    assert (median["status"].item(), bool(median["estimate"].isna().item())) == (TOO_RECENT, True)


def test_no_spells_are_no_curves() -> None:
    empty = flow_counts(
        pd.DataFrame(columns=["group", "state", "flow", "to_state", "day", "step", "count"]),
        ["group"],
        states=STATES,
        transitions=CHAIN,
    )
    nobody = leaving(empty, "open")
    curves = kaplan_meier(nobody)
    assert len(curves.frame) == len(quantiles(curves).frame) == len(restricted_mean(nobody, 5).frame) == 0


def test_the_middle_of_a_flat_piece_is_the_median() -> None:
    rows: list[Row] = [("a", 0, day, "granted") for day in (1, 2, 4, 7)]
    assert quantiles(kaplan_meier(exits(rows)), [0.5]).frame["estimate"].item() == 3
    until_nine: list[Row] = [*rows[:2], ("a", 0, 5, None), ("a", 0, 9, None)]
    assert quantiles(kaplan_meier(exits(until_nine)), [0.5]).frame["estimate"].item() == 5.5


def test_rows_of_competing_exits() -> None:
    rows: list[Row] = [("a", 0, 1, "granted"), ("a", 0, 2, "closed"), ("a", 0, 3, "granted")]
    with pytest.raises(EstimateError, match="closed: a competing exit is not censoring"):
        exits(rows, ["granted"])
    asked = leaving(count(stays(rows)), "open", ["granted"], others="censored")
    np.testing.assert_allclose(kaplan_meier(asked).frame["estimate"], [2 / 3, 2 / 3, 0])
    both = leaving(count(stays(rows)), "open", ["granted", "closed"])
    np.testing.assert_allclose(kaplan_meier(both).frame["estimate"], [2 / 3, 1 / 3, 0], atol=1e-15)


def test_a_later_start_asks_who_is_still_there() -> None:
    rows: list[Row] = [
        ("a", 0, 1, "granted"),
        ("a", 0, 4, "granted"),
        ("a", 0, 6, None),
        ("a", 3, 6, "granted"),
    ]
    later = exits(rows).after(3)
    np.testing.assert_allclose(kaplan_meier(later).frame["estimate"], [2 / 3, 1 / 3])
    assert restricted_mean(later, 6).frame["estimate"].item() == pytest.approx(1 + 2 * 2 / 3)
    with pytest.raises(EstimateError, match="Nobody is ever at risk, in stratum group a"):
        exits(rows).after(6)


def test_time_lost_is_the_rest_of_the_horizon() -> None:
    kept, lost = restricted_mean(exits(BY_HAND), 4).frame, time_lost(exits(BY_HAND), 4).frame
    assert kept["estimate"].item() == 2 + 2 * 0.5
    assert lost["estimate"].item() == 1.0
    assert (lost["upper"] + kept["lower"]).item() == pytest.approx(4)
    assert lost["std_error"].item() == kept["std_error"].item()


def test_a_horizon_past_follow_up_is_refused() -> None:
    with pytest.raises(EstimateError, match=r"5 is past what was followed in group a: .* until 4"):
        restricted_mean(exits(BY_HAND), 5)
    longer: list[Row] = [*BY_HAND, ("b", 0, 8, None)]
    with pytest.raises(EstimateError, match="8 is past what was followed in group a"):
        restricted_mean(exits(longer), "common")
    with pytest.raises(EstimateError, match="A horizon is a time after 0"):
        restricted_mean(exits(BY_HAND), 0)


def test_stays_of_no_length_count() -> None:
    rows = pd.DataFrame(
        {
            "subject_id": ["x", "y", "z"],
            "state": "open",
            "to_state": ["granted", "granted", None],
            "entered": [0, 0, 0],
            "entered_step": [0, 0, 0],
            "left": [0, 2, 2],
            "left_step": [1, 1, 32_767],
        }
    )
    risk = count(spells_as_stays(rows, entered_step="entered_step", left_step="left_step"))
    frame = kaplan_meier(leaving(risk, "open")).frame
    np.testing.assert_allclose(frame["estimate"], [2 / 3, 1 / 3])
    assert frame["time"].tolist() == [0, 2]


def test_robust_variance_of_one_stay_each_is_greenwood() -> None:
    from_the_start: list[Row] = [(group, 0, left, to) for group, _, left, to in BY_HAND]
    plain = kaplan_meier(exits(from_the_start)).frame
    robust = robust_kaplan_meier(stays(from_the_start), "open").frame
    np.testing.assert_allclose(robust[["estimate", "std_error"]], plain[["estimate", "std_error"]])


def test_copies_of_a_child_add_nothing_to_robust_certainty() -> None:
    data = stays(BY_HAND)
    names = ("subject", "stratum", "state", "entered", "left", "to", "weight")
    copied: dict[str, Any] = {name: np.tile(getattr(data, name), 2) for name in names}
    doubled = replace(data, **copied)
    once, both = robust_kaplan_meier(data, "open").frame, robust_kaplan_meier(doubled, "open").frame
    np.testing.assert_allclose(both["std_error"], once["std_error"])


TWO: list[Row] = [
    ("a", 0, 1, "granted"),
    ("a", 0, 3, "granted"),
    ("b", 0, 2, "granted"),
    ("b", 0, 4, None),
]


def test_log_rank_by_hand() -> None:
    test = log_rank(exits(TWO), ["group"])
    expected = 2 / 4 + 1 / 3 + 1 / 2
    variance = 1 / 4 + (1 / 3) * (2 / 3) + 1 / 4
    assert test.frame["observed"].tolist() == [2, 1]
    assert test.frame["expected"].tolist() == pytest.approx([expected, 3 - expected])
    assert test.statistic == pytest.approx((2 - expected) ** 2 / variance)
    assert test.df == 1


def test_the_trend_of_two_groups_is_the_log_rank_test() -> None:
    trend = log_rank_trend(exits(TWO), "group", {"a": 3, "b": 7})
    assert trend.statistic == pytest.approx(log_rank(exits(TWO), ["group"]).statistic)


def test_differences_of_restricted_means() -> None:
    three: list[Row] = [*TWO, ("c", 0, 2, "granted"), ("c", 0, 5, None)]
    pairs = restricted_mean_difference(exits(three), 4).frame
    assert pairs[["group", "against_group"]].to_numpy().tolist() == [["b", "a"], ["c", "a"], ["c", "b"]]
    means = restricted_mean(exits(three), 4).frame["estimate"].to_numpy()
    np.testing.assert_allclose(pairs["estimate"], means[[1, 2, 2]] - means[[0, 0, 1]])
    against = restricted_mean_difference(exits(three), 4, {"group": "b"}).frame
    assert against["group"].tolist() == ["a", "c"]
    np.testing.assert_allclose(against["estimate"], means[[0, 2]] - means[1])


def test_a_group_nobody_leaves_with_has_no_part() -> None:
    late: list[Row] = [*TWO, ("c", 4, 9, "closed")]
    asked = leaving(count(stays(late)), "open", ["granted"], others="censored")
    test = log_rank(asked, ["group"])
    assert test.df == 1
    assert test.frame.set_index("group").loc["c", "expected"] == 0
    assert test.statistic == pytest.approx(log_rank(exits(TWO), ["group"]).statistic)


def test_comparisons_that_cannot_be_made() -> None:
    data = exits(TWO)
    refused = [
        (lambda: log_rank(data, ["sex"]), "no column «sex» to compare by; there are group"),
        (lambda: log_rank(data, ["group"], ["group"]), "not stratified by the same"),
        (lambda: log_rank(exits(TWO[:2]), ["group"]), "needs two groups; there is 1"),
        (lambda: log_rank(exits([("a", 0, 1, None), ("b", 0, 1, None)]), ["group"]), "Nothing to compare"),
        (lambda: log_rank(data, ["group"], rho=np.nan), "must be a number"),
        (lambda: log_rank_trend(data, "group", {"a": 1}), "b of «group» has none"),
        (lambda: log_rank_trend(data, "group", {"a": 1, "b": 1}), "No trend to test"),
        (lambda: log_rank_trend(data, "group", {"a": 1, "b": np.nan}), "scores that are finite"),
        (lambda: restricted_mean_difference(data, 3, {"group": "z"}), "none of the groups"),
        (lambda: restricted_mean_difference(exits(TWO[:2]), 3), "needs two groups"),
        (lambda: restricted_mean_difference(data, 0.5), "has no variance"),
        (lambda: leaving(count(stays(TWO)), "closed"), "Nobody is ever at risk"),
        (lambda: leaving(count(stays(TWO)), "moved"), "no state «moved»"),
        (lambda: leaving(count(stays(TWO)), "open", ["open"]), "no transition from «open» to «open»"),
        (lambda: leaving(count(stays(TWO)), "open", []), "at least one state"),
        (lambda: kaplan_meier(data, interval="exact"), "found «exact»"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: kaplan_meier(data, level=95), "level lies between 0 and 1"),
        (lambda: nelson_aalen(data, variance="tsiatis"), "found «tsiatis»"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: nelson_aalen(data, interval="logit"), "plain or log"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: quantiles(kaplan_meier(data), [50]), "between 0 and 1"),
        (lambda: quantiles(nelson_aalen(data)), "survival curves"),
    ]
    for attempt, said in refused:
        with pytest.raises(EstimateError, match=said):
            attempt()


def test_weighted_counts_are_refused_where_persons_are_needed() -> None:
    weighted: list[Row] = [(*row, 1.5) for row in TWO]
    data = exits(weighted, weight="w")
    for attempt in (lambda: fleming_harrington(data), lambda: log_rank(data, ["group"])):
        with pytest.raises(EstimateError, match="these are weighted"):
            attempt()
    np.testing.assert_allclose(
        kaplan_meier(data).frame["estimate"], kaplan_meier(exits(TWO)).frame["estimate"]
    )


def test_gray_without_competing_exits_is_the_log_rank_score() -> None:
    rows: list[Row] = [*TWO, ("a", 0, 5, "granted"), ("b", 0, 6, "granted")]
    gray, plain = (
        gray_test(count(stays(rows)), "open", ["granted"], ["group"]),
        log_rank(exits(rows), ["group"]),
    )
    np.testing.assert_allclose(gray.frame["observed"], plain.frame["observed"])
    np.testing.assert_allclose(gray.frame["expected"], plain.frame["expected"])


def test_gray_refuses_delayed_entry_but_not_a_common_late_start() -> None:
    rows: list[Row] = [
        ("a", 0, 3, "granted"),
        ("b", 0, 4, "closed"),
        ("b", 0, 5, "granted"),
        ("a", 0, 6, None),
    ]
    late: list[Row] = [*rows, ("b", 3, 7, "granted")]
    with pytest.raises(EstimateError, match=r"at time 3, after others left it; .* on the clock of the state"):
        gray_test(count(stays(late)), "open", ["granted"], ["group"])
    moved: list[Row] = [(group, 2, int(str(left)) + 2, to) for group, _, left, to in rows]
    tests = [gray_test(count(stays(data)), "open", ["granted"], ["group"]) for data in (rows, moved)]
    assert tests[0].statistic == pytest.approx(tests[1].statistic)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:lifelines", "ignore:Starting with pandas")
def test_agrees_with_lifelines_and_scikit_survival_where_they_agree() -> None:
    random = np.random.default_rng(5)
    group, left = random.integers(0, 3, 300), np.ceil(random.exponential(9, 300))
    event = random.random(300) < 0.6
    rows: list[Row] = [
        (int(g), 0, t, "granted" if e else None) for g, t, e in zip(group, left, event, strict=True)
    ]
    data = exits(rows)
    curves, hazards = kaplan_meier(data).frame, nelson_aalen(data).frame
    for value in range(3):
        mine = group == value
        fitted = KaplanMeierFitter().fit(left[mine], event[mine]).survival_function_.iloc[1:, 0]
        found = curves.loc[curves["group"] == value, "estimate"]
        np.testing.assert_allclose(found, fitted, rtol=1e-12)
        np.testing.assert_allclose(found, kaplan_meier_estimator(event[mine], left[mine])[1], rtol=1e-12)
        hazard = nelson_aalen_estimator(event[mine], left[mine])[1]
        np.testing.assert_allclose(hazards.loc[hazards["group"] == value, "estimate"], hazard, rtol=1e-12)
    test = log_rank(data, ["group"])
    outcome = np.array(list(zip(event, left, strict=True)), dtype=[("event", bool), ("time", float)])
    assert test.statistic == pytest.approx(compare_survival(outcome, group)[0], rel=1e-12)
    theirs = multivariate_logrank_test(left, group, event).test_statistic
    assert test.statistic == pytest.approx(theirs, rel=1e-12)


def test_where_everyone_has_left_nothing_is_too_recent() -> None:
    everyone = kaplan_meier(exits([("a", 0, 3, "granted"), ("a", 0, 5, "granted")])).at([4, 5, 900])
    assert everyone["status"].tolist() == ["value"] * 3
    assert everyone["estimate"].tolist() == [0.5, 0, 0]
    someone = kaplan_meier(exits([("a", 0, 3, "granted"), ("a", 0, 5, None)])).at([5, 6])
    assert someone["status"].tolist() == ["value", "too_recent"]
    assert someone["at_risk"].tolist() == [1, 0]


@pytest.mark.parametrize("interval", ["log-log", "logit", "arcsine"])
def test_a_probability_of_one_but_for_rounding_has_no_bounds_on_scales_without_one(interval: str) -> None:
    probability, error = np.array([1 - 2e-16, 0.5]), np.array([4e-9, 0.1])
    lower, upper = survival_bounds(probability, error, interval, 0.95)
    assert np.isnan(lower[0]) and np.isnan(upper[0])
    assert lower[1] < 0.5 < upper[1]
