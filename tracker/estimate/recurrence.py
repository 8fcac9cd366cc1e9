"""Recurrence: how many times on average, and how soon again.

The mean number per child (Nelson; Ghosh and Lin where something ends it) and the incidence of coming back
after a stay, with competing exits. Each from the counts of a flow table, or, where the interval has to
allow for children who come back often, from the stays with a variance clustered on child. Read a curve at
given days with ``.at(days)``. Models of recurrence are in ``recurrence_models``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.intervals import Bounds, hazard_bounds, survival_bounds
from tracker.estimate.recurrence_event import Recurrence, moves_of, picked, sources_of, stays_at_risk
from tracker.estimate.recurrence_variance import (
    Increments,
    clustered_variance,
    multinomial_variance,
    poisson_variance,
)
from tracker.estimate.results import About, Curves, Method
from tracker.estimate.risk_sets import Floats, RiskSets, Stays, count, require_someone

_Interval = Callable[[Floats, Floats, float], Bounds]
"""Bounds of an estimate with its standard error, at a level."""


def mean_count(counts: RiskSets, event: Recurrence, *, level: float = 0.95) -> Curves:
    """Mean number of events per child by time, with the variance of a Poisson process.

    Without terminal states the sum of dN/Y (Nelson 1995, Technometrics 37: 147–157): the mean number had
    nobody left. With them the sum of S(u−) dN(u)/Y(u), S the Kaplan–Meier curve of the terminal event (Cook
    and Lawless 1997; Ghosh and Lin 2000): the mean number of a child who may leave for good; events and
    terminal ones of the same moment count the event first. The variance supposes that the events of one
    child are independent: with children who come back often it is too small, and ``mean_count_robust`` is
    the one to publish. Time is in the unit of the data, late entries are at risk from their entry; the
    interval is symmetric on the log scale. Raises EstimateError for unknown
    states, for a stratum with nobody at risk, and on the clock of the state, where a child starts anew with
    each stay.
    """
    data = _increments(counts, event)
    return _mean_curves(counts, data, poisson_variance(data), "Poisson", level)


def mean_count_robust(stays: Stays, event: Recurrence, *, level: float = 0.95) -> Curves:
    """Mean number of events per child by time, with a variance clustered on child.

    The estimate of ``mean_count``; the variance is the infinitesimal jackknife over children (within a
    stratum), which without terminal states is Lawless and Nadeau's (1995, Technometrics 37: 158–168) and
    supposes nothing of how the events of one child hang together. Weights multiply a stay's share in both.
    """
    counts = count(stays)
    data = _increments(counts, event)
    kept, happened, ended = stays_at_risk(stays, event)
    variance = clustered_variance(data, kept, happened, ended)
    return _mean_curves(counts, data, variance, "infinitesimal jackknife by child", level)


def gap_incidence(counts: RiskSets, state: str, *, level: float = 0.95) -> Curves:
    """Share that has left ``state`` for each destination by time since it was entered.

    From counts on the clock of the state: one curve a destination (key ``to_state``), the others competing
    with it, by the Aalen–Johansen estimator sum S(u−) dN(u)/Y(u). Of `closed` this is the incidence of
    re-referral with growing up and death as competing exits. The variance is Greenwood's, as in R's etm: it
    treats the stays of one child as independent. Intervals are symmetric on the complementary log-log scale.
    Raises EstimateError for an unknown state, a state nobody leaves, a stratum with nobody at risk and
    counts on another clock.
    """
    _require_state_clock(counts.about)
    parts = []
    for target, data in _exits(counts, state):
        parts.append(
            _rows(counts, data, multinomial_variance(data), level, _incidence_bounds).assign(to_state=target)
        )
    return _gap_curves(counts, state, parts, "Greenwood (multinomial)", level)


def gap_incidence_robust(stays: Stays, state: str, *, level: float = 0.95) -> Curves:
    """The incidence of ``gap_incidence`` with a variance clustered on child: one child may stay often.

    The infinitesimal jackknife over children within a stratum, of stays on the clock of the state.
    """
    _require_state_clock(stays.about)
    counts = count(stays)
    kept = picked(stays, np.flatnonzero(stays.state == counts.state(state)))
    left = (kept.to >= 0).astype(np.int64)
    parts = []
    for target, data in _exits(counts, state):
        gone = (kept.to == counts.state(target)).astype(np.int64)
        variance = clustered_variance(data, kept, gone, left)
        parts.append(_rows(counts, data, variance, level, _incidence_bounds).assign(to_state=target))
    return _gap_curves(counts, state, parts, "infinitesimal jackknife by child", level)


def _exits(counts: RiskSets, state: str) -> list[tuple[str, Increments]]:
    """For each destination of a state, its counts among all who leave."""
    source = counts.state(state)
    moves = [m for m, (origin, _) in enumerate(counts.transitions) if origin == source]
    if not moves:
        raise EstimateError(f"Nobody leaves «{state}», so there is no incidence of leaving it to give.")
    at_risk = counts.at_risk[:, :, source]
    require_someone(at_risk, counts.strata)
    exits = counts.moved[:, :, moves].sum(2)
    return [(counts.named(m)[1], Increments.among(at_risk, counts.moved[:, :, m], exits)) for m in moves]


def _increments(counts: RiskSets, event: Recurrence) -> Increments:
    if counts.about.clock == "state":
        raise EstimateError(
            "A mean number needs a clock that runs on; on the clock of the state it starts anew."
        )
    if event.at_risk:
        raise EstimateError(
            "A mean number is one of every child under observation: states at risk are for models."
        )
    happened, ended = moves_of(counts, event)
    at_risk = counts.at_risk[:, :, sources_of(counts, event)].sum(2)
    require_someone(at_risk, counts.strata)
    return Increments.among(at_risk, counts.moved[:, :, happened].sum(2), counts.moved[:, :, ended].sum(2))


def _mean_curves(counts: RiskSets, data: Increments, variance: Floats, named: str, level: float) -> Curves:
    ended = bool(data.exits.any())
    source = (
        "Cook and Lawless (1997); Ghosh and Lin (2000)"
        if ended
        else "Nelson (1995); Lawless and Nadeau (1995)"
    )
    name = "Mean number with a terminal event" if ended else "Mean cumulative function"
    return Curves(
        "mean number per child",
        _rows(counts, data, variance, level, _mean_bounds),
        tuple(counts.strata.columns),
        (),
        counts.about,
        Method(name, source, named, "log"),
        level=level,
    )


def _gap_curves(counts: RiskSets, state: str, parts: list[pd.DataFrame], named: str, level: float) -> Curves:
    strata = tuple(counts.strata.columns)
    frame = pd.concat(parts, ignore_index=True)
    return Curves(
        f"share that has left «{state}»",
        frame[[*strata, "to_state", *(name for name in frame if name not in (*strata, "to_state"))]],
        strata,
        ("to_state",),
        counts.about,
        Method(
            "Aalen–Johansen, time since the state was entered", "Aalen and Johansen (1978)", named, "log-log"
        ),
        level=level,
    )


def _rows(
    counts: RiskSets, data: Increments, variance: Floats, level: float, interval: _Interval
) -> pd.DataFrame:
    """A row for each moment at which somebody had the event, left for good or left the risk set last."""
    later = np.concatenate([data.at_risk[:, 1:], np.zeros_like(data.at_risk[:, :1])], axis=1)
    shown = (data.at_risk > 0) & ((data.events > 0) | (data.exits > 0) | (later < data.at_risk))
    group, moment = np.nonzero(shown)
    estimate, error = data.curve[shown], np.sqrt(np.maximum(variance[shown], 0))
    lower, upper = interval(estimate, error, level)
    return (
        counts.strata.iloc[group]
        .reset_index(drop=True)
        .assign(
            time=counts.moments.time[moment],
            step=counts.moments.step[moment],
            at_risk=data.at_risk[shown],
            events=data.events[shown],
            estimate=estimate,
            std_error=error,
            lower=lower,
            upper=upper,
        )
    )


def _mean_bounds(mean: Floats, error: Floats, level: float) -> Bounds:
    return hazard_bounds(mean, error, "log", level)


def _incidence_bounds(incidence: Floats, error: Floats, level: float) -> Bounds:
    """Bounds of a share that has left, from those of the share that has not."""
    staying = 1 - incidence
    relative = np.divide(error, staying, out=np.zeros_like(error), where=staying > 0)
    lower, upper = survival_bounds(staying, relative, "log-log", level)
    return 1 - upper, 1 - lower


def _require_state_clock(about: About) -> None:
    if about.clock not in ("", "state"):
        raise EstimateError(
            f"Incidence by time since a state was entered needs the clock of the state, not «{about.clock}»."
        )
