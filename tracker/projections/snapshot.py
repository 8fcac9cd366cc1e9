"""The snapshot: all timelines as of one position of the log, as Parquet files with a manifest.

Analyses read snapshots, never live tables. The same events, codebooks, chain, rules and software give
the same files, byte for byte. A snapshot is personal data under pseudonym and not disclosure-controlled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tracker.domain.chain import Chain, default_chain
from tracker.domain.errors import SnapshotError
from tracker.harmonise.codebook import Codebooks
from tracker.projections.churning import build_churning
from tracker.projections.coverage import Seen
from tracker.projections.events import LogEvents, open_log, write_live_events
from tracker.projections.links import build_links
from tracker.projections.placing import placed_whole
from tracker.projections.rules import Rules
from tracker.projections.spells import build_spells
from tracker.projections.stages import build_facts, read_deliveries
from tracker.projections.workspace import quoted, sql, workspace

FORMAT = "tracker-snapshot/1"
MANIFEST = "manifest.json"
DISCLOSURE = "not disclosure-controlled"

_TABLES: Mapping[str, tuple[str, dict[str, str]]] = {
    "deliveries": ("deliveries_out", {}),
    "coverage": ("coverage", {}),
    "referrals": ("referrals", {"linkable": "NOT"}),
    "unlinkable_referrals": ("referrals", {"linkable": ""}),
    "investigations": ("investigations", {}),
    "assessments": ("assessments", {}),
    "interventions": ("interventions", {}),
    "follow_ups": ("follow_ups", {}),
    "open_support": ("open_support", {}),
    "open_support_counts": ("open_support_counts", {}),
    "child_facts": ("child_facts", {}),
    "municipality_facts": ("municipality_facts", {}),
    "children": ("children", {}),
    "links": ("links", {}),
}
"""Table → SQL file and its parameters."""

Progress = Callable[[str], None]
"""Told the name of each step as it begins."""


@dataclass(frozen=True)
class Plan:
    """What the projection follows: the chain of states, and the rules of linking."""

    chain: Chain
    rules: Rules


@dataclass(frozen=True)
class Manifest:
    """What a snapshot was made of, and what it holds.

    ``tables`` gives rows and the SHA-256 of the file, by table. ``erasures`` is the number of erasures
    respected; ``recorded_at_max`` when the last event was recorded (ISO text), where known.
    ``unexpected_transitions`` are those the chain does not declare but the spells hold all the same.
    """

    position: int
    codebook: str
    chain: str
    rules: str
    software: str
    synthetic: bool
    recorded_at_max: str | None = None
    erasures: int = 0
    unexpected_transitions: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    format: str = FORMAT
    disclosure: str = DISCLOSURE


def write_snapshot(
    out: Path,
    log_events: LogEvents,
    codebooks: Codebooks,
    *,
    ids: pa.Table | pa.RecordBatchReader | None = None,
    position: int | None = None,
    chain: Chain | None = None,
    rules: Rules | None = None,
    recorded_at_max: str | None = None,
    erasures: int = 0,
    progress: Progress = lambda step: None,
) -> Manifest:
    """Write the snapshot of the log as of ``position`` (None: all of it) to the folder ``out``.

    ``ids`` are those of exports whose ids churn (``churning.IDS_SCHEMA``). The folder appears whole or not
    at all; an earlier snapshot there is replaced. Memory stays bounded up to thirteen million events and
    grows with more of them (``workspace.make_room``): work is spilled to disk beside ``out``.
    """
    chain, rules = chain or default_chain(), rules or Rules()
    with placed_whole(out, MANIFEST) as (made, work):
        with workspace(work) as connection:
            progress("events")
            at = open_log(connection, log_events, position)
            write_live_events(connection, made / "events.parquet")
            seen = _read(connection, codebooks, progress)
            progress("links")
            build_churning(connection, ids, at)
            _project(connection, Plan(chain, rules), seen, made, progress)
            synthetic = _is_synthetic(connection)
            unexpected = _unexpected(connection, chain, made / "spells.parquet")
        manifest = Manifest(
            at,
            codebooks.version,
            chain.version,
            rules.version,
            f"tracker {version('tracker')}",
            synthetic,
            recorded_at_max,
            erasures,
            unexpected,
            {path.stem: _described(path) for path in sorted(made.glob("*.parquet"))},
        )
        Path(made, MANIFEST).write_text(_as_json(manifest), encoding="utf-8")
    return manifest


def _read(connection: duckdb.DuckDBPyConnection, codebooks: Codebooks, progress: Progress) -> Seen:
    """What deliveries covered, and the facts with their codes."""
    progress("coverage")
    seen = read_deliveries(connection)
    progress("stages")
    build_facts(connection, codebooks)
    return seen


def _project(
    connection: duckdb.DuckDBPyConnection, plan: Plan, seen: Seen, made: Path, progress: Progress
) -> None:
    build_links(connection, plan.rules)
    for table, (name, parameters) in _TABLES.items():
        progress(table)
        query = sql(name).substitute(parameters | {"rule_version": plan.rules.version})
        _write(connection, query, made / f"{table}.parquet")
    progress("spells")
    spells = build_spells(connection, plan.chain, plan.rules, seen)
    _write(connection, spells, made / "spells.parquet")


def _write(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    form = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    connection.execute(f"COPY ({query}) TO '{quoted(path)}' ({form})")


def _is_synthetic(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute("SELECT coalesce(bool_or(synthetic), false) FROM deliveries").fetchone()
    return bool(found and found[0])


def _unexpected(connection: duckdb.DuckDBPyConnection, chain: Chain, spells: Path) -> dict[str, int]:
    """Transitions seen that the chain does not declare, with their number."""
    seen = connection.execute(
        f"SELECT state, to_state, count(*) FROM read_parquet('{quoted(spells)}') "
        "WHERE exit = 'transition' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return {f"{state} → {to}": number for state, to, number in seen if not chain.graph.has_edge(state, to)}


def _described(path: Path) -> dict[str, Any]:
    return {"rows": pq.read_metadata(path).num_rows, "sha256": _sha256(path)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_json(manifest: Manifest) -> str:
    return json.dumps(asdict(manifest), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on disk, opened for reading."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Snapshot:
        """Open a snapshot, checking its format and that every file is as it was written.

        Raises SnapshotError when it is missing, damaged or of another format version.
        """
        manifest = _read_manifest(folder)
        for table, described in manifest.tables.items():
            path = folder / f"{table}.parquet"
            if not path.exists():
                raise SnapshotError(f"The snapshot {folder} lacks {path.name}; make it again.")
            if _sha256(path) != described["sha256"]:
                raise SnapshotError(f"{path} is not as it was written; make the snapshot again.")
        return cls(folder, manifest)

    def path(self, table: str) -> Path:
        """The Parquet file of a table; raises SnapshotError when there is no such table."""
        if table not in self.manifest.tables:
            raise SnapshotError(f"The snapshot {self.folder} has no table «{table}».")
        return self.folder / f"{table}.parquet"

    def arrow(self, table: str) -> pa.Table:
        """A table in memory, as Arrow."""
        return pq.read_table(self.path(table))

    def pandas(self, table: str) -> pd.DataFrame:
        """A table in memory, as pandas."""
        frame: pd.DataFrame = self.arrow(table).to_pandas()
        return frame

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB session with a view for every table; nothing is read until asked for."""
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")  # it prints even when piped
        for table in self.manifest.tables:
            connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{quoted(self.path(table))}')"
            )
        return connection

    def ibis(self) -> ibis.backends.duckdb.Backend:
        """The same as an Ibis backend."""
        return ibis.duckdb.from_connection(self.duckdb())


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as missing:
        raise SnapshotError(f"{folder} is not a snapshot: it has no {MANIFEST}.") from missing
    except ValueError as damaged:
        raise SnapshotError(f"{path} cannot be read; make the snapshot again.") from damaged
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SnapshotError(f"{folder} is not of the format {FORMAT}; make the snapshot again.")
    try:
        return Manifest(**content)
    except TypeError as unknown:
        raise SnapshotError(f"{path} has unknown or missing entries; make the snapshot again.") from unknown
