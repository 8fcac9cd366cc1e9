"""Risk sets of Fine and Gray: those who had a competing event stay at risk, ever less, as if to be censored.

At an event at t a person whose competing event was at s < t counts with weight G(t−)/G(s−), G the estimated
probability of not being censored, by group; with late entry G is multiplied by the probability H of having
entered. The weights factor, so their sums are a running sum of 1/G(s−) over the competing events before,
times G(t−): persons are not repeated. Sources: Fine & Gray (1999), §4; Geskus (2011), eq. 8–9 (late entry).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tracker.domain.errors import EstimateError
from tracker.estimate.event_flows import Flows, columns_of, distinct
from tracker.estimate.event_sets import EventSets, from_end, from_start, slots_of
from tracker.estimate.risk_sets import Floats, Ints, Stays


@dataclass(frozen=True)
class Tail:
    """Those of one censoring group who had a competing event: ``kept`` [E] is G just before each slot,
    ``gone`` [E, P] the sum of weight / G(s−) of those whose competing event fell after the slot before."""

    kept: Floats
    gone: sparse.csr_array


@dataclass(frozen=True, eq=False, kw_only=True)
class SubdistributionSets(EventSets):
    """Event sets with the tails of those who had a competing event."""

    tails: tuple[Tail, ...]

    def full_table(self) -> Floats:
        """Weighted counts at risk [E, P]."""
        table = super().full_table()
        for tail in self.tails:
            table = table + tail.kept[:, None] * from_start(tail.gone.toarray(), self.begins)
        return table

    def summed_by_changes(self, values: Floats) -> Floats:
        """``summed`` without the table."""
        total = super().summed_by_changes(values)
        for tail in self.tails:
            more = from_start(np.asarray(tail.gone @ values), self.begins)
            total = total + (tail.kept * more.T).T
        return total

    def spread_by_changes(self, values: Floats) -> Floats:
        """``spread`` without the table."""
        total = super().spread_by_changes(values)
        for tail in self.tails:
            total = total + from_end(tail.kept * values, self.ends) @ tail.gone
        return total


@dataclass(frozen=True)
class Leavers:
    """The persons of a subdistribution, a stay each [N], in the order of the stays.

    ``pattern``, ``stratum`` and ``group`` (of censoring) by number, ``left`` by moment, ``competing`` who
    left in another way; ``before`` [groups, T] is the chance, just before each moment, of being still under
    observation (and of having entered, up to a constant).
    """

    pattern: Ints
    stratum: Ints
    group: Ints
    left: Ints
    competing: NDArray[np.bool_]
    weight: Floats
    before: Floats


def one_stay_each(stays: Stays, source: str, fixed: list[str]) -> Stays:
    """The stays in a state, pieces of one stay joined: a row for each child.

    Raises EstimateError where a child has been in the state more than once, or its covariates change.
    """
    rows = np.flatnonzero(stays.state == stays.states.index(source))
    rows = rows[np.lexsort((stays.entered[rows], stays.subject[rows]))]
    subject, entered, left, to = (getattr(stays, name)[rows] for name in ("subject", "entered", "left", "to"))
    again = np.concatenate([[False], subject[1:] == subject[:-1]])
    goes_on = np.flatnonzero(again)
    if ((entered[goes_on] != left[goes_on - 1]) | (to[goes_on - 1] >= 0)).any():
        raise EstimateError(
            f"Fine and Gray's model follows a child from one entry into «{source}»; some enter again."
        )
    _, pattern = distinct(columns_of(stays).iloc[rows], fixed)
    weight = stays.weight[rows]
    if ((pattern[goes_on] != pattern[goes_on - 1]) | (weight[goes_on] != weight[goes_on - 1])).any():
        raise EstimateError(
            "Fine and Gray's model is not defined for covariates that change: after a competing event nobody "
            "knows them."
        )
    first = np.flatnonzero(~again)
    last = np.concatenate([first[1:], [len(rows)]]) - 1
    chosen = rows[first]
    order = np.argsort(chosen)
    chosen, last = chosen[order], last[order]
    return replace(
        stays,
        subject=stays.subject[chosen],
        stratum=stays.stratum[chosen],
        state=stays.state[chosen],
        entered=stays.entered[chosen],
        left=left[last],
        to=to[last],
        weight=stays.weight[chosen],
        covariates=stays.covariates.iloc[chosen].reset_index(drop=True),
    )


def kept_by_day(stays: Stays, group: Ints, groups: int) -> Floats:
    """G just before each moment [groups, T], all who leave on a day at risk of being censored that day.

    As cmprsk::crr, whose censoring Kaplan–Meier counts those whose event falls on the day.
    """
    day, counts = censoring_by_day(stays, group, groups)
    at_risk, censored = counts
    free = 1 - np.divide(censored, at_risk, out=np.zeros_like(censored), where=censored > 0)
    before = np.concatenate([np.ones((groups, 1)), np.cumprod(free, axis=1)[:, :-1]], axis=1)
    return while_followed(before[:, day], stays, group)


def while_followed(kept: Floats, stays: Stays, group: Ints) -> Floats:
    """Nothing is known of a group's censoring after the day its last person left: its tails end there."""
    last = np.zeros(len(kept))
    np.maximum.at(last, group, stays.moments.time[stays.left])
    followed: Floats = np.where(stays.moments.time <= last[:, None], kept, 0.0)
    return followed


def censoring_by_day(stays: Stays, group: Ints, groups: int) -> tuple[Ints, tuple[Floats, Floats]]:
    """The number of the day of each moment, and by day [groups, D] who was at risk and who was censored."""
    days, day = np.unique(stays.moments.time, return_inverse=True)
    left = _table(group, day[stays.left], np.ones(len(stays)), groups, len(days))
    censored = _table(group, day[stays.left], (stays.to < 0).astype(float), groups, len(days))
    at_risk = np.cumsum(left[:, ::-1], axis=1)[:, ::-1]
    return day.astype(np.int64), (at_risk, censored)


def _table(group: Ints, place: Ints, amount: Floats, groups: int, width: int) -> Floats:
    return (
        np.bincount(group * width + place, amount, groups * width).astype(np.float64).reshape(groups, width)
    )


def kept_by_moment(stays: Stays, group: Ints, groups: int) -> Floats:
    """G × H just before each moment [groups, T]: censoring follows a day's events, entries follow both.

    As survival::finegray: H is the Kaplan–Meier estimate of entry in reversed time; it is left out where
    everybody entered no later than the first exit.
    """
    width = len(stays.moments)
    one = np.ones(len(stays))
    came = _table(group, stays.entered, one, groups, width)
    left = _table(group, stays.left, one, groups, width)
    censored = _table(group, stays.left, (stays.to < 0).astype(float), groups, width)
    after = np.cumsum(came - left, axis=1)
    at_risk = np.concatenate([np.zeros((groups, 1)), after[:, :-1]], axis=1)
    free = 1 - np.divide(censored, at_risk, out=np.zeros_like(censored), where=censored > 0)
    kept = np.concatenate([np.ones((groups, 1)), np.cumprod(free, axis=1)[:, :-1]], axis=1)
    if stays.moments.time[stays.entered].max() <= stays.moments.time[stays.left].min():
        return while_followed(kept, stays, group)
    old = 1 - np.divide(came, after, out=np.zeros_like(came), where=(came > 0) & (after > 0))
    entered: Floats = np.cumprod(old[:, ::-1], axis=1)[:, ::-1]
    return while_followed(kept * entered, stays, group)


def subdistribution_sets(sets: EventSets, flows: Flows, leavers: Leavers) -> SubdistributionSets:
    """The event sets with the tails of those who had a competing event.

    Raises EstimateError where a weight is not defined: nobody was left to be censored, or had entered.
    """
    keys, _ = slots_of(flows)
    width = len(flows.moments)
    moment = keys % width
    chosen = np.flatnonzero(leavers.competing)
    slot = np.searchsorted(keys, leavers.stratum[chosen] * width + leavers.left[chosen], "right")
    own = keys[np.minimum(slot, len(keys) - 1)] // width == leavers.stratum[chosen]
    chosen, slot = chosen[own & (slot < len(keys))], slot[own & (slot < len(keys))]
    chance = leavers.before[leavers.group[chosen], leavers.left[chosen]]
    if (chance <= 0).any():
        time = flows.moments.time[leavers.left[chosen[chance <= 0]]].min()
        raise EstimateError(
            f"The weight of competing events at time {time:g} is not defined: at some time everybody at risk "
            "was censored, or had just entered."
        )
    share = leavers.weight[chosen] / chance
    shape = (len(keys), len(flows.patterns))
    tails = []
    for group in range(len(leavers.before)):
        here = leavers.group[chosen] == group
        places = (slot[here], leavers.pattern[chosen[here]])
        gone = sparse.coo_array((share[here], places), shape=shape).tocsr()
        tails.append(Tail(leavers.before[group, moment], gone))
    own_fields = {name: getattr(sets, name) for name in EventSets.__dataclass_fields__}
    return SubdistributionSets(**own_fields, tails=tuple(tails))
