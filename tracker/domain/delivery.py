"""A delivery on its way from file to log: one type handed on at each step, column by column.

Columns are parallel sequences of equal length, one entry a data row; ``row_numbers`` gives the row
shown in Excel. Blank rows are not rows; sum rows and the like are, set aside by a named rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from tracker.domain.findings import Finding
from tracker.domain.periods import Period
from tracker.domain.spec import RecordSpec

Cell = str | int | float | bool | date | None
"""A cell as the reader gives it; dates of spreadsheets arrive as ``date``, text untouched."""


@dataclass(frozen=True)
class DeliveryNote:
    """What a delivery declares of itself (sidecar), completed by what recognition found.

    ``full`` is True only when declared: the file is then the whole content of ``period``.
    ``extracted_on`` is the day the case system was read; it, then ``delivery_no``, gives precedence.
    ``stable_ids`` says the case system keeps its record ids from one export to the next, and
    ``stable_child_ids`` that its local child ids are declared stable.
    """

    municipality: str
    file_name: str
    record_type: str
    period: Period
    extracted_on: date
    full: bool = False
    system: str = ""
    stable_ids: bool = False
    stable_child_ids: bool = False
    not_opened_complete: bool = False
    synthetic: bool = False


@dataclass(frozen=True, repr=False)
class Column:
    """A recognised column: its field, the header delivered, its Excel letter, its cells (not in ``repr``)."""

    field: str
    header: str
    letter: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Extract:
    """A file read and its columns recognised; nothing interpreted."""

    note: DeliveryNote
    spec: RecordSpec
    sheet: str
    row_numbers: Sequence[int]
    columns: Mapping[str, Column]
    unrecognised: Sequence[Column] = ()
    set_aside: Mapping[int, str] = field(default_factory=dict)  # row index → rule id, e.g. sum rows
    findings: Sequence[Finding] = ()


Value = str | int | float | date | tuple[str, ...] | None
"""A typed cell: dates as ``date``, numbers as numbers, codes as delivered text, source ids as text."""


@dataclass(frozen=True)
class Claims:
    """Typed cells, rows checked. Still holds identities: never logged, never stored."""

    note: DeliveryNote
    spec: RecordSpec
    sheet: str
    row_numbers: Sequence[int]
    letters: Mapping[str, str]  # field → Excel column letter
    columns: Mapping[str, Sequence[Value]] = field(repr=False)
    quarantined: Mapping[int, tuple[Finding, ...]] = field(default_factory=dict)  # row index → errors
    set_aside: Mapping[int, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()  # file and row findings that stop no row


@dataclass(frozen=True)
class PseudonymousClaims:
    """Claims without identities: random subject ids, keyed hashes for source ids.

    ``subjects`` has a UUID text or None (unlinkable) for each row; ``linked_subjects`` the subject of
    an earlier number where a row states one. In ``columns`` child ids are gone and source ids are 32
    hex digits.
    """

    note: DeliveryNote
    spec: RecordSpec
    sheet: str
    row_numbers: Sequence[int]
    subjects: Sequence[str | None]
    columns: Mapping[str, Sequence[Value]] = field(repr=False)
    linked_subjects: Mapping[int, str] = field(default_factory=dict)
    quarantined: Mapping[int, tuple[Finding, ...]] = field(default_factory=dict)
    set_aside: Mapping[int, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()


class Outcome(StrEnum):
    """What became of a delivered row; every row has exactly one, its strongest."""

    APPENDED = "appended"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"
    SET_ASIDE = "set_aside"


class DeliveryState(StrEnum):
    """What became of a delivery."""

    RECEIVED = "received"  # registered and stored, not yet loaded
    LOADED = "loaded"
    HELD = "held"  # would retract too much: waits for confirmation
    REJECTED = "rejected"  # not readable, or held and decided against; nothing of it is used


DISMISSED = "dismissed"
"""Rule of a rejected delivery that was held, and that somebody decided against."""
