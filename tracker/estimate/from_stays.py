"""Stays in columns, as an engine gives them, for what needs persons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tracker.estimate.results import About
from tracker.estimate.risk_sets import Ints, Stays, spells_as_stays


def columns_as_stays(
    stays: pa.Table,
    strata: Sequence[str] = (),
    *,
    person: Sequence[str] = ("subject_id",),
    states: Sequence[str] | None = None,
    about: About | None = None,
) -> Stays:
    """The stays of ``projections.flow_stays``; texts are turned into numbers before anything else is done.

    Fastest when the rows come person by person. Raises what ``spells_as_stays`` raises.
    """
    texts = list(dict.fromkeys([*strata, "state", "to_state"]))
    days = {name: stays.column(name).to_numpy() for name in ("entered_day", "entered_step", "day", "step")}
    frame = pd.DataFrame({name: _categories(stays.column(name)) for name in texts} | days)
    frame["person"] = _persons(stays, person)
    return spells_as_stays(
        frame,
        subject="person",
        entered="entered_day",
        left="day",
        entered_step="entered_step",
        left_step="step",
        strata=strata,
        states=states,
        about=about,
    )


def _categories(column: pa.ChunkedArray) -> pd.Categorical[str]:
    """Texts as numbers of the categories, which are in order of text."""
    encoded = pc.dictionary_encode(column).combine_chunks()
    names: list[str] = [str(name) for name in encoded.dictionary.to_pylist()]
    order = sorted(names)
    rank = np.array([*(order.index(name) for name in names), -1], np.int32)
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(rank[codes], pd.Index(order))


def _persons(stays: pa.Table, person: Sequence[str]) -> Ints:
    """Numbers of the persons."""
    ids = stays.select(list(person)).combine_chunks()
    if (runs := _in_runs(ids)) is not None:
        return runs
    every = pd.MultiIndex.from_arrays([_codes(column) for column in ids.columns])
    return cast("Ints", every.factorize()[0].astype(np.int64))


def _in_runs(ids: pa.Table) -> Ints | None:
    """Numbers of the persons when the rows are in order of them; else None."""
    same = np.ones(max(ids.num_rows - 1, 0), bool)
    for column in ids.columns:
        before, after = column.slice(0, len(same)), column.slice(1)
        if np.any(same & pc.less(after, before).to_numpy()):
            return None
        same &= pc.equal(before, after).to_numpy()
    return np.cumsum(np.append(np.zeros(min(ids.num_rows, 1), bool), ~same))


def _codes(column: pa.ChunkedArray) -> Ints:
    return cast("Ints", pc.dictionary_encode(column).combine_chunks().indices.to_numpy().astype(np.int64))
