"""Spells written as text, and flow tables read back as text, for tests."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import pyarrow as pa

from tests.small_snapshots import SCHEMAS

SPELL_SCHEMA = pa.schema([(name, kind) for name, kind, _ in SCHEMAS["spells"]])
ABSORBING = {"adult": "absorbing", "dead": "absorbing", "moved": "moved"}


def spells(text: str, **columns: pa.DataType) -> pa.Table:
    """A line a spell: ``child state entered/step left/step to_state [name=value …]``, days in 2024 or full.

    Without a step and state it is censored: ``child state entered/step left``, then perhaps ``coverage``.
    """
    rows = [_row(line.split(), number) for number, line in enumerate(text.strip().splitlines(), 1)]
    schema = [*((field.name, field.type) for field in SPELL_SCHEMA), *columns.items()]
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in schema})


def _row(words: list[str], number: int) -> dict[str, Any]:
    child, state, entered, left, *rest = words
    entered_on, entered_step = _moment(entered)
    left_on, left_step = _moment(left)
    named = dict(word.split("=") for word in rest if "=" in word)
    to = next((word for word in rest if "=" not in word), None)
    row: dict[str, Any] = {
        "subject_id": child,
        "municipality": "0180",
        "episode": 1,
        "spell": number,
        "state": state,
        "entered_on": entered_on,
        "entered_step": entered_step,
        "left_on": left_on,
        "left_step": left_step,
        "to_state": to if left_step is not None else None,
        "exit": (to or "censored") if left_step is None else ABSORBING.get(to or "", "transition"),
        "left_assumed": False,
        "sex": "girl",
        "state_entered_on": entered_on,
        "episode_entered_on": entered_on,
    }
    return row | {name: _value(name, value) for name, value in named.items()}


def _value(name: str, value: str) -> Any:
    if name.endswith("_on") or name == "birth_month":
        return _day(value)
    return int(value) if name in ("episode", "spell") else value


def _moment(text: str) -> tuple[date, int | None]:
    day, _, step = text.partition("/")
    return _day(day), int(step) if step else None


def _day(text: str) -> date:
    return date.fromisoformat(text if text.count("-") == 2 else f"2024-{text}")


def lines(table: pa.Table, strata: tuple[str, ...] = ()) -> list[str]:
    """Rows of a flow table in order: ``[strata] day/step state flow [to] × count``."""
    return [_line(row, strata) for row in sorted(table.to_pylist(), key=lambda row: _order(row, strata))]


def _order(row: dict[str, Any], strata: tuple[str, ...]) -> tuple[Any, ...]:
    groups = (str(row[name]) for name in strata)
    return (*groups, row["day"], row["step"], row["state"], row["flow"], row["to_state"] or "")


def _line(row: dict[str, Any], strata: tuple[str, ...]) -> str:
    step = "end" if row["step"] == 32767 else row["step"]
    words = [*(str(row[s]) for s in strata), f"{row['day']}/{step}", row["state"], row["flow"]]
    return " ".join([*words, *filter(None, [row["to_state"]]), f"× {row['count']}"])


def in_duckdb(table: pa.Table) -> ibis.Table:
    """The table in a DuckDB of its own, as Ibis sees it."""
    import duckdb

    from tracker.projections.engines import duckdb_table

    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("CREATE TABLE spells AS FROM given")
    return duckdb_table(connection, "spells")
