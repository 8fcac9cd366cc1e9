"""Waits: from the first day in one state to the first of several others, through whatever lies between.

A wait is a row of a frame: ``subject_id``, ``entry`` and ``wait`` (numbers), ``since_on`` (day 0), the
covariates of the cohort as on that day (categories in their natural order), ``entered`` and ``left`` (whole
days since day 0; entered is above 0 where the state was first seen late), ``to_state``: what ended the wait,
missing where observation ended first. ``tracker.estimate.waiting`` takes it from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from tracker.domain.chain import ADULT, DEAD
from tracker.projections.cohort import StudyCohort
from tracker.projections.cohort_spec import Which
from tracker.projections.cohort_sql import cut_levels, text, texts
from tracker.projections.rules import Unit
from tracker.projections.workspace import quoted, sql

LEFT_FOR_GOOD = (ADULT, DEAD)
"""What ends every wait, whatever is waited for; moving out and gaps in deliveries end observation only."""

_WAITS = {Which.FIRST: "least(sum(begins) OVER line, 1)", Which.EACH: "sum(begins) OVER line"}


def first_passages(
    cohort: StudyCohort, since: str, into: Mapping[str, Sequence[str]], which: Which = Which.FIRST
) -> pd.DataFrame:
    """Waits from entering ``since`` to the first of the states of ``into`` (what to call it → states).

    ``which``: of each entry the first stay in ``since``, or each, the next one then ending what was not over.
    Growing up and dying end a wait under their own names. What follows a gap in deliveries is not counted:
    what was waited for may have come in the gap.
    """
    columns = [one.name for one in cohort.spec.covariates]
    targets = [state for states in into.values() for state in states]
    named = {**into, **{name: (name,) for name in LEFT_FOR_GOOD}}
    query = sql("waits_first").substitute(
        since=since,
        study=quoted(cohort.path),
        place=place_of(cohort),
        wait=_WAITS[which],
        targets=texts([*targets, *LEFT_FOR_GOOD]),
        columns="".join(f", f.{name}" for name in columns),
        causes=" ".join(
            f"WHEN l.to_state IN ({texts(states)}) THEN {text(name)}" for name, states in named.items()
        ),
    )
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        frame: pd.DataFrame = connection.execute(query).df()
    return ordered(frame, cohort)


def place_of(cohort: StudyCohort) -> str:
    """SQL of what tells the units of one child apart: where a stay was, or nothing for the child itself."""
    if cohort.unit is Unit.CHILD:
        return "''"
    names = pq.read_schema(cohort.path).names
    return "stay_municipality" if "stay_municipality" in names else "municipality"


def ordered(frame: pd.DataFrame, cohort: StudyCohort) -> pd.DataFrame:
    """The frame with those covariates of the cohort that are categories as such, levels in natural order."""
    kinds = {}
    for covariate in cohort.spec.covariates:
        if covariate.name not in frame:
            continue
        values = frame[covariate.name]
        if covariate.cuts or not pd.api.types.is_numeric_dtype(values):
            known = cohort.levels(covariate.name) or list(
                cut_levels(covariate.cuts) if covariate.cuts else ()
            )
            others = sorted(set(values.dropna()) - set(known), key=str)
            kinds[covariate.name] = pd.CategoricalDtype([*known, *others], ordered=True)
    return frame.astype(kinds)
