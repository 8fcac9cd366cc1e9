"""An export as a folder: whole or not at all, with what it is and what it rests on beside the data."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from tracker.domain.errors import UsageError
from tracker.projections.placing import placed_whole
from tracker.projections.stamping import stamp_of
from tracker.publish.cells import guarded
from tracker.publish.exports.codebook import codebook
from tracker.publish.exports.formats import Format, Look, fitting, write
from tracker.publish.exports.forms import Order
from tracker.publish.exports.material import Material
from tracker.publish.exports.meds import MEDS_VERSION
from tracker.publish.exports.moments import steps_per_day
from tracker.publish.exports.readme import readme
from tracker.publish.exports.tables import Table
from tracker.publish.spreadsheet import write_workbook
from tracker.publish.stamp import SYNTHETIC, Stamp, checked

FORMAT = "tracker-export/1"
MANIFEST = "manifest.json"
_PERSON = ("person", "id", "case:concept:name", "subject_id")
"""Columns that say whose a row is."""


@dataclass(frozen=True)
class Made:
    """An export: its manifest and the SHA-256 of it, the rows of all data files, the persons followed."""

    manifest: dict[str, Any]
    digest: bytes
    rows: int
    persons: int


def write_export(
    order: Order,
    material: Material,
    out: Path,
    enter: Callable[[Made], None],
    progress: Callable[[str], None] = lambda step: None,
) -> Made:
    """Write the export to the folder ``out``; an earlier export there is replaced whole.

    ``enter`` is told of it when all files are ready and before the folder appears: should it raise, nothing
    leaves. Raises UsageError for a folder that holds something else, or rows that do not fit the format.
    """
    _refuse_other(out)
    progress("rows")
    tables = [fitting(table, order.fmt) for table in order.form.build(material)]
    stamp = _stamp(order, material)
    with placed_whole(out, MANIFEST) as (made, _):
        look = Look(order.language, stamp)
        for table in tables:
            progress(table.name)
            write(table, made / f"{table.name}.{order.fmt}", order.fmt, look)
        progress("codebook")
        _beside(order, material, tables, stamp, made)
        done = _manifest(order, material, tables, made)
        progress("ledger")
        enter(done)
    return done


def _refuse_other(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        told = json.loads(Path(out, MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise UsageError(f"{out} exists and is not an export; choose another folder.")


def _stamp(order: Order, material: Material) -> Stamp:
    cohort = material.cohort.spec.version if material.cohort is not None else "everyone"
    told = stamp_of(
        material.snapshot.manifest, f"export/{order.form.name}", project=order.project, cohort=cohort
    )
    return checked(told)


def _beside(order: Order, material: Material, tables: Sequence[Table], stamp: Stamp, made: Path) -> None:
    """Codebook, README and, for MEDS, what that standard wants beside the data."""
    book = codebook(tables, order.fmt)
    if order.fmt is Format.XLSX:
        write_workbook(book, stamp, made / "codebook.xlsx")
    else:
        _write_codebook(book, made / "codebook.csv")
    told = [SYNTHETIC] if material.snapshot.manifest.synthetic else []
    told += [f"{name}: {value}" for name, value in stamp.items()]
    text = readme(order, material, tables, told)
    Path(made, "README.txt").write_text(text, encoding="utf-8")
    if order.form.name == "meds":
        dataset = {
            "dataset_name": f"tracker {order.project}",
            "dataset_version": str(material.snapshot.manifest.position),
            "etl_name": "tracker",
            "etl_version": stamp["software"],
            "meds_version": MEDS_VERSION,
        }
        Path(made, "metadata", "dataset.json").write_text(_as_json(dataset), encoding="utf-8")


def _write_codebook(book: pd.DataFrame, path: Path) -> None:
    """CSV with a byte-order mark, so that Excel reads Swedish letters; all text quoted."""
    text = book.select_dtypes(exclude="number").columns
    safe = book.assign(**{name: book[name].map(guarded, na_action="ignore") for name in text})
    safe.to_csv(path, index=False, encoding="utf-8-sig", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")


def _manifest(order: Order, material: Material, tables: Sequence[Table], made: Path) -> Made:
    told = material.snapshot.manifest
    rows = {table.name: len(table.frame) for table in tables}
    persons = _persons(order, material, tables)
    content: dict[str, Any] = {
        "format": FORMAT,
        "project": order.project,
        "form": order.form.name,
        "file_format": order.fmt.value,
        "labels": order.language,
        "synthetic": told.synthetic,
        "disclosure": told.disclosure,
        "personal_data": "rows of persons" if order.form.persons else "cells can be one child",
        "exact_dates": material.exact,
        "days": "since day 0, each person's entry",
        "steps_per_day": steps_per_day(material.stays),
        "unit": material.unit.value,
        "snapshot": {
            name: getattr(told, name)
            for name in ("position", "recorded_at_max", "codebook", "chain", "rules", "erasures", "software")
        },
        "cohort": _cohort(material),
        "persons": persons,
        "rows": rows,
        "files": {
            str(path.relative_to(made)): {"sha256": _sha256(path), "bytes": path.stat().st_size}
            for path in sorted(made.rglob("*"))
            if path.is_file()
        },
        "software": f"tracker {version('tracker')}",
    }
    text = _as_json(content)
    Path(made, MANIFEST).write_text(text, encoding="utf-8")
    return Made(content, hashlib.sha256(text.encode()).digest(), sum(rows.values()), persons)


def _persons(order: Order, material: Material, tables: Sequence[Table]) -> int:
    """Of how many persons there are rows, or counts."""
    if not order.form.persons:
        return int(material.stays["id"].nunique())
    columns = [next((name for name in _PERSON if name in table.frame), None) for table in tables]
    named = (table.frame[name] for table, name in zip(tables, columns, strict=True) if name)
    return max((int(ids.nunique()) for ids in named), default=0)


def _cohort(material: Material) -> dict[str, Any] | None:
    if material.cohort is None:
        return None
    spec = material.cohort.spec
    return {"version": spec.version, "declared": asdict(spec)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True, default=str) + "\n"
