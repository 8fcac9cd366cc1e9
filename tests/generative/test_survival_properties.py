"""What must not change survival estimates: names, order, pieces, other strata; and what a variance is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import log_rank
from tracker.estimate.exits import Exits, leaving
from tracker.estimate.gray import gray_test
from tracker.estimate.results import Curves, Test
from tracker.estimate.risk_sets import RiskSets, count, spells_as_stays
from tracker.estimate.robust_survival import robust_kaplan_meier, robust_nelson_aalen
from tracker.estimate.survival import kaplan_meier, nelson_aalen
from tracker.estimate.survival_summaries import quantiles, restricted_mean

OPTIONS: dict[str, Any] = {
    "states": ["open", "granted", "closed"],
    "transitions": [("open", "granted"), ("open", "closed")],
}
FEW = settings(max_examples=40, deadline=None)


@st.composite
def spells(draw: st.DrawFn, late: bool = True) -> pd.DataFrame:
    """Spells in one state, day ties the rule, of children who may have several."""
    size = draw(st.integers(4, 25))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    entered = random.integers(0, 5, size) * (random.random(size) < 0.5) * late
    return pd.DataFrame(
        {
            "subject_id": random.integers(0, size, size),
            "state": "open",
            "entered": entered,
            "left": entered + random.integers(1, 7, size),
            "to_state": random.choice(np.array(["granted", "closed", None], object), size),
            "group": random.choice(np.array(["a", "b", "c"], object), size),
            "area": random.integers(0, 2, size),
            "w": random.choice([0.5, 1.0, 1.75], size),
        }
    )


def risk(frame: pd.DataFrame, *strata: str) -> RiskSets:
    return count(spells_as_stays(frame, strata=list(strata), **OPTIONS))


def exits(frame: pd.DataFrame, *strata: str) -> Exits:
    return leaving(risk(frame, *strata), "open", ["granted"], others="censored")


def values(curves: Curves) -> pd.DataFrame:
    """What the curves say at the end of every day, in order of the strata."""
    read = curves.at(range(12)).sort_values([*curves.strata, "time"], ignore_index=True)
    return read[[*curves.strata, "time", "estimate", "std_error", "lower", "upper", "status"]]


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Equal to ten digits; where a variance is zero, its error is a root of rounding, to seven places."""
    assert len(one) == len(other)
    nought = np.fmax(one["std_error"], other["std_error"]) < 3e-8
    rooted = ["std_error", "lower", "upper"]
    pd.testing.assert_frame_equal(one[~nought], other[~nought], check_dtype=False, rtol=1e-10, atol=1e-12)
    pd.testing.assert_frame_equal(
        one[nought].drop(columns=rooted), other[nought].drop(columns=rooted), rtol=1e-10, atol=1e-12
    )
    pd.testing.assert_frame_equal(one.loc[nought, rooted], other.loc[nought, rooted], rtol=0, atol=1e-7)


@FEW
@given(spells(), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(frame: pd.DataFrame, random: Any) -> None:
    order = random.sample(range(len(frame)), len(frame))
    moved = frame.iloc[order].assign(subject_id=lambda rows: "child " + (90 - rows["subject_id"]).astype(str))
    for curve in (kaplan_meier, nelson_aalen):
        same(values(curve(exits(frame, "group"))), values(curve(exits(moved, "group"))))
    one, other = (
        robust_kaplan_meier(
            spells_as_stays(rows, strata=["group"], **OPTIONS), "open", ["granted"], "censored"
        )
        for rows in (frame, moved)
    )
    same(values(one), values(other))


@FEW
@given(spells(), st.integers(0, 24), st.integers(1, 6))
def test_a_spell_in_two_pieces_is_the_same_spell(frame: pd.DataFrame, number: int, days: int) -> None:
    row = frame.iloc[[number % len(frame)]]
    cut = row["entered"].iloc[0] + days
    assume(cut < row["left"].iloc[0])
    rest = frame.drop(row.index)
    pieces = pd.concat(
        [rest, row.assign(left=cut, to_state=None), row.assign(entered=cut)], ignore_index=True
    )
    for curve in (kaplan_meier, nelson_aalen):
        same(values(curve(exits(frame, "group"))), values(curve(exits(pieces, "group"))))
    whole, cut_up = (
        robust_kaplan_meier(spells_as_stays(rows, **OPTIONS), "open", ["granted"], "censored")
        for rows in (frame, pieces)
    )
    same(values(whole), values(cut_up))


@FEW
@given(spells(), spells())
def test_another_stratum_changes_nothing(frame: pd.DataFrame, other: pd.DataFrame) -> None:
    both = pd.concat([frame.assign(where="here"), other.assign(where="there", left=other["left"] + 3)])
    together = values(kaplan_meier(exits(both, "where")))
    alone = values(kaplan_meier(exits(frame.assign(where="here"), "where")))
    same(together[together["where"] == "here"].reset_index(drop=True), alone)


@FEW
@given(spells())
def test_pooled_strata_are_everyone(frame: pd.DataFrame) -> None:
    pooled = leaving(risk(frame, "group", "area").pooled(), "open", ["granted"], others="censored")
    same(values(kaplan_meier(pooled)), values(kaplan_meier(exits(frame))))
    summed = quantiles(kaplan_meier(pooled)).frame
    pd.testing.assert_frame_equal(summed, quantiles(kaplan_meier(exits(frame))).frame)


def statistic(test: Any) -> tuple[float, float] | str:
    try:
        found: Test = test()
    except EstimateError as refused:
        return str(refused).split(":")[0]
    return round(found.statistic, 8), found.df


@FEW
@given(spells(late=False), st.permutations(["a", "b", "c"]), st.sampled_from([0.0, 1.0]))
def test_comparisons_know_no_names_of_groups(frame: pd.DataFrame, names: list[str], rho: float) -> None:
    renamed = frame.assign(group=frame["group"].map(dict(zip("abc", names, strict=True))))
    one, other = (
        statistic(lambda rows=rows: log_rank(exits(rows, "group", "area"), ["group"], ["area"], rho=rho))
        for rows in (frame, renamed)
    )
    assert one == other
    grays = [
        statistic(lambda rows=rows: gray_test(risk(rows, "group"), "open", ["granted"], ["group"], rho=rho))
        for rows in (frame, renamed)
        if (frame["to_state"] == "granted").any()
    ]
    assert len(set(grays)) <= 1


@FEW
@given(spells())
def test_one_stratum_is_no_stratum(frame: pd.DataFrame) -> None:
    everyone = frame.assign(all="yes")
    plain = statistic(lambda: log_rank(exits(everyone, "group"), ["group"]))
    assert plain == statistic(lambda: log_rank(exits(everyone, "group", "all"), ["group"], ["all"]))
    assert plain == statistic(lambda: log_rank(exits(everyone, "group", "area"), ["group"]))


@FEW
@given(spells(late=False))
def test_without_censoring_the_curve_is_the_share_left(frame: pd.DataFrame) -> None:
    gone = frame.assign(to_state="granted")
    read = kaplan_meier(exits(gone)).at([0, 1, 2, 3])
    known = read["status"] == "value"
    share = [(gone["left"] > day).mean() for day in read.loc[known, "time"]]
    np.testing.assert_allclose(read.loc[known, "estimate"], share, atol=1e-12)
    mean = restricted_mean(exits(gone), 6).frame["estimate"].item()
    np.testing.assert_allclose(mean, gone["left"].clip(upper=6).mean())


def _shifted(frame: pd.DataFrame, child: object, by: float) -> tuple[np.ndarray, np.ndarray]:
    """Curves with the weight of one child's spells changed by a share."""
    weight = frame["w"] * np.where(frame["subject_id"] == child, 1 + by, 1.0)
    data = leaving(
        count(spells_as_stays(frame.assign(w=weight), weight="w", **OPTIONS)), "open", ["granted"], "censored"
    )
    return tuple(curve(data).frame["estimate"].to_numpy() for curve in (kaplan_meier, nelson_aalen))  # type: ignore[return-value]  # two curves


@settings(max_examples=15, deadline=None)
@given(spells())
def test_robust_variance_is_the_sum_of_squared_derivatives(frame: pd.DataFrame) -> None:
    data = spells_as_stays(frame, weight="w", **OPTIONS)
    total = [0.0, 0.0]
    for child in frame["subject_id"].unique():
        up, down = _shifted(frame, child, 1e-5), _shifted(frame, child, -1e-5)
        total = [total[i] + ((up[i] - down[i]) / 2e-5) ** 2 for i in (0, 1)]
    survival = robust_kaplan_meier(data, "open", ["granted"], "censored").frame
    hazard = robust_nelson_aalen(data, "open", ["granted"], "censored").frame
    some = survival["estimate"] > 0
    np.testing.assert_allclose(survival["std_error"][some], np.sqrt(total[0])[some], atol=1e-7)
    np.testing.assert_allclose(hazard["std_error"], np.sqrt(total[1]), atol=1e-7)
