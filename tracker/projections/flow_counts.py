"""Counts and sums over children, from patterns: how many children have the same set of rows.

A *pattern* is the sorted list of a child's codes within one group; nearly all children share theirs
with many others. From patterns and their frequencies every count, every number of distinct children
and every sum of squares that a variance clustered on child needs follows exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracker.projections.intervals import Floats

Codes = frozenset[int]


@dataclass(frozen=True)
class Sums:
    """Per group: Σ y, Σ x and their products over children, and the children with any x."""

    y: Floats
    x: Floats
    yy: Floats
    xy: Floats
    xx: Floats
    children_x: Floats


@dataclass(frozen=True)
class Patterns:
    """The frequency table of patterns. ``group`` indexes ``keys``, the group values in row order."""

    keys: pd.DataFrame
    group: NDArray[np.int64]
    frequency: Floats
    codes: NDArray[np.int64]
    starts: NDArray[np.int64]
    _known: dict[object, Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def universe(self) -> int:
        """One more than the largest code."""
        return int(self.codes.max(initial=-1)) + 1

    def per_child(self, wanted: Codes, distinct: bool) -> Floats:
        """For each pattern, how many of its codes are wanted (or, ``distinct``, whether any is)."""
        if distinct:
            return np.minimum(self.per_child(wanted, distinct=False), 1)
        return self._once(("per child", wanted), lambda: self._look_up(wanted))

    def _look_up(self, wanted: Codes) -> Floats:
        member = np.zeros(self.universe, dtype=np.float64)
        member[[code for code in wanted if code < self.universe]] = 1
        return np.add.reduceat(member[self.codes], self.starts) if len(self.starts) else np.zeros(0)

    def count(self, wanted: Codes, distinct: bool) -> Floats:
        """How many rows (or, ``distinct``, children) are coded ``wanted``, per group."""
        return self._once(("count", wanted, distinct), lambda: self._total(self.per_child(wanted, distinct)))

    def _product(self, one: Codes, other: Codes, distinct: bool) -> Floats:
        """Σ over children of their rows coded ``one`` times those coded ``other``, per group."""

        def compute() -> Floats:
            return self._total(self.per_child(one, distinct) * self.per_child(other, distinct))

        return self._once(("product", one, other, distinct), compute)

    def _total(self, values: Floats) -> Floats:
        summed = np.bincount(self.group, weights=values * self.frequency, minlength=len(self.keys))
        return summed.astype(np.float64)

    def _once(self, key: object, compute: Callable[[], Floats]) -> Floats:
        """Many rows of a table share sets of codes: each sum is taken once."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def sums(self, y: Codes, x: Codes, distinct: bool) -> Sums:
        """Sums of rows coded ``y`` and ``x``; with ``distinct`` each child counts once in either."""
        products = self._product(y, y, distinct), self._product(x, y, distinct), self._product(x, x, distinct)
        return Sums(self.count(y, distinct), self.count(x, distinct), *products, self.count(x, distinct=True))


def patterns_of(table: pa.Table, by: Sequence[str], keys: pd.DataFrame) -> Patterns:
    """Patterns from a table with columns ``by``, ``pattern`` (lists of codes) and ``frequency``.

    ``keys`` says which groups there are, in which order.
    """
    lists = table.column("pattern").combine_chunks()
    lengths = np.asarray(pc.list_value_length(lists), dtype=np.int64)
    return Patterns(
        keys,
        _positions(table.select(list(by)).to_pandas(), keys, by),
        np.asarray(table.column("frequency"), dtype=np.float64),
        np.asarray(pc.list_flatten(lists), dtype=np.int64),
        np.cumsum(lengths) - lengths,
    )


def unpacked(table: pa.Table, by: Sequence[str], keys: pd.DataFrame) -> Patterns:
    """Patterns of up to six codes, counted in ``low`` and ``high``: three codes a number, 20 bits each.

    A child would need more than a million rows of one code to overflow into the next.
    """
    halves = (np.asarray(table.column(name), dtype=np.int64) for name in ("low", "high"))
    counts = np.stack([(half >> 20 * k) & 0xFFFFF for half in halves for k in range(3)], axis=1)
    lengths = counts.sum(axis=1)
    return Patterns(
        keys,
        _positions(table.select(list(by)).to_pandas(), keys, by),
        np.asarray(table.column("frequency"), dtype=np.float64),
        np.repeat(np.tile(np.arange(6), len(counts)), counts.ravel()),
        np.cumsum(lengths) - lengths,
    )


def sorted_keys(groups: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The distinct groups in order; the whole cohort (``by`` empty) is always one group."""
    if not by:
        return pd.DataFrame(index=[0])
    return groups.drop_duplicates().sort_values(list(by), ignore_index=True)


def _positions(groups: pd.DataFrame, keys: pd.DataFrame, by: Sequence[str]) -> NDArray[np.int64]:
    if not by:
        return np.zeros(len(groups), dtype=np.int64)
    index = pd.MultiIndex.from_frame(keys)
    return index.get_indexer(pd.MultiIndex.from_frame(groups)).astype(np.int64)


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> pa.Table:
    """The result of a query as one Arrow table."""
    return connection.sql(query).to_arrow_table()
