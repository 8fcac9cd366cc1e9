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
from tracker.estimate.risk_sets import Floats, Ints, Moments

DENSE = 4
"""Counts at risk are kept as a full table when it is at most so many times the changes."""


@dataclass(frozen=True, eq=False)
class EventSets:
    """Risk sets at the slots (E) by pattern (P), and the events there.

    ``stratum``, ``time`` and ``step`` tell the slots apart, in that order. ``number`` counts events,
    ``weight`` is their weight; ``deaths`` [E, P] their weight by pattern. ``ends`` is for each slot the first
    slot of the next stratum, ``begins`` the first of its own. ``last`` [G, 3]: time and step of the last
    moment of each stratum and how many left then. Persons of all strata at all ``moments``: ``at_risk`` just
    before, ``had`` the event, ``left`` otherwise.
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
    moments: Moments
    at_risk: Floats
    had: Floats
    left: Floats

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def table(self) -> Floats | None:
        """Counts at risk [E, P], when a full table is not much larger than the changes."""
        size = self.changes.shape[0] * self.changes.shape[1]
        return None if size > DENSE * self.changes.nnz + 100_000 else self.full_table()

    def full_table(self) -> Floats:
        """Counts at risk [E, P]."""
        return from_end(self.changes.toarray(), self.ends)

    def summed(self, values: Floats) -> Floats:
        """Sums over those at risk: of values by pattern [P, K] or [P], at each slot [E, K] or [E]."""
        if self.table is not None:
            return np.asarray(self.table @ values)
        return self.summed_by_changes(values)

    def spread(self, values: Floats) -> Floats:
        """Sums over slots at risk: of values by slot [E], for each pattern [P]."""
        if self.table is not None:
            return np.asarray(values @ self.table)
        return self.spread_by_changes(values)

    def summed_by_changes(self, values: Floats) -> Floats:
        """``summed`` without the table."""
        return from_end(np.asarray(self.changes @ values), self.ends)

    def spread_by_changes(self, values: Floats) -> Floats:
        """``spread`` without the table."""
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
    events = flows.events.chosen(flows.events.amount > 0)
    if events.amount.size == 0:
        raise EstimateError(f"There is no event: nobody who was at risk had {told}.")
    keys, slot = slots_of(flows)
    stratum, moment = np.divmod(keys, len(flows.moments))
    shape = (len(keys), len(flows.patterns))
    return EventSets(
        flows.patterns,
        flows.strata,
        stratum,
        flows.moments.time[moment],
        flows.moments.step[moment],
        added(slot, events.number, len(keys)),
        added(slot, events.amount, len(keys)),
        sparse.csr_array((events.amount, (slot, events.pattern)), shape=shape),
        _changes(flows, keys, shape),
        np.searchsorted(stratum, stratum, "left"),
        np.searchsorted(stratum, stratum, "right"),
        _last(flows),
        *_persons(flows),
    )


def slots_of(flows: Flows) -> tuple[Ints, Ints]:
    """The slots as stratum × number of moments + moment, in order, and the slot of each event there was."""
    events = flows.events.chosen(flows.events.amount > 0)
    keys, slot = np.unique(events.stratum * len(flows.moments) + events.moment, return_inverse=True)
    return keys, slot.astype(np.int64)


def added(place: Ints, amount: Floats, length: int) -> Floats:
    """Amounts summed by place."""
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
        np.maximum.at(latest, part.stratum[part.amount > 0], part.moment[part.amount > 0])
    leaving = np.zeros(len(flows.strata))
    for part in (flows.events, flows.others):
        at_last = part.moment == latest[part.stratum]
        leaving += added(part.stratum[at_last], part.number[at_last], len(leaving))
    moments = flows.moments
    return np.column_stack([moments.time[latest], moments.step[latest].astype(float), leaving])


def _persons(flows: Flows) -> tuple[Moments, Floats, Floats, Floats]:
    width = len(flows.moments)
    came, events, others = (
        added(part.moment, part.number, width) for part in (flows.came, flows.events, flows.others)
    )
    inside = np.cumsum(came - events - others)
    return flows.moments, np.concatenate([[0.0], inside[:-1]]), events, others
