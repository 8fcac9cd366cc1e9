"""Curves made ready for tables and charts: several side by side, groups told in one column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from tracker.estimate.results import Curves

MOST_LINES = 6
"""Groups that one plot can still show."""
GROUP = "group"


@dataclass(frozen=True)
class Group:
    """A cohort, all together or in parts: ``name`` ends the names of tables and charts, ``said`` titles."""

    name: str
    said: str
    by: tuple[str, ...]


def groups_of(by: tuple[str, ...]) -> list[Group]:
    """A cohort all together and, where it is broken down, by all of ``by`` at once."""
    together = Group("", "", ())
    return [together, Group("_by_group", f", by {' and '.join(by)}", by)] if by else [together]


def side_by_side(curves: Mapping[str, Curves], key: str) -> Curves:
    """Curves of the same strata and method as one, told apart by the column ``key``, in the order given.

    Raises ValueError for none.
    """
    if not curves:
        raise ValueError("there are no curves to put side by side")
    first = next(iter(curves.values()))
    parts = [one.frame.assign(**{key: name}) for name, one in curves.items()]
    return replace(first, frame=pd.concat(parts, ignore_index=True), key=(key, *first.key))


def only(curves: Curves, **levels: str) -> Curves:
    """The curves at these levels of their columns; the columns are no key any more."""
    frame = curves.frame
    for name, level in levels.items():
        frame = frame[frame[name] == level]
    return replace(
        curves, frame=frame.reset_index(drop=True), key=tuple(k for k in curves.key if k not in levels)
    )


def in_one_column(curves: Curves) -> Curves:
    """The same with all strata told in the one column ``group``; without strata as they are."""
    if not curves.strata:
        return curves
    return replace(curves, frame=with_group(curves.frame, curves.strata), strata=(GROUP,))


def with_group(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The frame with a column ``group`` that tells the levels of ``by`` together."""
    if not by:
        return frame
    return frame.assign(**{GROUP: frame[list(by)].astype(str).agg(" · ".join, axis=1)})


def few_enough(curves: Curves) -> bool:
    """Whether the groups of ``in_one_column`` can be told apart in one plot."""
    return GROUP not in curves.frame or curves.frame[GROUP].nunique() <= MOST_LINES
