"""What closed investigations say of their conduct and of risk and protective factors, coded.

A snapshot's table ``assessments`` has a row for each closed investigation that says anything, and a column
for each item (``guardian_talks`` … ``child_wishes``, ``r01``–``r30``, ``p1``–``p7``): the code, ``unmapped``
for a wording nobody knows, null where nothing was delivered. The wording itself stands in ``events``.
It is wide, unlike a table of items, because forty rows an investigation would cost as much as all else of a
snapshot together; ``UNPIVOT assessments ON COLUMNS(…)`` makes it long for whoever wants that.

Bodies are long, so they are parsed once, here, for investigations too. Items are coded by position in a
list: each wording is a value of an enumeration, which DuckDB looks up far faster than it joins.
"""

from __future__ import annotations

import json

import duckdb

from tracker.harmonise.codebook import Codebooks
from tracker.projections.coding import Scope, read_codebook, scope_of, start_coding
from tracker.projections.facts import ASSESSMENTS, INVESTIGATIONS

CLOSINGS = "closings"
"""The parsed closing events: what every event has but its body, and the fields as columns."""


def parse_closings(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``closings``."""
    (closing,) = INVESTIGATIONS.later
    shape = json.dumps(dict.fromkeys([*closing.fields, *ASSESSMENTS.codes], "VARCHAR"))
    connection.execute(
        f"CREATE TABLE {CLOSINGS} AS SELECT e.fact_id, e.subject_id, e.municipality, e.occurred_on, "
        f"coalesce(d.system, '') AS system, unnest(from_json(e.body, '{shape}')) "
        "FROM events e LEFT JOIN deliveries d ON d.delivery_no = e.delivery_no "
        f"WHERE e.event_type = '{closing.event_type}'"
    )


def code_assessments(connection: duckdb.DuckDBPyConnection, codebooks: Codebooks) -> None:
    """Make the view ``assessments_coded`` over ``closings``, each distinct wording read once."""
    start_coding(connection)
    rows, day = f"{ASSESSMENTS.record_type}_rows", ASSESSMENTS.opening.day
    connection.execute(f"CREATE VIEW {rows} AS SELECT *, occurred_on AS {day} FROM {CLOSINGS}")
    positions: dict[str, str] = {}
    for codebook in dict.fromkeys(field.codebook for field in ASSESSMENTS.codes.values()):
        scope = scope_of(codebooks, codebook)
        read_codebook(connection, codebooks, codebook, ASSESSMENTS, scope)
        positions[codebook] = _list_codes(connection, codebook, scope)
    codes = [
        f"{positions[field.codebook].format(item=item)} AS {item}"
        for item, field in ASSESSMENTS.codes.items()
    ]
    said = f"coalesce({', '.join(ASSESSMENTS.codes)}) IS NOT NULL"
    columns = f"fact_id, subject_id, municipality, {day}, {', '.join(codes)}"
    connection.execute(f"CREATE VIEW assessments_coded AS SELECT {columns} FROM {rows} WHERE {said}")


def _list_codes(connection: duckdb.DuckDBPyConnection, codebook: str, scope: Scope) -> str:
    """Keep the codes of a codebook in the order of their wordings; SQL for the code of ``{item}``."""
    told = f"FROM coding WHERE codebook = '{codebook}'"
    if connection.execute(f"SELECT count(*) {told}").fetchone() == (0,):
        return "CAST(NULL AS VARCHAR)"
    connection.execute(
        f"CREATE TYPE said_{codebook} AS ENUM (SELECT {_key(scope, 'era', 'raw')} {told} ORDER BY 1)"
    )
    connection.execute(
        f"SET VARIABLE codes_{codebook} = (SELECT list(code ORDER BY {_key(scope, 'era', 'raw')}) {told})"
    )
    key = _key(scope, scope.era_sql(ASSESSMENTS.opening.day), "{item}")
    return f"getvariable('codes_{codebook}')[enum_code(({key})::said_{codebook}) + 1]"


def _key(scope: Scope, era: str, raw: str) -> str:
    """SQL for a wording together with what else decides its reading; null where nothing was said."""
    parts = ["municipality"] * scope.by_municipality + ["system"] * scope.by_system
    parts += [f"({era})::VARCHAR"] * bool(scope.breaks)
    return " || chr(31) || ".join([*parts, raw])
