"""Generated delivery histories for the contract of the event log: small, colliding, out of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st

from tracker.domain.delivery import DeliveryNote, PseudonymousClaims
from tracker.domain.events import EventType
from tracker.domain.findings import Finding, Severity
from tracker.domain.periods import Period
from tracker.domain.spec import CellType, ColumnSpec, EventSpec, RecordSpec
from tracker.record.stage import StagedDelivery, stage

FIRST = date(2024, 1, 1)

SPEC = RecordSpec(
    record_type="investigations",
    label_sv="Utredningar",
    label_en="Investigations",
    description_sv="",
    period_by="opened_on",
    columns=(
        ColumnSpec("opened_on", "Inledd", CellType.DATE, required=True),
        ColumnSpec("closed_on", "Avslutad", CellType.DATE),
        ColumnSpec("investigation_id", "Id", CellType.SOURCE_ID),
        ColumnSpec("need", "Behov", CellType.CODE, codebook="need"),
    ),
    rules=(),
    events=(
        EventSpec(EventType.INVESTIGATION_OPENED, "opened_on", ("investigation_id",)),
        EventSpec(EventType.INVESTIGATION_CLOSED, "closed_on", ("need",), ("closed_on", "need")),
    ),
    source_id="investigation_id",
)


@dataclass(frozen=True)
class Row:
    """One row of a generated delivery; subject and source are small numbers so that they collide."""

    subject: int | None
    opened: int
    closed: int | None
    need: str | None
    source: int | None
    broken: bool = False


@dataclass(frozen=True)
class Delivery:
    """A generated delivery: its rows, when it was extracted, what it covers."""

    rows: tuple[Row, ...]
    extracted: int
    full: bool
    first: int = 0
    last: int = 9
    stable: bool = False

    def staged(self) -> StagedDelivery:
        """The delivery as the log receives it."""
        return stage(claims(self))


rows = st.builds(
    Row,
    subject=st.sampled_from([1, 2, None]),
    opened=st.integers(0, 4),
    closed=st.sampled_from([None, None, 5, 6]),
    need=st.sampled_from([None, "stöd", 'sk\\ydd "x"\n']),
    source=st.none(),
    broken=st.sampled_from([False] * 9 + [True]),
)


def histories(*, stable: bool) -> st.SearchStrategy[list[Delivery]]:
    """Up to five deliveries of one stream, each with an extract date of its own (so order is defined)."""
    delivered = st.builds(
        Delivery,
        rows=st.lists(rows, max_size=6).map(lambda r: _with_ids(r) if stable else _with_some_ids(r)),
        extracted=st.just(0),
        full=st.booleans(),
        first=st.integers(0, 2),
        last=st.integers(2, 6),
        stable=st.just(stable),
    )
    dated = st.lists(delivered, min_size=1, max_size=5).map(
        lambda ds: [replace(d, extracted=10 + i) for i, d in enumerate(ds)]
    )
    return dated.flatmap(st.permutations)


def _with_ids(given: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(replace(row, source=i % 4) for i, row in enumerate(given))


def _with_some_ids(given: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(replace(row, source=i if i % 3 else None) for i, row in enumerate(given))


def _source(row: Row, delivery: Delivery) -> str | None:
    """The hash of an id: with the day of its export where ids churn."""
    if row.source is None:
        return None
    return f"{row.source if delivery.stable else delivery.extracted * 1000 + row.source:032x}"


def claims(delivery: Delivery, municipality: str = "0180") -> PseudonymousClaims:
    """The delivery as pseudonymise hands it on."""
    usable = [row for row in delivery.rows if delivery.first <= row.opened <= delivery.last]
    numbers = list(range(2, len(usable) + 2))
    return PseudonymousClaims(
        note=DeliveryNote(
            municipality=municipality,
            file_name="x.xlsx",
            record_type=SPEC.record_type,
            period=Period(_day(delivery.first), _day(delivery.last)),
            extracted_on=_day(delivery.extracted),
            full=delivery.full,
            stable_ids=delivery.stable,
        ),
        spec=SPEC,
        sheet="Blad1",
        row_numbers=numbers,
        subjects=[None if row.subject is None else str(UUID(int=row.subject)) for row in usable],
        columns={
            "opened_on": [_day(row.opened) for row in usable],
            "closed_on": [None if row.closed is None else _day(row.closed) for row in usable],
            "need": [row.need for row in usable],
            "investigation_id": [_source(row, delivery) for row in usable],
        },
        quarantined={
            i: (Finding("INV-1", Severity.ERROR, "trasig", row=numbers[i]),)
            for i, row in enumerate(usable)
            if row.broken
        },
    )


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)
