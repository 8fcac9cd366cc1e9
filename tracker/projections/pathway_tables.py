"""What the ways of a cohort are made of: moves and their times, endings of episodes, loops, the event log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from tracker.projections.cohort import StudyCohort
from tracker.projections.flow_counts import rows
from tracker.projections.intervals import clustered
from tracker.projections.rules import Unit
from tracker.projections.workspace import quoted, run, sql, workspace

_CLUSTERS = ["clusters", "yy", "xy", "xx"]


@dataclass(frozen=True)
class PathwayTables:
    """Counts by group (the columns of ``by`` first), shares of what was seen with 95 % intervals.

    ``moves``: source, target, count, children, followed_on (moves from source whose next was seen), share
    of those with low and high, quartiles of days since the state was entered. ``endings``: left_from, ended,
    count, children, share of episodes whose end was seen, days since the episode began (of those seen from
    its start). ``paths``: whole episodes by path. ``loops``: returns to a state by the way taken. ``visits``:
    children by how many times they were seen to enter a state.
    """

    by: tuple[str, ...]
    moves: pd.DataFrame
    endings: pd.DataFrame
    paths: pd.DataFrame
    loops: pd.DataFrame
    visits: pd.DataFrame


def pathway_tables(
    cohort: StudyCohort, work: Path, by: Sequence[str] = (), *, top: int = 50
) -> PathwayTables:
    """The tables of a cohort by covariates; of paths and of loops to each state the ``top`` most frequent.

    ``work`` is a folder to spill into. Follow-ups that overlap are counted each. Covariates that vary with
    time must not have broken the stays.
    """
    with _session(cohort, work) as connection:
        said = _parameters(cohort, by)
        run(connection, "pathway_episodes", **said)
        run(connection, "pathway_runs", **said)
        found = {
            name: rows(connection, sql(f"pathway_{name}").substitute(said | {"top": top})).to_pandas()
            for name in ("moves", "endings", "study_paths", "loops", "visits")
        }
    moves = _with_share(found["moves"], "followed_on", ("censored", "coverage"), "target")
    endings = _with_share(found["endings"], "ended_in_all", ("open", "gap"), "ended")
    return PathwayTables(tuple(by), moves, endings, found["study_paths"], found["loops"], found["visits"])


def write_event_log(cohort: StudyCohort, work: Path, stamp: Mapping[str, str], path: Path) -> None:
    """Write the event log as pm4py reads it: ``case:concept:name``, ``concept:name``, ``time:timestamp``.

    A case is a child, numbered for this file; an event is a state entered, or left for good (adult, moved,
    dead). Times are days since entry counted from the first of the month of entry, so spans are true and
    dates are not; seconds keep the order within a day. The stamp is in the file's metadata.
    """
    with _session(cohort, work) as connection:
        query = sql("pathway_event_log").substitute(_parameters(cohort, cohort.spec.by))
        told = json.dumps(dict(stamp)).replace("'", "''")
        connection.execute(
            f"COPY ({query}) TO '{quoted(path)}' "
            f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{tracker_stamp: '{told}'}})"
        )


@contextmanager
def _session(cohort: StudyCohort, work: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session with the study spells as ``study``."""
    work.mkdir(parents=True, exist_ok=True)
    with workspace(work) as connection:
        connection.execute(f"CREATE VIEW study AS SELECT * FROM read_parquet('{quoted(cohort.path)}')")
        yield connection


def _parameters(cohort: StudyCohort, by: Sequence[str]) -> dict[str, str]:
    unit = ["subject_id", "entry"]
    if cohort.unit is Unit.CHILD_MUNICIPALITY:
        unit.append("municipality")
    keys = "".join(f"{name}, " for name in by)
    held = [*unit, *(name for name in by if name not in unit)]
    return {
        "by": keys,
        "keys": keys,
        "by_of_r": "".join(f"r.{name}, " for name in by),
        "unit": ", ".join(unit),
        "unit_of_r": ", ".join(f"r.{name}" for name in unit),
        "held": ", ".join(held),
        "same_unit": " AND ".join(f"b.{name} = r.{name}" for name in unit),
        "partition": f"PARTITION BY {', '.join(by)}" if by else "",
        "group_by": "GROUP BY ALL" if by else "",
        "join_wholes": f"LEFT JOIN wholes USING ({', '.join(by)})" if by else "CROSS JOIN wholes",
        "columns": ", ".join(held),
        "covariates": "".join(f', {name} AS "case_{name}"' for name in by),
    }


def _with_share(frame: pd.DataFrame, whole: str, unseen: Sequence[str], column: str) -> pd.DataFrame:
    """The share of what was seen, with its interval clustered on child; of what was not, none."""
    seen = ~frame[column].isin(unseen)
    y, x, clusters, yy, xy, xx = (
        frame[name].where(seen).to_numpy(float) for name in ("count", whole, *_CLUSTERS)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = y / x
    low, high = clustered(y, x, (yy, xy, xx), clusters)
    told = frame.drop(columns=_CLUSTERS)
    at = told.columns.get_loc(whole)
    for offset, (name, values) in enumerate((("share", share), ("share_low", low), ("share_high", high)), 1):
        told.insert(int(at) + offset, name, values)  # type: ignore[arg-type]  # names are unique
    return told
