"""The columns that go on: case systems' ids as keyed hashes, free text gone, no number left anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tracker.domain.delivery import DeliveryNote, Value
from tracker.domain.spec import CellType, ColumnSpec
from tracker.pseudonymise.identity_rules import OTHER, IdentityRule
from tracker.pseudonymise.keyring import ReferenceKey
from tracker.pseudonymise.national_id import contains_national_id
from tracker.pseudonymise.rows import Rows

DROPPED = {CellType.CHILD_ID, CellType.TEXT}
HASHED = {CellType.SOURCE_ID, CellType.SOURCE_IDS}
WORDED = {CellType.CODE, CellType.CODES, CellType.TEXT}


def columns_without_identities(rows: Rows, key: ReferenceKey) -> dict[str, Sequence[Value]]:
    """Every column but child ids and texts; rows with a number in a wording or text are quarantined."""
    columns: dict[str, Sequence[Value]] = {}
    for name, cells in rows.claims.columns.items():
        spec = rows.claims.spec.by_name[name]
        kept = _without_numbers(rows, name, cells) if spec.type in WORDED else cells
        if spec.type in HASHED:
            kept = _hashed(rows, spec, cells, key)
        if spec.type not in DROPPED:
            columns[name] = kept
    return columns


def reference_kind(column: str) -> str:
    """The kind of id a column holds: the same under ``referral_ids`` and ``referral_id``."""
    return column.removesuffix("s")


def reference(cell: Value) -> str:
    """The id in a cell, trimmed; ``123.0`` is ``123``, as a spreadsheet may have made of it."""
    text = cell.strip() if isinstance(cell, str) else "" if cell is None else str(cell)
    return text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text


def _scope(note: DeliveryNote) -> str:
    """Where an id means one thing: the system, or where ids churn one day's export of it alone.

    Otherwise id 17 of one export and id 17 of the next would be taken for the same thing.
    """
    return note.system if note.stable_ids else f"{note.system}@{note.extracted_on}"


def _hashed(rows: Rows, spec: ColumnSpec, cells: Sequence[Value], key: ReferenceKey) -> list[Value]:
    note = rows.claims.note
    hasher = key.hasher(note.municipality, _scope(note), reference_kind(spec.name))

    def hash_several(cell: Value) -> Value:
        several = cell if isinstance(cell, tuple) else (cell,)
        return tuple(hasher(text) for one in several if (text := reference(one))) or None

    hashed: dict[Value, Value]
    if spec.type is CellType.SOURCE_IDS:
        hashed = {cell: hash_several(cell) for cell in set(cells)}
    else:
        hashed = {cell: hasher(text) if (text := reference(cell)) else None for cell in set(cells)}
    return list(map(hashed.__getitem__, cells))


def _without_numbers(rows: Rows, name: str, cells: Sequence[Value]) -> Sequence[Value]:
    """The cells with those that hold a number blanked, and their rows quarantined."""
    on = rows.claims.note.extracted_on
    telling = {cell for cell in set(cells) if _tells(cell, on)}
    if not telling:
        return cells
    for row, cell in enumerate(cells):
        if cell in telling and row not in rows.set_aside:
            rows.quarantine(row, OTHER[IdentityRule.NUMBER_IN_TEXT], name, "text med personnummer")
    return [None if cell in telling else cell for cell in cells]


def _tells(cell: Value, on: date) -> bool:
    if isinstance(cell, str):
        return contains_national_id(cell, on)
    return isinstance(cell, int | float) and contains_national_id(f"{cell:.0f}", on)
