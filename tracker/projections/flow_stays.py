"""The stays a flow table counts, one by one: what a second pass over persons reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import ibis.expr.types as ir

from tracker.projections.flow_clock import CENSORING, Clock, moments, on_clock
from tracker.projections.flow_table import begins_by, ends

STAY_COLUMNS = ("state", "to_state", "entered_day", "entered_step", "day", "step")


def stays_on_clock(
    spells: ir.Table,
    clock: Clock,
    strata: Sequence[str] = (),
    *,
    person: Sequence[str] = ("subject_id",),
    censored_by: Collection[str] = CENSORING,
    horizon: int | None = None,
) -> ir.Table:
    """A row a stay: ``person``, ``strata``, ``state``, ``to_state`` (null: censored), its two moments.

    Arguments and moments are those of ``flow_table``: ``entered_day`` and ``entered_step``, then ``day`` and
    ``step`` of its end. What the flow table does not count is left out.
    """
    at = moments(spells, clock, censored_by)
    entered = {"entered_day": at.entered_day, "entered_step": at.entered_step}
    kept = list(dict.fromkeys([*person, *strata]))
    stays = on_clock(spells.select(*kept, "state", **ends(at, horizon) | entered), clock)
    if horizon is not None:
        stays = stays.filter(begins_by(horizon, stays.entered_day, stays.entered_step))
    return stays.select(*kept, *STAY_COLUMNS)
