"""Who was at risk at each event of one transition, counted by covariate pattern: all that Cox needs.

Only moments with an event matter, in each stratum its own: a *slot* is such a (stratum, moment). A pattern's
count at risk falls at the last slot a person was at risk at, and rises after the last slot they were not:
those changes are the matrix ``changes`` [slots, patterns], and sums over everybody at risk are sums of
changes from the end, one pass over the rows however many persons there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from tracker.domain.errors import EstimateError
from tracker.estimate.event_flows import Flows
from tracker.estimate.risk_sets import Floats, Ints

DENSE = 4
"""Counts at risk are kept as a full table when it is at most so many times the changes."""


@dataclass(frozen=True, eq=False)
class EventSets:
    """Risk sets at the slots (E) by pattern (P), and the events there.

    ``stratum``, ``time`` and ``step`` tell the slots apart, in that order. ``number`` counts events,
    ``weight`` is their weight; ``deaths`` [E, P] their weight by pattern. ``ends`` is for each slot the first
    slot of the next stratum, ``begins`` the first of its own. ``left_time`` and ``left_count`` say when how
    many stays ended (all strata); ``last`` [G, 2] the last moment (time, step) of each stratum.
    """

    patterns: pd.DataFrame
    strata: pd.DataFrame
    stratum: Ints
    time: Floats
    step: Ints
    number: Floats
    weight: Floats
    deaths: sparse.csr_array
    changes: sparse.csr_array
    begins: Ints
    ends: Ints
    last: Floats
    left_time: Floats
    left_count: Floats

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def table(self) -> Floats | None:
        """Counts at risk [E, P], when a full table is not much larger than the changes."""
        size = self.changes.shape[0] * self.changes.shape[1]
        if size > DENSE * self.changes.nnz + 100_000:
            return None
        return from_end(self.changes.toarray(), self.ends)

    def summed(self, values: Floats) -> Floats:
        """Sums over those at risk: of values by pattern [P, K], at each slot [E, K]."""
        if self.table is not None:
            return np.asarray(self.table @ values)
        return from_end(np.asarray(self.changes @ values), self.ends)

    def spread(self, values: Floats) -> Floats:
        """Sums over slots at risk: of values by slot [E], for each pattern [P]."""
        if self.table is not None:
            return np.asarray(values @ self.table)
        return np.asarray(from_start(values, self.begins) @ self.changes)


def from_end(values: Floats, ends: Ints) -> Floats:
    """Sums of this and the later slots of the same stratum."""
    run = np.cumsum(values[::-1], axis=0)[::-1]
    if ends.size == 0 or ends[0] == len(ends):
        return run
    after = np.concatenate([run, np.zeros_like(run[:1])])
    difference: Floats = run - after[ends]
    return difference


def from_start(values: Floats, begins: Ints) -> Floats:
    """Sums of this and the earlier slots of the same stratum."""
    run = np.cumsum(values, axis=0)
    if begins.size == 0 or begins[-1] == 0:
        return run
    before = np.concatenate([np.zeros_like(run[:1]), run])
    difference: Floats = run - before[begins]
    return difference


def event_sets(flows: Flows, told: str) -> EventSets:
    """The risk sets at the events of flows; raises EstimateError when there is nobody or no event."""
    if flows.came.amount.sum() == 0:
        raise EstimateError(f"Nobody is ever at risk of {told}.")
    happened = np.flatnonzero(flows.events.amount > 0)
    if happened.size == 0:
        raise EstimateError(f"There is no event: nobody who was at risk had {told}.")
    events, number = flows.events.chosen(happened), flows.number[happened]
    width = len(flows.moments)
    keys, slot = np.unique(events.stratum * width + events.moment, return_inverse=True)
    stratum, moment = keys // width, keys % width
    shape = (len(keys), len(flows.patterns))
    return EventSets(
        flows.patterns,
        flows.strata,
        stratum,
        flows.moments.time[moment],
        flows.moments.step[moment],
        _added(slot, number, len(keys)),
        _added(slot, events.amount, len(keys)),
        sparse.csr_array((events.amount, (slot, events.pattern)), shape=shape),
        _changes(flows, keys, shape),
        np.searchsorted(stratum, stratum, "left"),
        np.searchsorted(stratum, stratum, "right"),
        _last(flows),
        *_left(flows),
    )


def _added(place: Ints, amount: Floats, length: int) -> Floats:
    return np.bincount(place, amount, length).astype(np.float64)


def _changes(flows: Flows, keys: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    width = len(flows.moments)
    parts = [(flows.came, -1.0), (flows.events, 1.0), (flows.others, 1.0)]
    slots = [slots_before(keys, part.stratum, part.moment, width) for part, _ in parts]
    slot = np.concatenate(slots)
    pattern = np.concatenate([part.pattern for part, _ in parts])
    amount = np.concatenate([sign * part.amount for part, sign in parts])
    kept = slot >= 0
    changes = sparse.coo_array((amount[kept], (slot[kept], pattern[kept])), shape=shape).tocsr()
    changes.eliminate_zeros()
    return changes


def slots_before(keys: Ints, stratum: Ints, moment: Ints, width: int) -> Ints:
    """The last slot of the stratum at or before a moment; −1 when there is none."""
    slot = np.searchsorted(keys, stratum * width + moment, "right") - 1
    own = keys[np.maximum(slot, 0)] // width == stratum
    return np.where((slot >= 0) & own, slot, -1).astype(np.int64)


def _last(flows: Flows) -> Floats:
    latest = np.zeros(len(flows.strata), np.int64)
    for part in (flows.events, flows.others):
        present = part.amount > 0
        np.maximum.at(latest, part.stratum[present], part.moment[present])
    return np.column_stack([flows.moments.time[latest], flows.moments.step[latest].astype(float)])


def _left(flows: Flows) -> tuple[Floats, Floats]:
    moment = np.concatenate([flows.events.moment, flows.others.moment])
    amount = np.concatenate([flows.number, (flows.others.amount > 0).astype(float)])
    if not flows.spells:
        amount = np.concatenate([flows.number, flows.others.amount])
    count = _added(moment, amount, len(flows.moments))
    return flows.moments.time[count > 0], count[count > 0]
