"""Counts laid out for comparing groups, within strata: [stratum, group, moment]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.risk_sets import Floats, Ints


@dataclass(frozen=True)
class Layout:
    """Which group (K) and which stratum of the comparison (S) each stratum of the counts is part of.

    ``groups`` and ``strata`` name them, a row each; without columns to stratify by there is one stratum.
    """

    groups: pd.DataFrame
    strata: pd.DataFrame
    group: Ints
    stratum: Ints

    def spread(self, counts: Floats) -> Floats:
        """Counts [G, T, …] summed into [S, K, T, …]: columns that are neither are pooled."""
        shape = (len(self.strata), len(self.groups), *counts.shape[1:])
        summed = np.zeros(shape)
        np.add.at(summed, (self.stratum, self.group), counts)
        return summed

    def cells(self) -> pd.DataFrame:
        """A row for each stratum and group, in the order of [S, K]."""
        stratum, group = (part.ravel() for part in np.indices((len(self.strata), len(self.groups))))
        parts = [self.strata.iloc[stratum], self.groups.iloc[group]]
        return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def lay_out(frame: pd.DataFrame, groups: Sequence[str], strata: Sequence[str]) -> Layout:
    """Groups and strata of a comparison by columns of the strata of the counts.

    Raises EstimateError for columns that are not there or named twice, and for fewer than two groups.
    """
    for name in [*groups, *strata]:
        if name not in frame.columns:
            there = ", ".join(map(str, frame.columns)) or "none"
            raise EstimateError(f"There is no column «{name}» to compare by; there are {there}.")
    if set(groups) & set(strata) or not groups:
        raise EstimateError("Groups are compared by at least one column, and not stratified by the same.")
    group_rows, group = _distinct(frame, groups)
    if len(group_rows) < 2:
        raise EstimateError(f"Comparing by {', '.join(groups)} needs two groups; there is {len(group_rows)}.")
    stratum_rows, stratum = _distinct(frame, strata)
    return Layout(group_rows, stratum_rows, group, stratum)


def _distinct(frame: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, Ints]:
    if not names:
        return pd.DataFrame(index=range(1)), np.zeros(len(frame), np.int64)
    grouped = frame.groupby(list(names), dropna=False, sort=True, observed=True)
    number: Ints = grouped.ngroup().to_numpy().astype(np.int64)
    _, first = np.unique(number, return_index=True)
    return frame.iloc[first][list(names)].reset_index(drop=True), number
