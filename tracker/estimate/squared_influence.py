"""The second round: squared influence of children, by one more pass over the spells.

The infinitesimal jackknife (Jaeckel 1972; as in R's survfit): the influences of a child's stays are added
up, squared, and added over children. Children count within strata; over municipalities the sums add up, with
child × municipality as the unit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.domain.errors import EstimateError
from tracker.estimate.influence import InfluenceTables, Keys, records
from tracker.estimate.risk_sets import END, Floats, Ints, Moments, Stays, where

TARGETS_AT_ONCE = 32
CHILDREN_AT_ONCE = 2_000
FORMAT = "tracker-squared-influence/2"


@dataclass(frozen=True)
class SquaredInfluence:
    """Sums of squared influences by stratum: ``squares`` [G, targets, H, H], times first, then horizons.

    ``children`` [G] were summed over. ``total`` [G, targets, H] is the sum of the influences themselves: zero
    over everyone the tables were made of. Sums of several municipalities add up with ``+``.
    """

    strata: pd.DataFrame
    states: tuple[str, ...]
    times: tuple[float, ...]
    horizons: tuple[float, ...]
    squares: Floats
    children: Ints
    total: Floats

    def __add__(self, other: SquaredInfluence) -> SquaredInfluence:
        same = (self.states, self.times, self.horizons) == (other.states, other.times, other.horizons)
        if not same or records(self.strata) != records(other.strata):
            raise EstimateError(
                "Squared influences add up when they come from the same tables; these do not."
            )
        added = {name: getattr(self, name) + getattr(other, name) for name in _SUMS}
        return replace(self, **added)

    def to_json(self) -> str:
        """One text that carries the sums back; floats come back to the last bit."""
        told = {
            "format": FORMAT,
            "strata": records(self.strata),
            "states": self.states,
            "times": self.times,
            "horizons": self.horizons,
            **{name: getattr(self, name).tolist() for name in _SUMS},
        }
        return json.dumps(told)

    @staticmethod
    def from_json(text: str) -> SquaredInfluence:
        """The sums of a text by ``to_json``; raises EstimateError for another format."""
        told = json.loads(text)
        if told.get("format") != FORMAT:
            raise EstimateError(f"These are not squared influences of the format {FORMAT}.")
        states, times, horizons = (tuple(told[name]) for name in ("states", "times", "horizons"))
        strata = pd.DataFrame(told["strata"], index=range(len(told["strata"])))
        shape = (len(strata), len(times) + len(horizons), len(states))
        return SquaredInfluence(
            strata,
            states,
            times,
            horizons,
            np.asarray(told["squares"], float).reshape(*shape, len(states)),
            np.asarray(told["children"], np.int64),
            np.asarray(told["total"], float).reshape(shape),
        )


_SUMS = ("squares", "children", "total")


def squared_influence(stays: Stays, tables: InfluenceTables) -> SquaredInfluence:
    """One pass over ``stays`` (of everyone, or of one municipality) with the tables of the whole.

    Only what happens after the start of the curves counts. Fastest when spells come child by child, in
    order of time. Raises EstimateError for states, strata, transitions or moments of moves that the tables
    do not have.
    """
    reader = _Reader.of(stays, tables)
    states = len(tables.states)
    total = np.zeros((len(tables.strata), tables.targets, states))
    squares = np.zeros((*total.shape, states))
    children = np.zeros(len(tables.strata), np.int64)
    for group, parts in reader.strata():
        used, entries = parts.compact()
        children[group] = entries.shape[0]
        often = np.asarray(entries.sum(axis=0))
        for first in range(0, tables.targets, TARGETS_AT_ONCE):
            last = min(first + TARGETS_AT_ONCE, tables.targets)
            rows = tables.lookups(group, first, last).rows(used)
            squares[group, first:last] = _sum_of_squares(entries, rows, states)
            total[group, first:last] = (often @ rows).reshape(-1, states)
    asked = (tables.times, tables.horizons)
    return SquaredInfluence(tables.strata, tables.states, *asked, squares, children, total)


def _sum_of_squares(entries: csr_array, rows: Floats, states: int) -> Floats:
    total = np.zeros((rows.shape[1] // states, states, states))
    for first in range(0, entries.shape[0], CHILDREN_AT_ONCE):
        influence = (entries[first : first + CHILDREN_AT_ONCE] @ rows).reshape(-1, *total.shape[:2])
        total += influence.transpose(1, 2, 0) @ influence.transpose(1, 0, 2)
    return total


@dataclass(frozen=True)
class _Parts:
    """Parts of stays of one stratum: child, key of its row in the lookups, and how often it counts."""

    child: Ints
    key: Ints
    weight: Floats
    keys: Keys

    def compact(self) -> tuple[Ints, csr_array]:
        """The keys in use, and a matrix of children by those keys."""
        seen = np.zeros(self.keys.all, bool)
        seen[self.key] = True
        used = np.flatnonzero(seen)
        number = np.zeros(self.keys.all, np.int32)
        number[used] = np.arange(len(used), dtype=np.int32)
        new = np.ones(len(self.child), bool)
        new[1:] = self.child[1:] != self.child[:-1]
        edges = np.append(np.flatnonzero(new), len(self.child))
        shape = (len(edges) - 1, len(used))
        return used, csr_array((self.weight, number[self.key], edges), shape=shape)


@dataclass(frozen=True)
class _Reader:
    """Stays in the numbering of the tables."""

    stays: Stays
    tables: InfluenceTables
    group: Ints
    state: Ints
    move: Ints
    done: Ints
    exact: Ints
    moment: Ints
    start: Ints

    @staticmethod
    def of(stays: Stays, tables: InfluenceTables) -> _Reader:
        ends = Moments(tables.start_time, tables.start_step)
        moment, step, start = _codes(stays.moments, tables.moments, ends)
        done = np.searchsorted(step, moment, side="right")
        exact = np.zeros(len(moment), bool)
        exact[done > 0] = step[done[done > 0] - 1] == moment[done > 0]
        state = _same(stays.states, tables.states, "state")
        return _Reader(
            stays,
            tables,
            _same_strata(stays, tables),
            state,
            _moves(state, tables),
            done,
            exact,
            moment,
            start,
        )

    def strata(self) -> Iterator[tuple[int, _Parts]]:
        """The parts of each stratum that has any."""
        single = len(self.stays.strata) == 1
        for number, group in enumerate(self.group):
            rows = slice(None) if single else np.flatnonzero(self.stays.stratum == number)
            parts = self._parts(rows, int(group))
            if len(parts.child):
                yield int(group), parts

    def _parts(self, rows: slice | Ints, group: int) -> _Parts:
        part = _Rows.of(self.stays, rows).counted(self.moment > self.start[group])
        keys = Keys(len(self.tables.states), len(self.tables.moments), len(self.tables.transitions))
        came = self._entries(part, group, keys)
        went, moved = self._exits(part, keys, group)
        linked = part.linked()
        went[linked] += keys.linked - keys.move
        fresh = np.ones(len(linked), bool)
        fresh[1:] = ~linked[:-1]
        kept = np.stack([fresh, np.ones(len(linked), bool)], axis=1).ravel()
        key = np.stack([came, went], axis=1).ravel()[kept]
        weight = np.stack([part.weight, np.where(moved, part.weight, -part.weight)], axis=1).ravel()[kept]
        return _Parts(np.repeat(part.child, 2)[kept], key, weight, keys)

    def _entries(self, part: _Rows, group: int, keys: Keys) -> Ints:
        there = (self.moment <= self.start[group])[part.entered]
        state = self.state[part.state]
        came: Ints = np.where(there, state, keys.stay + self.done[part.entered] * keys.states + state)
        return came

    def _exits(self, part: _Rows, keys: Keys, group: int) -> tuple[Ints, NDArray[np.bool_]]:
        moved = part.to >= 0
        state = self.state[part.state]
        move = self.move[state, np.where(moved, self.state[part.to], 0)]
        if np.any(moved & ((move < 0) | ~self.exact[part.left])):
            stratum = where(self.tables.strata, group)
            raise EstimateError(f"Spells move where the tables of the whole have no hazard{stratum}.")
        done = self.done[part.left]
        stay = keys.stay + done * keys.states + state
        return np.where(moved, keys.move + (done - 1) * keys.moves + move, stay), moved


@dataclass(frozen=True)
class _Rows:
    """The columns of some stays, child by child."""

    child: Ints
    entered: Ints
    left: Ints
    state: Ints
    to: Ints
    weight: Floats

    @staticmethod
    def of(stays: Stays, rows: slice | Ints) -> _Rows:
        return _Rows(
            stays.subject[rows],
            stays.entered[rows],
            stays.left[rows],
            stays.state[rows],
            stays.to[rows],
            stays.weight[rows],
        )

    def counted(self, after_start: NDArray[np.bool_]) -> _Rows:
        """Those that end after the start, in order of child; what moment is after it is told by number."""
        counted = after_start[self.left]
        ordered = bool(np.all(self.child[1:] >= self.child[:-1]))
        if ordered and counted.all():
            return self
        kept = np.flatnonzero(counted)
        if not ordered:
            kept = kept[np.lexsort((self.entered[kept], self.child[kept]))]
        return _Rows(
            self.child[kept],
            self.entered[kept],
            self.left[kept],
            self.state[kept],
            self.to[kept],
            self.weight[kept],
        )

    def linked(self) -> NDArray[np.bool_]:
        """Whether the next row is the stay this one moved to: one row of the lookups serves both."""
        linked = np.zeros(len(self.child), bool)
        linked[:-1] = (self.child[1:] == self.child[:-1]) & (self.left[:-1] == self.entered[1:])
        linked[:-1] &= (self.to[:-1] == self.state[1:]) & (self.weight[1:] == self.weight[:-1])
        return linked


def _codes(*several: Moments) -> list[Ints]:
    """Moments of several lists as numbers that order them together."""
    times = np.unique(np.concatenate([moments.time for moments in several]))
    return [np.searchsorted(times, moments.time) * (END + 1) + moments.step for moments in several]


def _same(names: Sequence[str], known: Sequence[str], what: str) -> Ints:
    if unknown := [name for name in names if name not in known]:
        raise EstimateError(f"The tables of the whole have no {what} {', '.join(unknown)}.")
    return np.array([list(known).index(name) for name in names], np.int64)


def _same_strata(stays: Stays, tables: InfluenceTables) -> Ints:
    known = {tuple(row.items()): number for number, row in enumerate(records(tables.strata))}
    found = [known.get(tuple(row.items()), -1) for row in records(stays.strata)]
    if -1 in found:
        raise EstimateError(
            f"The tables of the whole have no such stratum{where(stays.strata, found.index(-1))}."
        )
    return np.array(found, np.int64)


def _moves(state: Ints, tables: InfluenceTables) -> Ints:
    number = np.full((len(tables.states),) * 2, -1, np.int64)
    for move, (source, target) in enumerate(tables.transitions):
        number[source, target] = move
    return number
