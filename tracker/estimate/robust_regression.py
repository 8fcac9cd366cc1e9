"""Variances clustered on the child for fits from counts: the second pass, over spells.

A stay's score residual is what it had of the event less what was expected of it while at risk; with sums by
slot accumulated, that is two look-ups a stay. Sources: Lin & Wei (1989), eq. 2.2; Therneau & Grambsch (2000),
§4.6, §7.1 and, for Efron's ties, p. 85: those tied with the l-th event are partly at risk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import ROBUST, CoxFit, chi_squared, coefficient_frame
from tracker.estimate.event_flows import StayRows, columns_of, flows_of_stays, numbered_moments
from tracker.estimate.event_sets import EventSets, from_start, slots_before
from tracker.estimate.risk_sets import Floats, Ints, Stays


def robust(fit: CoxFit, stays: Stays, cluster: str | Sequence[object]) -> CoxFit:
    """The fit with Lin–Wei standard errors and tests, clustered as said.

    Raises EstimateError where there are not more clusters than coefficients.
    """
    scores = cluster_scores(fit, stays, cluster)
    at_zero = cluster_scores(fit, stays, cluster, np.zeros(len(fit.estimates)))
    return with_products(fit, scores.T @ scores, len(scores), (at_zero.sum(0), at_zero.T @ at_zero))


def score_products(fit: CoxFit, stays: Stays, cluster: str | Sequence[object] = "subject") -> Floats:
    """Sums over clusters of products of their scores [K, K].

    They add up over municipalities that hold different clusters: each computes its own from the common fit,
    and the sum goes into ``with_products``.
    """
    scores = cluster_scores(fit, stays, cluster)
    products: Floats = scores.T @ scores
    return products


def with_products(
    fit: CoxFit, products: Floats, clusters: int, at_zero: tuple[Floats, Floats] | None = None
) -> CoxFit:
    """The fit with the sandwich of its inverse information around sums of products of scores.

    ``at_zero``: the sum of scores and of their products at coefficients 0, for the robust score test.
    """
    if clusters <= len(fit.estimates):
        raise EstimateError(
            f"{clusters} clusters cannot carry a robust variance of {len(fit.estimates)} coefficients."
        )
    covariance = fit.model_covariance @ products @ fit.model_covariance
    covariance = (covariance + covariance.T) / 2
    names, estimates = fit.design.names, fit.estimates
    method = replace(fit.method, variance=f"{ROBUST}, {clusters} clusters")
    statistics = {"wald": float(estimates @ np.linalg.solve(covariance, estimates))}
    if at_zero is not None:
        statistics["robust_score"] = float(at_zero[0] @ np.linalg.solve(at_zero[1], at_zero[0]))
    tests = {
        name: chi_squared(name, value, len(estimates), fit.about, method)
        for name, value in statistics.items()
    }
    return replace(
        fit,
        frame=coefficient_frame(names, estimates, covariance, fit.model_covariance, fit.level),
        covariance=covariance,
        method=method,
        tests={**fit.tests, **tests},
    )


def cluster_scores(
    fit: CoxFit, stays: Stays, cluster: str | Sequence[object], coefficients: Floats | None = None
) -> Floats:
    """Weighted score residuals summed within clusters [clusters, K], at the fit or other coefficients."""
    rows = np.flatnonzero(stays.state == stays.states.index(fit.transition[0]))
    number = _clusters(stays, cluster)[rows]
    number = pd.factorize(number)[0]
    residuals = score_residuals(fit, stays, coefficients) * stays.weight[rows][:, None]
    count = int(number.max(initial=-1)) + 1
    return np.column_stack([np.bincount(number, column, count) for column in residuals.T])


def _clusters(stays: Stays, cluster: str | Sequence[object]) -> Ints:
    if isinstance(cluster, str):
        if cluster == "subject":
            return stays.subject
        known = columns_of(stays)
        if cluster not in known.columns:
            raise EstimateError(f"There is no column «{cluster}» to cluster on.")
        values = known[cluster]
    else:
        values = pd.Series(list(cluster))
    if len(values) != len(stays) or values.isna().any():
        raise EstimateError("Every spell belongs to one cluster: some have none, or there are more ids.")
    numbers: Ints = pd.factorize(values)[0].astype(np.int64)
    return numbers


def score_residuals(fit: CoxFit, stays: Stays, coefficients: Floats | None = None) -> Floats:
    """Score residuals [N, K] of the spells in the state left, in their order; they sum to the score.

    ``coefficients``: where, if not at the maximum.
    """
    at = fit.estimates if coefficients is None else coefficients
    sums = fit.sums if coefficients is None else fit.likelihood().sums(at)
    flows, rows = flows_of_stays(stays, fit.transition, fit.design.variables, fit.strata)
    columns = fit.design.matrix(flows.patterns) - fit.centre
    entered, left = located(fit.sets, flows.strata, stays, rows)
    begins = fit.sets.begins
    risk = np.exp(columns @ at)[rows.pattern]
    hazard = within(sums.hazard, begins, entered, left)
    drift, event_drift, means = sums.drift, sums.event_drift, sums.means
    event = np.flatnonzero(rows.event)
    slot = left[event]
    residuals = np.empty((len(rows.row), columns.shape[1]))
    for k in range(columns.shape[1]):
        x = columns[rows.pattern, k]
        residual = risk * (within(drift[:, k], begins, entered, left) - x * hazard)
        residual[event] += x[event] - means[slot, k]
        residual[event] += risk[event] * (x[event] * sums.ties.part[slot] - event_drift[slot, k])
        residuals[:, k] = residual
    return residuals


def martingale_residuals(fit: CoxFit, stays: Stays) -> Floats:
    """Events less expected events of each spell in the state left [N], in their order.

    With Efron's ties those who share a moment are spared part of its hazard. Source: Therneau & Grambsch
    (2000), §4.2 and p. 85.
    """
    flows, rows = flows_of_stays(stays, fit.transition, fit.design.variables, fit.strata)
    columns = fit.design.matrix(flows.patterns) - fit.centre
    entered, left = located(fit.sets, flows.strata, stays, rows)
    hazard = within(fit.sums.hazard, fit.sets.begins, entered, left)
    hazard[rows.event] -= fit.sums.ties.part[left[rows.event]]
    residuals: Floats = rows.event - np.exp(columns @ fit.estimates)[rows.pattern] * hazard
    return residuals


def located(sets: EventSets, strata: pd.DataFrame, stays: Stays, rows: StayRows) -> tuple[Ints, Ints]:
    """The last slots at or before each spell's entry and end, found by what strata and moments are called.

    Raises EstimateError for events and strata of which the fit knows nothing.
    """
    own = np.zeros(len(strata), np.int64)
    if len(strata.columns):
        known = pd.MultiIndex.from_frame(sets.strata)
        own = known.get_indexer(pd.MultiIndex.from_frame(strata)).astype(np.int64)
    if (own < 0).any():
        raise EstimateError("The fit does not know every stratum of these spells.")
    time = np.concatenate([sets.time, stays.moments.time])
    moments, number = numbered_moments(time, np.concatenate([sets.step, stays.moments.step]))
    width, theirs = len(moments), number[len(sets) :]
    keys = sets.stratum * width + number[: len(sets)]
    group = own[rows.stratum]
    entered = slots_before(keys, group, theirs[stays.entered[rows.row]], width)
    at_end = theirs[stays.left[rows.row]]
    left = slots_before(keys, group, at_end, width)
    ends = rows.event
    if (left[ends] < 0).any() or (keys[left[ends]] != (group * width + at_end)[ends]).any():
        raise EstimateError("The fit does not know every event of these spells: it was made of others.")
    return entered, left


def within(by_slot: Floats, begins: Ints, entered: Ints, left: Ints) -> Floats:
    """Sums by slot over those after a first and up to a last slot of one stratum; −1 is before all."""
    until = np.concatenate([from_start(by_slot, begins), [0.0]])
    between: Floats = until[left] - until[entered]
    return between
