"""What must hold of recurrence whatever the stays: by the hand of the definition, and under relabelling."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.estimate.recurrence import gap_incidence, gap_incidence_robust, mean_count, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_rows import EVENT, NUMBER, OBSERVED, each_event, event_rows, since_last_event
from tracker.estimate.results import About, Curves
from tracker.estimate.risk_sets import END, Stays, count, spells_as_stays

AGAIN = Recurrence(into=("referral",))
UNTIL_ADULT = Recurrence(into=("referral",), terminal=("adult",))
STATES = ["closed", "referral", "adult"]


@st.composite
def histories(draw: st.DrawFn, children: int = 8) -> pd.DataFrame:
    """Children in and out of `closed` and `referral`: late entries, ties and stays of no length."""
    rows = []
    for child in range(draw(st.integers(1, children))):
        day, step = draw(st.integers(0, 2)), 0
        state = draw(st.sampled_from(["closed", "referral"]))
        for _ in range(draw(st.integers(1, 5))):
            stays_on = draw(st.integers(0, 3))
            left_step = step + 1 if stays_on == 0 else 1
            exits = ["referral" if state == "closed" else "closed", None, "adult"]
            to = draw(st.sampled_from(exits))
            rows.append((child, child % 2, state, to, day, step, day + stays_on, left_step if to else END))
            if to is None or to == "adult":
                break
            day, step, state = day + stays_on, left_step, to
    names = ["child", "group", "state", "to", "entered", "entered_step", "left", "left_step"]
    return pd.DataFrame(rows, columns=names)


def as_stays(rows: pd.DataFrame, strata: tuple[str, ...] = (), weight: str | None = None) -> Stays:
    return spells_as_stays(
        rows,
        subject="child",
        to_state="to",
        entered_step="entered_step",
        left_step="left_step",
        strata=strata,
        states=STATES,
        weight=weight,
    )


def on_state_clock(rows: pd.DataFrame) -> pd.DataFrame:
    """Each stay from its own beginning, all that happens on a day tied."""
    ended = rows["to"].notna()
    return rows.assign(
        entered=0, entered_step=0, left=rows["left"] - rows["entered"], left_step=np.where(ended, 1, END)
    )


def numbers(curves: Curves) -> np.ndarray:
    return curves.frame[["time", "step", "at_risk", "events", "estimate", "std_error"]].to_numpy(float)


def by_definition(rows: pd.DataFrame, event: Recurrence) -> dict[tuple[float, int], float]:
    """Sum of S(u−) dN/Y, a moment after the other."""
    begins = list(zip(rows["entered"], rows["entered_step"], strict=True))
    ends = list(zip(rows["left"], rows["left_step"], strict=True))
    staying, mean, curve = 1.0, 0.0, {}
    for moment in sorted(set(ends)):
        weight = rows["weight"].to_numpy()
        here = np.array([a < moment <= b for a, b in zip(begins, ends, strict=True)])
        leave = np.array([b == moment for b in ends])
        at_risk = weight[here].sum()
        mean += staying * weight[leave & rows["to"].isin(event.into).to_numpy()].sum() / at_risk
        staying *= 1 - weight[leave & rows["to"].isin(event.terminal).to_numpy()].sum() / at_risk
        curve[moment] = mean
    return curve


def influences(rows: pd.DataFrame, event: Recurrence) -> dict[tuple[float, int], float]:
    """The infinitesimal jackknife by differences: each child weighted a little more and a little less."""
    squares: dict[tuple[float, int], float] = {}
    for child in rows["child"].unique():
        step = np.where(rows["child"] == child, 1e-5, 0.0)
        more, less = (by_definition(rows.assign(weight=1 + sign * step), event) for sign in (1, -1))
        for moment in more:
            squares[moment] = squares.get(moment, 0.0) + ((more[moment] - less[moment]) / 2e-5) ** 2
    return {moment: float(np.sqrt(value)) for moment, value in squares.items()}


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from([AGAIN, UNTIL_ADULT]))
def test_mean_count_and_its_variance_are_the_definition(rows: pd.DataFrame, event: Recurrence) -> None:
    curves = mean_count_robust(as_stays(rows), event)
    expected, errors = by_definition(rows.assign(weight=1.0), event), influences(rows, event)
    for time, step, _, _, estimate, error in numbers(curves):
        assert abs(estimate - expected[time, int(step)]) < 1e-12
        assert abs(error - errors[time, int(step)]) < 1e-7


@settings(max_examples=30, deadline=None)
@given(histories())
def test_gap_incidence_by_child_is_the_jackknife_and_sums_to_those_gone(rows: pd.DataFrame) -> None:
    gaps = on_state_clock(rows[rows["state"] == "closed"])
    if gaps.empty or gaps["to"].isna().all():
        return
    stays = replace(as_stays(gaps), about=About(clock="state"))
    curves = gap_incidence_robust(stays, "closed")
    frame = curves.frame
    everyone = Recurrence(into=("referral",), terminal=("referral", "adult"))
    errors = influences(gaps, everyone)
    again = replace(curves, frame=frame[frame["cause"] == "referral"])
    for time, step, _, _, _, error in numbers(again):
        assert abs(error - errors.get((time, int(step)), error)) < 1e-7
    counted = gap_incidence(count(stays), "closed").frame
    np.testing.assert_array_equal(frame["estimate"], counted["estimate"])
    assert (frame.groupby(["time", "step"])["estimate"].sum() <= 1 + 1e-12).all()


@settings(max_examples=30, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(rows: pd.DataFrame, rng: np.random.RandomState) -> None:
    order = list(range(len(rows)))
    rng.shuffle(order)
    shuffled = rows.iloc[order].assign(child=lambda d: 1000 - 7 * d["child"])
    for event in (AGAIN, UNTIL_ADULT):
        ours, theirs = (numbers(mean_count_robust(as_stays(r), event)) for r in (rows, shuffled))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(histories(), st.data())
def test_a_stay_in_two_pieces_is_one_stay(rows: pd.DataFrame, data: st.DataObject) -> None:
    long = rows.index[rows["left"] > rows["entered"]]
    if long.empty:
        return
    cut = data.draw(st.sampled_from(list(long)))
    row = rows.loc[cut]
    day = int(data.draw(st.integers(int(row["entered"]), int(row["left"]) - 1)))
    first = rows.loc[[cut]].assign(to=None, left=day, left_step=END)
    second = rows.loc[[cut]].assign(entered=day, entered_step=END)
    pieces = pd.concat([rows.drop(index=cut), first, second])
    for event in (AGAIN, UNTIL_ADULT):
        whole, split = (mean_count_robust(as_stays(r), event) for r in (rows, pieces))
        found = {tuple(row[:2]): row for row in numbers(split)}
        for row in numbers(whole):
            np.testing.assert_allclose(found[tuple(row[:2])], row, rtol=0, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(histories())
def test_a_stratum_is_what_it_is_alone_and_two_copies_halve_the_variance(rows: pd.DataFrame) -> None:
    by_group = mean_count_robust(as_stays(rows, ("group",)), UNTIL_ADULT)
    for group, part in rows.groupby("group"):
        alone = numbers(mean_count_robust(as_stays(part), UNTIL_ADULT))
        ours = by_group.frame[by_group.frame["group"] == group]
        np.testing.assert_allclose(numbers(replace(by_group, frame=ours)), alone, rtol=0, atol=1e-12)
    twice = pd.concat([rows, rows.assign(child=rows["child"] + 100)])
    once, both = (mean_count_robust(as_stays(r), AGAIN).frame for r in (rows, twice))
    np.testing.assert_allclose(both["estimate"], once["estimate"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(both["std_error"] * np.sqrt(2), once["std_error"], rtol=0, atol=1e-12)
    poisson = mean_count(count(as_stays(twice)), AGAIN).frame
    np.testing.assert_allclose(
        poisson["std_error"] * np.sqrt(2),
        mean_count(count(as_stays(rows)), AGAIN).frame["std_error"],
        rtol=0,
        atol=1e-12,
    )


@settings(max_examples=60, deadline=None)
@given(histories())
def test_rows_hold_every_event_once_and_the_gap_clock_starts_anew(rows: pd.DataFrame) -> None:
    stays = as_stays(rows)
    numbered = event_rows(stays, UNTIL_ADULT)
    events = numbered.to == numbered.states.index(EVENT)
    assert events.sum() == (rows["to"] == "referral").sum()
    for child in np.unique(numbered.subject):
        own = numbered.subject == child
        expected = np.cumsum(events[own]) - events[own] + 1
        assert numbered.covariates[NUMBER][own].tolist() == expected.tolist()
    gaps = since_last_event(numbered)
    assert (gaps.to == 1).sum() == events.sum()
    table = count(gaps)
    assert table.at_risk[0, :, table.state(OBSERVED)].min() >= 0
    lengths = gaps.moments.time[gaps.left] - gaps.moments.time[gaps.entered]
    before = numbered.moments.time[numbered.left] - numbered.moments.time[numbered.entered]
    assert lengths.sum() == before.sum()
    layers = each_event(numbered, 3)
    for which in (1, 2, 3):
        layer = layers.covariates[NUMBER].to_numpy() == which
        had = (layers.to[layer] == 1).sum()
        assert had == (events & (numbered.covariates[NUMBER].to_numpy() == which)).sum()
