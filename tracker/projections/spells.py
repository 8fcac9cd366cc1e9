"""Spells, set-wise: what each child has open, swept into stays, as far as age and coverage let one see."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from tracker.domain.chain import CLOSED, DEAD, MOVED, Chain
from tracker.domain.events import EventType
from tracker.projections import sweep
from tracker.projections.coverage import Seen
from tracker.projections.rules import Rules, Unit
from tracker.projections.workspace import run, sql

BATCH = 1_000_000

_E = EventType
_SPANS = {
    (_E.REFERRAL_RECEIVED, _E.REFERRAL_CONCLUDED): "things_referral",
    (_E.INVESTIGATION_OPENED, _E.INVESTIGATION_CLOSED): "things_investigation",
    (_E.DECISION_MADE, _E.INTERVENTION_STARTED): "things_granted",
    (_E.DECISION_MADE, _E.INTERVENTION_ENDED): "things_decision",
    (_E.INTERVENTION_STARTED, _E.INTERVENTION_ENDED): "things_intervention",
    (_E.OPEN_SUPPORT_STARTED, _E.OPEN_SUPPORT_ENDED): "things_open_support",
}
"""The SQL that finds the things of a state, by the events that open and close it."""


def build_spells(connection: duckdb.DuckDBPyConnection, chain: Chain, rules: Rules, seen: Seen) -> str:
    """Make everything the spells are read from; returns the query that gives them, sorted."""
    spans = (
        sql(_SPANS[state.opened_by, state.closed_by]).substitute(rank=state.rank) for state in chain.states
    )
    run(connection, "things", spans=" UNION ALL ".join(f"({span})" for span in spans))
    by_municipality = rules.unit is Unit.CHILD_MUNICIPALITY
    run(connection, "operations", within="things.municipality" if by_municipality else "''")
    _sweep(connection, chain, rules)
    run(connection, "grown", age_limits=_age_limits(chain))
    _observed_runs(connection, chain, seen)
    return sql("spells").substitute(within="municipality," if by_municipality else "")


def _sweep(connection: duckdb.DuckDBPyConnection, chain: Chain, rules: Rules) -> None:
    """Sweep the operations and keep the stays as the table ``stays``, a batch at a time."""
    ranks = tuple(state.rank for state in chain.states)
    names = chain.by_rank | {sweep.MOVED: MOVED, sweep.DEAD: DEAD}
    parts = sweep.whole_units(_operations(connection))
    batches = (
        batch
        for part in parts
        for batch in _table(sweep.sweep(part, ranks, rules.min_gap), names).to_batches()
    )
    writer = connection.cursor()
    writer.register("stay_rows", pa.RecordBatchReader.from_batches(_STAYS, batches))
    writer.execute("CREATE TABLE stays AS SELECT * FROM stay_rows")
    writer.unregister("stay_rows")


def _operations(connection: duckdb.DuckDBPyConnection) -> Iterator[sweep.Operations]:
    for batch in connection.sql(sql("operations_sorted").template).to_arrow_reader(BATCH):
        columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in _COLUMNS]
        yield sweep.Operations(*(c if c.dtype == bool else c.astype(np.int64) for c in columns))


_COLUMNS = tuple(sweep.Operations.__dataclass_fields__)

_STAYS = pa.schema(
    [
        ("unit", pa.int32()),
        ("number", pa.int32()),
        ("state", pa.string()),
        ("place", pa.int32()),
        ("ground", pa.int32()),
        ("entered_on", pa.date32()),
        ("entered_step", pa.int32()),
        ("origin", pa.bool_()),
        ("left_on", pa.date32()),
        ("left_step", pa.int32()),
        ("to_state", pa.string()),
        ("assumed", pa.bool_()),
        ("episode", pa.int32()),
        ("episode_entered_on", pa.date32()),
    ]
)


def _table(stays: sweep.Columns, names: dict[int, str]) -> pa.Table:
    unknown = stays["to_state"] == sweep.UNKNOWN
    columns = {
        "state": _named(stays["state"], names, np.zeros(len(unknown), bool)),
        "to_state": _named(stays["to_state"], names, unknown),
        "left_on": pa.array(stays["left_on"].astype(np.int32), mask=~stays["left"].astype(bool)),
        "left_step": pa.array(stays["left_step"].astype(np.int32), mask=unknown),
    }
    arrays = [columns.get(field.name, stays.get(field.name)) for field in _STAYS]
    return pa.table(
        [_as(array, field.type) for array, field in zip(arrays, _STAYS, strict=True)], schema=_STAYS
    )


def _named(codes: object, names: dict[int, str], missing: object) -> pa.Array:
    lowest = min(names)
    labels = pa.array([names.get(code) for code in range(lowest, max(names) + 1)], pa.string())
    return labels.take(pa.array(codes - lowest, mask=missing))  # type: ignore[operator]  # numpy


def _as(array: object, arrow_type: pa.DataType) -> pa.Array:
    made = array if isinstance(array, pa.Array) else pa.array(array)
    return made.cast(pa.int32()).cast(arrow_type) if arrow_type == pa.date32() else made.cast(arrow_type)


def _age_limits(chain: Chain) -> str:
    cases = [
        f"WHEN state = '{state.name}' AND g.legal_basis = '{ground}' THEN {age}"
        for state in chain.states
        for ground, age in state.adult_age_by_ground
    ]
    cases += [f"WHEN state = '{state.name}' THEN {state.adult_age}" for state in chain.states]
    return " ".join([*cases, f"WHEN state = '{CLOSED}' THEN {chain.closed_adult_age}"])


_RUNS = pa.schema(
    [
        ("municipality", pa.string()),
        ("state", pa.string()),
        ("first", pa.date32()),
        ("last", pa.date32()),
        ("final", pa.bool_()),
    ]
)


def _observed_runs(connection: duckdb.DuckDBPyConnection, chain: Chain, seen: Seen) -> None:
    """Make ``observed_runs``: when stays in a state can be seen in a municipality."""
    places = sorted({interval.municipality for interval in seen.intervals})
    rows = [
        (place, state, run_.first, run_.last, run_.final)
        for place in places
        for state in chain.by_rank.values()
        for run_ in seen.runs(place, chain.observed_through(state))
    ]
    columns = zip(*rows, strict=True) if rows else [[]] * len(_RUNS)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _RUNS, strict=True)]
    connection.register("run_rows", pa.table(arrays, schema=_RUNS))
    connection.execute("CREATE TABLE observed_runs AS SELECT * FROM run_rows")
    connection.unregister("run_rows")
