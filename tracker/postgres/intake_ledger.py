"""The intake ledger: what became of each delivery, its findings and its spellings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, insert, select

from tracker import __version__
from tracker.domain.delivery import DeliveryNote, DeliveryState, Outcome
from tracker.domain.findings import Finding
from tracker.postgres.engine import psycopg_connection
from tracker.postgres.tables import ATTEMPT, ROW_OUTCOME
from tracker.record.log import FileTaken, Receipt, Registration
from tracker.record.stage import DeliveredWording, StagedDelivery

REGISTER = """
INSERT INTO intake.delivery (municipality, file_name, digest, size)
SELECT municipality, file_name, digest, size
FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::bigint[])
    WITH ORDINALITY AS taken (municipality, file_name, digest, size, place)
WHERE NOT EXISTS (SELECT FROM intake.delivery AS known
                  WHERE known.municipality = taken.municipality AND known.digest = taken.digest)
ORDER BY place
ON CONFLICT DO NOTHING
"""

REGISTERED = """
SELECT delivery_no, (SELECT state::text FROM intake.attempt
                     WHERE attempt.delivery_no = delivery.delivery_no ORDER BY attempt DESC LIMIT 1)
FROM unnest(%s::text[], %s::bytea[]) WITH ORDINALITY AS taken (municipality, digest, place)
JOIN intake.delivery USING (municipality, digest)
ORDER BY place
"""


def register_files(connection: Connection, files: Sequence[FileTaken]) -> list[Registration]:
    """Give files their delivery numbers, in order; those known already keep theirs."""
    municipalities, names, digests, sizes = map(list, zip(*files, strict=True))
    driver = psycopg_connection(connection)
    driver.execute(REGISTER, [municipalities, names, digests, sizes])
    rows = driver.execute(REGISTERED, [municipalities, digests]).fetchall()
    return [Registration(number, DeliveryState(state or DeliveryState.RECEIVED)) for number, state in rows]


def last_attempt(connection: Connection, delivery_no: int) -> Receipt | None:
    """The newest attempt at a delivery; None while it is only registered."""
    row = connection.execute(
        select(ATTEMPT)
        .where(ATTEMPT.c.delivery_no == delivery_no)
        .order_by(ATTEMPT.c.attempt.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return Receipt(
        delivery_no,
        row.attempt,
        DeliveryState(row.state),
        {outcome: getattr(row, outcome) for outcome in Outcome},
        rows_set_aside(connection, delivery_no, row.attempt),
        row.retractions,
        row.covered,
        row.first_position,
        row.last_position,
    )


def insert_attempt(
    connection: Connection,
    receipt: Receipt,
    stream_id: int | None = None,
    note: DeliveryNote | None = None,
    rule: str | None = None,
) -> None:
    """Record an attempt; the database refuses it unless the row ledger adds up."""
    declared = (
        {
            "stream_id": stream_id,
            "period_from": note.period.first,
            "period_to": note.period.last,
            "full": note.full,
            "extracted_on": note.extracted_on,
            "system": note.system,
        }
        if note
        else {}
    )
    connection.execute(
        insert(ATTEMPT).values(
            delivery_no=receipt.delivery_no,
            attempt=receipt.attempt,
            state=receipt.state.value,
            rule=rule,
            rows_read=receipt.rows_read,
            **{outcome.value: receipt.outcomes.get(outcome, 0) for outcome in Outcome},
            retractions=receipt.retractions,
            covered=receipt.covered,
            first_position=receipt.first_position,
            last_position=receipt.last_position,
            software=__version__,
            **declared,
        )
    )


Key = tuple[int, int]
"""An attempt at a delivery: the numbers of both."""


def write_findings(connection: Connection, attempt: Key, staged: StagedDelivery) -> None:
    """Keep what was wrong; the findings of quarantined rows are the quarantine."""
    quarantining = [(finding, True) for found in staged.quarantined.values() for finding in found]
    copy_findings(connection, attempt, [*quarantining, *((finding, False) for finding in staged.findings)])


def copy_findings(connection: Connection, attempt: Key, findings: Sequence[tuple[Finding, bool]]) -> None:
    """Write findings, each with whether it quarantined its row."""
    if not findings:
        return
    cursor = psycopg_connection(connection).cursor()
    with cursor, cursor.copy("COPY intake.finding FROM STDIN") as copy:
        for number, (found, quarantines) in enumerate(findings, start=1):
            place = (found.sheet, found.row, found.column, list(found.fields))
            said = (found.expected, found.found, found.message, found.remedy)
            key = (*attempt, number)
            copy.write_row((*key, found.rule, found.severity, *place, *said, found.count, quarantines))


def write_spellings(connection: Connection, attempt: Key, wordings: Iterable[DeliveredWording]) -> None:
    """Keep how often each wording of a coded column stood in the delivery."""
    cursor = psycopg_connection(connection).cursor()
    with cursor, cursor.copy("COPY intake.spelling FROM STDIN") as copy:
        for said in wordings:
            copy.write_row((*attempt, said.field, said.codebook, said.wording, said.rows))


def rows_set_aside(connection: Connection, delivery_no: int, attempt: int) -> dict[str, int]:
    """Rows set aside in an attempt, by rule."""
    rows = connection.execute(
        select(ROW_OUTCOME.c.rule, func.count().label("rows"))
        .where(ROW_OUTCOME.c.delivery_no == delivery_no, ROW_OUTCOME.c.attempt == attempt)
        .where(ROW_OUTCOME.c.rule.is_not(None))
        .group_by(ROW_OUTCOME.c.rule)
    )
    return {row.rule: row.rows for row in rows}
