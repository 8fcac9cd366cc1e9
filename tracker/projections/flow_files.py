"""Flow tables as files: a folder with the counts, as Parquet, and a manifest that says what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow.csv import write_csv

from tracker.domain.errors import UsageError
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_table import FlowTable, Source
from tracker.projections.placing import placed_whole
from tracker.projections.rules import Unit

FORMAT = "tracker-flow-table/1"
MANIFEST = "flow-table.json"
COUNTS = "counts.parquet"
DISCLOSURE = "not disclosure-controlled: cells of one child; personal data, shared under agreement"


def write_flow_table(table: FlowTable, out: Path) -> Path:
    """Write a flow table to the folder ``out``; an earlier flow table there is replaced whole.

    Rows are sorted, so that the same counts give the same file. Raises UsageError when ``out`` holds
    something else.
    """
    if out.exists() and not Path(out, MANIFEST).exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not a flow table; choose another folder.")
    with placed_whole(out, MANIFEST) as (made, _):
        pq.write_table(in_order(table), made / COUNTS, compression="zstd")
        content = described(table) | {
            "format": FORMAT,
            "disclosure": DISCLOSURE,
            "rows": table.table.num_rows,
            "sha256": _sha256(made / COUNTS),
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
        Path(made, MANIFEST).write_text(text, encoding="utf-8")
    return out


def read_flow_table(folder: Path) -> FlowTable:
    """Read a flow table back. Raises UsageError when it is missing, of another format, or was changed."""
    told = _manifest(folder)
    counts = folder / COUNTS
    if not counts.exists():
        raise UsageError(f"The flow table {folder} lacks {COUNTS}; export it again.")
    if _sha256(counts) != told["sha256"]:
        raise UsageError(f"{counts} is not as it was written; export the flow table again.")
    return replace(without_rows(told), table=pq.read_table(counts))


def without_rows(told: Mapping[str, Any]) -> FlowTable:
    """That of ``described``, with no rows; raises UsageError for what this version does not know."""
    try:
        plain = {name: told[name] for name in ("horizon", "cohort", "chain", "codebook", "rules")}
        return FlowTable(
            pa.table({}),
            tuple(told["strata"]),
            Clock(told["clock"]),
            Unit(told["unit"]),
            censored_by=tuple(told["censored_by"]),
            sources=tuple(_source(source) for source in told["sources"]),
            **plain,
        )
    except (TypeError, ValueError, KeyError) as wrong:
        raise UsageError(f"The {MANIFEST} of a flow table says what this version does not know.") from wrong


def in_order(table: FlowTable) -> pa.Table:
    """The rows sorted by stratum, state, flow, destination and moment."""
    keys = [*table.strata, "state", "flow", "to_state", "day", "step"]
    return table.table.take(pc.sort_indices(table.table, [(key, "ascending") for key in keys]))


def fingerprint(table: FlowTable) -> str:
    """SHA-256 of the counts, whatever file they come from."""
    rows = pa.BufferOutputStream()
    write_csv(in_order(table), rows)
    return hashlib.sha256(rows.getvalue()).hexdigest()


def described(table: FlowTable) -> dict[str, Any]:
    """What a flow table says of itself, without its rows, as JSON takes it."""
    told = {name: getattr(table, name) for name in _described_fields()}
    return told | {"sources": [asdict(source) for source in table.sources]}


def _described_fields() -> list[str]:
    return [name for name in FlowTable.__dataclass_fields__ if name != "table"]


def _source(told: dict[str, Any]) -> Source:
    return Source(**told | {"municipalities": tuple(told["municipalities"])})


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as missing:
        raise UsageError(f"{folder} is not a flow table: it has no {MANIFEST}.") from missing
    except ValueError as damaged:
        raise UsageError(f"{path} cannot be read; export the flow table again.") from damaged
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{folder} is not of the format {FORMAT}; export it with this version.")
    if missing_keys := [name for name in (*_described_fields(), "sha256") if name not in content]:
        raise UsageError(f"{path} lacks {', '.join(missing_keys)}; export the flow table again.")
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
