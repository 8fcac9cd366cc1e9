"""State occupation on small tables: same-day steps, starts, ends, refusals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tracker.domain.errors import EstimateError
from tracker.estimate.incidence import cumulative_incidence, exits_of, leaving
from tracker.estimate.influence import InfluenceTables, influence_tables
from tracker.estimate.landmark import landmark, landmark_aalen_johansen
from tracker.estimate.markov import markov_test
from tracker.estimate.occupation import aalen_johansen
from tracker.estimate.results import About
from tracker.estimate.risk_sets import RiskSets, Stays, count, flow_counts, spells_as_stays
from tracker.estimate.robust import clustered, robust_expected_time, robust_occupation
from tracker.estimate.sojourn import expected_time, restricted_mean_sojourn
from tracker.estimate.squared_influence import SquaredInfluence, squared_influence
from tracker.estimate.starting import Mix
from tracker.estimate.transition_matrix import transition_matrices

COLUMNS = ["subject_id", "state", "to_state", "entered", "left"]
SMALL: list[tuple[Any, ...]] = [
    (1, "a", "b", 0, 2),
    (1, "b", "a", 2, 3),
    (1, "a", None, 3, 6),
    (2, "a", "b", 0, 2),
    (2, "b", "c", 2, 4),
    (3, "a", "c", 0, 3),
    (4, "b", "a", 0, 2),
    (4, "a", None, 2, 5),
    (5, "a", "b", 1, 4),
    (5, "b", None, 4, 7),
]


def stays(rows: list[tuple[Any, ...]] = SMALL, **options: Any) -> Stays:
    return spells_as_stays(pd.DataFrame(rows, columns=COLUMNS), states=["a", "b", "c"], **options)


def values(frame: pd.DataFrame, column: str = "estimate") -> list[float]:
    return [round(float(value), 12) for value in frame[column]]


def on_state_clock(risk: RiskSets) -> RiskSets:
    return RiskSets(**{**vars(risk), "about": About(clock="state")})


def test_by_hand() -> None:
    curves = aalen_johansen(count(stays()), initial=Mix.GIVEN).curves()
    read = curves.at([0, 2, 3])
    # Day 2: of four in a two leave for b, the one in b for a. Day 3: of three in a one dies, of two in b one
    # goes to a.
    assert values(read[read["state"] == "a"]) == [0.75, 0.625, round(0.625 * 2 / 3 + 0.375 / 2, 12)]
    assert values(read[read["state"] == "c"]) == [0, 0, round(0.625 / 3, 12)]
    assert values(read[read["state"] == "a"], "at_risk")[0] == 3


def test_a_transition_a_stay_of_no_length_and_another_on_one_day() -> None:
    """Steps of a day follow each other: who arrives at step 1 is at risk at step 2."""
    table = pd.DataFrame(
        [
            ("a", "entered", None, 0, 0, 4),
            ("a", "transition", "b", 5, 1, 2),
            ("b", "entered", None, 5, 1, 2),
            ("b", "transition", "c", 5, 2, 1),
            ("c", "entered", None, 5, 2, 1),
            ("b", "censored", None, 9, 32767, 1),
            ("a", "censored", None, 9, 32767, 2),
            ("c", "censored", None, 9, 32767, 1),
        ],
        columns=["state", "flow", "to_state", "day", "step", "count"],
    )
    read = aalen_johansen(flow_counts(table)).curves().at([4, 5, 9])
    assert values(read[read["state"] == "a"]) == [1, 0.5, 0.5]
    assert values(read[read["state"] == "b"]) == [0, 0.25, 0.25]
    assert values(read[read["state"] == "c"]) == [0, 0.25, 0.25]


def test_curves_end_where_nobody_is_at_risk() -> None:
    read = aalen_johansen(count(stays())).curves().at([7, 8])
    assert set(read.loc[read["time"] == 7, "status"]) == {"value"}
    assert set(read.loc[read["time"] == 8, "status"]) == {"too_recent"}
    assert read.loc[read["time"] == 8, "estimate"].isna().all()


def test_before_a_curve_starts_it_has_no_value() -> None:
    read = aalen_johansen(count(stays()), initial="a", since=2).curves().at([1, 2])
    assert list(read["status"]) == ["not_applicable", "value"] * 3
    assert values(read[read["time"] == 2]) == [1, 0, 0]


def test_strata_end_each_at_its_own_time() -> None:
    for child, expected in ((4, ["value", "too_recent"] * 3), (3, ["value"] * 6)):
        # Nobody was followed longer than child 4, who may yet move; child 3 has come to where all ends.
        rows = [(*row, "early" if row[0] == child else "late") for row in SMALL]
        frame = pd.DataFrame(rows, columns=[*COLUMNS, "group"])
        fit = aalen_johansen(count(spells_as_stays(frame, strata=["group"], states=["a", "b", "c"])))
        read = fit.curves().at([5, 6])
        assert list(read.loc[read["group"] == "early", "status"]) == expected
        assert list(read.loc[read["group"] == "late", "status"]) == ["value"] * 6
        robust = robust_occupation(fit, clustered(fit, spells_as_stays(frame, strata=["group"]), [5, 6]))
        assert list(robust.frame.loc[robust.frame["group"] == "early", "status"]) == expected


def test_incidence_is_known_for_good_once_everyone_has_left() -> None:
    rows = [(1, "a", "b", 0, 2), (2, "a", "c", 0, 3)]
    read = cumulative_incidence(count(stays(rows)), "a").at([2, 3, 700])
    assert list(read["status"]) == ["value"] * 6
    assert values(read) == [0.5, 0.5, 0.5, 0, 0.5, 0.5]
    waiting = cumulative_incidence(count(stays([*rows, (3, "a", None, 0, 5)])), "a").at([5, 6])
    assert list(waiting["status"]) == ["value", "too_recent"] * 2


def test_a_sampled_mix_adds_its_variance() -> None:
    given, sampled = (
        aalen_johansen(count(stays()), initial=mix).curves().frame for mix in Mix.__reversed__()
    )
    start = given.groupby("state", sort=False).head(1), sampled.groupby("state", sort=False).head(1)
    assert values(start[0], "std_error") == [0, 0, 0]
    spread = np.sqrt(0.75 * 0.25 / 4)
    assert values(start[1], "std_error") == [round(spread, 12), round(spread, 12), 0]


def test_aalens_variance_is_not_smaller_than_greenwoods() -> None:
    risk = count(stays())
    poisson, multinomial = (
        aalen_johansen(risk, initial="a", variance=kind).curves().frame["std_error"]
        for kind in ("aalen", "greenwood")
    )
    assert np.all(poisson >= multinomial - 1e-12)
    assert np.any(poisson > multinomial + 1e-3)


def test_aalens_variance_of_one_step() -> None:
    """Three of ten leave, two for b and one for c: Var = 2/100, 1/100 and their sum."""
    rows = [(n, "a", "b" if n < 2 else "c" if n < 3 else None, 0, 1 if n < 3 else 2) for n in range(10)]
    read = aalen_johansen(count(stays(rows)), initial="a", variance="aalen").curves().at([1])
    np.testing.assert_allclose(read["std_error"] ** 2, [0.03, 0.02, 0.01], atol=1e-15)


def test_expected_times_add_up_and_lie_within_the_curves() -> None:
    fit = aalen_johansen(count(stays()))
    frame = expected_time(fit, [3, 6.5]).frame
    assert frame.groupby("horizon")["estimate"].sum().round(12).tolist() == [3, 6.5]
    read = fit.curves().at([0, 1, 2])
    area = read.groupby("state")["estimate"].sum()
    np.testing.assert_allclose(frame.loc[frame["horizon"] == 3, "estimate"], area)


def test_mean_sojourn_on_the_clock_of_the_state() -> None:
    rows = [(1, "b", "a", 0, 1), (2, "b", "c", 0, 2), (3, "b", None, 0, 3), (4, "b", "c", 0, 2)]
    risk = on_state_clock(count(stays(rows)))
    frame = restricted_mean_sojourn(risk, "b", [3]).frame
    assert frame["state"].tolist() == ["b"]
    assert values(frame) == [1 + 0.75 + 0.25]
    assert frame["events"].tolist() == [3]


def test_incidence_of_leaving_on_the_clock_of_the_state() -> None:
    rows = [(1, "a", "b", 0, 1), (1, "b", "a", 0, 2), (1, "a", "c", 0, 2), (2, "a", None, 0, 3)]
    risk = on_state_clock(count(stays(rows)))
    read = cumulative_incidence(risk, "a").at([0, 1, 2])
    assert values(read[read["cause"] == "b"]) == [0, round(1 / 3, 12), round(1 / 3, 12)]
    assert values(read[read["cause"] == "c"]) == [0, 0, round(1 / 3, 12)]
    assert read["at_risk"].tolist() == [3, 3, 2] * 2


def test_without_ties_the_delta_method_is_aalens_variance() -> None:
    rng = np.random.default_rng(1)
    exits, days = rng.choice(["b", "c", None], 200), rng.uniform(1, 9, 200)
    rows = [(n, "a", to, 0, day) for n, (to, day) in enumerate(zip(exits, days, strict=True))]
    delta, poisson = (
        cumulative_incidence(count(stays(rows)), "a", variance=kind).frame.query("events > 0")
        for kind in ("delta", "aalen")
    )
    np.testing.assert_allclose(delta["std_error"], poisson["std_error"], rtol=1e-9)


def test_matrices_have_rows_that_sum_to_one_and_covariances_to_zero() -> None:
    found = transition_matrices(count(stays()), [2, 4, 7, 9])
    np.testing.assert_allclose(found.probability[:, :3].sum(-1), 1)
    np.testing.assert_allclose(found.covariance[:, :3].sum(3), 0, atol=1e-15)
    assert np.isnan(found.probability[:, 3]).all()
    frame = found.summary().frame
    assert frame.loc[frame["time"] == 9, "status"].unique().tolist() == ["too_recent"]
    row = frame[(frame["state"] == "a") & (frame["to_state"] == "b") & (frame["time"] == 4)]
    same = aalen_johansen(count(stays()), initial="a", since=0).curves().at([4])
    assert values(row) == values(same[same["state"] == "b"])
    assert values(row, "lower") == values(same[same["state"] == "b"], "lower")


def test_sums_of_municipalities_are_the_national_sum() -> None:
    frame = pd.DataFrame(SMALL, columns=COLUMNS)
    fit = aalen_johansen(count(stays()))
    tables = InfluenceTables.from_json(influence_tables(fit, [2, 4, 6], [5]).to_json())
    national = clustered(fit, stays(), [2, 4, 6], [5])
    first, rest = (
        squared_influence(spells_as_stays(part), tables)
        for part in (frame[frame["subject_id"] < 3], frame[frame["subject_id"] >= 3])
    )
    total = SquaredInfluence.from_json(first.to_json()) + rest
    np.testing.assert_allclose(total.squares, national.squares, rtol=1e-12, atol=1e-18)
    assert total.children.tolist() == [5]
    found = robust_expected_time(fit, total).frame
    assert found["std_error"].gt(0).all()


def test_a_municipality_without_children_adds_nothing() -> None:
    fit = aalen_johansen(count(stays()))
    none = spells_as_stays(pd.DataFrame(columns=COLUMNS), states=["a", "b", "c"])
    assert not squared_influence(none, influence_tables(fit, [2])).squares.any()


def numeric_jackknife(frame: pd.DataFrame, times: list[float], horizon: float) -> np.ndarray:
    """The influence of each child by central differences in its weight."""

    def estimate(weights: pd.Series) -> np.ndarray:
        rows = frame.assign(w=frame["w"] * frame["subject_id"].map(weights))
        fit = aalen_johansen(count(spells_as_stays(rows, weight="w", states=["a", "b", "c"])))
        read = fit.curves().at(times).sort_values(["time", "state"])
        return np.concatenate([read["estimate"], expected_time(fit, [horizon]).frame["estimate"]])

    children = frame["subject_id"].unique()
    flat = pd.Series(1.0, index=children)
    moved = []
    for child in children:
        up, down = flat.copy(), flat.copy()
        up[child], down[child] = 1 + 1e-4, 1 - 1e-4
        moved.append((estimate(up) - estimate(down)) / 2e-4)
    return np.sqrt((np.array(moved) ** 2).sum(0))


def test_robust_errors_are_the_numerical_jackknife_with_weights() -> None:
    frame = pd.DataFrame(SMALL, columns=COLUMNS)
    frame["w"] = frame["subject_id"].map({1: 1.0, 2: 2.5, 3: 1.0, 4: 0.5, 5: 3.0})
    rows = spells_as_stays(frame, weight="w", states=["a", "b", "c"])
    fit = aalen_johansen(count(rows))
    squares = clustered(fit, rows, [0, 2, 3, 4, 6], [6.5]).squares[0]
    wanted = numeric_jackknife(frame, [0, 2, 3, 4, 6], 6.5)
    np.testing.assert_allclose(np.sqrt(np.einsum("tjj->tj", squares)).ravel(), wanted, atol=1e-7)


def test_a_landmark_is_the_share_of_those_there() -> None:
    """Without censoring the estimate is what became of them."""
    rows = [
        (1, "a", "b", 0, 2), (1, "b", "c", 2, 9),
        (2, "a", "b", 0, 3), (2, "b", "a", 3, 6), (2, "a", "c", 6, 9),
        (3, "b", "a", 0, 5), (3, "a", "c", 5, 9),
        (4, "a", "c", 0, 9), (5, "b", "c", 4, 9),
    ]  # fmt: skip
    fit, followed = landmark_aalen_johansen(stays(rows), 3, "b")
    read = fit.curves().at([3, 5, 6])
    assert values(read[read["state"] == "a"]) == [0, round(1 / 3, 12), round(2 / 3, 12)]
    assert sorted(set(followed.subject)) == [0, 1, 2]
    assert robust_occupation(fit, clustered(fit, followed, [5])).frame["status"].eq("value").all()


def test_a_stratum_nobody_of_whom_is_at_the_landmark_is_left_out() -> None:
    frame = pd.DataFrame(SMALL, columns=COLUMNS).assign(group=lambda rows: rows["subject_id"] % 2)
    followed = landmark(spells_as_stays(frame, strata=["group"]), 2, "b")
    assert followed.strata["group"].tolist() == [0, 1]
    assert landmark(spells_as_stays(frame, strata=["group"]), 4, "b").strata["group"].tolist() == [1]


def chain(children: int, seed: int, memory: float) -> Stays:
    """Days in a and b by turns, or to c: with memory, who began in b leaves b for c more often."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    for child in range(children):
        first = state = "ab"[rng.integers(2)]
        since, end = 0, int(rng.integers(20, 50))
        for day in range(1, end + 1):
            out = (0.02 if state == "b" else 0.01) * (1 + memory * (first == "b" and state == "b"))
            draw = rng.random()
            to = "c" if draw < out else {"a": "b", "b": "a"}[state] if draw < out + 0.03 else None
            if to is None:
                continue
            rows.append((child, state, to, since, day))
            state, since = to, day
            if to == "c":
                break
        else:
            if since < end:
                rows.append((child, state, None, since, end))
    return stays(rows)


def test_a_chain_with_memory_is_found_out() -> None:
    found = markov_test(chain(500, 3, 4.0), ("b", "c"), [2, 5, 8], np.random.default_rng(1), replicates=2000)
    assert found.p_value < 0.01
    assert set(found.frame.columns) >= {"landmark", "state", "children", "observed", "expected", "z"}
    again = markov_test(chain(500, 3, 4.0), ("b", "c"), [2, 5, 8], np.random.default_rng(1), replicates=2000)
    assert again.p_value == found.p_value


def test_one_landmark_is_a_chi_squared_test() -> None:
    """The bootstrap of one landmark comes to its chi-squared p-value; observed and expected balance."""
    found = markov_test(chain(250, 4, 0.0), ("b", "c"), [8], np.random.default_rng(1), replicates=20_000)
    assert found.df == 1
    assert found.p_value == pytest.approx(found.frame["p_value"].iloc[0], abs=0.015)
    assert found.frame["observed"].sum() == pytest.approx(found.frame["expected"].sum())


REFUSED: list[tuple[str, Any]] = [
    (
        "On the clock of the state everyone starts anew",
        lambda: aalen_johansen(on_state_clock(count(stays()))),
    ),
    (
        "On the clock of the state there are no",
        lambda: transition_matrices(on_state_clock(count(stays())), [3]),
    ),
    ("Nobody is observed at the end of day 9", lambda: aalen_johansen(count(stays()), since=9)),
    ("Nobody is at risk after the start", lambda: aalen_johansen(count(stays()), initial="a", since=9)),
    ("Nobody is at risk after 9", lambda: transition_matrices(count(stays()), [10], since=9)),
    ("There is no state «d»", lambda: aalen_johansen(count(stays()), initial="d")),
    ("sum to one", lambda: aalen_johansen(count(stays()), initial={"a": 0.5, "b": 0.4})),
    ("sum to one", lambda: aalen_johansen(count(stays()), initial={"a": 1.5, "b": -0.5})),
    ("nobody is ever at risk there", lambda: aalen_johansen(count(stays(SMALL[:3])), initial="b", since=3)),
    ("zero or more", lambda: aalen_johansen(count(stays()), since=-1)),
    ("Nobody was followed to 8", lambda: expected_time(aalen_johansen(count(stays())), [8])),
    ("A horizon lies after the start", lambda: expected_time(aalen_johansen(count(stays())), [0])),
    ("Some come back to «a»", lambda: leaving(count(stays()), "a")),
    ("Some come back to «a»", lambda: exits_of(stays(), "a")),
    ("There is no way out of «c»", lambda: exits_of(stays(), "c")),
    ("is not left for a", lambda: cumulative_incidence(on_state_clock(count(stays())), "a", ["a"])),
    ("Times of transition probabilities", lambda: transition_matrices(count(stays()), [3, 2])),
    ("at least one is needed", lambda: influence_tables(aalen_johansen(count(stays())))),
    ("Nobody is observed in «b» at 7", lambda: landmark(stays(), 7, "b")),
    ("A landmark is a time", lambda: landmark(stays(), -1, "b")),
    (
        "no transition from «c» to «a»",
        lambda: markov_test(stays(), ("c", "a"), [1], np.random.default_rng(1)),
    ),
    ("No landmark tells anything", lambda: markov_test(stays(), ("a", "c"), [3], np.random.default_rng(1))),
    ("No landmark tells anything", lambda: markov_test(stays(), ("a", "c"), [90], np.random.default_rng(1))),
    ("Landmarks are times", lambda: markov_test(stays(), ("a", "c"), [3, 1], np.random.default_rng(1))),
    ("not influence tables", lambda: InfluenceTables.from_json('{"format": "other"}')),
    ("not squared influences", lambda: SquaredInfluence.from_json('{"format": "other"}')),
    ("Intervals are", lambda: aalen_johansen(count(stays())).curves(interval="wide")),  # type: ignore[arg-type]  # wrong on purpose
]


@pytest.mark.parametrize(("sentence", "attempt"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_refused_in_a_sentence(sentence: str, attempt: Any) -> None:
    with pytest.raises(EstimateError, match=sentence):
        attempt()


def test_tables_refuse_what_they_do_not_know() -> None:
    tables = influence_tables(aalen_johansen(count(stays())), [3])
    with pytest.raises(EstimateError, match="no state d"):
        squared_influence(spells_as_stays(pd.DataFrame([(1, "d", None, 0, 2)], columns=COLUMNS)), tables)
    with pytest.raises(EstimateError, match="Spells move where"):
        squared_influence(spells_as_stays(pd.DataFrame([(1, "a", "b", 0, 2.5)], columns=COLUMNS)), tables)
    other = pd.DataFrame([(1, "a", None, 0, 2, "x")], columns=[*COLUMNS, "group"])
    with pytest.raises(EstimateError, match="no such stratum"):
        squared_influence(spells_as_stays(other, strata=["group"]), tables)
    sums = squared_influence(stays(), tables)
    with pytest.raises(EstimateError, match="same tables"):
        _ = sums + squared_influence(stays(), influence_tables(aalen_johansen(count(stays())), [4]))


def test_everyone_censored_stays_where_they_were() -> None:
    rows: list[tuple[Any, ...]] = [(1, "a", None, 0, 4), (2, "b", None, 0, 5)]
    found = stays(rows, transitions=[("a", "b")])
    fit = aalen_johansen(count(found))
    read = fit.curves().at([3, 5])
    assert values(read) == [0.5, 0.5, 0.5, 0.5, 0, 0]
    robust = robust_occupation(fit, clustered(fit, found, [3])).frame
    assert values(robust, "std_error") == [round(np.sqrt(2 * 0.25**2), 12)] * 2 + [0]
