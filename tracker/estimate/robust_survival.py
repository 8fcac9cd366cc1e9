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
from tracker.estimate.squares_by_child import squares_by_child
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

    A child's influence is a − b A(t), with a and b changing only where one of its stays begins or ends.
    """
    inverse = np.divide(1.0, remaining, out=np.zeros_like(remaining), where=remaining > 0)
    built = np.cumsum(hazard_steps(exits) * inverse, axis=1)
    begins, ends = (parts.stratum, parts.entered), (parts.stratum, parts.left)
    weight = parts.weight
    constant = weight * built[begins], weight * (parts.happened * inverse[ends] - built[ends])
    return squares_by_child(
        [constant, (weight, -weight)],
        [np.ones_like(built), -built],
        parts.child,
        parts.stratum,
        (parts.entered, parts.left),
    )
