"""Gray's test: do groups differ in the cumulative incidence of one way of leaving a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import quadratic
from tracker.estimate.exits import NEGLIGIBLE, Exits, leaving
from tracker.estimate.groups import lay_out
from tracker.estimate.results import Method, Test
from tracker.estimate.risk_sets import Floats, RiskSets

GRAY = Method(
    "Gray's test", "Gray (1988), Ann. Statist. 16:1141–1154", "Gray (1988), section 3, tie-corrected"
)


def gray_test(
    risk: RiskSets,
    state: str,
    to: Sequence[str],
    groups: Sequence[str],
    strata: Sequence[str] = (),
    *,
    rho: float = 0.0,
) -> Test:
    """Test that the groups have the same cumulative incidence of leaving ``state`` for ``to``.

    Every other exit competes. ``groups`` and ``strata`` are columns of ``risk.strata``; other columns are
    pooled; stratified sums over strata. ``rho`` weighs by (1 − F(t−))^rho, F the incidence of everyone in
    the stratum. The frame has ``observed`` and ``expected`` (weighted) of each group in each stratum; the
    same numbers as ``cmprsk::cuminc``.

    Refuses delayed entry with EstimateError: those who leave for other states stay in the risk set of the
    incidence, and someone who left before they would have been seen is missing from it. Raises it too for
    weighted counts, unknown states, and nothing to compare.
    """
    event, everything = leaving(risk, state, to, others="censored"), leaving(risk, state)
    for exits in (event, everything):
        exits.require_whole("Gray's test")
    _refuse_delayed_entry(everything)
    layout = lay_out(event.strata, groups, strata)
    counts = [layout.spread(part) for part in (event.at_risk, event.events, everything.events)]
    parts = [
        _stratum_scores(_Counts(at_risk, events, exits - events), rho)
        for at_risk, events, exits in zip(*counts, strict=True)
    ]
    observed, expected, covariance = (np.stack(part) for part in zip(*parts, strict=True))
    total = covariance.sum(axis=0)
    compared = np.diagonal(total) > 0
    if compared.sum() < 2:
        raise EstimateError(
            f"Nothing to compare: fewer than two groups are at risk when anyone leaves for {to}."
        )
    score = (observed - expected).sum(axis=0)[compared]
    statistic, df = quadratic(score, total[np.ix_(compared, compared)])
    frame = layout.cells().assign(observed=observed.ravel(), expected=expected.ravel())
    p_value = float(chi2.sf(statistic, df))
    return Test(GRAY.name, statistic, df, p_value, frame, risk.about, GRAY, total)


@dataclass(frozen=True)
class _Counts:
    """Of one stratum [K, T]: at risk, leaving by the event, leaving otherwise."""

    at_risk: Floats
    events: Floats
    others: Floats


@dataclass(frozen=True)
class _Curves:
    """Of each group [K, T]: still in the state before and after a moment, and the incidence before it."""

    before: Floats
    after: Floats
    incidence: Floats


def _refuse_delayed_entry(exits: Exits) -> None:
    came = np.flatnonzero(exits.entered.sum(axis=0) > 0)
    went = np.flatnonzero((exits.events + exits.lost).sum(axis=0) > 0)
    if came.size and went.size and came[-1] >= went[0]:
        raise EstimateError(
            f"Gray's test does not allow delayed entry: some enter «{exits.state}» at time "
            f"{exits.time[came[-1]]:g}, after others left it; who left for another state before they would "
            "have been seen is missing from the risk set of the incidence. Compare cause-specific "
            "hazards (log-rank), or put everyone on the clock of the state."
        )


def _stratum_scores(counts: _Counts, rho: float) -> tuple[Floats, Floats, Floats]:
    """Observed and expected [K], and the covariance of their difference [K, K]."""
    curves = _curves(counts)
    left = counts.events.sum(axis=0)
    size = np.divide(
        counts.at_risk, curves.before, out=np.zeros_like(left * counts.at_risk), where=curves.before > 0
    )
    still = size * (1 - curves.incidence)
    jump = _over(left, size.sum(axis=0))
    pooled = np.cumsum(jump)
    weight = np.maximum(1 - (pooled - jump), 0) ** rho if rho else np.ones_like(pooled)
    expected = (_over(still, still.sum(axis=0)) * left * weight).sum(axis=1)
    covariance = _covariance(counts, curves, size, weight)
    return (counts.events * weight).sum(axis=1), expected, covariance


def _covariance(counts: _Counts, curves: _Curves, size: Floats, weight: Floats) -> Floats:
    """Gray's variance: of each group, what its own events and its other exits contribute to every score.

    ``size`` [K, T] is Y/S(t−), those who would be at risk had nobody left otherwise. A score changes with
    group r's events directly, and through its curves at all later moments.
    """
    left, whole = counts.events.sum(axis=0), size.sum(axis=0)
    jump = _over(left, whole)
    pooled = np.cumsum(jump)
    covariance = np.zeros((len(size), len(size)))
    for r, own in enumerate(size):
        direct = -weight * size * _over(own, whole)
        direct[r] += weight * own
        built = np.cumsum(direct * _over(jump, 1 - (pooled - jump)), axis=1)
        later = built[:, -1:] - built
        share = np.divide(1 - pooled, curves.after[r], out=np.zeros_like(pooled), where=curves.after[r] > 0)
        by_event = direct + np.where(curves.after[r] > 0, 1 - share, 1.0) * later
        event_variance = _over(jump, own) * _ties(left, whole * curves.before[r])
        other_variance = _over(counts.others[r], own**2) * _ties(counts.others[r], counts.at_risk[r])
        by_other = share * later
        covariance += (by_event * event_variance) @ by_event.T + (by_other * other_variance) @ by_other.T
    return covariance


def _curves(counts: _Counts) -> _Curves:
    exits = counts.events + counts.others
    left = counts.at_risk - exits
    stays = np.where(
        (exits > 0) & (left <= NEGLIGIBLE * counts.at_risk), 0.0, 1 - _over(exits, counts.at_risk)
    )
    after = np.cumprod(stays, axis=1, dtype=np.float64)
    before = np.concatenate([np.ones((len(after), 1)), after[:, :-1]], axis=1)
    risen = np.cumsum(before * _over(counts.events, counts.at_risk), axis=1)
    incidence = np.concatenate([np.zeros((len(risen), 1)), risen[:, :-1]], axis=1)
    return _Curves(before, after, incidence)


def _ties(events: Floats, at_risk: Floats) -> Floats:
    """The share of the variance left when so many of so many leave at once."""
    tied = (events > 1) & (at_risk > 1)
    return 1 - np.divide(events - 1, at_risk - 1, out=np.zeros_like(events), where=tied)


def _over(part: Floats, whole: Floats) -> Floats:
    shape = np.broadcast_shapes(part.shape, whole.shape)
    return np.divide(part, whole, out=np.zeros(shape), where=np.broadcast_to(whole > 0, shape))
