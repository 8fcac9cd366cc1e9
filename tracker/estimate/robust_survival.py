"""Kaplan–Meier and Nelson–Aalen with variances clustered on child: one more pass over the spells.

The infinitesimal jackknife (Jaeckel 1972; Therneau & Grambsch 2000, Modeling Survival Data, section 7.1):
the influence of a child on the cumulative hazard at t is the sum over its stays of w (1{left by t}/R − A(t)),
with A the sum of h/R while it was at risk, h = d/Y, and R the number at risk Y for the hazard itself, or
Y − d for the logarithm of survival. A child may have several stays in the state, and weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracker.estimate.exits import NEGLIGIBLE, Exits, OtherExits, leaving
from tracker.estimate.intervals import HazardInterval, Interval
from tracker.estimate.results import Curves
from tracker.estimate.risk_sets import Floats, Ints, Stays, count
from tracker.estimate.survival import (
    KAPLAN_MEIER,
    NELSON_AALEN,
    hazard_curves,
    hazard_steps,
    survival_curves,
    survival_steps,
)

JACKKNIFE = "infinitesimal jackknife, clustered on child"


def robust_kaplan_meier(
    stays: Stays,
    state: str,
    to: Sequence[str] | None = None,
    others: OtherExits = "refused",
    *,
    interval: Interval = "log",
    level: float = 0.95,
) -> Curves:
    """The Kaplan–Meier curves of leaving ``state``, with variances that allow for several stays of a child.

    ``to`` and ``others`` as in ``leaving``; rows as in ``kaplan_meier``. With one stay a child, no weights
    and no delayed entry the variance is Greenwood's. Children count within strata. Raises EstimateError as
    these do.
    """
    exits = leaving(count(stays), state, to, others)
    survival, _ = survival_steps(exits)
    left = exits.at_risk - exits.events
    variance = _squared_influence(
        exits, _parts(stays, exits), np.where(left > NEGLIGIBLE * exits.at_risk, left, 0)
    )
    method = replace(KAPLAN_MEIER, variance=JACKKNIFE, interval=interval)
    return survival_curves(exits, survival, variance, method, level)


def robust_nelson_aalen(
    stays: Stays,
    state: str,
    to: Sequence[str] | None = None,
    others: OtherExits = "refused",
    *,
    interval: HazardInterval = "log",
    level: float = 0.95,
) -> Curves:
    """The Nelson–Aalen curves of leaving ``state``, with variances that allow for several stays of a child.

    ``to`` and ``others`` as in ``leaving``; rows as in ``nelson_aalen``. Raises EstimateError as these do.
    """
    exits = leaving(count(stays), state, to, others)
    variance = _squared_influence(exits, _parts(stays, exits), exits.at_risk)
    method = replace(NELSON_AALEN, variance=JACKKNIFE, interval=interval)
    return hazard_curves(exits, np.cumsum(hazard_steps(exits), axis=1), variance, method, level)


@dataclass(frozen=True)
class _Parts:
    """The stays in the state (N): whose (a number for each child and stratum), when, and how they ended."""

    child: Ints
    stratum: Ints
    entered: Ints
    left: Ints
    happened: Floats
    weight: Floats


def _parts(stays: Stays, exits: Exits) -> _Parts:
    kept = (stays.state == stays.states.index(exits.state)) & (stays.weight > 0)
    targets = [stays.states.index(name) for name in exits.to]
    stratum = stays.stratum[kept]
    return _Parts(
        stays.subject[kept] * max(len(exits.strata), 1) + stratum,
        stratum,
        np.searchsorted(exits.moment, stays.entered[kept]),
        np.searchsorted(exits.moment, stays.left[kept]),
        np.isin(stays.to[kept], targets).astype(np.float64),
        stays.weight[kept],
    )


def _squared_influence(exits: Exits, parts: _Parts, remaining: Floats) -> Floats:
    """The sum over children of their squared influence at each moment, [G, T].

    Between the moments at which its stays begin and end, a child's influence is a − b A(t); so the sums of
    a², ab and b² over children change there only, and the cost is that of sorting the stays.
    """
    inverse = np.divide(1.0, remaining, out=np.zeros_like(remaining), where=remaining > 0)
    built = np.cumsum(hazard_steps(exits) * inverse, axis=1)
    begins, ends = (parts.stratum, parts.entered), (parts.stratum, parts.left)
    constant = np.concatenate(
        [parts.weight * built[begins], parts.weight * (parts.happened * inverse[ends] - built[ends])]
    )
    slope = np.concatenate([parts.weight, -parts.weight])
    moment = np.concatenate([parts.entered, parts.left])
    child, stratum = np.tile(parts.child, 2), np.tile(parts.stratum, 2)
    order = np.lexsort((moment, child))
    a, b = (_running(part[order], child[order]) for part in (constant, slope))
    cell = (stratum * built.shape[1] + moment)[order]

    def total(one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Floats:
        change = one[1] * other[1] - one[0] * other[0]
        return np.cumsum(np.bincount(cell, change, built.size).reshape(built.shape), axis=1)

    squares: Floats = total(a, a) - 2 * built * total(a, b) + built**2 * total(b, b)
    return np.maximum(squares, 0.0)


def _running(changes: Floats, child: Ints) -> tuple[Floats, Floats]:
    """The sum of a child's changes so far, before and after each."""
    everyone = np.cumsum(changes)
    new = np.diff(child, prepend=-1) != 0
    base = np.where(new, everyone - changes, 0.0)[
        np.maximum.accumulate(np.where(new, np.arange(len(new)), 0))
    ]
    return everyone - changes - base, everyone - base
