"""What must hold of state occupation and its variances, whatever the spells."""

from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.estimate.influence import influence_tables
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.risk_sets import END, Floats, Stays, count, spells_as_stays
from tracker.estimate.robust import clustered
from tracker.estimate.sojourn import expected_time
from tracker.estimate.squared_influence import squared_influence
from tracker.estimate.transition_matrix import transition_matrices

STATES = ["a", "b", "c", "d"]
CAN_LEAVE = STATES[:3]
MOVES = [(one, other) for one in CAN_LEAVE for other in STATES if one != other]


@st.composite
def histories(draw: st.DrawFn) -> pd.DataFrame:
    """A few children, each entering late or not, moving to and fro on few days, several times a day."""
    rows = []
    for child in range(draw(st.integers(2, 7))):
        day, step = draw(st.integers(0, 2)) if child else 0, 0
        state = draw(st.sampled_from(CAN_LEAVE))
        for _ in range(draw(st.integers(1, 4))):
            later = draw(st.integers(0, 3))
            to = draw(st.sampled_from([*(name for name in STATES if name != state), None]))
            until = (day + later + (to is None), step + 1 if later == 0 else 1)
            rows.append((child, state, to, day, step, *until))
            if to is None or to == "d":
                break
            state, (day, step) = to, until
    columns = ["subject_id", "state", "to_state", "entered", "entered_step", "left", "left_step"]
    return pd.DataFrame(rows, columns=columns).assign(to_state=lambda frame: frame["to_state"].astype(object))


def fitted(frame: pd.DataFrame, strata: tuple[str, ...] = ()) -> Occupation:
    return aalen_johansen(count(as_stays(frame, strata)))


def as_stays(frame: pd.DataFrame, strata: tuple[str, ...] = ()) -> Stays:
    return spells_as_stays(
        frame,
        entered_step="entered_step",
        left_step="left_step",
        strata=strata,
        states=STATES,
        transitions=MOVES,
    )


def told(fit: Occupation, group: int = 0) -> tuple[Floats, Floats]:
    """Probabilities and covariances at the end of each of the days 0 to 14."""
    done = np.searchsorted(fit.steps.moments.time, np.arange(15), side="right")
    return fit.probability[done, group], fit.covariance[done, group]


def same(one: tuple[Floats, ...], other: tuple[Floats, ...]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def squares(frame: pd.DataFrame) -> Floats:
    stays = as_stays(frame)
    return clustered(aalen_johansen(count(stays)), stays, range(12), [1.5, 8]).squares


@settings(max_examples=60, deadline=None)
@given(histories())
def test_probabilities_are_probabilities(frame: pd.DataFrame) -> None:
    fit = fitted(frame)
    np.testing.assert_allclose(fit.probability.sum(2), 1)
    assert np.all(fit.probability >= 0)
    np.testing.assert_allclose(fit.covariance.sum(3), 0, atol=1e-12)
    assert np.all(np.linalg.eigvalsh(fit.covariance) > -1e-12)
    assert set(fit.curves().at([0])["status"]) <= {"value", "too_recent"}


@settings(max_examples=40, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_order_of_rows_and_names_of_children_do_not_matter(frame: pd.DataFrame, random: Random) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)
    mixed = frame.iloc[order].assign(subject_id=lambda rows: "x" + (99 - rows["subject_id"]).astype(str))
    same((*told(fitted(frame)), squares(frame)), (*told(fitted(mixed)), squares(mixed)))


@settings(max_examples=40, deadline=None)
@given(histories(), st.permutations(CAN_LEAVE))
def test_names_of_states_do_not_matter(frame: pd.DataFrame, names: list[str]) -> None:
    renamed = dict(zip(CAN_LEAVE, names, strict=True)) | {"d": "d"}
    other = frame.assign(state=frame["state"].map(renamed), to_state=frame["to_state"].map(renamed))
    other["to_state"] = other["to_state"].astype(object).where(frame["to_state"].notna(), None)
    place = [STATES.index(renamed[name]) for name in STATES]
    probability, covariance = told(fitted(other))
    same(told(fitted(frame)), (probability[:, place], covariance[:, place][:, :, place]))
    same((squares(frame),), (squares(other)[:, :, place][:, :, :, place],))


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(0, 6), st.integers(1, 12))
def test_a_spell_broken_in_two_is_the_same_spell(frame: pd.DataFrame, row: int, day: int) -> None:
    spell = frame.iloc[row % len(frame)]
    if not (spell["entered"], spell["entered_step"]) < (day, END) or day >= spell["left"]:
        return
    first = frame.assign(
        left=frame["left"].where(frame.index != row % len(frame), day),
        to_state=frame["to_state"].where(frame.index != row % len(frame), None),
    )
    rest = pd.DataFrame([spell]).assign(entered=day, entered_step=END)
    broken = pd.concat([first, rest], ignore_index=True)
    same((*told(fitted(frame)), squares(frame)), (*told(fitted(broken)), squares(broken)))


@settings(max_examples=40, deadline=None)
@given(histories(), histories())
def test_a_stratum_is_as_if_alone(one: pd.DataFrame, other: pd.DataFrame) -> None:
    both = pd.concat([one.assign(group="x"), other.assign(group="y", subject_id=other["subject_id"] + 50)])
    fit = fitted(both, ("group",))
    same(told(fit, 0), told(fitted(one)))
    same(told(fit, 1), told(fitted(other)))
    together = clustered(fit, as_stays(both, ("group",)), range(12), [1.5, 8]).squares
    same((together[:1], together[1:]), (squares(one), squares(other)))
    pooled = aalen_johansen(count(as_stays(both, ("group",))).pooled())
    same(told(pooled), told(fitted(both)))


@settings(max_examples=40, deadline=None)
@given(histories(), st.integers(0, 6))
def test_sums_of_parts_are_the_whole(frame: pd.DataFrame, cut: int) -> None:
    fit = fitted(frame)
    tables = influence_tables(fit, range(12), [1.5, 8])
    parts = [
        squared_influence(as_stays(part.reset_index(drop=True)), tables).squares
        for part in (frame[frame["subject_id"] <= cut], frame[frame["subject_id"] > cut])
        if len(part)
    ]
    same((sum(parts, np.zeros(1)),), (squares(frame),))


@settings(max_examples=30, deadline=None)
@given(histories())
def test_rows_of_the_matrix_are_occupation_from_a_state(frame: pd.DataFrame) -> None:
    risk = count(as_stays(frame))
    at = [2.0, 3.0, 5.0]
    if not np.any(risk.moments.time > 1) or not risk.at_risk[:, risk.moments.time > 1].any():
        return
    found = transition_matrices(risk, at, since=1)
    for number, name in enumerate(CAN_LEAVE):
        if not risk.at_risk[0, risk.moments.time > 1, number].any():
            continue
        fit = aalen_johansen(risk, initial=name, since=1)
        done = np.searchsorted(fit.steps.moments.time, at, side="right")
        known = np.array(at) <= fit.followed_to[0]
        mine = found.probability[0, known, number], found.covariance[0, known, number, :, number, :]
        same(mine, (fit.probability[done, 0][known], fit.covariance[done, 0][known]))


@settings(max_examples=30, deadline=None)
@given(histories())
def test_expected_time_is_the_area_under_the_curve(frame: pd.DataFrame) -> None:
    fit = fitted(frame)
    horizon = float(fit.followed_to[0])
    if horizon <= fit.start.time[0]:
        return
    days = np.arange(fit.start.time[0], horizon)
    area = fit.curves().at(days).groupby("state", sort=False)["estimate"].sum()
    np.testing.assert_allclose(expected_time(fit, [horizon]).frame["estimate"], area, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(histories(), st.integers(2, 4))
def test_children_counted_several_times_have_smaller_errors(frame: pd.DataFrame, times: int) -> None:
    """Each child k times over: the same curves, variances by k."""
    many = pd.concat([frame.assign(subject_id=frame["subject_id"] + 100 * n) for n in range(times)])
    probability, covariance = told(fitted(frame))
    same((probability, covariance / times), told(fitted(many)))
    same((squares(frame) / times,), (squares(many),))


@settings(max_examples=30, deadline=None)
@given(histories())
def test_a_weight_is_as_many_children(frame: pd.DataFrame) -> None:
    """One child of weight w has the influence of w children together: w² of the square of one."""
    stays = as_stays(frame)
    heavy = replace(stays, weight=stays.weight * 3)
    one, three = (clustered(aalen_johansen(count(rows)), rows, range(12)).squares for rows in (stays, heavy))
    same((one,), (three,))
