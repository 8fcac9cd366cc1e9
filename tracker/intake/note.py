"""Note: what a delivery covers and when it was extracted: declared, or found and said aloud."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date

from tracker.domain.delivery import Column, DeliveryNote
from tracker.domain.findings import Finding
from tracker.domain.periods import Period
from tracker.domain.spec import CellType, RecordSpec
from tracker.intake.dates_seen import days_seen, span, start_of, together
from tracker.intake.file_rules import finding, rejection
from tracker.intake.period_names import period_in
from tracker.intake.privacy_guard import safe_text
from tracker.intake.sidecar import Sidecar
from tracker.intake.systems import load_systems, profile

_DATED = (CellType.DATE, CellType.MONTH, CellType.YEAR)


def complete_note(
    file_name: str, municipality: str, sidecar: Sidecar, spec: RecordSpec, columns: Mapping[str, Column]
) -> tuple[DeliveryNote, list[Finding]]:
    """The delivery's note: what the sidecar declares, then file name, then rows; each guess a finding.

    ``full`` holds only for a declared period (in the sidecar or the file name), because the rows' own
    first and last day cannot tell what a complete period would have held. Raises ``RejectedFile``
    FILE-053 when nothing shows the period or the extract date.
    """
    findings: list[Finding] = []
    period, declared = _period(file_name, sidecar, spec, columns, findings)
    full = sidecar.full and declared
    if sidecar.full and not declared:
        findings.append(finding("FILE-056"))
    extracted_on = sidecar.extracted_on or _extracted_on(spec, columns, period, declared, findings)
    known = profile(sidecar.system)
    if sidecar.system and known is None:
        names = ", ".join(system.name for system in load_systems().values())
        findings.append(finding("FILE-063", {"found": sidecar.system[:40], "expected": names}))
    note = DeliveryNote(
        municipality=municipality,
        file_name=safe_text(file_name),
        record_type=spec.record_type,
        period=period,
        extracted_on=extracted_on,
        full=full,
        system=known.name if known else sidecar.system,
        stable_ids=_declared_or(sidecar.stable_ids, known.stable_ids if known else False),
        stable_child_ids=_declared_or(sidecar.stable_child_ids, known.stable_child_ids if known else False),
        not_opened_complete=sidecar.not_opened_complete,
        synthetic=sidecar.synthetic,
    )
    return note, findings


def _declared_or(declared: bool | None, default: bool) -> bool:
    return default if declared is None else declared


def _period(
    file_name: str, sidecar: Sidecar, spec: RecordSpec, columns: Mapping[str, Column], findings: list[Finding]
) -> tuple[Period, bool]:
    """The period, and whether the sender stated it."""
    if sidecar.period:
        return sidecar.period, True
    named, seen = period_in(file_name), _days_of(spec, columns, spec.period_by)
    inside = sum(count for day, count in seen.items() if named and day in named)
    if named and inside * 2 >= sum(seen.values()):
        findings.append(finding("FILE-050", {"found": str(named)}))
        return named, True
    of_rows = span(seen)
    if of_rows is None:
        raise rejection("FILE-053", {"found": "vilken period filen avser"})
    kind = spec.by_name[spec.period_by].type
    period = Period(start_of(of_rows.first, kind), of_rows.last)
    rule = "FILE-054" if named else "FILE-051"
    findings.append(finding(rule, {"found": str(period), "expected": str(named)}))
    return period, False


def _extracted_on(
    spec: RecordSpec, columns: Mapping[str, Column], period: Period, stated: bool, findings: list[Finding]
) -> date:
    """The latest day of all date columns but birth dates; an empty full period was extracted at its end."""
    names = [
        c.name for c in spec.columns if c.type in _DATED and c.name != "birth_date" and c.name in columns
    ]
    seen = span(together(_days_of(spec, columns, name) for name in names))
    if seen is None and not stated:
        raise rejection("FILE-053", {"found": "när uttaget gjordes"})
    extracted_on = seen.last if seen else period.last
    findings.append(finding("FILE-052", {"found": extracted_on.isoformat()}))
    return extracted_on


def _days_of(spec: RecordSpec, columns: Mapping[str, Column], name: str) -> Counter[date]:
    """The days of a column, without those that stand for «no end yet»."""
    column = spec.by_name[name]
    seen = days_seen(columns[name].cells, column.type)
    return Counter({day: count for day, count in seen.items() if day.isoformat() not in column.not_yet})
