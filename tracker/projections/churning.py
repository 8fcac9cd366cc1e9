"""Ids that churn, set-wise: which facts named each other in some export.

``evolve_ids`` says the same for one child in plain Python.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import duckdb
import pyarrow as pa

from tracker.domain.events import ChurningIds
from tracker.projections.workspace import run

IDS_SCHEMA = pa.schema(
    [
        ("position", pa.int64()),
        ("fact_id", pa.string()),
        ("extracted_on", pa.date32()),
        ("ids", pa.string()),
    ]
)
"""What exports whose ids churn called their facts; ``ids`` is JSON text by field, as in an event's body."""

_SHAPE: dict[str, str | list[str]] = {
    **dict.fromkeys(("referral_id", "case_id", "investigation_id", "intervention_id"), "VARCHAR"),
    "referral_ids": ["VARCHAR"],
}


def build_churning(
    connection: duckdb.DuckDBPyConnection, ids: pa.Table | pa.RecordBatchReader | None, position: int
) -> None:
    """Make ``churning`` and ``churning_pairs`` as of ``position``; the facts are there already."""
    connection.register("ids_told", IDS_SCHEMA.empty_table() if ids is None else ids)
    read = f"from_json(ids, '{json.dumps(_SHAPE)}') AS b"
    connection.execute(
        f"CREATE TABLE churning_rows AS SELECT fact_id, extracted_on, {read} FROM ids_told "
        f"WHERE position <= {position}"
    )
    connection.unregister("ids_told")
    run(connection, "churning")


def ids_table(ids: Iterable[ChurningIds]) -> pa.Table:
    """The same as Arrow."""
    rows = [{**vars(row), "ids": json.dumps(row.ids)} for row in ids]
    return pa.Table.from_pylist(rows, schema=IDS_SCHEMA)
