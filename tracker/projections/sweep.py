"""The stays of many children at once: one pass over what opens and ends, in the order it takes effect.

The rule is that of ``evolve_spells``, here on whole columns: running counts of what is open by stage, the
last row that lost sight of a stage, the last that opened it. Rows come sorted by unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]

OPENING, CLOSED, LOST, MOVE, DEATH = 0, 1, 2, 3, 4
NONE, UNKNOWN, MOVED, DEAD = -1, -2, -3, -4
"""States besides the ranks: not yet seen, lost sight of, moved out, dead."""


@dataclass(frozen=True)
class Operations:
    """Columns of equal length: what happens to which unit on which day (days since 1970)."""

    unit: Ints
    day: Ints
    phase: Ints
    rank: Ints  # 0: of the child, not of a thing
    place: Ints
    ground: Ints
    assumed: Bools

    def __getitem__(self, rows: slice | Ints | Bools) -> Operations:
        return Operations(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.unit)


def joined(parts: list[Operations]) -> Operations:
    """The parts one after another."""
    return Operations(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in Operations.__dataclass_fields__)
    )


def whole_units(parts: Iterable[Operations]) -> Iterator[Operations]:
    """The same rows, cut anew so that no unit is divided."""
    waiting: list[Operations] = []
    for part in parts:
        if not len(part):
            continue
        changes = np.flatnonzero(part.unit != part.unit[-1])
        cut = int(changes[-1]) + 1 if len(changes) else 0
        if cut or (waiting and waiting[-1].unit[-1] != part.unit[0]):
            yield joined([*waiting, part[slice(0, cut)]])
            waiting = []
        waiting.append(part[slice(cut, None)])
    if waiting:
        yield joined(waiting)


@dataclass(frozen=True)
class _Trace:
    """What is so after each operation; ``changes`` are the rows that change the state."""

    ops: Operations
    state: Ints
    before: Ints
    step: Ints
    opened: Ints  # the row that opened the latest thing of the state's stage
    changes: Ints


def sweep(ops: Operations, ranks: tuple[int, ...], min_gap: int) -> Columns:
    """The stays of all units in ``ops`` (whole units, in order), one row a stay.

    States are ranks (0 closed) or the negative ones above; ``left`` is False for stays without an end.
    """
    stays = _stays(_trace(ops, ranks))
    return stays | _episodes(stays, min_gap)


def _trace(ops: Operations, ranks: tuple[int, ...]) -> _Trace:
    ops, state = _states(ops, ranks)
    before = np.concatenate([[NONE], state[:-1]])
    before[_starts(ops.unit) == np.arange(len(ops))] = NONE
    change = state != before
    step = _steps(ops, change & (before >= 0) & (state != UNKNOWN))
    return _Trace(ops, state, before, step, _latest(ops, state, ranks), np.flatnonzero(change))


def _starts(*keys: Ints) -> Ints:
    """For each row the first row with the same keys; rows are sorted by them."""
    row = np.arange(len(keys[0]))
    new = np.zeros(len(row), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.maximum.accumulate(np.where(new, row, 0))


def _last_row(where: Bools) -> Ints:
    """For each row the last row up to it that fulfils the condition; -1 where none does."""
    return np.maximum.accumulate(np.where(where, np.arange(len(where)), -1))


def _states(ops: Operations, ranks: tuple[int, ...]) -> tuple[Operations, Ints]:
    """The state after each row; all moves of a unit's day take effect with the last of them."""
    start = _starts(ops.unit)
    opening = ops.phase == OPENING
    furthest = np.zeros(len(ops), np.int64)
    for rank in sorted(ranks):
        furthest[_open(ops, rank, start) > 0] = rank
    last_opening = _last_row(opening)
    last_move = _last_row(_moved_away(ops, start) & (furthest == 0))
    unknown = np.zeros(len(ops), bool)
    for rank in ranks:
        lost = _last_row((ops.phase == LOST) & (ops.rank == rank))
        since = np.maximum(_last_row(opening & (ops.rank >= rank)), last_move)
        unknown |= (lost >= start) & (lost > since) & (rank > furthest)
    state = np.where(unknown, UNKNOWN, furthest)
    state[last_move > last_opening] = MOVED
    state[last_opening < start] = NONE
    state[ops.phase == DEATH] = DEAD
    kept = _last_of_moves(ops)
    return ops[kept], state[kept]


def _open(ops: Operations, rank: int, start: Ints) -> Ints:
    """How many things of a rank are open after each row."""
    change = np.where(ops.rank == rank, np.where(ops.phase == OPENING, 1, -1), 0)
    total = np.cumsum(change)
    before: Ints = (total - change)[start]
    return total - before


def _last_of_moves(ops: Operations) -> Bools:
    """False for a row of a move that more rows of the same unit, day and phase follow."""
    same = (ops.unit[1:] == ops.unit[:-1]) & (ops.day[1:] == ops.day[:-1]) & (ops.phase[1:] == ops.phase[:-1])
    kept = np.ones(len(ops), bool)
    kept[:-1] = ~(same & (ops.phase[:-1] == MOVE))
    return kept


def _moved_away(ops: Operations, start: Ints) -> Bools:
    """True at the last row of a day's moves if one ended something or left the place of the last event."""
    last = _last_row(ops.phase < MOVE)
    at_last_place = (last >= start) & (ops.place == ops.place[last])
    tells = (ops.phase == MOVE) & ((ops.rank > 0) | at_last_place)
    count = np.cumsum(tells)
    first = _starts(ops.unit, ops.day, ops.phase)
    told: Bools = count > (count - tells)[first]
    moved: Bools = (ops.phase == MOVE) & _last_of_moves(ops) & told
    return moved


def _steps(ops: Operations, transition: Bools) -> Ints:
    """The number of the transition within its unit's day."""
    count = np.cumsum(transition)
    before: Ints = (count - transition)[_starts(ops.unit, ops.day)]
    return count - before


def _latest(ops: Operations, state: Ints, ranks: tuple[int, ...]) -> Ints:
    """The row that opened the latest thing of the state's stage; the row itself when nothing is open."""
    row = np.arange(len(ops))
    for rank in ranks:
        opened = _last_row((ops.phase == OPENING) & (ops.rank == rank))
        row = np.where(state == rank, opened, row)
    return row


def _stays(trace: _Trace) -> Columns:
    """From each change into a state of the chain to the unit's next change."""
    ops, state, at = trace.ops, trace.state, trace.changes
    following = np.append(at[1:], 0)
    ends = np.append(ops.unit[at[1:]] == ops.unit[at[:-1]], False)[: len(at)]
    entering = state[at] >= 0
    row, left, ends = at[entering], following[: len(at)][entering], ends[entering]
    known = ends & (state[left] != UNKNOWN)
    origin, opened = trace.before[row] < 0, trace.opened[row]
    return {
        "unit": ops.unit[row],
        "state": state[row],
        "place": ops.place[opened],
        "ground": np.where(state[row] > 0, ops.ground[opened], 0),
        "entered_on": ops.day[row],
        "entered_step": np.where(origin, 0, trace.step[row]),
        "origin": origin,
        "left_on": ops.day[left],
        "left": ends,
        "left_step": np.where(known, trace.step[left], 0),
        "to_state": np.where(known, state[left], UNKNOWN),
        "assumed": known & ops.assumed[left] & (ops.phase[left] == CLOSED),
    }


def _episodes(stays: Columns, min_gap: int) -> Columns:
    """Number within the unit, episode, and the day the episode began."""
    unit, entered = stays["unit"], stays["entered_on"]
    first = _starts(unit)
    row = np.arange(len(unit))
    gap = (stays["left_on"] - entered)[:-1] >= min_gap
    starts = stays["origin"].astype(bool)
    starts[1:] |= (stays["state"][:-1] == 0) & gap & (unit[1:] == unit[:-1])
    count = np.cumsum(starts)
    return {
        "number": row - first,
        "episode": count - (count - starts)[first],
        "episode_entered_on": entered[_last_row(starts)] if len(row) else entered,
    }
