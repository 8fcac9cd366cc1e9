"""Do intervals of occupation, incidence and times in state cover: loops, delayed entry, heavy day ties.

Each replication is a stratum of one data set, so that all are estimated at once. Children go to and fro
between two states, or to a third for good; some move twice on a day. The truth is a product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.landmark import landmark_aalen_johansen
from tracker.estimate.markov import markov_test
from tracker.estimate.occupation import aalen_johansen
from tracker.estimate.risk_sets import Stays, count, spells_as_stays
from tracker.estimate.robust import clustered, robust_expected_time, robust_occupation
from tracker.estimate.sojourn import expected_time
from tracker.estimate.transition_matrix import transition_matrices

CHILDREN = 250
FOLLOW_UP = 16
DAYS = [3, 8, 13]
HORIZON = 12
LANDMARK = 5
LEVEL_REPLICATIONS = 400
START = np.array([0.7, 0.3, 0.0])
DAILY = np.array([[0.86, 0.09, 0.05], [0.12, 0.80, 0.08], [0, 0, 1]])
AGAIN = 0.3
SECOND = np.array([[0, 0.8, 0.2], [0.7, 0, 0.3], [0, 0, 1]])
STATES = ["a", "b", "c"]

Floats = NDArray[np.float64]
Row = tuple[str, float, float]


def measure(replications: int, seed: int) -> pd.DataFrame:
    """Rows of ``what``, ``nominal`` and ``rate``, the share of replications in which it held."""
    random = np.random.default_rng(seed)
    rows = [*_occupation(replications, random), *_same_day(replications, random)]
    rows += [*_competing(replications, random), *_unlike(replications, random)]
    table = pd.DataFrame(rows, columns=["what", "nominal", "rate"]).assign(replications=replications)
    few = min(replications, LEVEL_REPLICATIONS)
    return pd.concat([table, _level(few, random)], ignore_index=True)


def _walk(children: int, random: np.random.Generator, speed: Floats, again: float = 0.0) -> NDArray[np.int64]:
    """States [children, days + 1, 2] after each first and second step of the days."""
    state = np.empty((children, FOLLOW_UP + 1, 2), np.int64)
    state[:, 0] = random.choice(3, children, p=START)[:, None]
    for day in range(1, FOLLOW_UP + 1):
        before = state[:, day - 1, 1]
        moves = DAILY[before] * speed[:, None]
        moves[np.arange(children), before] = 0
        first = _draw(before, moves, random)
        second = _draw(first, again * SECOND[first] * (first != before)[:, None], random)
        state[:, day, 0], state[:, day, 1] = first, second
    return state


def _draw(state: NDArray[np.int64], moves: Floats, random: np.random.Generator) -> NDArray[np.int64]:
    """Where each goes, with the chances of ``moves`` [n, 3]; otherwise stays."""
    drawn = random.random(len(state))[:, None]
    edges = np.cumsum(moves, axis=1)
    return np.where(drawn[:, 0] < edges[:, 2], (drawn >= edges).sum(1).clip(max=2), state)


def _spells(state: NDArray[np.int64], random: np.random.Generator, late: float) -> pd.DataFrame:
    """Observed spells: from day 0, or from a later day when still on the way; a third are lost early."""
    children = len(state)
    entered = np.where(random.random(children) < late, random.integers(1, 7, children), 0)
    lost = np.where(random.random(children) < 0.35, random.integers(5, FOLLOW_UP, children), FOLLOW_UP)
    flat = np.concatenate([state[:, :1, 1], state[:, 1:].reshape(children, -1)], axis=1)
    moved = np.zeros(flat.shape, bool)
    moved[:, 1:] = flat[:, 1:] != flat[:, :-1]
    slot = np.arange(flat.shape[1])
    day, step = (slot + 1) // 2, np.where(slot == 0, 0, (slot - 1) % 2 + 1)
    seen = (day > entered[:, None]) & (day <= lost[:, None])
    child, at = np.nonzero(moved & seen)
    moves = pd.DataFrame(
        {
            "child": child,
            "day": day[at],
            "step": step[at],
            "state": flat[child, at - 1],
            "to": flat[child, at].astype(float),
        }
    )
    there = np.arange(children)
    last = flat[there, 2 * lost]
    open_ = there[(flat[there, 2 * entered] != 2) & (last != 2) & (entered < lost)]
    ends = pd.DataFrame({"child": open_, "day": lost[open_], "step": 3, "state": last[open_], "to": np.nan})
    frame = pd.concat([moves, ends]).sort_values(["child", "day", "step"], kind="stable")
    earlier = frame.groupby("child")[["day", "step"]].shift(1)
    frame["entered"] = earlier["day"].fillna(frame["child"].map(pd.Series(entered)))
    frame["entered_step"] = earlier["step"].fillna(32_767).astype(int)
    return frame


def _stays(frame: pd.DataFrame, replications: int) -> Stays:
    names = dict(enumerate(STATES))
    rows = frame.assign(
        replication=frame["child"] % replications,
        state=frame["state"].map(names),
        to_state=frame["to"].map(names).astype(object).where(frame["to"].notna(), None),
    )
    return spells_as_stays(
        rows,
        subject="child",
        left="day",
        entered_step="entered_step",
        left_step="step",
        strata=["replication"] if replications > 1 else [],
        states=STATES,
    )


def _data(
    replications: int, random: np.random.Generator, again: float = 0.0, late: float = 0.4, spread: float = 0.0
) -> Stays:
    children = CHILDREN * replications
    speed = random.gamma(1 / spread, spread, children).clip(max=4) if spread else np.ones(children)
    return _stays(_spells(_walk(children, random, speed, again), random, late), replications)


def _day(again: float) -> Floats:
    """What a day does to the states, with second moves."""
    stay = np.diag(np.diag(DAILY))
    return np.asarray(stay + (DAILY - stay) @ ((1 - again) * np.eye(3) + again * SECOND))


def _truth(again: float = 0.0) -> Floats:
    """Occupation at the end of each day [days + 1, 3]."""
    days = [START]
    for _ in range(FOLLOW_UP):
        days.append(days[-1] @ _day(again))
    return np.array(days)


def _rows(what: str, frame: pd.DataFrame, truth: Floats) -> Iterator[Row]:
    """Share of intervals that hold the truth, by state and time; days [days, states]."""
    for (state, day), own in frame.groupby(["state", "time"]):
        aim = truth[int(day), STATES.index(str(state))]
        held = (own["lower"] <= aim) & (aim <= own["upper"])
        yield f"{what}, {state} at {day:g}", 0.95, float(held.mean())


def _times(what: str, frame: pd.DataFrame, truth: Floats) -> Iterator[Row]:
    for state, own in frame.groupby("state"):
        aim = truth[:HORIZON, STATES.index(str(state))].sum()
        held = (own["lower"] <= aim) & (aim <= own["upper"])
        yield f"{what}, {state} to {HORIZON}", 0.95, float(held.mean())


def _occupation(replications: int, random: np.random.Generator) -> Iterator[Row]:
    """A Markov chain with loops: variances from counts and from children."""
    stays = _data(replications, random)
    risk, truth = count(stays), _truth()
    fit = aalen_johansen(risk)
    yield from _rows("occupation, Greenwood, log-log", fit.curves(interval="log-log").at(DAYS), truth)
    poisson = aalen_johansen(risk, variance="aalen").curves(interval="log-log").at(DAYS)
    yield from _rows("occupation, Aalen, log-log", poisson, truth)
    squared = clustered(fit, stays, DAYS, [HORIZON])
    robust = robust_occupation(fit, squared, interval="log-log").frame
    yield from _rows("occupation, robust, log-log", robust, truth)
    yield from _times("expected time, Greenwood", expected_time(fit, [HORIZON]).frame, truth)
    yield from _times("expected time, robust", robust_expected_time(fit, squared).frame, truth)
    matrices = transition_matrices(risk, [8], since=3).summary(interval="log-log").frame
    power = np.linalg.matrix_power(DAILY, 5)
    for number, name in enumerate("ab"):
        own = matrices[matrices["state"] == name].assign(state=lambda rows: rows["to_state"])
        yield from _rows(f"P(3, 8) from {name}", own, np.tile(power[number], (9, 1)))


def _same_day(replications: int, random: np.random.Generator) -> Iterator[Row]:
    """Three in ten movers move again the same day: not Markov within it; occupation holds all the same."""
    stays = _data(replications, random, again=AGAIN)
    fit = aalen_johansen(count(stays))
    robust = robust_occupation(fit, clustered(fit, stays, DAYS), interval="log-log").frame
    yield from _rows("two moves a day, robust", robust, _truth(AGAIN))


def _competing(replications: int, random: np.random.Generator) -> Iterator[Row]:
    """Leaving one state for two others, late entry and ties: the three variances of incidence."""
    size = 2 * CHILDREN * replications
    leaves = random.geometric(0.1, size)
    frame = pd.DataFrame({"subject_id": range(size), "state": "in", "left": leaves, "replication": 0})
    frame["to_state"] = np.where(random.random(size) < 0.4, "b", "c")
    frame["entered"] = random.integers(1, 6, size) * (random.random(size) < 0.4)
    frame["replication"] = np.arange(size) % replications
    seen = frame[frame["left"] > frame["entered"]].groupby("replication").head(CHILDREN)
    censored = seen["entered"] + random.geometric(0.04, len(seen))
    seen = seen.assign(to_state=seen["to_state"].where(seen["left"] <= censored, None))
    seen["left"] = np.minimum(seen["left"], censored)
    risk = count(spells_as_stays(seen, strata=["replication"]))
    for variance in ("greenwood", "aalen", "delta"):
        read = cumulative_incidence(risk, "in", ["b"], variance=variance, interval="log-log").at([2, 6, 12])
        for day, own in read.groupby("time"):
            aim = 0.4 * (1 - 0.9 ** float(str(day)))
            held = (own["lower"] <= aim) & (aim <= own["upper"])
            yield f"incidence, {variance}, at {day:g}", 0.95, float(held.mean())


def _unlike(replications: int, random: np.random.Generator) -> Iterator[Row]:
    """Children of different speed, not Markov: robust occupation, and from a landmark on."""
    known = _walk(400_000, random, random.gamma(2, 0.5, 400_000).clip(max=4))[:, :, 1]
    truth = np.stack([(known == state).mean(0) for state in range(3)], axis=1)
    stays = _data(replications, random, late=0.0, spread=0.5)
    fit = aalen_johansen(count(stays))
    robust = robust_occupation(fit, clustered(fit, stays, DAYS), interval="log-log").frame
    yield from _rows("children unlike, robust", robust, truth)
    after, followed = landmark_aalen_johansen(stays, LANDMARK, "b")
    there = known[known[:, LANDMARK] == 1]
    aims = np.stack([(there == state).mean(0) for state in range(3)], axis=1)
    robust = robust_occupation(after, clustered(after, followed, DAYS[1:]), interval="log-log").frame
    yield from _rows("children unlike, from a landmark", robust, aims)


def _level(replications: int, random: np.random.Generator) -> pd.DataFrame:
    """How often the Markov test rejects a Markov chain, at five in a hundred."""
    rejected = [
        markov_test(_data(1, random), ("b", "a"), [2, 4, 6, 8], random, replicates=400).p_value <= 0.05
        for _ in range(replications)
    ]
    row = {"what": "Markov test of a Markov chain", "nominal": 0.05, "rate": float(np.mean(rejected))}
    return pd.DataFrame([row | {"replications": replications}])
