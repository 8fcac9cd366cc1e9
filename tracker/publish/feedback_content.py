"""What the sender's feedback on one delivery is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.findings import Finding
from tracker.domain.periods import Period


@dataclass(frozen=True)
class CodeReading:
    """How one delivered wording of one code column was read.

    ``label`` is the column's Swedish name; ``code`` and ``label_sv`` are empty when no code list knows
    the wording. ``count`` is the number of rows.
    """

    field: str
    label: str
    delivered: str
    count: int
    code: str = ""
    label_sv: str = ""


@dataclass(frozen=True)
class Feedback:
    """Everything the workbook tells.

    ``outcome_counts`` holds rows by what became of them, ``set_aside_rules`` the set-aside rows by rule.
    ``retracted`` counts facts withdrawn because a full delivery no longer has them (when held: that would
    be), out of ``covered`` facts told before for the period. ``field_labels``: Swedish names of fields.

    ``own_flow`` and ``group_flow`` are rows of the flow summary's table: ``label_sv``, ``unit``, ``count``
    and, where there, ``block``, ``step``, ``class``, ``share_step``, ``share_start``, ``status_step``,
    ``status_start`` and ``median_days_among_completed``. A group row needs ``children`` and
    ``municipalities`` (how many it rests on): without them, or below the limits, it is not shown.
    """

    municipality: str
    municipality_name: str
    delivery_no: int
    file_name: str
    record_type_label: str
    period: Period | None
    full: bool
    extracted_on: date | None
    state: DeliveryState
    outcome_counts: Mapping[Outcome, int]
    set_aside_rules: Mapping[str, int]
    findings: Sequence[Finding]
    readings: Sequence[CodeReading]
    own_flow: pd.DataFrame | None
    group_flow: pd.DataFrame | None
    stamp: Mapping[str, str]
    retracted: int = 0
    covered: int = 0
    field_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows read."""
        return sum(self.outcome_counts.values())

    @property
    def used(self) -> int:
        """Rows whose content stands in the register after this delivery."""
        standing = (Outcome.APPENDED, Outcome.CORRECTED, Outcome.UNCHANGED)
        return sum(self.outcome_counts.get(outcome, 0) for outcome in standing)

    @property
    def stopped(self) -> int:
        """Rows quarantined."""
        return self.outcome_counts.get(Outcome.QUARANTINED, 0)
