"""Small snapshot folders for tests: rows given as dicts, everything else filled with plain defaults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tracker.projections.snapshot import Snapshot

Row = Mapping[str, Any]

_CASE = [
    ("fact_id", pa.string(), None),
    ("subject_id", pa.string(), None),
    ("municipality", pa.string(), "0180"),
]
_CHILD = [("sex", pa.string(), "girl"), ("age", pa.int16(), 7), ("age_group", pa.string(), "6-8")]
_LINK = [("link_method", pa.string(), "explicit"), ("observed_until", pa.date32(), date(2025, 12, 31))]
_REASONS = [("reasons", pa.list_(pa.string()), []), ("reasons_status", pa.string(), "not_given")]

_REFERRALS = [
    *_CASE,
    ("received_on", pa.date32(), None),
    ("concluded_on", pa.date32(), None),
    *_CHILD,
    ("referral_type", pa.string(), "report"),
    *_REASONS,
    ("referrer", pa.string(), "school"),
    ("action", pa.string(), None),
    ("flow_class", pa.string(), None),
    ("investigation_id", pa.string(), None),
    *_LINK,
    ("not_opened_complete", pa.bool_(), True),
]

SCHEMAS: Mapping[str, Sequence[tuple[str, pa.DataType, Any]]] = {
    "referrals": _REFERRALS,
    "unlinkable_referrals": _REFERRALS,
    "investigations": [
        *_CASE,
        ("opened_on", pa.date32(), None),
        ("closed_on", pa.date32(), None),
        *_CHILD,
        ("known_before", pa.string(), None),
        *_REASONS,
        ("need", pa.string(), None),
        ("outcome", pa.string(), None),
        ("closed", pa.bool_(), False),
        ("referral_id", pa.string(), None),
        *_LINK,
    ],
    "interventions": [
        *_CASE,
        ("decided_on", pa.date32(), None),
        ("granted", pa.string(), None),
        ("intervention_type", pa.string(), None),
        ("legal_basis", pa.string(), None),
        ("guardian_consent", pa.string(), None),
        ("child_consent", pa.string(), None),
        ("started_on", pa.date32(), None),
        ("ended_on", pa.date32(), None),
        ("end_reason", pa.string(), None),
        *_CHILD,
        ("investigation_id", pa.string(), None),
        *_LINK,
    ],
    "follow_ups": [
        *_CASE,
        ("held_on", pa.date32(), None),
        ("goal_attainment", pa.string(), None),
        ("situation", pa.string(), None),
        ("result", pa.string(), None),
        ("intervention_id", pa.string(), None),
        *_LINK,
    ],
    "spells": [
        ("subject_id", pa.string(), None),
        ("municipality", pa.string(), "0180"),
        ("episode", pa.int32(), 1),
        ("spell", pa.int32(), 1),
        ("state", pa.string(), None),
        ("entered_on", pa.date32(), None),
        ("entered_step", pa.int16(), 1),
        ("left_on", pa.date32(), None),
        ("left_step", pa.int16(), None),
        ("to_state", pa.string(), None),
        ("exit", pa.string(), None),
        ("left_assumed", pa.bool_(), False),
        ("sex", pa.string(), "girl"),
        ("age_at_entry", pa.int16(), 7),
        ("age_group", pa.string(), "6-8"),
        ("legal_basis", pa.string(), None),
        ("state_entered_on", pa.date32(), None),
        ("episode_entered_on", pa.date32(), None),
    ],
    "coverage": [
        ("municipality", pa.string(), "0180"),
        ("record_type", pa.string(), None),
        ("covered_from", pa.date32(), date(2020, 1, 1)),
        ("covered_to", pa.date32(), date(2025, 12, 31)),
        ("extracted_on", pa.date32(), date(2026, 1, 15)),
        ("not_opened_complete", pa.bool_(), True),
    ],
    "municipality_facts": [
        ("fact_id", pa.string(), None),
        ("municipality", pa.string(), "0180"),
        ("year", pa.int32(), 2024),
        ("population_0_17", pa.int64(), None),
        ("population_0_20", pa.int64(), None),
        ("population", pa.int64(), None),
        ("size_class", pa.string(), None),
        ("staff", pa.float64(), None),
    ],
    "child_facts": [
        ("fact_id", pa.string(), None),
        ("subject_id", pa.string(), None),
        ("municipality", pa.string(), "0180"),
        ("known_on", pa.date32(), None),
        ("fact", pa.string(), None),
        ("value", pa.string(), None),
    ],
    "children": [
        ("subject_id", pa.string(), None),
        ("sex", pa.string(), "girl"),
        ("birth_month", pa.date32(), None),
        ("country_of_birth", pa.string(), None),
        ("diagnosis", pa.string(), None),
        ("moved_out_on", pa.date32(), None),
        ("died_on", pa.date32(), None),
    ],
}


def covered(*municipalities: str, **until: date) -> list[dict[str, Any]]:
    """Coverage rows of the four stages for each municipality, until 2025-12-31 or as told by record type."""
    types = ("referrals", "investigations", "interventions", "follow_ups")
    return [
        {"municipality": m, "record_type": t, "covered_to": until.get(t, date(2025, 12, 31))}
        for m in municipalities
        for t in types
    ]


def small_snapshot(folder: Path, **tables: Sequence[Row]) -> Snapshot:
    """Write the tables given, the others empty, with a manifest; returns the snapshot opened."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in SCHEMAS.items():
        pq.write_table(_table(schema, tables.get(name, ())), folder / f"{name}.parquet")
    described = {
        path.stem: {"rows": pq.read_metadata(path).num_rows, "sha256": _sha256(path)}
        for path in sorted(folder.glob("*.parquet"))
    }
    manifest = {
        "format": "tracker-snapshot/1",
        "position": 4711,
        "codebook": "codebook-1",
        "chain": "default-1",
        "rules": "1-abc",
        "software": "tracker 0",
        "synthetic": True,
        "recorded_at_max": "2026-01-15T12:00:00+00:00",
        "erasures": 0,
        "disclosure": "not disclosure-controlled",
        "tables": described,
    }
    Path(folder, "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return Snapshot.open(folder)


def _table(schema: Sequence[tuple[str, pa.DataType, Any]], rows: Sequence[Row]) -> pa.Table:
    names = {name for name, _, _ in schema}
    assert not (unknown := {key for row in rows for key in row} - names), unknown
    columns = [pa.array([row.get(name, default) for row in rows], kind) for name, kind, default in schema]
    return pa.table(columns, names=[name for name, _, _ in schema])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
