"""The codebook of an export: every column with its meaning, and every code with its labels."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from tracker.publish.exports.formats import LABELLED, Format
from tracker.publish.exports.tables import Table

CODEBOOK_COLUMNS = (
    *("table", "column", "kind", "unit", "label_sv", "label_en", "meaning"),
    *("value", "number", "value_sv", "value_en"),
)


def codebook(tables: Iterable[Table], fmt: Format) -> pd.DataFrame:
    """A row for each column, followed by one for each of its codes.

    ``value`` is the code as it stands in the file; ``number`` what stands for it in dta and sav.
    """
    rows = [row for table in tables for row in _rows(table, numbered=fmt in LABELLED)]
    return pd.DataFrame(rows, columns=list(CODEBOOK_COLUMNS)).astype({"number": "Int32"})


def _rows(table: Table, *, numbered: bool) -> Iterable[tuple[object, ...]]:
    for one in table.columns:
        labels = (one.label_sv, one.label_en, one.meaning)
        yield (table.name, one.name, one.kind, one.unit, *labels, None, None, None, None)
        for level in one.levels:
            number = level.number if numbered and one.kind == "code" else None
            blank = (None, None, None, None, None)
            yield (table.name, one.name, *blank, level.code, number, level.label_sv, level.label_en)
