"""The same inbox exported again: new bytes, names, row order and churned ids, and nothing new said.

What a nightly export does to files whose content has not changed; loading the result must append,
correct and retract nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tracker.domain.spec import CellType
from tracker.intake.headers import fold
from tracker.intake.raw import Hints, Limits, RawTable
from tracker.intake.spec_files import load_spec
from tracker.intake.text_file import decode, read_text, sniff_delimiter
from tracker.intake.workbook import parse_workbook
from tracker.synth.render import Cell
from tracker.synth.writers import Layout, write

LATER = timedelta(days=7)
"""A re-export is read a week later than the export it repeats."""

CREATED = datetime(2026, 1, 8)


@dataclass(frozen=True)
class _File:
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    layout: Layout


def reexport(
    out_in: Path, out_out: Path, seed: int, progress: Callable[[str, int, int], None] | None = None
) -> int:
    """Write ``out_out/inbox`` from ``out_in/inbox``; the number of files.

    Rows are shuffled, files renamed, and where a sidecar says that ids are not stable they are all
    replaced, one for one. Raises FileNotFoundError where there is no inbox to read.
    """
    files = sorted(p for p in (out_in / "inbox").glob("*/*") if p.suffix != ".yml")
    if not files:
        raise FileNotFoundError(f"no deliveries in {out_in / 'inbox'}")
    rng = np.random.default_rng(seed)
    for number, path in enumerate(files):
        if progress:
            progress("re-export", number, len(files))
        _again(path, out_out / "inbox" / path.parent.name, seed, rng)
    return len(files)


def _again(path: Path, folder: Path, seed: int, rng: np.random.Generator) -> None:
    beside = path.with_name(path.name + ".yml")
    said: dict[str, Any] = yaml.safe_load(beside.read_text("utf-8")) if beside.exists() else {}
    file = _read(path)
    rows = [file.rows[k] for k in rng.permutation(len(file.rows))]
    if said and not said["stable_ids"]:
        rows = _churned(rows, _id_columns(str(said["record_type"]), file.headers), seed)
    new = folder / f"Omexport {seed} {path.stem}{'.xlsx' if path.suffix == '.xls' else path.suffix}"
    write(new, file.headers, rows, file.layout)
    if said:
        said["extracted_on"] += LATER
        text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
        new.with_name(new.name + ".yml").write_text(text, "utf-8")


def _read(path: Path) -> _File:
    content = path.read_bytes()
    if path.suffix in (".csv", ".txt"):
        text = decode(content, Hints())
        layout = Layout("", encoding=_encoding(content), delimiter=sniff_delimiter(text, Hints()))
        return _cut(read_text(content, Limits(), Hints())[0][0], layout)
    table = parse_workbook(content, {})[0]
    return _cut(table, Layout(table.sheet))


def _encoding(content: bytes) -> str:
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _cut(table: RawTable, layout: Layout) -> _File:
    """Headers are the first row with three texts; titles stand above, a sum row may stand last."""
    lines = list(zip(*([None if c == "" else c for c in column] for column in table.columns), strict=True))
    head = next(k for k, line in enumerate(lines) if sum(cell is not None for cell in line) >= 3)
    titles = tuple(str(line[0]) for line in lines[:head] if line[0] is not None)
    rows, sums = lines[head + 1 :], ()
    if rows and rows[-1][0] == "Summa":
        rows, sums = rows[:-1], rows[-1]
    framed = replace(layout, titles=titles, sum_row=sums, quoting=csv.QUOTE_ALL, created=CREATED)
    return _File([str(cell) for cell in lines[head]], rows, framed)


def _id_columns(record_type: str, headers: Sequence[str]) -> set[int]:
    kinds = {CellType.SOURCE_ID, CellType.SOURCE_IDS}
    names = {
        fold(name)
        for column in load_spec(record_type).columns
        if column.type in kinds
        for name in (column.name, column.label_sv, *column.aliases)
    }
    return {k for k, header in enumerate(headers) if fold(header) in names}


def _churned(rows: Sequence[Sequence[Cell]], columns: set[int], seed: int) -> list[Sequence[Cell]]:
    """Every id replaced by another, the same wherever it stands."""

    def other(cell: Cell) -> Cell:
        if isinstance(cell, int):
            return cell + 1_000_003 * (seed + 1)
        return None if cell is None else f"{cell}.{seed}"

    return [[other(c) if k in columns else c for k, c in enumerate(row)] for row in rows]
