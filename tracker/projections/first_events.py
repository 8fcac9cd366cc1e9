"""From a start to the first time each outcome is reached, within the first episode of each entry of a cohort.

An outcome is reached at the first move into one of its states before the episode closes or the child leaves
the chain (grows up, dies), which compete with it. Moving out, the end of following and a gap in deliveries
censor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from tracker.projections.cohort import StudyCohort
from tracker.projections.cohort_sql import text, texts
from tracker.projections.flow_clock import END
from tracker.projections.reading import session
from tracker.projections.rules import Unit
from tracker.projections.snapshot import Snapshot
from tracker.projections.workspace import quoted, sql

WAITING, OTHER = "waiting", "other end"
"""The state of those for whom nothing has ended yet, and what ends it without the outcome."""

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "investigation": ("investigation",),
    "granted": ("granted", "intervention"),
    "intervention": ("intervention",),
    "closed": ("closed",),
}
"""Outcome → the states whose entry reaches it; what has started was granted."""


@dataclass(frozen=True)
class FirstEvents:
    """A row of ``frame`` for each entry that started.

    ``subject_id``, ``start_on``, ``municipality_of_start``, ``complete`` (there and then not-opened reports
    were declared complete), ``half_year`` and the covariates of ``by`` at the start; ``until`` the last day
    followed in the first episode, ``stop`` how that ended (closed, ended, moved, lost); and for each outcome
    ``<outcome>_on``, missing where it was not reached.
    """

    frame: pd.DataFrame
    outcomes: tuple[str, ...]
    by: tuple[str, ...]

    @property
    def last_day(self) -> date | None:
        """The last day anyone was followed; None when there is no one."""
        return self.frame["until"].max().date() if len(self.frame) else None


def first_events(
    snapshot: Snapshot, cohort: StudyCohort, outcomes: Sequence[str], start: str = ""
) -> FirstEvents:
    """First outcomes since entry, or since the first stay in the state ``start`` (seen to begin)."""
    by = cohort.spec.by
    place = (
        "stay_municipality"
        if "municipality" in {one.name for one in cohort.spec.covariates}
        else "municipality"
    )
    reached = [
        f",\n           min(left_on) FILTER (exit = 'transition' AND to_state IN ({states})) AS {name}_on"
        for name, states in ((name, texts(OUTCOMES[name])) for name in outcomes)
    ]
    query = sql("first_events").substitute(
        unit_place=place if cohort.unit is Unit.CHILD_MUNICIPALITY else "''",
        stay_place=place,
        starts=f"state = {text(start)} AND entered_on = state_entered_on" if start else "true",
        outcomes="".join(reached),
        covariates="".join(f", p.{name}" for name in by),
    )
    with session(snapshot) as connection:
        connection.execute(f"CREATE VIEW study AS SELECT * FROM read_parquet('{quoted(cohort.path)}')")
        frame = connection.execute(query).df()
    frame["half_year"] = _half_year(frame["start_on"])
    return FirstEvents(frame, tuple(outcomes), by)


def _half_year(day: pd.Series) -> pd.Series:
    """2025-H1, 2025-H2 …"""
    half = np.where(day.dt.month <= 6, "-H1", "-H2")
    return pd.Series(day.dt.year.astype(str) + half, day.index)


def first_event_flows(
    events: FirstEvents, outcome: str, frame: pd.DataFrame, strata: Sequence[str]
) -> pd.DataFrame:
    """Rows of ``events.frame`` as a flow table of one outcome: waiting until it, or until the other end.

    ``frame`` may be some of the rows, with further columns; where it has ``cut_on``, following ends there (as
    censoring), and nothing after it counts. All events of a day are tied (step 1).
    """
    cut = frame["cut_on"] if "cut_on" in frame else pd.Series(pd.NaT, frame.index)
    seen_on = frame[f"{outcome}_on"]
    seen = seen_on.notna() & ~(seen_on > cut)
    left = seen_on.where(seen, frame["until"])
    beyond = ~seen & (left > cut)
    left = left.mask(beyond, cut)
    stopped = ~seen & ~beyond & frame["stop"].isin(["closed", "ended"])
    day = (left - frame["start_on"]).dt.days
    moved = seen | stopped
    rows = frame[list(strata)].assign(state=WAITING)
    entered = rows.assign(flow="entered", to_state=None, day=0, step=0)
    gone = rows.assign(
        flow=np.where(moved, "transition", "censored"),
        to_state=np.select([seen, stopped], [outcome, OTHER], ""),
        day=day,
        step=np.where(moved, 1, END),
    )
    gone["to_state"] = gone["to_state"].astype(object).where(moved, None)
    keys = [*strata, "state", "flow", "to_state", "day", "step"]
    every = pd.concat([entered, gone], ignore_index=True)
    return every.groupby(keys, dropna=False, as_index=False).size().rename(columns={"size": "count"})
