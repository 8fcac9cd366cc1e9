"""Does the way here matter? A test of the Markov property, transition by transition.

Titman & Putter (2022), Biostatistics 23:380–396: if the chain is Markov, children in the same state leave it
at the same rate wherever they were at an earlier time s. At each of several landmarks s a log-rank test
compares children by the state they were in at s; what is tested is the mean or the largest of these. The
wild bootstrap multiplies each transition by an independent standard normal variable: given the data, its
statistics are jointly normal with the covariance computed here, and are drawn from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from tracker.domain.errors import EstimateError
from tracker.estimate.landmark import last_moment, present
from tracker.estimate.results import Method, Test
from tracker.estimate.risk_sets import Floats, Ints, Stays, number_of

Over = Literal["mean", "largest"]
"""What of the landmark statistics is tested."""

EVENTS_AT_ONCE = 50_000
MARKOV = Method(
    "Markov test by landmark log-rank statistics",
    "Titman & Putter (2022), Biostatistics 23:380–396",
    "wild bootstrap with normal multipliers, one for each transition",
)


def markov_test(
    stays: Stays,
    transition: tuple[str, str],
    landmarks: Sequence[float],
    random: np.random.Generator,
    *,
    over: Over = "mean",
    replicates: int = 10_000,
) -> Test:
    """Whether the hazard of ``transition`` depends on the state at ``landmarks``, given the state now.

    At a landmark only children under observation then are compared, within strata, for what they do after
    the end of that day. ``statistic`` is the mean or the largest over landmarks of the chi-squared statistic
    over states; ``p_value`` is by ``replicates`` of the wild bootstrap drawn from ``random``; ``df`` is that
    of the chi-squared when there is one landmark, and NaN otherwise, where the statistic has no such law.
    ``frame``: ``landmark``, ``state`` (then), ``children``, ``observed``, ``expected``, ``z``, and of the
    landmark as a whole ``statistic``, ``df``, ``p_value`` by chi-squared. Landmarks at which all were in the
    same state, or nothing followed, tell nothing and have no statistic. Raises EstimateError when none does,
    on the clock of the state, for unknown states and for landmarks that do not increase from zero or more.
    """
    if stays.about.clock == "state":
        raise EstimateError("On the clock of the state no child has a state at a landmark to compare by.")
    times = np.asarray(landmarks, float)
    if times.size == 0 or not (np.all(times >= 0) and np.all(np.diff(times) > 0)):
        raise EstimateError("Landmarks are times of zero or more, in order; these are not.")
    source, target = (number_of(stays.states, name) for name in transition)
    if (source, target) not in stays.transitions:
        raise EstimateError(
            f"There is no transition from «{transition[0]}» to «{transition[1]}» in these data."
        )
    groups = [_Landmark.of(stays, time, source) for time in times]
    scores = _scores(stays, groups, source, target)
    blocks = [_Block.of(scores, number, len(stays.states)) for number in range(len(times))]
    if not any(block.df for block in blocks):
        raise EstimateError(
            f"No landmark tells anything of «{transition[0]}» to «{transition[1]}»: nobody was in another "
            "state then, or nothing followed."
        )
    statistic = _overall(np.array([[block.statistic for block in blocks]]), blocks, over)[0]
    drawn = _draw(scores.covariance, random, replicates)
    replicated = np.stack([block.squared(drawn) for block in blocks], axis=1)
    exceeding = int(np.sum(_overall(replicated, blocks, over) >= statistic * (1 - 1e-12)))
    df = float(blocks[0].df) if len(blocks) == 1 else float("nan")
    frame = _frame(stays, times, groups, scores, blocks)
    return Test(
        f"Markov property of {transition[0]} → {transition[1]}, {over} of {len(times)} landmarks",
        float(statistic),
        df,
        (1 + exceeding) / (1 + replicates),
        frame,
        stays.about,
        MARKOV,
    )


@dataclass(frozen=True)
class _Landmark:
    """At one landmark: the state of each child [subjects], −1 when not observed, and who is at risk after.

    ``at_risk`` [G, T, H]: of those now in the state the transition leaves, by state at the landmark.
    """

    moment: int
    state: NDArray[np.int16]
    at_risk: Floats

    @staticmethod
    def of(stays: Stays, time: float, source: int) -> _Landmark:
        moment = last_moment(stays, time)
        here = present(stays, time)
        state = np.full(int(stays.subject.max(initial=-1)) + 1, -1, np.int16)
        state[stays.subject[here]] = stays.state[here]
        rows = (stays.state == source) & (stays.left > moment)
        rows &= state[stays.subject] >= 0
        shape = (len(stays.strata), len(stays.moments) + 1, len(stays.states))
        place = stays.stratum[rows] * shape[1]
        group = state[stays.subject[rows]].astype(np.int64)
        entered = np.maximum(stays.entered[rows], moment) + 1
        size, weight = int(np.prod(shape)), stays.weight[rows]
        came = np.bincount((place + entered) * shape[2] + group, weight, size)
        went = np.bincount((place + stays.left[rows] + 1) * shape[2] + group, weight, size)
        change = (came - went).reshape(shape).astype(np.float64)
        return _Landmark(moment, state, np.cumsum(change, axis=1)[:, :-1])


@dataclass(frozen=True)
class _Scores:
    """Observed and expected transitions [landmarks, H], and the covariance of all their differences."""

    observed: Floats
    expected: Floats
    covariance: Floats


def _scores(stays: Stays, landmarks: Sequence[_Landmark], source: int, target: int) -> _Scores:
    events = np.flatnonzero((stays.state == source) & (stays.to == target))
    states = len(stays.states)
    size = len(landmarks) * states
    observed, expected, covariance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    for first in range(0, len(events), EVENTS_AT_ONCE):
        rows = events[first : first + EVENTS_AT_ONCE]
        pairs = [_differences(stays, rows, landmark, states) for landmark in landmarks]
        own = np.concatenate([pair[0] for pair in pairs], axis=1)
        share = np.concatenate([pair[1] for pair in pairs], axis=1)
        observed += own.sum(0)
        expected += share.sum(0)
        covariance += (own - share).T @ (own - share)
    shape = (len(landmarks), states)
    return _Scores(observed.reshape(shape), expected.reshape(shape), covariance)


def _differences(stays: Stays, rows: Ints, landmark: _Landmark, states: int) -> tuple[Floats, Floats]:
    """Of each transition, the state at the landmark of who made it, and the shares of those at risk."""
    group = landmark.state[stays.subject[rows]]
    counted = ((group >= 0) & (stays.left[rows] > landmark.moment)) * stays.weight[rows]
    at_risk = landmark.at_risk[stays.stratum[rows], stays.left[rows]]
    total = at_risk.sum(1, keepdims=True)
    share = np.divide(at_risk, total, out=np.zeros_like(at_risk), where=total > 0)
    own = (group[:, None] == np.arange(states)) * counted[:, None]
    return own, share * counted[:, None]


@dataclass(frozen=True)
class _Block:
    """The chi-squared statistic of one landmark over the states."""

    place: slice
    inverse: Floats
    df: int
    statistic: float

    @staticmethod
    def of(scores: _Scores, number: int, states: int) -> _Block:
        place = slice(number * states, (number + 1) * states)
        covariance = scores.covariance[place, place]
        values, vectors = np.linalg.eigh(covariance)
        kept = values > 1e-9 * max(values.max(initial=0), 1e-300)
        kept &= values > 1e-12
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        difference = (scores.observed - scores.expected)[number]
        return _Block(place, inverse, int(kept.sum()), float(difference @ inverse @ difference))

    def squared(self, drawn: Floats) -> Floats:
        """The statistic of each replicate."""
        own = drawn[:, self.place]
        squares: Floats = np.einsum("ri,ij,rj->r", own, self.inverse, own)
        return squares


def _overall(statistics: Floats, blocks: Sequence[_Block], over: Over) -> Floats:
    told = statistics[:, [block.df > 0 for block in blocks]]
    summed: Floats = told.mean(1) if over == "mean" else told.max(1)
    return summed


def _draw(covariance: Floats, random: np.random.Generator, replicates: int) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn: Floats = random.standard_normal((replicates, len(values))) @ root.T
    return drawn


def _frame(
    stays: Stays, times: Floats, landmarks: Sequence[_Landmark], scores: _Scores, blocks: Sequence[_Block]
) -> pd.DataFrame:
    states = len(stays.states)
    variance = np.diagonal(scores.covariance).reshape(len(times), states)
    difference = scores.observed - scores.expected
    told = variance > 1e-12
    children = [np.bincount(mark.state[mark.state >= 0], minlength=states) for mark in landmarks]
    frame = pd.DataFrame(
        {
            "landmark": np.repeat(times, states),
            "state": list(stays.states) * len(times),
            "children": np.concatenate(children),
            "observed": scores.observed.ravel(),
            "expected": scores.expected.ravel(),
            "z": np.divide(
                difference, np.sqrt(variance), out=np.full(difference.shape, np.nan), where=told
            ).ravel(),
            "statistic": np.repeat([block.statistic for block in blocks], states),
            "df": np.repeat([block.df for block in blocks], states),
            "p_value": np.repeat([chi2.sf(block.statistic, block.df) for block in blocks], states),
        }
    )
    frame.loc[frame["df"] == 0, ["statistic", "p_value"]] = np.nan
    return frame[frame["children"] > 0].reset_index(drop=True)
