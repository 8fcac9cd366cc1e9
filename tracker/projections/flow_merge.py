"""Flow tables of municipalities added up, and the sum beside the table of children followed across them.

Adding up is exact when the unit is child × municipality. What a child does between municipalities is then
seen as leaving one and entering another; ``compare`` says how much that is.

A second round for robust variance goes the same way: the hazards of the sum go out to the municipalities,
and sums of squared influence, of the same strata and sources, come back to be added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from tracker.domain.errors import UsageError
from tracker.projections.flow_table import CENSORED, ENTERED, TRANSITION, FlowTable
from tracker.projections.rules import Unit

MUST_BE_EQUAL = ("chain", "codebook", "rules", "unit", "clock", "strata", "horizon", "censored_by", "cohort")
"""What tables must have in common to be added. Their format is equal: another version is not read."""


def merge(tables: Sequence[FlowTable]) -> FlowTable:
    """The sum of flow tables of different municipalities.

    Raises UsageError when there are none, when they are not of child × municipality, differ in any of
    ``MUST_BE_EQUAL``, mix synthetic with real children, or when a municipality is in two of them or
    is not named.
    """
    if not tables:
        raise UsageError("There are no flow tables to merge.")
    if differing := differences(tables):
        told = "; ".join(f"{name}: {' / '.join(values)}" for name, values in differing.items())
        raise UsageError(f"These flow tables cannot be added up, they differ in {told}.")
    if tables[0].unit is not Unit.CHILD_MUNICIPALITY:
        raise UsageError("Only flow tables of the unit child_municipality add up: here a child counts once.")
    _require_each_municipality_once(tables)
    sources = sorted((s for table in tables for s in table.sources), key=lambda s: s.municipalities)
    return replace(tables[0], table=_added([t.table for t in tables]), sources=tuple(sources))


def differences(tables: Sequence[FlowTable]) -> Mapping[str, list[str]]:
    """What ought to be equal and is not: name → the values found, as text."""
    names = (*MUST_BE_EQUAL, "synthetic")
    found = {name: sorted({_as_text(getattr(table, name)) for table in tables}) for name in names}
    return {name: values for name, values in found.items() if len(values) > 1}


def _as_text(value: object) -> str:
    return (", ".join(value) if isinstance(value, tuple) else str(value)) or "none"


def _require_each_municipality_once(tables: Sequence[FlowTable]) -> None:
    sources = [source for table in tables for source in table.sources]
    if any(not source.municipalities for source in sources):
        raise UsageError("A flow table to be merged must say which municipalities it is of; one does not.")
    times = Counter(name for source in sources for name in source.municipalities)
    if twice := sorted(name for name, number in times.items() if number > 1):
        raise UsageError(f"Municipalities are in more than one of the flow tables: {', '.join(twice)}.")


def _added(tables: Sequence[pa.Table]) -> pa.Table:
    every = pa.concat_tables(tables)
    keys = [name for name in every.column_names if name != "count"]
    summed = every.group_by(keys).aggregate([("count", "sum")]).rename_columns([*keys, "count"])
    return summed.select(every.column_names).cast(every.schema)


def compare(merged: FlowTable, linked: FlowTable) -> pd.DataFrame:
    """Counts of the sum of municipalities beside those of children linked across them.

    A row for each state and what happens there: ``entered_from_outside`` (into observation, not by a
    transition), each transition by ``to_state``, ``censored``, and ``days`` spent in it; with ``merged``,
    ``linked`` and their ``difference``. A child that moves is followed on in the linked table, and leaves
    one municipality and comes anew in another in the merged one. Raises UsageError for tables that differ in
    chain, codebook, clock, strata, horizon or censoring.
    """
    alike = ("chain", "codebook", "clock", "strata", "horizon", "censored_by")
    if differing := [name for name in alike if getattr(merged, name) != getattr(linked, name)]:
        raise UsageError(f"These flow tables cannot be compared, they differ in {', '.join(differing)}.")
    if (merged.unit, linked.unit) != (Unit.CHILD_MUNICIPALITY, Unit.CHILD):
        raise UsageError("Compared are a table of child × municipality and, second, one of linked children.")
    both = pd.concat({"merged": totals(merged), "linked": totals(linked)}, axis=1).fillna(0).astype("int64")
    both["difference"] = both["merged"] - both["linked"]
    return both.sort_index().reset_index()


def totals(table: FlowTable) -> pd.Series:
    """Counts by ``state``, ``what`` and ``to_state`` (empty where there is none), over strata and moments."""
    frame = table.frame()
    went = frame[frame["flow"] == TRANSITION]
    moved = went.groupby(["state", "to_state"])["count"].sum()
    entered = frame[frame["flow"] == ENTERED].groupby("state")["count"].sum()
    arrived = went.groupby("to_state")["count"].sum().reindex(entered.index, fill_value=0)
    signs = frame["flow"].map({ENTERED: -1, TRANSITION: 1, CENSORED: 1})
    days = (frame["day"].astype("int64") * frame["count"] * signs).groupby(frame["state"]).sum()
    parts = {
        ("entered_from_outside", ""): entered - arrived,
        ("censored", ""): frame[frame["flow"] == CENSORED].groupby("state")["count"].sum(),
        ("days", ""): days,
    }
    parts |= {(TRANSITION, str(to)): n.droplevel("to_state") for to, n in moved.groupby(level="to_state")}
    summed = pd.concat(parts, names=["what", "to_state"]).astype("int64")
    return summed.reorder_levels([2, 0, 1])


def cells_by_size(table: FlowTable) -> Mapping[str, int]:
    """How many cells count one, two, three or four, five to nine, ten or more spells."""
    counts = table.table.column("count").to_pandas()
    classes = pd.cut(counts, [0, 1, 2, 4, 9, float("inf")], labels=["1", "2", "3-4", "5-9", "10+"])
    return {str(name): int(number) for name, number in classes.value_counts(sort=False).items()}
