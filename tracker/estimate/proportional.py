"""Is the ratio of hazards the same at all times: the score test of proportional hazards, from counts.

The model gains, for each column x, a column x·g(t); at coefficients 0 for those the score and information are
sums over slots weighted by g and g². Source: Grambsch & Therneau (1994), as the exact score test that R's
``cox.zph`` computes since survival 3.0 (its vignette "Approximating a Cox Model", and Therneau & Grambsch
(2000), §6.2): the variance at each moment is not replaced by its average.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.event_sets import EventSets
from tracker.estimate.results import Method, Test
from tracker.estimate.risk_sets import Floats, Ints

Transform = Literal["km", "identity", "rank", "log"]
SOURCE = "Grambsch & Therneau (1994), exact score test"


def proportional_hazards(
    fit: CoxFit, transform: Transform = "km", each: Literal["term", "column"] = "term"
) -> Test:
    """Score tests of coefficients that change linearly in g(t): one for all, in ``frame`` one for each term.

    ``transform``: g is 1 − the Kaplan–Meier estimate just before t («km»), t, the rank of t among all ends of
    stays, or log t. ``each``: a term's columns together, or every column by itself. ``frame``: ``term``,
    ``statistic``, ``df``, ``p_value``. Always by the model's information, also where the fit is robust.

    Raises EstimateError when an event at time 0 has no logarithm, or all events have the same g.
    """
    g = _centred(_transformed(fit.sets, transform), fit.sets.number)
    if np.ptp(g) == 0:
        raise EstimateError("All events fall on one time: whether hazards stay proportional cannot be said.")
    score, information = _extended(fit, g)
    names, groups = _groups(fit, each)
    tests = [_tested(score, information, group) for group in groups]
    frame = pd.DataFrame(tests, columns=["statistic", "df", "p_value"])
    frame.insert(0, "term", names)
    overall = _tested(score, information, np.arange(len(score), dtype=np.int64))
    method = Method(f"proportional hazards, g(t): {transform}", SOURCE, fit.method.variance, "", fit.ties)
    return Test("proportional hazards", *overall, frame, fit.about, method)


def _transformed(sets: EventSets, transform: Transform) -> Floats:
    if transform == "km":
        return 1 - _survival_before(sets)
    if transform == "identity":
        return sets.time
    if transform == "rank":
        return _ranks(sets)
    if transform != "log":
        raise EstimateError(f"Times are transformed by km, identity, rank or log, not «{transform}».")
    if (sets.time <= 0).any():
        raise EstimateError("Events at time 0 have no logarithm of time; choose another transformation.")
    logarithm: Floats = np.log(sets.time)
    return logarithm


def _survival_before(sets: EventSets) -> Floats:
    hazard = np.divide(sets.had, sets.at_risk, out=np.zeros_like(sets.had), where=sets.had > 0)
    before = np.concatenate([[1.0], np.cumprod(1 - hazard)[:-1]])
    order = pd.MultiIndex.from_arrays([sets.moments.time, sets.moments.step])
    place = order.get_indexer(pd.MultiIndex.from_arrays([sets.time, sets.step]))
    survival: Floats = before[place]
    return survival


def _ranks(sets: EventSets) -> Floats:
    ended = sets.had + sets.left
    times, place = np.unique(sets.moments.time, return_inverse=True)
    count = np.bincount(place, ended, len(times))
    rank = np.cumsum(count) - (count - 1) / 2
    ranks: Floats = rank[np.searchsorted(times, sets.time)]
    return ranks


def _centred(g: Floats, number: Floats) -> Floats:
    centred: Floats = g - g @ number / number.sum()
    return centred


def _extended(fit: CoxFit, g: Floats) -> tuple[Floats, Floats]:
    """The score of the added columns [K], and the information of both kinds [2K, 2K]."""
    likelihood, beta = fit.likelihood(), fit.estimates
    plain, once, twice = (
        likelihood.weighted_information(beta, fit.sums, by_slot) for by_slot in (np.ones_like(g), g, g * g)
    )
    score = likelihood.weighted_score(beta, fit.sums, g)
    return score, np.block([[plain, once], [once, twice]])


def _groups(fit: CoxFit, each: str) -> tuple[tuple[str, ...], list[Ints]]:
    columns: Ints = np.arange(len(fit.design.names))
    if each == "column":
        return fit.design.names, list(columns[:, None])
    terms = np.array(fit.design.of_term)
    return fit.design.terms, [columns[terms == i] for i in range(len(fit.design.terms))]


def _tested(score: Floats, information: Floats, group: Ints) -> tuple[float, float, float]:
    """Statistic, degrees of freedom and p-value."""
    size = len(score)
    kept = np.concatenate([np.arange(size), size + group])
    u = np.concatenate([np.zeros(size), score[group]])
    statistic = float(u @ np.linalg.solve(information[np.ix_(kept, kept)], u))
    return statistic, float(len(group)), float(stats.chi2.sf(statistic, len(group)))
