"""A flow table of a snapshot: whose stays, since when, broken down by what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir

from tracker.domain.errors import UsageError
from tracker.projections.engines import collected, duckdb_table
from tracker.projections.flow_clock import CENSORING, Clock
from tracker.projections.flow_covariates import with_covariates
from tracker.projections.flow_table import FlowTable, Source, flow_table
from tracker.projections.reading import opened, session
from tracker.projections.rules import Rules, Unit
from tracker.projections.snapshot import Snapshot

PERSON: Mapping[Unit, tuple[str, ...]] = {
    Unit.CHILD: ("subject_id",),
    Unit.CHILD_MUNICIPALITY: ("subject_id", "municipality"),
}
"""The columns that tell one followed person from another."""


@dataclass(frozen=True)
class Origin:
    """Where spells come from, as a flow table of them says it."""

    unit: Unit = Unit.CHILD
    cohort: str = ""
    chain: str = ""
    codebook: str = ""
    rules: str = ""
    source: Source = field(default_factory=Source)

    @classmethod
    def of(cls, snapshot: Snapshot, unit: Unit, cohort: str = "") -> Origin:
        """That of a snapshot's spells."""
        told = snapshot.manifest
        source = Source((), told.position, told.software, told.synthetic)
        return cls(unit, cohort, told.chain, told.codebook, told.rules, source)


def count_flows(
    spells: ir.Table,
    clock: Clock,
    strata: Sequence[str] = (),
    *,
    censored_by: Collection[str] = CENSORING,
    horizon: int | None = None,
    origin: Origin | None = None,
) -> FlowTable:
    """The flow table of spells held by any engine, brought into memory; see ``flow_table``."""
    expression = flow_table(spells, clock, strata, censored_by=censored_by, horizon=horizon)
    told = vars(origin or Origin()).copy()
    sources = (told.pop("source"),)
    return FlowTable(
        collected(expression), tuple(strata), clock, horizon=horizon, censored_by=tuple(censored_by),
        sources=sources, **told,
    )  # fmt: skip


def build_flow_table(
    snapshot: Snapshot | Path | str,
    *,
    clock: Clock,
    by: Sequence[str] = (),
    unit: Unit = Unit.CHILD,
    municipality: str | None = None,
    censored_by: Collection[str] = CENSORING,
    horizon: int | None = None,
) -> FlowTable:
    """The flow table of everyone in a snapshot, or in one municipality of it.

    ``by`` names covariates (``flow_covariates.COVARIATES``). Since entry, a child's clock starts with the
    first referral of its first episode known. Spells before birth or with no month of birth have no age and
    are left out, with their number in ``sources``. Raises UsageError when the snapshot follows another
    unit, has nothing of the municipality, or a covariate does not exist.
    """
    with spells_on_clock(snapshot, clock, by, unit, municipality) as (spells, origin):
        return count_flows(spells, clock, by, censored_by=censored_by, horizon=horizon, origin=origin)


@contextmanager
def spells_on_clock(
    snapshot: Snapshot | Path | str, clock: Clock, by: Sequence[str], unit: Unit, municipality: str | None
) -> Iterator[tuple[ir.Table, Origin]]:
    """The spells a flow table counts, with the start of its clock and the columns of ``by``; their origin.

    They can be read within the block. Raises what ``build_flow_table`` raises.
    """
    read = opened(snapshot)
    with session(read) as connection:
        _require_unit(read, connection, unit)
        places = _places(connection, municipality)
        spells = _spells(connection, municipality)
        placed, left_out = _placed(connection, spells, clock, unit)
        origin = Origin.of(read, unit)
        source = replace(origin.source, municipalities=places, left_out=left_out)
        yield with_covariates(placed, by, clock, PERSON[unit]), replace(origin, source=source)


def _require_unit(read: Snapshot, connection: duckdb.DuckDBPyConnection, unit: Unit) -> None:
    """Spells are numbered within the unit they follow; where no child is in two places, both are one."""
    by_child = bool(_value(connection, _NUMBERED_BY_CHILD))
    if unit is Unit.CHILD and not by_child:
        raise UsageError(
            "This snapshot follows children within each municipality; children across municipalities need "
            "a snapshot of the unit child."
        )
    if unit is Unit.CHILD or not by_child or read.manifest.rules == Rules(unit=unit).version:
        return
    if several := int(_value(connection, _IN_SEVERAL_PLACES)):
        raise UsageError(
            f"This snapshot follows children across municipalities, {several} of them in more than "
            "one; counts by child and municipality need one made with tracker snapshot --unit "
            "child-municipality, or of one municipality's deliveries alone."
        )


_NUMBERED_BY_CHILD = """
    SELECT coalesce(bool_and(first_place = last_place OR spells = last_spell), true)
    FROM (SELECT count(*) AS spells, max(spell) AS last_spell,
                 min(municipality) AS first_place, max(municipality) AS last_place
          FROM spells GROUP BY subject_id)
"""
_IN_SEVERAL_PLACES = "SELECT count(*) FROM children WHERE len(municipalities) > 1"


def _places(connection: duckdb.DuckDBPyConnection, municipality: str | None) -> tuple[str, ...]:
    found = connection.execute("SELECT DISTINCT municipality FROM coverage ORDER BY ALL").fetchall()
    places = tuple(place for (place,) in found)
    if municipality is None:
        return places
    if municipality not in places:
        raise UsageError(f"The snapshot covers nothing of municipality {municipality}.")
    return (municipality,)


def _spells(connection: duckdb.DuckDBPyConnection, municipality: str | None) -> ir.Table:
    spells = duckdb_table(connection, "spells")
    return spells if municipality is None else spells.filter(spells.municipality == municipality)


def _placed(
    connection: duckdb.DuckDBPyConnection, spells: ir.Table, clock: Clock, unit: Unit
) -> tuple[ir.Table, int]:
    """The spells with the origin of the clock, and the number of those that have none."""
    if clock is Clock.ENTRY:
        first = spells.group_by(*PERSON[unit]).aggregate(origin_on=spells.episode_entered_on.min())
        return spells.inner_join(first, list(PERSON[unit])), 0
    if clock is not Clock.AGE:
        return spells, 0
    born = duckdb_table(connection, "children").select("subject_id", "birth_month")
    aged = spells.left_join(born, "subject_id").drop("subject_id_right")
    has_age = (aged.birth_month <= aged.entered_on).fill_null(False)
    without = collected(aged.aggregate(n=aged.count(where=~has_age))).column("n")[0].as_py()
    return aged.filter(has_age), int(without)


def _value(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
