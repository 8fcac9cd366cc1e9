"""Where a child with given covariates will be, from a Cox model for each transition of the chain.

The hazards of all transitions make a matrix dA at each moment; occupation is a start times their product
integral, by factors I + dA or exp(dA). With p the occupation before a moment, its estimate's variance follows
the same recursion (delta method): each increment's own variance and, for each model, the slope in its β.
Sources: Andersen et al. (1993), §VII.2.3; Putter, Fiocco & Geskus (2007), §4; exp(dA): R's survival package,
vignette "Methods", multi-state Cox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import linalg, stats

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.event_flows import numbered_moments
from tracker.estimate.predictions import hazards, strata_of
from tracker.estimate.results import Curves, Method
from tracker.estimate.risk_sets import END, Floats, Moments

Factors = Literal["product", "exponential"]


def predicted_occupation(
    fits: Sequence[CoxFit],
    patterns: pd.DataFrame,
    start: str | Mapping[str, float],
    *,
    since: float | None = None,
    factors: Factors = "product",
    level: float = 0.95,
) -> Curves:
    """Probability of being in each state at each time, for each row of ``patterns``.

    ``fits``: one for each transition, on one clock, of the same children, each its own coefficients (fits
    are taken as independent of one another, as those of competing transitions are). ``start``: the state at
    the end of day ``since`` (left out: before everything), or shares of states that add to one. ``factors``:
    I + dA («product»), or exp(dA). Fits with strata need their columns in ``patterns``. Key: the columns of
    ``patterns``, ``state``. ``at_risk`` (in a state with ways out) and ``events`` (leaving it) count persons
    of all strata. Intervals are plain, cut at 0 and 1. Curves end where the first of the fits has nobody
    left to follow; by product also before a pattern's hazard of leaving exceeds one, which happens where few
    are left: 1 − dH is no probability there.

    Raises EstimateError for transitions given twice, unknown states, shares that do not add to one, and a
    start after follow-up.
    """
    chain = _chain(fits)
    first = _start(chain, start)
    if factors not in ("product", "exponential"):
        raise EstimateError(f"Factors are product or exponential, not «{factors}».")
    if not len(patterns):
        raise EstimateError("There is no pattern to predict for.")
    z = float(stats.norm.ppf(0.5 + level / 2))
    each = [_steps(fits, chain, patterns.iloc[[row]], since) for row in range(len(patterns))]
    if factors == "product":
        each = [_as_far_as_probable(steps) for steps in each]
    frames = [
        _frame(steps, chain, patterns.iloc[row], _recursion(steps, first, factors, fits), z)
        for row, steps in enumerate(each)
    ]
    method = Method(
        f"state occupation by Cox regression, {factors}",
        "Andersen et al. (1993), §VII.2.3",
        f"delta method; β: {fits[0].method.variance}",
        "plain",
        fits[0].method.ties,
    )
    key = (*(str(name) for name in patterns.columns), "state")
    every = pd.concat(frames, ignore_index=True)
    return Curves("state occupation", every, (), key, fits[0].about, method, 0.0, level)


def _chain(fits: Sequence[CoxFit]) -> tuple[str, ...]:
    pairs = [fit.transition for fit in fits]
    if not pairs or len(set(pairs)) < len(pairs):
        raise EstimateError("Occupation needs one fit for each transition.")
    return tuple(dict.fromkeys(state for side in zip(*pairs, strict=True) for state in side))


def _start(chain: tuple[str, ...], start: str | Mapping[str, float]) -> Floats:
    shares = {start: 1.0} if isinstance(start, str) else dict(start)
    if unknown := [state for state in shares if state not in chain]:
        raise EstimateError(f"No transition to or from {', '.join(unknown)} has a fit.")
    first = np.array([shares.get(state, 0.0) for state in chain])
    if abs(first.sum() - 1) > 1e-9 or (first < 0).any():
        raise EstimateError("The shares of states at the start must add to one.")
    return first


@dataclass(frozen=True)
class _Steps:
    """All transitions (M) at common moments (T), as far as all are followed.

    ``increments`` and ``variance`` [T, M]; ``slope`` [T, M, ΣK] in the coefficients of all fits;
    ``at_risk`` and ``events`` [T, H].
    """

    moments: Moments
    ends: list[tuple[int, int]]
    increments: Floats
    variance: Floats
    slope: Floats
    at_risk: Floats
    events: Floats


def _steps(
    fits: Sequence[CoxFit], chain: tuple[str, ...], pattern: pd.DataFrame, since: float | None
) -> _Steps:
    chosen = [_stratum(fit, pattern) for fit in fits]
    found = [hazards(fit, pattern, stratum) for fit, stratum in zip(fits, chosen, strict=True)]
    lasts = [fit.sets.last[stratum] for fit, stratum in zip(fits, chosen, strict=True)]
    time, step, _ = min(map(tuple, lasts))
    begin = (0.0, 0) if since is None else (since, END)
    if begin > (time, step):
        raise EstimateError(f"Nobody is followed past day {time:g}: occupation cannot start at {since:g}.")
    times = np.concatenate([[begin[0], time], *(one.time for one in found)])
    steps = np.concatenate([[begin[1], int(step)], *(one.step for one in found)])
    moments, place = numbered_moments(times, steps.astype(np.int64))
    offsets = np.cumsum([2, *(len(one.time) for one in found)])
    ends = [(chain.index(fit.transition[0]), chain.index(fit.transition[1])) for fit in fits]
    width = np.cumsum([0, *(len(fit.estimates) for fit in fits)])
    increments, variance = np.zeros((2, len(moments), len(fits)))
    slope = np.zeros((len(moments), len(fits), width[-1]))
    for m, one in enumerate(found):
        at = place[offsets[m] : offsets[m + 1]]
        increments[at, m], variance[at, m] = one.increments[:, 0], one.variance[:, 0]
        slope[at, m, width[m] : width[m + 1]] = one.slope[:, 0]
    kept = slice(int(place[0]), int(place[1]) + 1)
    cut = Moments(moments.time[kept], moments.step[kept])
    at_risk, events = _persons(fits, ends, len(chain), cut)
    return _Steps(cut, ends, increments[kept], variance[kept], slope[kept], at_risk, events)


def _stratum(fit: CoxFit, pattern: pd.DataFrame) -> int:
    if missing := [name for name in fit.strata if name not in pattern.columns]:
        raise EstimateError(f"To predict in a stratum, patterns need its columns: {', '.join(missing)}.")
    return next(stratum for stratum, rows in strata_of(fit, pattern) if len(rows))


def _persons(
    fits: Sequence[CoxFit], ends: list[tuple[int, int]], states: int, moments: Moments
) -> tuple[Floats, Floats]:
    at_risk, events = np.zeros((2, len(moments), states))
    for fit, (source, _) in zip(fits, ends, strict=True):
        sets = fit.sets
        time = np.concatenate([sets.moments.time, moments.time])
        number = numbered_moments(time, np.concatenate([sets.moments.step, moments.step]))[1]
        theirs, ours = number[: len(sets.moments)], number[len(sets.moments) :]
        after = np.concatenate([sets.at_risk, [0.0]])
        at_risk[:, source] = after[np.searchsorted(theirs, ours, "left")]
        had = np.zeros(int(number.max()) + 1)
        had[theirs] = sets.had
        events[:, source] += had[ours]
    return at_risk, events


def _as_far_as_probable(steps: _Steps) -> _Steps:
    """The steps before the first at which a hazard of leaving a state exceeds one, where 1 − dH ends."""
    sources = np.array([source for source, _ in steps.ends])
    leaving = steps.increments @ (sources[:, None] == np.unique(sources))
    over = np.flatnonzero((leaving > 1 + 1e-12).any(axis=1))
    if over.size == 0:
        return steps
    kept = slice(int(over[0]))
    moments = Moments(steps.moments.time[kept], steps.moments.step[kept])
    return _Steps(
        moments,
        steps.ends,
        steps.increments[kept],
        steps.variance[kept],
        steps.slope[kept],
        steps.at_risk[kept],
        steps.events[kept],
    )


def _factors(steps: _Steps, states: int, factors: Factors) -> tuple[Floats, Floats]:
    """The factor of each moment [T, H, H] and its derivative in each increment [T, M, H, H]."""
    directions = np.zeros((len(steps.ends), states, states))
    for m, (source, target) in enumerate(steps.ends):
        directions[m, source, target], directions[m, source, source] = 1.0, -1.0
    change = np.einsum("tm,mij->tij", steps.increments, directions)
    shape = (len(change), *directions.shape)
    if factors == "product":
        return np.eye(states) + change, np.broadcast_to(directions, shape)
    slopes = np.empty(shape)
    block = np.zeros((len(change), 2 * states, 2 * states))
    block[:, :states, :states] = block[:, states:, states:] = change
    for m, direction in enumerate(directions):
        block[:, :states, states:] = direction
        slopes[:, m] = linalg.expm(block)[:, :states, states:]
    return linalg.expm(change), slopes


def _recursion(
    steps: _Steps, first: Floats, factors: Factors, fits: Sequence[CoxFit]
) -> tuple[Floats, Floats]:
    """Occupation and its variance at each moment [T, H]; none has happened at the first."""
    matrices, slopes = _factors(steps, len(first), factors)
    covariance = linalg.block_diag(*(fit.covariance for fit in fits))
    now, spread = first, np.zeros((len(first), len(first)))
    by_beta = np.zeros((len(first), covariance.shape[0]))
    occupied, variance = np.empty((2, len(matrices), len(first)))
    occupied[0], variance[0] = first, 0.0
    for t in range(1, len(matrices)):
        factor, moved = matrices[t], np.einsum("i,mij->mj", now, slopes[t])
        spread = factor.T @ spread @ factor + moved.T @ (steps.variance[t][:, None] * moved)
        by_beta = factor.T @ by_beta + moved.T @ steps.slope[t]
        now = now @ factor
        occupied[t] = now
        variance[t] = np.diag(spread) + np.einsum("ik,kl,il->i", by_beta, covariance, by_beta)
    return occupied, variance


def _frame(
    steps: _Steps, chain: tuple[str, ...], pattern: pd.Series, found: tuple[Floats, Floats], z: float
) -> pd.DataFrame:
    occupied, variance = found
    error = np.sqrt(np.maximum(variance, 0.0))
    named = {str(name): [value] * len(occupied) for name, value in pattern.items()}
    frames = [
        pd.DataFrame(
            {
                **named,
                "state": state,
                "time": steps.moments.time,
                "step": steps.moments.step,
                "at_risk": steps.at_risk[:, i],
                "events": steps.events[:, i],
                "estimate": occupied[:, i],
                "std_error": error[:, i],
                "lower": np.clip(occupied[:, i] - z * error[:, i], 0, 1),
                "upper": np.clip(occupied[:, i] + z * error[:, i], 0, 1),
            }
        )
        for i, state in enumerate(chain)
    ]
    return pd.concat(frames, ignore_index=True)
