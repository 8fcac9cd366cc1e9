"""Reading the intake ledger: deliveries, findings, wordings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, RowMapping, func, select

from tracker.domain.delivery import DISMISSED, DeliveryState, Outcome
from tracker.domain.findings import Finding, Severity
from tracker.postgres.engine import Role, connect
from tracker.postgres.intake_ledger import rows_set_aside
from tracker.postgres.tables import ATTEMPT, DELIVERY, FINDING, SPELLING, STREAM


@dataclass(frozen=True)
class DeliveryRecord:
    """One delivery as the operator sees it: its newest attempt, or RECEIVED while there is none."""

    delivery_no: int
    municipality: str
    file_name: str
    received_at: datetime
    state: DeliveryState
    digest: bytes
    attempt: int = 0
    record_type: str = ""
    period_from: date | None = None
    period_to: date | None = None
    full: bool = False
    extracted_on: date | None = None
    system: str = ""
    rule: str = ""
    rows_read: int = 0
    outcomes: dict[Outcome, int] | None = None
    retractions: int = 0
    covered: int = 0
    last_position: int | None = None

    @property
    def dismissed(self) -> bool:
        """Whether it was held and somebody decided against it."""
        return self.rule == DISMISSED

    @property
    def outcome(self) -> str:
        """Its state in a word; what was dismissed is told apart from what could not be read."""
        return DISMISSED if self.dismissed else self.state.value


@dataclass(frozen=True)
class StoredWording:
    """One wording of a coded column as some municipality's system delivered it, over all deliveries."""

    codebook: str
    field: str
    municipality: str
    system: str
    wording: str
    rows: int


NEWEST = (
    select(ATTEMPT.c.delivery_no, func.max(ATTEMPT.c.attempt).label("attempt"))
    .group_by(ATTEMPT.c.delivery_no)
    .subquery()
)


def deliveries(url: str, delivery_no: int | None = None) -> list[DeliveryRecord]:
    """Every delivery with its newest attempt, oldest first; or one."""
    query = (
        select(DELIVERY, ATTEMPT, STREAM.c.record_type)
        .outerjoin(NEWEST, NEWEST.c.delivery_no == DELIVERY.c.delivery_no)
        .outerjoin(
            ATTEMPT,
            (ATTEMPT.c.delivery_no == DELIVERY.c.delivery_no) & (ATTEMPT.c.attempt == NEWEST.c.attempt),
        )
        .outerjoin(STREAM, STREAM.c.stream_id == ATTEMPT.c.stream_id)
        .order_by(DELIVERY.c.delivery_no)
    )
    if delivery_no is not None:
        query = query.where(DELIVERY.c.delivery_no == delivery_no)
    with connect(url, Role.READER) as connection:
        return [_delivery(row._mapping) for row in connection.execute(query)]


def first_waiting(url: str, municipality: str) -> int | None:
    """The municipality's oldest delivery nobody has tried to load yet; None when there is none."""
    tried = select(ATTEMPT.c.delivery_no).where(ATTEMPT.c.delivery_no == DELIVERY.c.delivery_no).exists()
    query = select(func.min(DELIVERY.c.delivery_no)).where(DELIVERY.c.municipality == municipality, ~tried)
    with connect(url, Role.READER) as connection:
        found: int | None = connection.execute(query).scalar()
    return found


def findings(url: str, delivery_no: int, attempt: int) -> list[tuple[Finding, bool]]:
    """Findings of an attempt, each with whether it quarantined its row."""
    query = (
        select(FINDING)
        .where(FINDING.c.delivery_no == delivery_no, FINDING.c.attempt == attempt)
        .order_by(FINDING.c.finding_no)
    )
    with connect(url, Role.READER) as connection:
        return [(_finding(row), row.quarantines) for row in connection.execute(query)]


def set_aside_rules(url: str, delivery_no: int, attempt: int) -> dict[str, int]:
    """Rows set aside in an attempt, by rule."""
    with connect(url, Role.READER) as connection:
        return rows_set_aside(connection, delivery_no, attempt)


def wordings(url: str, delivery_no: int | None = None) -> list[StoredWording]:
    """Wordings of coded columns with their number of rows, newest loaded attempt of each delivery."""
    total = func.sum(SPELLING.c.count).label("rows")
    key = (
        SPELLING.c.codebook,
        SPELLING.c.field,
        DELIVERY.c.municipality,
        ATTEMPT.c.system,
        SPELLING.c.wording,
    )
    query = (
        select(*key, total)
        .join(
            NEWEST,
            (NEWEST.c.delivery_no == SPELLING.c.delivery_no) & (NEWEST.c.attempt == SPELLING.c.attempt),
        )
        .join(
            ATTEMPT, (ATTEMPT.c.delivery_no == NEWEST.c.delivery_no) & (ATTEMPT.c.attempt == NEWEST.c.attempt)
        )
        .join(DELIVERY, DELIVERY.c.delivery_no == SPELLING.c.delivery_no)
        .group_by(*key)
        .order_by(total.desc(), *key)
    )
    if delivery_no is not None:
        query = query.where(SPELLING.c.delivery_no == delivery_no)
    with connect(url, Role.READER) as connection:
        return [
            StoredWording(
                row.codebook, row.field, row.municipality, row.system or "", row.wording, int(row.rows)
            )
            for row in connection.execute(query)
        ]


def _delivery(row: RowMapping) -> DeliveryRecord:
    tried = row[ATTEMPT.c.attempt] is not None
    known = {
        "delivery_no": row[DELIVERY.c.delivery_no],
        "municipality": row[DELIVERY.c.municipality],
        "file_name": row[DELIVERY.c.file_name],
        "received_at": row[DELIVERY.c.received_at],
        "digest": bytes(row[DELIVERY.c.digest]),
        "state": DeliveryState(row[ATTEMPT.c.state]) if tried else DeliveryState.RECEIVED,
    }
    if not tried:
        return DeliveryRecord(**known)
    return DeliveryRecord(
        **known,
        record_type=row[STREAM.c.record_type] or "",
        outcomes={outcome: row[ATTEMPT.c[outcome.value]] for outcome in Outcome},
        system=row[ATTEMPT.c.system] or "",
        rule=row[ATTEMPT.c.rule] or "",
        **{name: row[ATTEMPT.c[name]] for name in ATTEMPT_FIELDS},
    )


ATTEMPT_FIELDS = (
    *("attempt", "period_from", "period_to", "full", "extracted_on", "rows_read", "retractions", "covered"),
    "last_position",
)


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        rule=row.rule,
        severity=Severity(row.severity),
        message=row.message,
        remedy=row.remedy,
        sheet=row.sheet,
        row=row.row_no,
        column=row.column_letter,
        fields=tuple(row.fields),
        expected=row.expected,
        found=row.found,
        count=row._mapping["count"],
    )
