"""Landmarks: those in a state at a given time, followed from there.

The landmark Aalen–Johansen estimator (Putter & Spitoni 2018, Stat. Methods Med. Res. 27:2081–2092): of the
children in state h at s, the share in each state at t. It estimates transition probabilities whether the
chain is Markov or not, with fewer children than ``transition_matrix``, which needs the Markov property.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.product_integral import Variance
from tracker.estimate.risk_sets import Ints, Stays, count, number_of


def landmark(stays: Stays, at: float, state: str) -> Stays:
    """The stays, after ``at``, of those observed in ``state`` at the end of day ``at``.

    Every child counts in the stratum it was in then. What follows a gap in observation counts as entered
    late. Raises EstimateError for a negative time and when nobody is in the state then.
    """
    origin = number_of(stays.states, state)
    if not at >= 0:
        raise EstimateError("A landmark is a time of zero or more.")
    here = present(stays, at) & (stays.state == origin)
    if not here.any():
        raise EstimateError(
            f"Nobody is observed in «{state}» at {at:g}: there is nobody to follow from there."
        )
    stratum = np.full(int(stays.subject.max()) + 1, -1, np.int64)
    stratum[stays.subject[here]] = stays.stratum[here]
    kept = (stratum[stays.subject] >= 0) & (stays.left > last_moment(stays, at))
    return _select(stays, kept, stratum[stays.subject[kept]])


def landmark_aalen_johansen(
    stays: Stays, at: float, state: str, *, variance: Variance = "greenwood"
) -> tuple[Occupation, Stays]:
    """P(at, t) from ``state`` without the Markov property: occupation of those in it at ``at``.

    Gives the occupation (strata without anybody there are left out) and the stays it rests on, for
    ``robust.clustered``: Greenwood's variance needs the Markov property, the robust one does not. Raises
    EstimateError as ``landmark`` and ``aalen_johansen``.
    """
    followed = landmark(stays, at, state)
    fit = aalen_johansen(count(followed), initial=state, since=at, variance=variance)
    method = replace(
        fit.method,
        name="landmark Aalen–Johansen",
        source="Putter & Spitoni (2018), Stat. Methods Med. Res. 27:2081–2092",
    )
    return replace(fit, method=method), followed


def last_moment(stays: Stays, at: float) -> int:
    """Number of the last moment of day ``at`` or before; −1 when there is none."""
    return int(np.searchsorted(stays.moments.time, at, side="right")) - 1


def present(stays: Stays, at: float) -> NDArray[np.bool_]:
    """Which stays someone is in, under observation, at the end of day ``at``."""
    moment = last_moment(stays, at)
    there: NDArray[np.bool_] = (stays.entered <= moment) & (stays.left > moment)
    return there


def _select(stays: Stays, kept: NDArray[np.bool_], stratum: Ints) -> Stays:
    used, renumbered = np.unique(stratum, return_inverse=True)
    return replace(
        stays,
        strata=stays.strata.iloc[used].reset_index(drop=True),
        subject=stays.subject[kept],
        stratum=renumbered.astype(np.int64),
        state=stays.state[kept],
        entered=stays.entered[kept],
        left=stays.left[kept],
        to=stays.to[kept],
        weight=stays.weight[kept],
        covariates=stays.covariates.loc[kept].reset_index(drop=True),
    )
