"""Delivered wordings into codes, set-wise: each distinct wording is read once and joined back.

A wording may mean different things by municipality, case system and day, where a steward decided so or
a code has validity dates; only then do these take part in what is distinct.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from tracker.domain import codes
from tracker.domain.codes import NOT_GIVEN, UNMAPPED
from tracker.harmonise.codebook import Codebooks, Reading
from tracker.projections.facts import Facts

GIVEN, PARTLY_UNMAPPED = "given", "partly_unmapped"

_CODING = """
    CREATE OR REPLACE TABLE coding (codebook VARCHAR, municipality VARCHAR, system VARCHAR, era INTEGER,
                                    raw VARCHAR, code VARCHAR, codes VARCHAR[], status VARCHAR)
"""


@dataclass(frozen=True)
class Scope:
    """What besides the wording decides a reading in one codebook.

    ``breaks`` are the days on which a reading may change; all days of an era (between two breaks) read
    alike. Era -1 is an unknown day.
    """

    by_municipality: bool
    by_system: bool
    breaks: tuple[date, ...]

    def era_sql(self, day: str) -> str:
        """SQL for the era of a day."""
        if not self.breaks:
            return "0"
        passed = " + ".join(f"({day} >= DATE '{limit}')::INTEGER" for limit in self.breaks)
        return f"coalesce({passed}, -1)"

    def day_of(self, era: int) -> date | None:
        """A day of the era."""
        if era < 0 or not self.breaks:
            return None
        return self.breaks[era - 1] if era else self.breaks[0] - timedelta(days=1)


def scope_of(codebooks: Codebooks, codebook: str) -> Scope:
    """The scope of readings in one codebook, from its codes' validity and the standing decisions."""
    decisions = [d for d in codebooks.decisions if d.codebook == codebook]
    dated: list[codes.Code | codes.MappingDecision] = [*codebooks.lists[codebook].values(), *decisions]
    starts = {entry.valid_from for entry in dated if entry.valid_from}
    ends = {entry.valid_to + timedelta(days=1) for entry in dated if entry.valid_to}
    return Scope(
        any(d.municipality for d in decisions), any(d.system for d in decisions), tuple(sorted(starts | ends))
    )


def status_of(reading: Reading) -> str:
    """Whether a cell was given, and whether all of it could be read."""
    if not reading.unmapped:
        return GIVEN if reading.codes else NOT_GIVEN
    return PARTLY_UNMAPPED if reading.codes else UNMAPPED


def code_of(reading: Reading) -> str | None:
    """The one code of a single-valued cell: ``unmapped`` when nobody knows it, None when not given."""
    if reading.codes:
        return reading.codes[0]
    return UNMAPPED if reading.unmapped else None


def read_wordings(connection: duckdb.DuckDBPyConnection, codebooks: Codebooks, facts: Facts) -> None:
    """Make ``<record_type>_coded`` of ``<record_type>_rows``: the same rows with codes for wordings.

    A field with several codes becomes a list, with its status in ``<field>_status``.
    """
    start_coding(connection)
    scopes = {field.codebook: scope_of(codebooks, field.codebook) for field in facts.codes.values()}
    for codebook, scope in scopes.items():
        read_codebook(connection, codebooks, codebook, facts, scope)
    connection.execute(_join_sql(facts, scopes))
    connection.execute(f"DROP TABLE {facts.record_type}_rows")


def start_coding(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table ``coding`` anew: readings of the wordings of one record type."""
    connection.execute(_CODING)


def read_codebook(
    connection: duckdb.DuckDBPyConnection, codebooks: Codebooks, codebook: str, facts: Facts, scope: Scope
) -> None:
    """Read each distinct wording of ``<record_type>_rows`` in one codebook into ``coding``."""
    fields = [name for name, field in facts.codes.items() if field.codebook == codebook]
    day = facts.opening.day
    rows = f"FROM {facts.record_type}_rows"
    parts = [
        f"SELECT DISTINCT {_keys(scope, day)}, {name} AS raw {rows} WHERE {name} IS NOT NULL"
        for name in fields
    ]
    wordings = connection.execute(f"SELECT DISTINCT * FROM ({' UNION ALL '.join(parts)})").fetchall()
    readings = [
        codebooks.read(codebook, raw, municipality, system, scope.day_of(era))
        for municipality, system, era, raw in wordings
    ]
    _insert(connection, codebook, wordings, readings)


def _keys(scope: Scope, day: str, prefix: str = "") -> str:
    municipality = f"{prefix}municipality" if scope.by_municipality else "''"
    system = f"{prefix}system" if scope.by_system else "''"
    return f"{municipality} AS municipality, {system} AS system, {scope.era_sql(prefix + day)} AS era"


def _insert(
    connection: duckdb.DuckDBPyConnection,
    codebook: str,
    wordings: list[tuple[str, str, int, str]],
    readings: list[Reading],
) -> None:
    coded = pa.table(
        {
            "codebook": pa.array([codebook] * len(wordings), pa.string()),
            "municipality": pa.array([w[0] for w in wordings], pa.string()),
            "system": pa.array([w[1] for w in wordings], pa.string()),
            "era": pa.array([w[2] for w in wordings], pa.int32()),
            "raw": pa.array([w[3] for w in wordings], pa.string()),
            "code": pa.array([code_of(r) for r in readings], pa.string()),
            "codes": pa.array([list(r.codes) for r in readings], pa.list_(pa.string())),
            "status": pa.array([status_of(r) for r in readings], pa.string()),
        }
    )
    connection.register("coded_wordings", coded)
    connection.execute("INSERT INTO coding SELECT * FROM coded_wordings")
    connection.unregister("coded_wordings")


def _join_sql(facts: Facts, scopes: dict[str, Scope]) -> str:
    replaced, added, joins = [], [], []
    for name, field in facts.codes.items():
        if field.several:
            replaced.append(f"coalesce(c_{name}.codes, []) AS {name}")
            added.append(f", coalesce(c_{name}.status, '{NOT_GIVEN}') AS {name}_status")
        else:
            replaced.append(f"c_{name}.code AS {name}")
        joins.append(_join(facts, name, scopes[field.codebook]))
    columns = f"r.* REPLACE ({', '.join(replaced)}){''.join(added)}"
    rows = f"{facts.record_type}_rows r {' '.join(joins)}"
    return f"CREATE TABLE {facts.record_type}_coded AS SELECT {columns} FROM {rows}"


def _join(facts: Facts, name: str, scope: Scope) -> str:
    alias = f"c_{name}"
    conditions = [f"{alias}.codebook = '{facts.codes[name].codebook}'", f"{alias}.raw = r.{name}"]
    if scope.by_municipality:
        conditions.append(f"{alias}.municipality = r.municipality")
    if scope.by_system:
        conditions.append(f"{alias}.system = r.system")
    if scope.breaks:
        conditions.append(f"{alias}.era = {scope.era_sql('r.' + facts.opening.day)}")
    return f"LEFT JOIN coding {alias} ON {' AND '.join(conditions)}"
