"""What the gate refuses, a sentence each: impossible columns, times, steps, weights, states, transitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def require_columns(frame: pd.DataFrame, needed: Sequence[str]) -> None:
    """Raise EstimateError for columns that are not there, or there twice."""
    if missing := [name for name in needed if name not in frame.columns]:
        raise EstimateError(f"Columns are missing: {', '.join(missing)}; found {', '.join(frame.columns)}.")
    if twice := sorted({name for name in needed if list(frame.columns).count(name) > 1}):
        raise EstimateError(f"Columns of the same name: {', '.join(twice)}; each may be there once.")


def require_times(times: pd.Series, name: str) -> None:
    """Raise EstimateError for times that are missing, negative, infinite or no numbers."""
    values = _as_numbers(times, name)
    if absent := int(np.isnan(values).sum()):
        raise EstimateError(f"Times must be known: «{name}» is missing in {absent} of {len(values)} rows.")
    if impossible := int(((values < 0) | np.isinf(values)).sum()):
        raise EstimateError(f"Times are zero or more and finite: «{name}» is not in {impossible} rows.")


def require_order(start: Floats, stop: Floats, first: Ints, last: Ints) -> None:
    """Raise EstimateError for spells that end before they begin; moments are (time, step)."""
    wrong = (stop < start) | ((stop == start) & (last <= first))
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        raise EstimateError(
            f"{int(wrong.sum())} spells end before they begin, or are of no length without steps to say what "
            f"came first: the first is row {number}, from {start[number]:g} to {stop[number]:g}."
        )


def _as_numbers(values: pd.Series, name: str) -> Floats:
    """The values as floats, NaN where missing; dates are no numbers of days since anything."""
    try:
        if values.dtype.kind in "mM":
            raise ValueError
        return np.asarray(values.to_numpy(float, na_value=np.nan))
    except (TypeError, ValueError):
        raise EstimateError(f"«{name}» is numbers, such as days since an origin; found others.") from None


def steps_of(rows: pd.DataFrame, name: str, last: int) -> Ints:
    """Steps within a day as whole numbers up to ``last``; raises EstimateError for others."""
    steps = _as_numbers(rows[name], name)
    whole = (steps >= 0) & (steps <= last) & (steps == np.floor(steps))
    if wrong := int((~whole).sum()):
        raise EstimateError(f"Steps within a day are whole numbers from 0: «{name}» is not in {wrong} rows.")
    return steps.astype(np.int64)


def weights_of(weights: pd.Series, name: str) -> Floats:
    """Weights as floats; raises EstimateError for missing, negative and infinite ones."""
    values = _as_numbers(weights, name)
    if wrong := int((~((values >= 0) & (values < np.inf))).sum()):
        raise EstimateError(f"Weights are zero or more and finite: «{name}» is not in {wrong} rows.")
    return values


def states_of(allowed: Sequence[str] | None, *seen: pd.Series) -> tuple[str, ...]:
    """The states there are: those allowed, or those seen. Raises EstimateError for others."""
    occurring = sorted({value for column in seen for value in column.dropna().unique()})
    if allowed is None:
        return tuple(occurring)
    if unknown := [name for name in occurring if name not in allowed]:
        raise EstimateError(f"Unknown states: {', '.join(unknown)}; the chain has {', '.join(allowed)}.")
    return tuple(allowed)


def transitions_of(
    states: tuple[str, ...],
    allowed: Sequence[tuple[str, str]] | None,
    sources: pd.Series,
    targets: pd.Series,
) -> tuple[tuple[int, int], ...]:
    """The transitions there are, as pairs of numbers of states; raises EstimateError for others."""
    if sources.isna().any() or targets.isna().any():
        raise EstimateError("A transition needs the state it leaves and the state it enters; some lack one.")
    occurring = set(
        pd.DataFrame({"a": sources, "b": targets}).drop_duplicates().itertuples(index=False, name=None)
    )
    if allowed is not None and (outside := sorted(occurring - set(allowed))):
        told = ", ".join(f"{source} → {target}" for source, target in outside)
        raise EstimateError(f"Transitions outside the chain: {told}.")
    if selves := sorted(source for source, target in occurring if source == target):
        raise EstimateError(f"A transition goes to another state; found stays broken in two: {selves[0]}.")
    number = {name: i for i, name in enumerate(states)}
    pairs = occurring if allowed is None else set(allowed)
    return tuple(sorted((number[a], number[b]) for a, b in pairs if a in number and b in number))
