"""The flow table: from spells to counts of who enters and who leaves each state, moment by moment.

With all covariates as strata it is a sufficient statistic for everything estimated from counts, and its
size depends on moments and strata, not on the number of children. It is one Ibis expression, two GROUP BYs,
that runs unchanged on DuckDB, PostgreSQL and Spark. With the unit child × municipality the tables of
municipalities add up to that of the nation. Cells can be one child: a flow table is personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from tracker.domain.errors import UsageError
from tracker.projections.flow_clock import CENSORING, END, ORIGIN_COLUMN, Clock, Moments, moments, on_clock
from tracker.projections.rules import Unit

ENTERED, TRANSITION, CENSORED = "entered", "transition", "censored"
"""The kinds of flow. Entered counts everyone who came into a state: by a transition or from outside."""

FLOW_COLUMNS = ("state", "flow", "to_state", "day", "step", "count")
SPELL_COLUMNS = (
    *("state", "entered_on", "entered_step", "left_on", "left_step", "to_state", "exit"),
    *("state_entered_on", "episode_entered_on"),
)


def flow_table(
    spells: ir.Table,
    clock: Clock,
    strata: Sequence[str] = (),
    *,
    censored_by: Collection[str] = CENSORING,
    horizon: int | None = None,
) -> ir.Table:
    """Counts of spells on a clock, as an expression of the engine that holds them.

    ``spells`` has the columns of a snapshot's ``spells``, those named by ``strata``, and what the clock
    starts at: ``origin_on`` (since entry) or ``birth_month`` (age). A row of the result for each
    combination that occurs of the strata and ``state``, ``flow`` (entered, transition, censored),
    ``to_state`` (of a transition), ``day`` (int32, since the clock's origin), ``step`` (int16, of the day)
    with ``count`` (int64); rows in no order. Spells that leave by an exit in ``censored_by`` are censored at
    the end of their day. Observation ends with day ``horizon``. Raises UsageError for columns that are
    missing or clash.
    """
    _require_columns(spells, clock, strata)
    at = moments(spells, clock, censored_by)
    # Each side takes only what it counts: what both shared, an engine might hold whole in memory.
    coming = spells.select(*strata, "state", day=at.entered_day, step=at.entered_step)
    going = spells.select(*strata, "state", **ends(at, horizon))
    if horizon is not None:
        coming = coming.filter(begins_by(horizon, coming.day, coming.step))
        going = going.filter(begins_by(horizon, going.entered_day, going.entered_step))
    return ibis.union(
        _entered(on_clock(coming, clock), strata),
        _left(on_clock(going, clock), strata),
    )


def ends(at: Moments, horizon: int | None) -> dict[str, ir.Value]:
    """Columns of how stays end when observation does with day ``horizon``."""
    if horizon is None:
        return {"to_state": at.to_state, "day": at.left_day, "step": at.left_step}
    later = at.left_day > horizon
    return {
        "to_state": ibis.cases((later, ibis.null("string")), else_=at.to_state),
        "day": ibis.cases((later, ibis.literal(horizon, "int32")), else_=at.left_day),
        "step": ibis.cases((later, ibis.literal(END, "int16")), else_=at.left_step),
        "entered_day": at.entered_day,
        "entered_step": at.entered_step,
    }


def begins_by(horizon: int, day: ir.Value, step: ir.Value) -> ir.Value:
    """Whether a stay entered then is seen at all."""
    return (day < horizon) | ((day == horizon) & (step < END))


def _entered(coming: ir.Table, strata: Sequence[str]) -> ir.Table:
    counted = coming.group_by(*strata, "state", "day", "step").aggregate(count=coming.count())
    named = counted.mutate(flow=ibis.literal(ENTERED), to_state=ibis.null("string"))
    return named.select(*strata, *FLOW_COLUMNS)


def _left(going: ir.Table, strata: Sequence[str]) -> ir.Table:
    counted = going.group_by(*strata, "state", "to_state", "day", "step").aggregate(count=going.count())
    flow = ibis.cases((counted.to_state.isnull(), CENSORED), else_=TRANSITION)
    return counted.mutate(flow=flow).select(*strata, *FLOW_COLUMNS)


def _require_columns(spells: ir.Table, clock: Clock, strata: Sequence[str]) -> None:
    origin = [ORIGIN_COLUMN[clock]] if clock in ORIGIN_COLUMN else []
    if missing := [name for name in (*SPELL_COLUMNS, *origin, *strata) if name not in spells.columns]:
        raise UsageError(f"The spells lack what a flow table since {clock} needs: {', '.join(missing)}.")
    if clashing := sorted({*strata} & {*FLOW_COLUMNS}) or len(set(strata)) != len(strata):
        told = f": {', '.join(clashing)}" if isinstance(clashing, list) else ""
        raise UsageError(f"Strata are distinct and named otherwise than the columns of a flow table{told}.")


@dataclass(frozen=True)
class Source:
    """What a table was counted from: whose children, as of which position of whose log, by which software.

    ``left_out`` is the number of spells that could not be placed on the clock (no month of birth).
    """

    municipalities: tuple[str, ...] = ()
    position: int | None = None
    software: str = ""
    synthetic: bool = False
    left_out: int = 0


@dataclass(frozen=True)
class FlowTable:
    """A flow table in memory, with what must be equal to add it to another and what it rests on.

    ``table`` has the columns of ``strata``, then those of ``flow_table``. ``sources`` has one entry for a
    table counted from spells, one for each part of a merged one. ``cohort`` is the name and hash of a
    cohort; empty: everyone.
    """

    table: pa.Table
    strata: tuple[str, ...]
    clock: Clock
    unit: Unit = Unit.CHILD
    horizon: int | None = None
    censored_by: tuple[str, ...] = CENSORING
    cohort: str = ""
    chain: str = ""
    codebook: str = ""
    rules: str = ""
    sources: tuple[Source, ...] = (Source(),)

    def frame(self) -> pd.DataFrame:
        """The counts as pandas; ``estimate.risk_sets.flow_counts`` takes them as they are."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    @property
    def about(self) -> dict[str, Any]:
        """Whose counts these are, as the keywords of ``estimate.results.About``."""
        names = ("cohort", "unit", "position", "codebook", "chain", "rules", "software", "synthetic")
        return {"clock": self.clock, **{name: getattr(self, name) for name in names}}

    @property
    def position(self) -> int | None:
        """The position of the log it was counted as of; None when several logs were."""
        return self.sources[0].position if len(self.sources) == 1 else None

    @property
    def software(self) -> str:
        """The software versions it was counted with."""
        return ", ".join(sorted({source.software for source in self.sources}))

    @property
    def synthetic(self) -> bool:
        """Whether any of it is synthetic."""
        return any(source.synthetic for source in self.sources)

    @property
    def municipalities(self) -> tuple[str, ...]:
        """Whose children it holds, where known."""
        return tuple(sorted({name for source in self.sources for name in source.municipalities}))
