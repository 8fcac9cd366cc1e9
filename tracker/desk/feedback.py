"""The sender's feedback on one delivery, put together from the ledger, the codebooks and a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from tracker import __version__
from tracker.desk.flows import Flows
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import NotFound
from tracker.domain.periods import Period
from tracker.domain.spec import RecordSpec
from tracker.harmonise.codebook import Codebooks
from tracker.intake.municipalities import municipalities
from tracker.intake.spec_files import load_specs
from tracker.postgres.reading import (
    DeliveryRecord,
    deliveries,
    findings,
    set_aside_rules,
    wordings,
)
from tracker.publish.feedback import write_feedback
from tracker.publish.feedback_content import CodeReading, Feedback
from tracker.wiring import Installation


def feedback_workbook(
    url: str, delivery_no: int, out: Path, codebooks: Codebooks, flows: Flows | None
) -> Path:
    """Write the workbook for a delivery; raises ``NotFound`` for an unknown or not yet loaded one."""
    known = deliveries(url, delivery_no)
    if not known:
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")
    return write_feedback(out, feedback(url, known[0], codebooks, flows))


def send_feedback(
    numbers: Sequence[int], place: Installation, step: Callable[[str], None], flows: Flows | None = None
) -> None:
    """Put the workbook of each delivery in its sender's folder of the outbox."""
    codebooks = place.codebooks()
    for delivery in chain.from_iterable(deliveries(place.url, number) for number in sorted(set(numbers))):
        if delivery.state is not DeliveryState.RECEIVED:
            out = _workbook(place, delivery)
            out.parent.mkdir(parents=True, exist_ok=True)
            write_feedback(out, feedback(place.url, delivery, codebooks, flows))
            step(f"{delivery.municipality} {out.name}")


def owed(place: Installation) -> list[int]:
    """Deliveries that were attempted and have no workbook: an interrupted run left their senders untold."""
    return [
        delivery.delivery_no
        for delivery in deliveries(place.url)
        if delivery.state is not DeliveryState.RECEIVED and not _workbook(place, delivery).exists()
    ]


def _workbook(place: Installation, delivery: DeliveryRecord) -> Path:
    name = f"aterkoppling-{delivery.delivery_no:05d}.xlsx"
    return place.settings.outbox / delivery.municipality / name


def feedback(url: str, delivery: DeliveryRecord, codebooks: Codebooks, flows: Flows | None) -> Feedback:
    """What the workbook tells about a delivery as it stands now."""
    spec = load_specs().get(delivery.record_type)
    own = flows.own(delivery.municipality) if flows else None
    found = [finding for finding, _ in findings(url, delivery.delivery_no, delivery.attempt)]
    return Feedback(
        municipality=delivery.municipality,
        municipality_name=municipalities().get(delivery.municipality, ""),
        delivery_no=delivery.delivery_no,
        file_name=delivery.file_name,
        record_type_label=spec.label_sv if spec else "",
        period=_period(delivery),
        full=delivery.full,
        extracted_on=delivery.extracted_on,
        state=delivery.state,
        outcome_counts=delivery.outcomes or {},
        set_aside_rules=set_aside_rules(url, delivery.delivery_no, delivery.attempt),
        findings=found,
        readings=_readings(url, delivery, codebooks, spec) if spec else [],
        own_flow=own.table if own else None,
        group_flow=flows.group() if flows else None,
        stamp=own.stamp if own else _stamp(delivery, codebooks),
        retracted=delivery.retractions,
        covered=delivery.covered,
        field_labels={column.name: column.label_sv for column in spec.columns} if spec else {},
    )


def _period(delivery: DeliveryRecord) -> Period | None:
    if delivery.period_from is None or delivery.period_to is None:
        return None
    return Period(delivery.period_from, delivery.period_to)


def _readings(
    url: str, delivery: DeliveryRecord, codebooks: Codebooks, spec: RecordSpec
) -> list[CodeReading]:
    if delivery.state is not DeliveryState.LOADED:
        return []
    labels = {column.name: column.label_sv for column in spec.columns}
    readings = []
    for said in wordings(url, delivery.delivery_no):
        read = codebooks.read(
            said.codebook, said.wording, said.municipality, said.system, delivery.extracted_on
        )
        known = [] if read.unmapped else list(read.codes)
        names = [codebooks.lists[said.codebook][code].label_sv for code in known]
        readings.append(
            CodeReading(
                field=said.field,
                label=labels.get(said.field, said.field),
                delivered=said.wording,
                count=said.rows,
                code="; ".join(known),
                label_sv="; ".join(names),
            )
        )
    return readings


def _stamp(delivery: DeliveryRecord, codebooks: Codebooks) -> dict[str, str]:
    return {
        "position": str(delivery.last_position or 0),
        "codebook": codebooks.version,
        "definition": "delivery feedback/1",
        "software": f"tracker {__version__}",
    }
