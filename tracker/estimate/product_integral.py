"""Product integrals of transition hazards: the recursions every multi-state estimator stands on.

Arrays run over the moments at which anyone moved (K), then strata (G), then states (H), so that each turn
of a loop over moments treats every stratum at once. Formulas: Andersen, Borgan, Gill & Keiding (1993),
Statistical Models Based on Counting Processes, sections IV.4.1 (estimator, IV.4.4) and IV.4.1.3 (variance).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracker.estimate.risk_sets import Floats, Ints, Moments, RiskSets

ROUNDING = 1e-14
"""Probabilities below this are what rounding leaves of zero: everyone has left."""

Variance = Literal["greenwood", "aalen"]
"""How moves of one moment vary: as a multinomial of those at risk, or as independent Poisson counts."""


@dataclass(frozen=True)
class Steps:
    """Moments with transitions, in order, and what happened at each.

    ``moment`` [K] numbers them in the risk sets; ``moments`` says when. ``matrix`` [K, G, H, H] is I + dA;
    ``at_risk`` [K, G, H] is zero where a stratum has not started, and its matrix the identity.
    """

    moment: Ints
    moments: Moments
    matrix: Floats
    at_risk: Floats

    def __len__(self) -> int:
        return len(self.moment)

    def before(self, time: float) -> int:
        """How many steps lie at or before the end of day ``time``."""
        return int(np.searchsorted(self.moments.time, time, side="right"))

    def shares(self, weight: Floats) -> Floats:
        """``weight`` [K, G, …, H] by those at risk in each state; zero where nobody is."""
        between = self.at_risk.reshape(
            *self.at_risk.shape[:2], *(1,) * (weight.ndim - 3), self.at_risk.shape[2]
        )
        filled = np.broadcast_to(between, weight.shape)
        return np.divide(weight, filled, out=np.zeros(weight.shape), where=filled > 0)


def steps_after(risk: RiskSets, start: Ints) -> Steps:
    """The steps of each stratum after moment number ``start`` [G] (−1: all of them)."""
    moment = np.flatnonzero(risk.moved.any(axis=(0, 2)))
    moment = moment[moment > start.min(initial=len(risk.moments))]
    started = (moment[:, None] > start)[:, :, None]
    at_risk = np.ascontiguousarray(risk.at_risk[:, moment].swapaxes(0, 1)) * started
    moved = risk.moved[:, moment].swapaxes(0, 1) * started
    moments = Moments(risk.moments.time[moment], risk.moments.step[moment])
    return Steps(moment, moments, _matrices(risk, at_risk, moved), at_risk)


def _matrices(risk: RiskSets, at_risk: Floats, moved: Floats) -> Floats:
    """I + dA: what share of those at risk went where; the diagonal is the share that stayed."""
    states = len(risk.states)
    matrix = np.zeros((*at_risk.shape, states))
    stayed = at_risk.copy()
    for number, (source, target) in enumerate(risk.transitions):
        matrix[:, :, source, target] = moved[:, :, number]
        stayed[:, :, source] -= moved[:, :, number]
    diagonal = np.arange(states)
    matrix[:, :, diagonal, diagonal] = np.maximum(stayed, 0)
    occupied = at_risk[..., None] > 0
    np.divide(matrix, at_risk[..., None], out=matrix, where=occupied)
    matrix[:, :, diagonal, diagonal] = np.where(at_risk > 0, matrix[:, :, diagonal, diagonal], 1)
    return matrix


def forward(steps: Steps, initial: Floats) -> Floats:
    """Rows of probabilities carried through the steps: [K + 1, G, …, H] from ``initial`` [G, …, H]."""
    carried = np.empty((len(steps) + 1, *initial.shape))
    carried[0] = initial
    between = int(np.prod(initial.shape[1:-1]))
    rows = carried.reshape(len(steps) + 1, initial.shape[0], between, initial.shape[-1])
    for number, matrix in enumerate(steps.matrix):
        np.matmul(rows[number], matrix, out=rows[number + 1])
    carried[np.abs(carried) < ROUNDING] = 0
    return carried


def noise(steps: Steps, before: Floats, other: Floats, variance: Variance) -> Floats:
    """What each step adds to the covariance of rows: sum over h of p_h q_h Cov(dA_h.), [K, G, …, H, H].

    ``before`` and ``other`` are the rows p and q just before each step, [K, G, …, H].
    """
    share = steps.shares(before * other)
    extra = (1,) * (share.ndim - 3)
    matrix = steps.matrix.reshape(*steps.matrix.shape[:2], *extra, *steps.matrix.shape[2:])
    added: Floats
    if variance == "greenwood":
        spread = share[..., None] * matrix
        added = _diagonal(spread.sum(-2)) - matrix.swapaxes(-1, -2) @ spread
        return added
    moved = matrix * (1 - np.eye(matrix.shape[-1]))
    flows = share[..., None] * moved
    added = _diagonal(flows.sum(-2) + flows.sum(-1)) - flows - flows.swapaxes(-1, -2)
    return added


def _diagonal(values: Floats) -> Floats:
    full = np.zeros((*values.shape, values.shape[-1]))
    index = np.arange(values.shape[-1])
    full[..., index, index] = values
    return full


def carry_covariance(steps: Steps, initial: Floats, added: Floats) -> Floats:
    """Covariances through the steps, V' = (I+dA)ᵀ V (I+dA) + added: [K + 1, G, H, H]."""
    carried = np.empty((len(steps) + 1, *initial.shape))
    carried[0] = initial
    for number, matrix in enumerate(steps.matrix):
        np.matmul(matrix.swapaxes(-1, -2) @ carried[number], matrix, out=carried[number + 1])
        carried[number + 1] += added[number]
    return carried


def durations(steps: Steps, since: Floats, until: float) -> Floats:
    """Time between steps [K + 1, G], from ``since`` [G] to ``until``: before the first, …, after the last."""
    edges = np.concatenate([[-np.inf], steps.moments.time, [np.inf]])[:, None]
    spans: Floats = np.maximum(np.minimum(edges[1:], until) - np.maximum(edges[:-1], since), 0)
    return spans


def time_to_come(steps: Steps, since: Floats, until: float) -> Floats:
    """Expected time in each state up to ``until``, given the state after each step: [K + 1, G, H, H].

    The integral of P(u, t) over t from u to ``until``; the first is from ``since``.
    """
    spans = durations(steps, since, until)
    states = steps.matrix.shape[-1]
    ahead = spans[:, :, None, None] * np.eye(states)
    for number in range(len(steps) - 1, -1, -1):
        ahead[number] += steps.matrix[number] @ ahead[number + 1]
    return ahead


def probabilities_to(steps: Steps, times: Floats) -> Floats:
    """P(u, t) from after each step u to the end of each day t: [K + 1, G, H, times, H].

    Zero for steps after t: what happens there changes nothing at t.
    """
    last = np.searchsorted(steps.moments.time, times, side="right")
    groups, states = steps.matrix.shape[1:3]
    ahead = np.zeros((len(steps) + 1, groups, states, len(times), states))
    flat = ahead.reshape(len(steps) + 1, groups, states, -1)
    for number in range(len(steps), -1, -1):
        if number < len(steps):
            np.matmul(steps.matrix[number], flat[number + 1], out=flat[number])
        ahead[number][:, :, last == number] = np.eye(states)[:, None]
    return ahead
