"""The facts of each record type as rows: events put together, wordings read, the child's facts filled in."""

from __future__ import annotations

import json

import duckdb
import pyarrow as pa

from tracker.domain.codes import UNMAPPED
from tracker.domain.events import EventType
from tracker.domain.periods import AGE_GROUPS
from tracker.harmonise.codebook import Codebooks
from tracker.projections.assessments import CLOSINGS, code_assessments, parse_closings
from tracker.projections.coding import read_wordings
from tracker.projections.coverage import Declared, Seen
from tracker.projections.facts import ALL_FACTS, INVESTIGATIONS, REFERRALS, Code, Facts, Part
from tracker.projections.workspace import run


def read_deliveries(connection: duckdb.DuckDBPyConnection) -> Seen:
    """Make the tables ``deliveries`` and ``covered``; returns what the deliveries let one see."""
    run(connection, "deliveries")
    seen = Seen(Declared(*row) for row in connection.execute(_DECLARED).fetchall())
    connection.register("covered_rows", _covered_table(seen))
    connection.execute("CREATE TABLE covered AS SELECT * FROM covered_rows")
    connection.unregister("covered_rows")
    return seen


_DECLARED = """
    SELECT delivery_no, municipality, record_type, period_from, period_to, "full",
           coalesce(extracted_on, period_to), system, not_opened_complete
    FROM deliveries WHERE period_from IS NOT NULL AND period_to IS NOT NULL ORDER BY delivery_no
"""


def _covered_table(seen: Seen) -> pa.Table:
    intervals = seen.intervals
    return pa.table(
        {
            "municipality": pa.array([i.municipality for i in intervals], pa.string()),
            "record_type": pa.array([i.record_type for i in intervals], pa.string()),
            "covered_from": pa.array([i.first for i in intervals], pa.date32()),
            "covered_to": pa.array([i.last for i in intervals], pa.date32()),
            "extracted_on": pa.array([i.extracted_on for i in intervals], pa.date32()),
            "not_opened_complete": pa.array([i.not_opened_complete for i in intervals], pa.bool_()),
            "known_to": pa.array([seen.known_to(i) for i in intervals], pa.date32()),
        }
    )


def build_facts(connection: duckdb.DuckDBPyConnection, codebooks: Codebooks) -> None:
    """Make ``<record_type>_coded`` for every record type, ``people``, and the macros they are read with."""
    run(connection, "macros", age_group=_age_group_sql(), flow_class=_flow_class_sql(codebooks))
    parse_closings(connection)
    run(connection, "seldom", frequent=", ".join(f"'{event_type}'" for event_type in _FREQUENT))
    for facts in ALL_FACTS:
        connection.execute(_rows_sql(facts))
        read_wordings(connection, codebooks, facts)
    code_assessments(connection, codebooks)
    run(connection, "people")
    connection.execute("DROP TABLE seldom")


_FREQUENT = [part.event_type for f in (REFERRALS, INVESTIGATIONS) for part in (f.opening, *f.later)]
"""Most of a log. Finding a type in ``events`` unpacks all bodies; the other types are put aside at once."""


def _rows_sql(facts: Facts) -> str:
    """One row a fact: the opening event with its later events beside it."""
    columns = ["o.fact_id", "o.subject_id", "o.municipality", "o.position", "o.delivery_no"]
    columns += ["coalesce(d.system, '') AS system", f"o.occurred_on AS {facts.opening.day}"]
    columns += [f"o.b.{name} AS {name}" for name in facts.opening.fields]
    joins = []
    for number, part in enumerate(facts.later):
        columns += [
            f"e{number}.occurred_on AS {part.day}",
            f"e{number}.fact_id IS NOT NULL AS {part.day}_told",
        ]
        columns += [f"e{number}.b.{name} AS {name}" for name in part.fields]
        joins.append(f"LEFT JOIN {_part_sql(part)} e{number} ON e{number}.fact_id = o.fact_id")
    joins.append("LEFT JOIN deliveries d ON d.delivery_no = o.delivery_no")
    rows = f"{_part_sql(facts.opening)} o {' '.join(joins)}"
    return f"CREATE TABLE {facts.record_type}_rows AS SELECT {', '.join(columns)} FROM {rows}"


def _part_sql(part: Part) -> str:
    if part.event_type == EventType.INVESTIGATION_CLOSED:  # parsed already
        return f"(SELECT *, struct_pack({', '.join(part.fields)}) AS b FROM {CLOSINGS})"
    shape = {
        name: "VARCHAR" if isinstance(field, Code) else _json_type(field.sql_type)
        for name, field in part.fields.items()
    }
    body = f"from_json(body, '{json.dumps(shape)}')" if shape else "NULL"
    source = "events" if part.event_type in _FREQUENT else "seldom"
    return f"(SELECT *, {body} AS b FROM {source} WHERE event_type = '{part.event_type}')"


def _json_type(sql_type: str) -> str | list[str]:
    return [sql_type.removesuffix("[]")] if sql_type.endswith("[]") else sql_type


def _age_group_sql() -> str:
    cases = " ".join(f"WHEN age <= {high} THEN '{low}-{high}'" for low, high in AGE_GROUPS)
    return f"CASE WHEN age IS NULL THEN 'unknown' WHEN age < 0 THEN 'unborn' {cases} ELSE '21+' END"


def _flow_class_sql(codebooks: Codebooks) -> str:
    classes = {
        code: codebooks.extra("referral_action", code, "flow_class")
        for code in codebooks.lists["referral_action"]
    }
    classes[UNMAPPED] = UNMAPPED
    cases = " ".join(f"WHEN '{code}' THEN '{flow}'" for code, flow in sorted(classes.items()))
    return f"CASE action {cases} END"
