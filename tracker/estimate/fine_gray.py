"""Regression of the subdistribution hazard: how covariates move the cumulative incidence of one way out.

``fine_gray`` is Fine and Gray's own estimator, without late entry, its variance allowing for the estimated
censoring. ``fine_gray_late_entry`` weights a Cox regression, allows late entry, strata and both tie rules,
and takes the weights as known. The two differ where times are tied, see their descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import Asked, CoxFit, fit_sets
from tracker.estimate.design import design, term_list
from tracker.estimate.event_flows import columns_of, distinct, flows_of_stays
from tracker.estimate.event_sets import event_sets
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.predictions import cumulative_hazards
from tracker.estimate.results import Curves, Method
from tracker.estimate.risk_sets import Floats, Ints, Stays
from tracker.estimate.robust_regression import located, score_residuals, with_products, within
from tracker.estimate.subdistribution import (
    Leavers,
    SubdistributionSets,
    Tail,
    censoring_by_day,
    kept_by_day,
    kept_by_moment,
    one_stay_each,
    subdistribution_sets,
)

CRR = Method(
    "Fine–Gray regression",
    "Fine & Gray (1999), eq. 7–8; as cmprsk::crr",
    "sandwich, allowing for the estimated censoring",
    "Wald",
)
LATE = Method(
    "Fine–Gray regression with late entry",
    "Geskus (2011); as survival::finegray with weighted Cox",
    "robust by child, weights taken as known",
    "Wald",
)


def fine_gray(
    stays: Stays,
    transition: tuple[str, str],
    terms: str | Sequence[str],
    *,
    censoring: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """The subdistribution hazard of a transition; the other ways out of its first state compete with it.

    Everybody enters at one moment, with fixed covariates and no weights. ``censoring``: columns with a
    censoring distribution for each combination. Ties as Breslow's; who had an event on a day is at risk of
    being censored that day, as in cmprsk::crr. ``covariance`` is the sandwich, ``model_covariance`` the
    inverse information; the likelihood is a pseudo-likelihood, so only Wald's test is given. With several
    censoring groups the variance sums over the events of all groups, as Fine and Gray's formula does, where
    crr's takes those of the own group only. After a group's last day its tails count for nothing.

    Raises EstimateError for late entry, second entries, changing covariates, weights,
    and what ``cox`` refuses.
    """
    asked = _Asked(transition, term_list(terms), (), "breslow", reference, level, CRR)
    one = _prepared(stays, asked, censoring)
    if len(np.unique(one.entered)) > 1:
        raise EstimateError(
            "Fine and Gray's estimator needs everybody from the same moment: some enter late. "
            "fine_gray_late_entry allows it."
        )
    if np.ptp(one.weight) > 0:
        raise EstimateError("Fine and Gray's estimator is for unweighted data.")
    groups, group = distinct(columns_of(one), censoring)
    before = kept_by_day(one, group, len(groups))
    fit, leavers = _fit(one, asked, group, before)
    scores = _scores(fit, one, leavers) + _censoring_scores(fit, one, leavers)
    return _with_sandwich(fit, scores, CRR.variance)


def fine_gray_late_entry(
    stays: Stays,
    transition: tuple[str, str],
    terms: str | Sequence[str],
    *,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    censoring: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """The subdistribution hazard of a transition with late entry: a Cox regression with weights.

    ``strata``: columns with a baseline for each combination; ``censoring``: columns with a distribution of
    censoring (and entry) for each. Censoring follows the events of its day. Standard errors are robust by
    child and take the weights as known. Raises EstimateError for second entries, changing covariates, weights
    that are not defined, and what ``cox`` refuses.
    """
    asked = _Asked(transition, term_list(terms), tuple(strata), ties, reference, level, LATE)
    one = _prepared(stays, asked, [*strata, *censoring])
    groups, group = distinct(columns_of(one), censoring)
    before = kept_by_moment(one, group, len(groups))
    fit, leavers = _fit(one, asked, group, before)
    return _with_sandwich(fit, _scores(fit, one, leavers) * one.weight[:, None], LATE.variance)


def cumulative_incidence(fit: CoxFit, patterns: pd.DataFrame) -> Curves:
    """The cumulative incidence 1 − exp(−H) of patterns from a Fine–Gray fit.

    A row each of ``patterns`` (columns of covariates). No standard error is given: neither fit estimates that
    of its baseline hazard with the weights estimated. Key: the columns of ``patterns``. Raises EstimateError
    for covariates the model does not know, and for fits that are not of a subdistribution.
    """
    if not _tails(fit):
        raise EstimateError("A cumulative incidence follows from a Fine–Gray fit; this is a Cox regression.")
    hazard = cumulative_hazards(fit, patterns)
    frame = hazard.frame.assign(estimate=-np.expm1(-hazard.frame["estimate"]))
    frame[["std_error", "lower", "upper"]] = np.nan
    method = replace(fit.method, variance="none", interval="none")
    return replace(hazard, quantity="cumulative incidence", frame=frame, method=method)


@dataclass(frozen=True)
class _Asked:
    """What was asked for."""

    transition: tuple[str, str]
    terms: tuple[str, ...]
    strata: tuple[str, ...]
    ties: Ties
    reference: Mapping[str, object] | None
    level: float
    method: Method

    @property
    def variables(self) -> list[str]:
        return list(dict.fromkeys(name for term in self.terms for name in term.split(":")))


def _prepared(stays: Stays, asked: _Asked, more: Sequence[str]) -> Stays:
    if unknown := [name for name in asked.transition if name not in stays.states]:
        raise EstimateError(f"There is no state «{unknown[0]}» here; there are {', '.join(stays.states)}.")
    if not asked.variables:
        raise EstimateError("A regression needs at least one term.")
    if not np.any(stays.state == stays.states.index(asked.transition[0])):
        raise EstimateError(f"Nobody is ever at risk of {' → '.join(asked.transition)}.")
    return one_stay_each(stays, asked.transition[0], list(dict.fromkeys([*asked.variables, *more])))


def _fit(one: Stays, asked: _Asked, group: Ints, before: Floats) -> tuple[CoxFit, Leavers]:
    flows, rows = flows_of_stays(one, asked.transition, asked.variables, asked.strata)
    competing = (one.to >= 0) & ~rows.event
    leavers = Leavers(rows.pattern, rows.stratum, group, one.left, competing, one.weight, before)
    plain = event_sets(flows, " → ".join(asked.transition))
    planned = design(flows.patterns, asked.terms, asked.reference, asked.strata)
    wanted = Asked(
        asked.transition,
        asked.strata,
        asked.ties,
        asked.level,
        one.about,
        flows.subjects,
        flows.spells,
        "log subdistribution hazard ratio",
        asked.method,
    )
    return fit_sets(subdistribution_sets(plain, flows, leavers), planned, wanted), leavers


def _scores(fit: CoxFit, one: Stays, leavers: Leavers) -> Floats:
    """Score residuals [N, K]: those while present, and those of the tails."""
    sets = fit.sets
    residuals = score_residuals(fit, one)
    _, rows = flows_of_stays(one, fit.transition, fit.design.variables, fit.strata)
    left = located(sets, sets.strata, one, rows)[1]
    last = _last_slots(sets.stratum, leavers.stratum)
    risk, x = _risk(fit, leavers)
    for number, tail in enumerate(_tails(fit)):
        who = np.flatnonzero((leavers.group == number) & (leavers.competing))
        share = risk[who] / leavers.before[number, leavers.left[who]]
        spans = (sets.begins, left[who], last[who])
        hazard = within(tail.kept * fit.sums.hazard, *spans)
        for k, drift in enumerate(fit.sums.drift.T):
            residuals[who, k] += share * (within(tail.kept * drift, *spans) - x[who, k] * hazard)
    return residuals


def _last_slots(slots: Ints, strata: Ints) -> Ints:
    """The last slot of each one's stratum; −1 in a stratum without events."""
    last: Ints = np.searchsorted(slots, strata, "right") - 1
    return np.where(slots[last] == strata, last, -1)


def _tails(fit: CoxFit) -> tuple[Tail, ...]:
    return fit.sets.tails if isinstance(fit.sets, SubdistributionSets) else ()


def _risk(fit: CoxFit, leavers: Leavers) -> tuple[Floats, Floats]:
    x = fit.columns[leavers.pattern]
    risk: Floats = np.exp(x @ fit.estimates)
    return risk, x


def _censoring_scores(fit: CoxFit, one: Stays, leavers: Leavers) -> Floats:
    """What each person adds to the score through the estimated censoring [N, K]: ψ of Fine & Gray (1999).

    q(u) is what the events from u on have of those whose competing event came before u; a person censored at
    u adds q(u)/π(u), and everybody at risk of it loses its average.
    """
    sets = fit.sets
    groups = len(leavers.before)
    day, (at_risk, censored) = censoring_by_day(one, leavers.group, groups)
    risk, x = _risk(fit, leavers)
    days = np.unique(one.moments.time)
    slot_day = np.searchsorted(days, sets.time)
    left = day[one.left]
    scores = np.zeros((len(one), x.shape[1]))
    for number, tail in enumerate(_tails(fit)):
        who = leavers.group == number
        gone = np.flatnonzero(who & leavers.competing)
        share = risk[gone] / leavers.before[number, leavers.left[gone]]
        earlier = _before(_by_day(left[gone], np.column_stack([share, share[:, None] * x[gone]]), len(days)))
        kept = np.column_stack([fit.sums.hazard[:, None], fit.sums.drift]) * tail.kept[:, None]
        later = np.cumsum(_by_day(slot_day, kept, len(days))[::-1], axis=0)[::-1]
        q = earlier[:, 1:] * later[:, :1] - earlier[:, :1] * later[:, 1:]
        each = q / np.maximum(at_risk[number], 1)[:, None]
        average = np.cumsum(each * (censored[number] / np.maximum(at_risk[number], 1))[:, None], axis=0)
        scores[who] -= average[left[who]]
        stopped = np.flatnonzero(who & (one.to < 0))
        scores[stopped] += each[left[stopped]]
    return scores


def _by_day(day: Ints, values: Floats, days: int) -> Floats:
    return np.column_stack([np.bincount(day, column, days) for column in values.T]).astype(np.float64)


def _before(values: Floats) -> Floats:
    sums: Floats = np.cumsum(values, axis=0) - values
    return sums


def _with_sandwich(fit: CoxFit, scores: Floats, variance: str) -> CoxFit:
    robust = with_products(fit, scores.T @ scores, len(scores))
    method = replace(robust.method, variance=variance)
    return replace(robust, method=method, tests={"wald": robust.tests["wald"]})
