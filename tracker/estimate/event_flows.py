"""Spells and flow tables as what a regression of one transition counts: who came, who left and how.

Covariates and strata are columns. Rows equal in both become one pattern in one stratum, whatever their
number: continuous covariates just make many patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.risk_sets import CENSORED, ENTERED, TRANSITION, Floats, Ints, Moments, Stays


@dataclass(frozen=True)
class Amounts:
    """How much at (pattern, stratum, moment), a row each: ``amount`` by weight, ``number`` in persons."""

    pattern: Ints
    stratum: Ints
    moment: Ints
    amount: Floats
    number: Floats

    def chosen(self, rows: NDArray[np.bool_]) -> Amounts:
        """Some of the rows."""
        return Amounts(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True)
class Flows:
    """Persons of one state by pattern and stratum: came in, left for the event, left in another way.

    ``subjects`` and ``spells`` are children and stays, 0 where only counts are known.
    """

    patterns: pd.DataFrame
    strata: pd.DataFrame
    moments: Moments
    came: Amounts
    events: Amounts
    others: Amounts
    subjects: int
    spells: int


def flows_of_stays(
    stays: Stays, transition: tuple[str, str], variables: Sequence[str], strata: Sequence[str]
) -> tuple[Flows, StayRows]:
    """The flows of spells in the state a transition leaves, and where each spell is in them.

    Raises EstimateError for unknown states and columns, and for weights that are not positive.
    """
    source, target = (_state(stays, name) for name in transition)
    rows = np.flatnonzero(stays.state == source)
    frame = columns_of(stays).iloc[rows]
    patterns, pattern = distinct(frame, variables)
    groups, group = distinct(frame, strata)
    event = stays.to[rows] == target
    weight = stays.weight[rows]
    if not np.all(weight > 0):
        raise EstimateError("Weights in a regression are more than zero; some are not.")
    one = np.ones(len(rows))
    ends = Amounts(pattern, group, stays.left[rows], weight, one)
    flows = Flows(
        patterns,
        groups,
        stays.moments,
        Amounts(pattern, group, stays.entered[rows], weight, one),
        ends.chosen(event),
        ends.chosen(~event),
        len(np.unique(stays.subject[rows])),
        len(rows),
    )
    return flows, StayRows(rows, pattern, group, event)


@dataclass(frozen=True)
class StayRows:
    """The spells a regression rests on: their row in the stays, pattern, stratum, and whether an event ended
    them."""

    row: Ints
    pattern: Ints
    stratum: Ints
    event: NDArray[np.bool_]


def columns_of(stays: Stays) -> pd.DataFrame:
    """Everything known of each spell: the columns of its stratum and its covariates."""
    groups = stays.strata.iloc[stays.stratum].reset_index(drop=True)
    return pd.concat([groups, stays.covariates.reset_index(drop=True)], axis=1)


def _state(stays: Stays, name: str) -> int:
    if name not in stays.states:
        raise EstimateError(f"There is no state «{name}» here; there are {', '.join(stays.states)}.")
    return stays.states.index(name)


def flows_of_table(
    table: pd.DataFrame, transition: tuple[str, str], variables: Sequence[str], strata: Sequence[str]
) -> Flows:
    """The flows of the state a transition leaves, from a flow table (``flow_counts`` says its columns).

    Columns that are neither covariates nor strata are added over. Raises EstimateError for missing columns,
    unknown states and impossible counts.
    """
    source, target = transition
    needed = ["state", "flow", "to_state", "day", "step", "count"]
    _require(table, [*needed, *variables, *strata])
    part = table[(table["state"] == source).to_numpy(bool)]
    if part.empty:
        raise EstimateError(f"There is no state «{source}» in the flow table.")
    patterns, pattern = distinct(part, variables)
    groups, group = distinct(part, strata)
    moments, moment = _moments(part)
    flow, amount = part["flow"], _counts(part["count"])
    rows = Amounts(pattern, group, moment, amount, amount)
    came, went, stopped = ((flow == kind).to_numpy(bool) for kind in (ENTERED, TRANSITION, CENSORED))
    if not np.all(came | went | stopped):
        raise EstimateError(f"Flows are {ENTERED}, {TRANSITION} or {CENSORED}; found others in «flow».")
    event = went & (part["to_state"] == target).to_numpy(bool, na_value=False)
    flows = Flows(
        patterns,
        groups,
        moments,
        rows.chosen(came),
        rows.chosen(event),
        rows.chosen(~came & ~event),
        0,
        0,
    )
    _check_balance(rows, came, len(groups), len(moments))
    return flows


def _require(table: pd.DataFrame, needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in table.columns]:
        raise EstimateError(f"Columns are missing: {', '.join(missing)}; found {', '.join(table.columns)}.")


def _counts(counts: pd.Series) -> Floats:
    amount: Floats = counts.to_numpy(float)
    if not np.all(amount >= 0):
        raise EstimateError("A flow table holds counts of zero or more; found negative or missing ones.")
    return amount


def _moments(table: pd.DataFrame) -> tuple[Moments, Ints]:
    day = table["day"].to_numpy(float)
    if not np.all((day >= 0) & np.isfinite(day)):
        raise EstimateError("Times are zero or more and finite: «day» is not in every row.")
    return numbered_moments(day, table["step"].to_numpy(np.int64))


def numbered_moments(time: Floats, step: Ints) -> tuple[Moments, Ints]:
    """The distinct moments in order, and the number of each row's."""
    times, at_time = np.unique(time, return_inverse=True)
    steps, at_step = np.unique(step, return_inverse=True)
    keys, number = np.unique(at_time * len(steps) + at_step, return_inverse=True)
    return Moments(times[keys // len(steps)], steps[keys % len(steps)]), number.astype(np.int64)


def _check_balance(rows: Amounts, came: NDArray[np.bool_], groups: int, width: int) -> None:
    """More cannot have left a pattern by some moment than came into it before."""
    place = (rows.pattern * groups + rows.stratum) * width + rows.moment
    order = np.lexsort((came, place))
    inside = np.cumsum(np.where(came, rows.amount, -rows.amount)[order])
    if inside.size and inside.min() < -1e-9 * max(1.0, float(rows.amount.sum())):
        raise EstimateError("More leave the state than are in it: the flow table lacks entries.")


def distinct(frame: pd.DataFrame, names: Sequence[str]) -> tuple[pd.DataFrame, Ints]:
    """The distinct rows of some columns, in order of their values, and the number of each row's."""
    _require(frame, names)
    code = np.zeros(len(frame), np.int64)
    for name in names:
        own, values = pd.factorize(frame[name], sort=True)
        code = code * (len(values) + 1) + np.where(own < 0, len(values), own)
        code = np.unique(code, return_inverse=True)[1].astype(np.int64)
    first = np.empty(int(code.max(initial=-1)) + 1, np.int64)
    first[code[::-1]] = np.arange(len(frame) - 1, -1, -1)
    return frame[list(names)].iloc[first].reset_index(drop=True), code
