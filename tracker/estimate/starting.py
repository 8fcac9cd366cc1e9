"""Where curves start: from which moment, who was there, in what mix of states, and how far they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tracker.domain.errors import EstimateError
from tracker.estimate.exits import NEGLIGIBLE
from tracker.estimate.risk_sets import END, Floats, Ints, RiskSets, where


class Mix(StrEnum):
    """Starting from the mix of states observed at the start."""

    SAMPLED = "observed mix of states, a sample of those to come"
    GIVEN = "observed mix of states, taken as it is"


Initial = Mix | str | Mapping[str, float]
"""Where everyone starts: an observed mix, one state for sure, or probabilities by state."""


@dataclass(frozen=True)
class Start:
    """Where the curves of each stratum [G] start: after moment number ``moment``, at ``time``, ``step``.

    ``in_state`` [G, H] counts those observed then. ``sample`` [G] is the number the initial mix was
    estimated from; 0 when it was given.
    """

    moment: Ints
    time: Floats
    step: Ints
    in_state: Floats
    initial: Floats
    sample: Floats


def started(risk: RiskSets, initial: Initial, since: float | None) -> Start:
    """Where each stratum starts, and from what mix; see ``aalen_johansen``."""
    moment = _start_moments(risk, since)
    following = np.concatenate([risk.at_risk, _after_all(risk)], axis=1)
    in_state = following[np.arange(len(moment)), moment + 1]
    if since is None:
        time, step = risk.moments.time[moment], risk.moments.step[moment]
    else:
        time, step = np.full(len(moment), float(since)), np.full(len(moment), END)
    mix, sample = _initial(risk, initial, in_state, since)
    return Start(moment, time, step, in_state, mix, sample)


def _start_moments(risk: RiskSets, since: float | None) -> Ints:
    groups = len(risk.strata)
    if since is not None:
        if not since >= 0:
            raise EstimateError("Curves start at a time of zero or more.")
        return np.full(groups, np.searchsorted(risk.moments.time, since, side="right") - 1, np.int64)
    if not groups:
        return np.zeros(0, np.int64)
    came = np.asarray(risk.entered.sum(axis=2)) > 0
    empty = np.flatnonzero(came.sum(axis=1) == 0)
    if empty.size:
        raise EstimateError(f"Nobody is ever at risk{where(risk.strata, int(empty[0]))}.")
    first: Ints = np.argmax(came, axis=1)
    return first


def _after_all(risk: RiskSets) -> Floats:
    return np.zeros_like(risk.at_risk[:, :1])


def _initial(
    risk: RiskSets, initial: Initial, in_state: Floats, since: float | None
) -> tuple[Floats, Floats]:
    if isinstance(initial, Mix):
        there = in_state.sum(1)
        if np.any(there <= 0):
            group = int(np.argmax(there <= 0))
            told = "at the start" if since is None else f"at the end of day {since:g}"
            raise EstimateError(
                f"Nobody is observed {told}{where(risk.strata, group)}: no mix to start from."
            )
        return in_state / there[:, None], there if initial is Mix.SAMPLED else np.zeros(len(there))
    given = {initial: 1.0} if isinstance(initial, str) else dict(initial)
    probabilities = np.zeros(len(risk.states))
    for name, value in given.items():
        probabilities[risk.state(name)] = value
    if not (np.all(probabilities >= 0) and abs(probabilities.sum() - 1) < 1e-9):
        raise EstimateError("Initial probabilities are zero or more and sum to one; these do not.")
    return np.tile(probabilities, (len(in_state), 1)), np.zeros(len(in_state))


def last_at_risk(risk: RiskSets, start: Start) -> Ints:
    """The last moment at which anyone of a stratum was at risk [G].

    Raises EstimateError when that is not after the start, or when nobody is ever at risk in a state that
    people start in and can leave.
    """
    if not len(risk.strata):
        return np.zeros(0, np.int64)
    later = np.arange(len(risk.moments)) > start.moment[:, None]
    present = np.where(later[:, :, None], risk.at_risk, 0)
    floor = NEGLIGIBLE * present.max(axis=(1, 2), keepdims=True, initial=0)
    some = (present > floor).any(axis=2)
    if not some.any(axis=1).all():
        group = int(np.argmin(some.any(axis=1)))
        raise EstimateError(f"Nobody is at risk after the start{where(risk.strata, group)}.")
    _require_path(risk, start, present)
    last: Ints = len(risk.moments) - 1 - np.argmax(some[:, ::-1], axis=1)
    return last


def _require_path(risk: RiskSets, start: Start, present: Floats) -> None:
    leaves = np.zeros(len(risk.states), bool)
    leaves[[source for source, _ in risk.transitions]] = True
    blind = (start.initial > 0) & leaves & ~present.any(axis=1)
    if blind.any():
        group, state = np.argwhere(blind)[0]
        raise EstimateError(
            f"Curves start in «{risk.states[state]}», but nobody is ever at risk there"
            f"{where(risk.strata, int(group))}."
        )


def mix_covariance(start: Start) -> Floats:
    """The multinomial covariance of the initial mixes [G, H, H]; zero where they were given."""
    size = start.sample[:, None, None]
    spread = start.initial[:, :, None] * (np.eye(start.initial.shape[1]) - start.initial[:, None, :])
    return np.divide(spread, size, out=np.zeros_like(spread), where=size > 0)
