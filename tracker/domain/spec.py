"""Record specs: what a delivery of one record type may hold. Declared in YAML, read by ``intake.specs``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from tracker.domain.findings import Severity


class CellType(StrEnum):
    """What a column's cells are read as; codes stay as delivered until timelines are built."""

    CHILD_ID = "child_id"  # national id or declared-stable local id; only pseudonymise sees it
    SOURCE_ID = "source_id"  # an id of the case system; only its keyed hash is kept
    SOURCE_IDS = "source_ids"  # several, separated by comma or semicolon
    DATE = "date"
    MONTH = "month"  # a month; kept as its first day
    YEAR = "year"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CODE = "code"  # one delivered wording, given meaning by a codebook
    CODES = "codes"  # several wordings in one cell
    TEXT = "text"  # never kept: only scanned for national ids


@dataclass(frozen=True)
class ColumnSpec:
    """One column: its English field name, Swedish label, accepted headers and type.

    ``not_yet`` lists what senders write where nothing has happened yet, as in an end date of something
    that goes on: days (``9999-12-31``) and words (``tills vidare``).
    """

    name: str
    label_sv: str
    type: CellType
    required: bool = False
    aliases: tuple[str, ...] = ()
    codebook: str = ""
    description_sv: str = ""
    example: str = ""
    minimum: float | None = None
    maximum: float | None = None
    not_yet: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class RuleSpec:
    """One row rule: a named check over fields, its severity, and what to tell the sender."""

    id: str
    check: str
    severity: Severity
    fields: tuple[str, ...]
    message_sv: str
    remedy_sv: str
    parameters: dict[str, Any] = field(default_factory=dict)
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class EventSpec:
    """One event a row yields: its type, the column it happened on, the fields it carries.

    ``when`` names the fields of which at least one must be given for the event to exist (empty:
    always). ``on`` may be empty in a row: the event then has no known day.
    """

    type: str
    on: str
    body: tuple[str, ...]
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordSpec:
    """Everything declared about one record type.

    ``period_by`` is the date column that decides which period a row belongs to. ``source_id`` is the
    column with the fact's own id in the case system. ``identity`` names further columns that, with
    the child and that date, tell two facts apart where source ids are not stable. ``person`` is False
    for aggregates and municipality facts, which have no child.
    """

    record_type: str
    label_sv: str
    label_en: str
    description_sv: str
    period_by: str
    columns: tuple[ColumnSpec, ...]
    rules: tuple[RuleSpec, ...]
    events: tuple[EventSpec, ...]
    source_id: str = ""
    identity: tuple[str, ...] = ()
    person: bool = True
    valid_from: date | None = None
    valid_to: date | None = None

    @cached_property
    def by_name(self) -> dict[str, ColumnSpec]:
        """Columns by field name."""
        return {column.name: column for column in self.columns}
