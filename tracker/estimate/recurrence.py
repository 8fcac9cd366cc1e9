"""Recurrence: how many times on average, and how soon again.

The mean number per child (Nelson; Ghosh and Lin where something ends it) and the incidence of coming back
after a stay, with competing exits. Each from the counts of a flow table, or, where the interval has to
allow for children who come back often, from the stays with a variance clustered on child. Read a curve at
given days with ``.at(days)``. Models of recurrence are in ``recurrence_models``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.incidence import cumulative_incidence
from tracker.estimate.intervals import hazard_bounds
from tracker.estimate.occupation import probability_bounds
from tracker.estimate.recurrence_event import Recurrence, moves_of, picked, sources_of, stays_at_risk
from tracker.estimate.recurrence_variance import (
    Increments,
    clustered_variance,
    poisson_variance,
)
from tracker.estimate.results import SETTLED, About, Curves, Method
from tracker.estimate.risk_sets import Floats, Ints, RiskSets, Stays, count, require_someone

BY_CHILD = "infinitesimal jackknife by child"


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
    return _mean_curves(counts, data, variance, BY_CHILD, level)


def gap_incidence(counts: RiskSets, state: str, *, level: float = 0.95) -> Curves:
    """Share that has left ``state`` for each destination (key ``cause``) by time since it was entered.

    The cumulative incidence on the clock of the state, the other ways out competing. Of `closed` this is the
    incidence of re-referral with growing up and death as competing exits. The variance is Greenwood's: it
    treats the stays of one child as independent. Raises EstimateError for an unknown state, a state nobody
    leaves, a stratum with nobody at risk and counts on another clock.
    """
    _require_state_clock(counts.about)
    return cumulative_incidence(counts, state, interval="log-log", level=level)


def gap_incidence_robust(stays: Stays, state: str, *, level: float = 0.95) -> Curves:
    """The incidence of ``gap_incidence`` with a variance clustered on child: one child may stay often.

    The infinitesimal jackknife over children within a stratum, of stays on the clock of the state. Weights
    multiply a stay's share. Raises what ``gap_incidence`` raises.
    """
    counts = count(stays)
    curves = gap_incidence(counts, state, level=level)
    frame = curves.frame.copy()
    group, moment = _places(frame, counts)
    estimate, error = (frame[name].to_numpy(float).copy() for name in ("estimate", "std_error"))
    for cause, rows in frame.groupby("cause", sort=False).indices.items():
        error[rows] = np.sqrt(_gap_variance(stays, counts, state, str(cause))[group[rows], moment[rows]])
    frame["std_error"] = error
    frame["lower"], frame["upper"] = probability_bounds(estimate, error, "log-log", level)
    return replace(curves, frame=frame, method=replace(curves.method, variance=BY_CHILD))


def _gap_variance(stays: Stays, counts: RiskSets, state: str, cause: str) -> Floats:
    """Variance of one incidence by stratum and moment [G, T]."""
    source, target = counts.state(state), counts.state(cause)
    kept = picked(stays, np.flatnonzero(stays.state == source))
    moves = [number for number, (origin, _) in enumerate(counts.transitions) if origin == source]
    gone = counts.moved[:, :, counts.transitions.index((source, target))]
    data = Increments.among(counts.at_risk[:, :, source], gone, counts.moved[:, :, moves].sum(2))
    event, left = (kept.to == target).astype(np.int64), (kept.to >= 0).astype(np.int64)
    return clustered_variance(data, kept, event, left)


def _places(frame: pd.DataFrame, counts: RiskSets) -> tuple[Ints, Ints]:
    """The number of the stratum and of the moment of each row of a frame."""
    group = np.zeros(len(frame), np.int64)
    if names := list(counts.strata.columns):
        strata = pd.MultiIndex.from_frame(counts.strata)
        group = strata.get_indexer(pd.MultiIndex.from_frame(frame[names])).astype(np.int64)
    moments = pd.MultiIndex.from_arrays([counts.moments.time, counts.moments.step])
    wanted = pd.MultiIndex.from_arrays([frame["time"], frame["step"]])
    return group, moments.get_indexer(wanted).astype(np.int64)


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
        _rows(counts, data, variance, level),
        tuple(counts.strata.columns),
        (),
        counts.about,
        Method(name, source, named, "log"),
        level=level,
    )


def _rows(counts: RiskSets, data: Increments, variance: Floats, level: float) -> pd.DataFrame:
    """A row for each moment at which somebody had the event, left for good or left the risk set last."""
    later = np.concatenate([data.at_risk[:, 1:], np.zeros_like(data.at_risk[:, :1])], axis=1)
    shown = (data.at_risk > 0) & ((data.events > 0) | (data.exits > 0) | (later < data.at_risk))
    group, moment = np.nonzero(shown)
    estimate, error = data.curve[shown], np.sqrt(np.maximum(variance[shown], 0))
    lower, upper = hazard_bounds(estimate, error, "log", level)
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
            **{SETTLED: data.stayed[shown] == 0},
        )
    )


def _require_state_clock(about: About) -> None:
    if about.clock not in ("", "state"):
        raise EstimateError(
            f"Incidence by time since a state was entered needs the clock of the state, not «{about.clock}»."
        )
