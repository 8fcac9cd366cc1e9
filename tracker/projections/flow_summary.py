"""The flow summary: what became of the referrals of an entry cohort, step by step, with shares and intervals.

Definitions travel with the figures: ``FlowSummary.definitions``; the steps are declared in
``flow_steps``, the cohort is built in ``flow_cohort``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from tracker.domain.errors import UsageError
from tracker.domain.periods import Period
from tracker.projections import flow_groups
from tracker.projections.flow_cohort import Cohort, prepare
from tracker.projections.flow_levels import Block, linkable, unlinkable
from tracker.projections.flow_picture import FlowLinks, picture_of
from tracker.projections.flow_tidy import tidy
from tracker.projections.flow_words import definitions
from tracker.projections.reading import opened, session
from tracker.projections.snapshot import Manifest, Snapshot
from tracker.projections.stamping import stamp_of

DEFINITION = "flow-summary/1"
"""Version of the definitions; raised whenever a figure could change for the same snapshot."""

RETURN_DAYS = 365
EVER = Period(date(1900, 1, 1), date(9999, 12, 31))

Links = Literal["all", "explicit"]


@dataclass(frozen=True)
class FlowSummary:
    """A flow summary, ready to be published with its stamp.

    ``table`` has one row for each group × block × step × class × unit; the breakdown variables come
    first, ``all`` where a row adds groups together. Counts are Int64, shares fractions of one, days
    whole days; each value has its status (``value``, ``not_delivered``, ``too_recent``,
    ``not_applicable``) in a column of its own and is missing unless the status is ``value``.
    ``links`` holds nodes and edges of the picture of the whole cohort.
    """

    table: pd.DataFrame
    stamp: Mapping[str, str]
    definitions: tuple[tuple[str, str], ...]
    links: FlowLinks
    by: tuple[str, ...]


def flow_summary(
    snapshot: Snapshot | Path | str,
    *,
    by: str | Sequence[str] = (),
    where: str | Mapping[str, str] | None = None,
    links: Links = "all",
    entry: Period | None = None,
    horizon_days: int = RETURN_DAYS,
) -> FlowSummary:
    """Follow the referrals received in ``entry`` (None: all) through the sorting chain.

    ``by`` breaks down by any of ``flow_groups.GROUPS``, the first variable outermost, with a row for
    the whole cohort and for each leading part of ``by``. ``where`` narrows the cohort. ``links="explicit"``
    leaves out every stage link that was not stated by id. An empty cohort gives rows of zeros. Raises
    UsageError for an unknown variable or choice, SnapshotError for a folder that is no snapshot.
    """
    variables, conditions = flow_groups.parse_by(by), flow_groups.parse_where(where)
    if links not in ("all", "explicit"):
        raise UsageError(f"unknown links {links}; choose among all, explicit")
    if horizon_days < 1:
        raise UsageError("the horizon is a number of days, at least 1")
    cohort = Cohort(variables, conditions, entry or EVER, links == "explicit", horizon_days)
    source = opened(snapshot)
    blocks = _count(source, cohort)
    table = tidy(blocks, variables)
    whole = table[(table[list(variables)] == flow_groups.TOTAL).all(axis=1)]
    return FlowSummary(
        table,
        _stamp(source.manifest, cohort),
        definitions(horizon_days),
        picture_of(whole),
        variables,
    )


def _count(snapshot: Snapshot, cohort: Cohort) -> list[Block]:
    """Both blocks of every breakdown, the whole cohort first."""
    with session(snapshot) as connection:
        prepare(connection, cohort)
        return [
            block
            for level in flow_groups.levels(cohort.by)
            for block in (linkable(connection, level), unlinkable(connection, level))
        ]


def _stamp(manifest: Manifest, cohort: Cohort) -> dict[str, str]:
    conditions = "".join(f", {name}={'|'.join(values)}" for name, values in cohort.where.items())
    entry = "at any time" if cohort.entry == EVER else str(cohort.entry)
    return stamp_of(
        manifest,
        DEFINITION,
        cohort=f"referrals received {entry}{conditions}",
        by=", ".join(cohort.by),
        links="explicit" if cohort.explicit_only else "all",
        return_horizon_days=str(cohort.horizon_days),
    )
