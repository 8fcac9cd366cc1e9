"""The curve sum of S(u−) dN(u)/Y(u), and how uncertain it is: from counts, or clustered on the child.

N counts the events asked for, D the exits that end it, Y those at risk and S = prod(1 − dD/Y), so that one
formula is Nelson's mean number (no exits), Ghosh and Lin's mean number with a terminal event, and the
incidence of one of several exits (where the events are exits too).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.estimate.exits import NEGLIGIBLE
from tracker.estimate.risk_sets import Floats, Ints, Stays
from tracker.estimate.squares_by_child import squares_by_child


@dataclass(frozen=True)
class Increments:
    """Counts by stratum and moment, [G, T] each: ``at_risk`` Y, ``events`` dN, ``exits`` dD."""

    at_risk: Floats
    events: Floats
    exits: Floats

    @classmethod
    def among(cls, at_risk: Floats, events: Floats, exits: Floats) -> Increments:
        """The counts, with nobody at risk where rounding left a trace of those who went."""
        least = NEGLIGIBLE * at_risk.max(initial=0)
        return cls(np.where(at_risk > least, at_risk, 0.0), events, exits)

    @property
    def remaining(self) -> Floats:
        """Y − dD, without what rounding leaves of sums of weights."""
        rest = self.at_risk - self.exits
        return np.where(rest > NEGLIGIBLE * self.at_risk, rest, 0.0)

    def share(self, counts: Floats) -> Floats:
        """Counts among those at risk; zero where nobody is."""
        return _over(counts, self.at_risk)

    @property
    def staying(self) -> Floats:
        """S(u−): the share not yet gone just before each moment."""
        return np.concatenate([np.ones_like(self.at_risk[:, :1]), self.stayed[:, :-1]], axis=1)

    @property
    def stayed(self) -> Floats:
        """S(u): the share not yet gone just after each moment."""
        after: Floats = np.cumprod(1 - self.share(self.at_risk - self.remaining), axis=1, dtype=np.float64)
        return after

    @property
    def curve(self) -> Floats:
        """Sum of S(u−) dN(u)/Y(u) up to and including each moment."""
        return np.cumsum(self.staying * self.share(self.events), axis=1)


def poisson_variance(data: Increments) -> Floats:
    """Variance when the events of a child come as a Poisson process, independent of its exit. [G, T]

    sum S² dN/Y² + sum (mu(t) − mu(v))² dD/(Y (Y − dD)): without exits Nelson's (1995) own.
    """
    curve = data.curve
    gone = data.share(_over(data.exits, data.remaining))
    last, first, second = (np.cumsum(curve**power * gone, axis=1) for power in (0, 1, 2))
    exits = curve**2 * last - 2 * curve * first + second
    own = np.cumsum(data.staying**2 * data.share(data.share(data.events)), axis=1)
    return own + np.maximum(exits, 0)


def clustered_variance(data: Increments, stays: Stays, event: Ints, leaving: Ints) -> Floats:
    """Sum over children of their squared influence: the infinitesimal jackknife, [G, T].

    ``event`` and ``leaving`` say for each stay whether it ends in an event and whether in an exit (0 or 1).
    The influence of a child at t is a + b F(t) + c mu(t), with F the same for all and a, b and c changing
    only where one of its stays begins or ends. Without exits this is Lawless and Nadeau's
    (1995) variance; with, the linearisation of Ghosh and Lin (2000, Biometrics 56: 554–562).
    """
    curve, staying = data.curve, data.staying
    lived = data.share(_over(data.exits, data.remaining))
    hazard = np.cumsum(lived, axis=1)
    weighed = np.cumsum(curve * lived, axis=1) + np.cumsum(
        staying * data.share(data.share(data.events)), axis=1
    )
    begins, ends = (stays.stratum, stays.entered), (stays.stratum, stays.left)
    counted = event * _over(staying, data.at_risk)[ends]
    gone = leaving * _over(np.ones_like(curve), data.remaining)[ends]
    weight = stays.weight
    constant = weight * weighed[begins], weight * (counted + gone * curve[ends] - weighed[ends])
    slope = -weight * hazard[begins], weight * (hazard[ends] - gone)
    return squares_by_child(
        [constant, (weight, -weight), slope],
        [np.ones_like(curve), curve * hazard - weighed, curve],
        _clusters(stays),
        stays.stratum,
        (stays.entered, stays.left),
    )


def _clusters(stays: Stays) -> Ints:
    """A number for each child in each stratum."""
    return stays.subject * max(len(stays.strata), 1) + stays.stratum


def _over(above: Floats, below: Floats) -> Floats:
    """Quotients, zero where there is nothing to divide by."""
    quotient: Floats = np.divide(above, below, out=np.zeros(above.shape), where=below > 0)
    return quotient
