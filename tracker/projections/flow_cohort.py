"""The entry cohort: one row for each referral with its path through the sorting chain, in DuckDB.

``prepare`` leaves temporary tables behind, of which the counting reads three: ``cohort`` (a referral a
row), ``opened`` (every investigation of the snapshot) and ``timeline_ends`` (when a timeline stands
closed, or is lost sight of). Dates are whole days; months are calendar months, clamped to the end of
a shorter one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from tracker.domain.periods import INVESTIGATION_MONTHS, PRELIMINARY_ASSESSMENT_DAYS, Period
from tracker.projections import flow_groups
from tracker.projections.flow_steps import (
    CLOCK_4_MONTHS,
    CLOCK_14_DAYS,
    INVESTIGATION_PATHS,
    REFERRAL_PATHS,
    RETURNED,
    Path,
)
from tracker.projections.workspace import run, sql

DECISION_MONTHS = 1
"""A decision not seen so long after the investigation closed is a no (ours: usually they coincide)."""

START_MONTHS = 3
"""A granted intervention not started by then is a no: from then on a municipality has to report the
decision as not carried out (IVO, "ej verkställda beslut")."""

FOLLOW_UP_MONTHS = 6
"""No follow-up by then is a no: care is to be reconsidered at least every six months (LVU 13 §)."""


@dataclass(frozen=True)
class Cohort:
    """Which referrals enter, broken down by what, and how they are followed.

    ``explicit_only`` leaves out stage links that were not stated by id.
    """

    by: tuple[str, ...]
    where: flow_groups.Where
    entry: Period
    explicit_only: bool
    horizon_days: int

    def linked(self, column: str, table: str = "") -> str:
        """SQL for a link that counts."""
        return (
            f"CASE WHEN {table}link_method = 'explicit' THEN {table}{column} END"
            if self.explicit_only
            else (f"{table}{column}")
        )


def enum(classes: Sequence[str]) -> str:
    """SQL type whose ``enum_code`` is a class's place in ``classes``; casting anything else fails."""
    return f"ENUM({', '.join(repr(name) for name in classes)})"


def _written(paths: Sequence[Path]) -> list[str]:
    return ["/".join(path) for path in paths]


def prepare(connection: duckdb.DuckDBPyConnection, cohort: Cohort) -> None:
    """Build the temporary tables on a connection that has a view for each table of the snapshot."""
    run(connection, "last_days")
    run(
        connection,
        "flow_decided",
        followed_intervention=cohort.linked("intervention_id"),
        investigation=cohort.linked("investigation_id", "v."),
        start_months=START_MONTHS,
        follow_up_months=FOLLOW_UP_MONTHS,
    )
    run(
        connection,
        "flow_opened",
        investigation_months=INVESTIGATION_MONTHS,
        decision_months=DECISION_MONTHS,
        paths=enum(_written(INVESTIGATION_PATHS)),
        clock=enum(CLOCK_4_MONTHS.classes),
    )
    _enter(connection, cohort)
    run(
        connection,
        "flow_timeline_ends",
        horizon_days=cohort.horizon_days,
        classes=enum(RETURNED.classes),
    )


def _enter(connection: duckdb.DuckDBPyConnection, cohort: Cohort) -> None:
    """The referrals themselves; what the user wrote in conditions is bound, never pasted."""
    condition, values = flow_groups.condition(cohort.where)
    query = sql("flow_cohort").substitute(
        investigation=cohort.linked("investigation_id"),
        condition=condition,
        groups=flow_groups.columns(cohort.by),
        assessment_days=PRELIMINARY_ASSESSMENT_DAYS,
        paths=enum(_written(REFERRAL_PATHS)),
        clock=enum(CLOCK_14_DAYS.classes),
    )
    connection.execute(query, [cohort.entry.first, cohort.entry.last, *values])
