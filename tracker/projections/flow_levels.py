"""The queries that count one breakdown of a prepared cohort: patterns per child, and medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd
import pyarrow as pa

from tracker.projections.flow_counts import Patterns, patterns_of, rows, sorted_keys, unpacked
from tracker.projections.flow_steps import RETURNED, STEPS
from tracker.projections.workspace import run

LINKABLE = "linkable"
UNLINKABLE = "unlinkable"


@dataclass(frozen=True)
class Block:
    """One block of a breakdown, counted; ``keys`` are its groups.

    Codes of ``referrals``: path · 2 + not-opened complete; of ``investigations``: the path; of the
    clocks and of ``returned``: the class. ``medians`` has a row for each group, step and class, with
    ``median`` days and how many ``completed``. What cannot be counted without a child id is None.
    """

    name: str
    by: tuple[str, ...]
    keys: pd.DataFrame
    medians: pd.DataFrame
    referrals: Patterns
    clock_14_days: Patterns
    investigations: Patterns | None = None
    clock_4_months: Patterns | None = None
    returned: Patterns | None = None


def _list(by: Sequence[str]) -> str:
    return "".join(f"{name}, " for name in by)


def _source(by: Sequence[str]) -> str:
    """The cohort; broken down by reason, a row for each referral and reason."""
    return "(SELECT * REPLACE (unnest(reason) AS reason) FROM cohort)" if "reason" in by else "cohort"


def _here_sql(by: Sequence[str], columns: str) -> str:
    """Frequencies of the patterns of ``children_here``."""
    return f"SELECT {_list(by)} {columns}, count(*) AS frequency FROM children_here GROUP BY ALL"


def _opened_patterns_sql(by: Sequence[str], column: str) -> str:
    groups = _list(by)
    return f"""
    SELECT {groups} pattern, count(*) AS frequency
    FROM (SELECT {groups} list_sort(list({column})) AS pattern FROM opened_here GROUP BY {groups} subject_id)
    GROUP BY {groups} pattern"""


def _single_sql(by: Sequence[str], source: str, column: str = "code") -> str:
    """Frequencies of rows that are each a pattern of their own."""
    groups = _list(by)
    return f"""
    SELECT {groups} [{column}] AS pattern, count(*) AS frequency FROM {source} GROUP BY {groups} {column}"""


def _sorting_medians(by: Sequence[str], test: str) -> str:
    """Days to conclusion by class; class '' is all referrals of the group."""
    groups = _list(by)
    return f"""
    SELECT {groups} 'investigation' AS step, coalesce(class, '') AS class, median(days) AS median,
           count(days) AS completed
    FROM {_source(by)} WHERE {test} GROUP BY GROUPING SETS (({groups} class), ({groups.rstrip(", ")}))"""


def _later_medians(by: Sequence[str]) -> list[str]:
    groups = _list(by)
    steps = [
        f"""SELECT {groups} '{step.id}', split_part(path, '/', {depth}) AS class, median({step.id}_days),
        count({step.id}_days) FROM opened_here WHERE {step.id}_days IS NOT NULL GROUP BY {groups} class"""
        for depth, step in enumerate(STEPS[1:], start=1)
    ]
    returned = f"""SELECT {groups} '{RETURNED.id}', 'yes', median(days), count(days) FROM returned_here
        WHERE code = {RETURNED.classes.index("yes")} GROUP BY ALL"""
    return [*steps, returned]


def _medians(connection: duckdb.DuckDBPyConnection, parts: Sequence[str]) -> pd.DataFrame:
    frame: pd.DataFrame = rows(connection, " UNION ALL ".join(parts)).to_pandas()
    return frame


def linkable(connection: duckdb.DuckDBPyConnection, by: tuple[str, ...]) -> Block:
    """Count the referrals of children with an id."""
    names = {"groups": _list(by), "source": _source(by)}
    run(connection, "flow_children_here", **names)
    run(connection, "flow_opened_here", **names)
    firsts = "".join(f"f.{name}, " for name in by)
    run(connection, "flow_returned_here", first_groups=firsts, unseen=RETURNED.classes.index("not_delivered"))
    referrals = rows(connection, _here_sql(by, "pattern"))
    keys = _keys(referrals, by)

    def counted(query: str) -> Patterns:
        return patterns_of(rows(connection, query), by, keys)

    return Block(
        LINKABLE,
        by,
        keys,
        _medians(connection, [_sorting_medians(by, "subject_id IS NOT NULL"), *_later_medians(by)]),
        patterns_of(referrals, by, keys),
        unpacked(rows(connection, _here_sql(by, "low, high")), by, keys),
        counted(_opened_patterns_sql(by, "code")),
        counted(_opened_patterns_sql(by, "clock_code")),
        counted(_single_sql(by, "returned_here")),
    )


def unlinkable(connection: duckdb.DuckDBPyConnection, by: tuple[str, ...]) -> Block:
    """Count the referrals without a child id: each its own pattern, nothing after the first sorting."""
    source = f"(SELECT * FROM {_source(by)} WHERE subject_id IS NULL)"
    referrals = rows(connection, _single_sql(by, source))
    keys = _keys(referrals, by)
    clock = rows(connection, _single_sql(by, source, "clock_code"))
    medians = _medians(connection, [_sorting_medians(by, "subject_id IS NULL")])
    return Block(
        UNLINKABLE, by, keys, medians, patterns_of(referrals, by, keys), patterns_of(clock, by, keys)
    )


def _keys(table: pa.Table, by: Sequence[str]) -> pd.DataFrame:
    return sorted_keys(table.select(list(by)).to_pandas(), by)
