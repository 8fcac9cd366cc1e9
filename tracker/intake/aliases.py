"""Aliases: headers one municipality uses that the spec does not know."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from types import MappingProxyType

from tracker.domain.errors import UsageError
from tracker.intake.headers import fold
from tracker.intake.spec_files import load_specs

Aliases = Mapping[tuple[str, str, str], str]
"""(municipality code, record type, folded header) → field."""

NO_ALIASES: Aliases = MappingProxyType({})
_COLUMNS = ["municipality", "record_type", "header", "field"]


def read_aliases(content: bytes) -> Aliases:
    """Aliases from a UTF-8 CSV file with the columns municipality, record_type, header, field.

    Raises ``UsageError`` naming the line for a wrong column, record type or field.
    """
    text = content.decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in text else ",")
    if reader.fieldnames != _COLUMNS:
        raise UsageError(f"the aliases file must have the columns {', '.join(_COLUMNS)}")
    specs, aliases = load_specs(), {}
    for entry in reader:
        spec = specs.get(entry["record_type"])
        if spec is None or entry["field"] not in spec.by_name:
            raise UsageError(f"aliases file, line {reader.line_num}: no such record type or field")
        aliases[entry["municipality"], spec.record_type, fold(entry["header"])] = entry["field"]
    return MappingProxyType(aliases)
