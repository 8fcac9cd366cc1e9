"""Counts and sums over children, from patterns: how many children have the same set of rows.

A *pattern* is the sorted list of a child's codes within one group; nearly all children share theirs
with many others. From patterns and their frequencies every count, every number of distinct children
and every sum of squares that a variance clustered on child needs follows exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """Per group: Σ y, Σ x and their products over children, and the children with any y, any x."""

    y: Floats
    x: Floats
    yy: Floats
    xy: Floats
    xx: Floats
    children_y: Floats
    children_x: Floats


@dataclass(frozen=True)
class Patterns:
    """The frequency table of patterns. ``group`` indexes ``keys``, the group values in row order."""

    keys: pd.DataFrame
    group: NDArray[np.int64]
    frequency: Floats
    codes: NDArray[np.int64]
    starts: NDArray[np.int64]
    _per_child: dict[tuple[Codes, bool], Floats] = field(default_factory=dict, repr=False)

    @cached_property
    def universe(self) -> int:
        """One more than the largest code."""
        return int(self.codes.max(initial=-1)) + 1

    def per_child(self, wanted: Codes, distinct: bool) -> Floats:
        """For each pattern, how many of its codes are wanted (or, ``distinct``, whether any is)."""
        key = (wanted, distinct)
        if key not in self._per_child:
            member = np.zeros(self.universe, dtype=np.float64)
            member[[code for code in wanted if code < self.universe]] = 1
            counts = np.add.reduceat(member[self.codes], self.starts) if len(self.starts) else np.zeros(0)
            self._per_child[key] = np.minimum(counts, 1) if distinct else counts
        return self._per_child[key]

    def total(self, values: Floats) -> Floats:
        """Sum over children, per group."""
        summed = np.bincount(self.group, weights=values * self.frequency, minlength=len(self.keys))
        return summed.astype(np.float64)

    def sums(self, y: Codes, x: Codes, distinct: bool = False) -> Sums:
        """Sums of rows coded ``y`` and ``x``; with ``distinct`` each child counts once in either."""
        per_y, per_x = self.per_child(y, distinct), self.per_child(x, distinct)
        any_y, any_x = np.minimum(per_y, 1), np.minimum(per_x, 1)
        products = (per_y, per_x, per_y**2, per_x * per_y, per_x**2, any_y, any_x)
        return Sums(*(self.total(values) for values in products))


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
