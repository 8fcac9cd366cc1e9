"""The event log in PostgreSQL: stage by COPY, decide and append set-wise, one transaction a delivery."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select, text

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import NotFound, RejectedFile
from tracker.domain.events import ChurningIds, Event, EventType, Kind
from tracker.domain.findings import Finding, Severity
from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.postgres.intake_ledger import (
    copy_findings,
    insert_attempt,
    last_attempt,
    register_files,
    write_findings,
    write_spellings,
)
from tracker.postgres.staging import copy_churning_ids, copy_stage
from tracker.postgres.standing import standing_rows
from tracker.postgres.tables import BATCH, EVENT, HEAD, STREAM, TOLD_IDS
from tracker.record.decide import delivery_body
from tracker.record.log import HOLD_SHARE, FileTaken, Head, Receipt, Registration
from tracker.record.stage import StagedDelivery

EVENT_COLUMNS = [
    EVENT.c[name]
    for name in (
        *("position", "event_type", "kind", "subject_id", "municipality", "record_type", "fact_id"),
        *("version", "replaces", "occurred_on", "delivery_no", "row_no", "body"),
    )
]


LOCK_DELIVERY = """
SELECT pg_advisory_xact_lock(hashtextextended('tracker.delivery', delivery_no))
FROM intake.delivery WHERE delivery_no = %s
"""

LOCK_STREAM = """
SELECT stream_id, pg_advisory_xact_lock(hashtextextended('tracker.stream', stream_id))
FROM projection.stream WHERE municipality = %s AND record_type = %s
"""

NEW_STREAM = (
    "INSERT INTO projection.stream (municipality, record_type) VALUES (%s, %s) ON CONFLICT DO NOTHING"
)

UNNUMBERED = 2_147_483_647
"""Stands for a delivery not taken in: it comes after every other of its extract date."""


class PostgresLog:
    """An ``EventLog`` behind a database URL. Every method is one transaction; safe from many processes."""

    def __init__(self, url: str) -> None:
        self.url = url

    def register(self, municipality: str, file_name: str, digest: bytes, size: int) -> Registration:
        """See ``EventLog.register``."""
        return self.register_all([FileTaken(municipality, file_name, digest, size)])[0]

    def register_all(self, files: Sequence[FileTaken]) -> list[Registration]:
        """``register`` for several files, in order, in one transaction."""
        if not files:
            return []
        with connect(self.url, Role.RECORDER) as connection:
            return register_files(connection, files)

    def load(
        self, delivery_no: int, staged: StagedDelivery, *, hold_share: float = HOLD_SHARE, retry: bool = False
    ) -> Receipt:
        """See ``EventLog.load``."""
        with connect(self.url, Role.RECORDER) as connection:
            _lock_delivery(connection, delivery_no)
            before = last_attempt(connection, delivery_no)
            if before and before.state is DeliveryState.LOADED and not retry:
                return before
            attempt = _Attempt(connection, delivery_no, before, staged)
            write_findings(connection, attempt.key, staged)
            write_spellings(connection, attempt.key, staged.wordings)
            return attempt.decide_and_append(hold_share)  # last: from appending to commit all others wait

    def preview(self, staged: StagedDelivery) -> Receipt:
        """What loading would do against the log as it stands; nothing is kept."""
        with connect(self.url, Role.RECORDER) as connection:
            receipt = _Attempt(connection, UNNUMBERED, None, staged).preview()
            connection.rollback()
            return receipt

    def reject(self, delivery_no: int, rejected: RejectedFile) -> Receipt:
        """Record that a file could not be read: the delivery is visibly not in."""
        with connect(self.url, Role.RECORDER) as connection:
            _lock_delivery(connection, delivery_no)
            before = last_attempt(connection, delivery_no)
            if before and before.state is not DeliveryState.REJECTED:
                return before
            number = before.attempt + 1 if before else 1
            receipt = Receipt(delivery_no, number, DeliveryState.REJECTED, dict.fromkeys(Outcome, 0))
            insert_attempt(connection, receipt, rule=rejected.rule)
            finding = Finding(rejected.rule, Severity.FATAL, str(rejected), rejected.remedy)
            copy_findings(connection, (delivery_no, number), [(finding, False)])
            return receipt

    def receipt(self, delivery_no: int) -> Receipt | None:
        """The newest attempt at a delivery; None while it is only registered."""
        with connect(self.url, Role.READER) as connection:
            return last_attempt(connection, delivery_no)

    def events(self, after: int = 0, up_to: int | None = None) -> Iterator[Event]:
        """See ``EventLog.events``. Erased events are left out."""
        query = select(*EVENT_COLUMNS).where(EVENT.c.position > after, EVENT.c.erased_by.is_(None))
        if up_to is not None:
            query = query.where(EVENT.c.position <= up_to)
        with connect(self.url, Role.READER) as connection:
            yield from map(event_of, connection.execute(query.order_by(EVENT.c.position)))

    def churning_ids(self, up_to: int | None = None) -> Iterator[ChurningIds]:
        """See ``EventLog.churning_ids``."""
        query = select(TOLD_IDS).order_by(TOLD_IDS.c.position, TOLD_IDS.c.fact_id)
        if up_to is not None:
            query = query.where(TOLD_IDS.c.position <= up_to)
        with connect(self.url, Role.READER) as connection:
            for position, fact_id, day, ids in connection.execute(query):
                yield ChurningIds(position, fact_id.hex, day, json.loads(ids))

    def heads(self, municipality: str, record_type: str) -> Mapping[tuple[str, str], Head]:
        """See ``EventLog.heads``."""
        query = (
            select(HEAD)
            .join(STREAM, STREAM.c.stream_id == HEAD.c.stream_id)
            .where(STREAM.c.municipality == municipality, STREAM.c.record_type == record_type)
        )
        with connect(self.url, Role.READER) as connection:
            heads = [_head(row) for row in connection.execute(query)]
        return {(head.fact_id, head.type): head for head in heads}

    def position(self) -> int:
        """The last committed position; 0 for an empty log."""
        with connect(self.url, Role.READER) as connection:
            return int(connection.execute(select(func.max(BATCH.c.last_position))).scalar() or 0)


def event_of(row: Row[Any]) -> Event:
    """An event from a row of ``EVENT_COLUMNS``."""
    return Event(
        position=row.position,
        type=EventType(row.event_type),
        kind=Kind(row.kind),
        subject_id=row.subject_id,
        municipality=row.municipality,
        record_type=row.record_type,
        fact_id=row.fact_id.hex,
        version=row.version,
        replaces=row.replaces,
        occurred_on=row.occurred_on,
        delivery_no=row.delivery_no,
        row_no=row.row_no,
        body=json.loads(row.body),
    )


def _head(row: Row[Any]) -> Head:
    return Head(
        fact_id=row.fact_id.hex,
        type=row.event_type,
        version=row.version,
        position=row.position,
        live=row.live,
        subject_id=row.subject_id and str(row.subject_id),
        occurred_on=row.occurred_on,
        content=bytes(row.content).hex(),
    )


class _Attempt:
    """One attempt at loading a delivery, inside its transaction."""

    def __init__(
        self, connection: Connection, delivery_no: int, before: Receipt | None, staged: StagedDelivery
    ) -> None:
        self.connection, self.delivery_no, self.before, self.staged = connection, delivery_no, before, staged
        self.number = before.attempt + 1 if before else 1
        self.key = (delivery_no, self.number)
        self.stream = _stream_id(connection, staged.note.municipality, staged.note.record_type)

    def decide_and_append(self, hold_share: float) -> Receipt:
        self._stage()
        retractions, covered = self._decide()
        if covered and retractions / covered > hold_share:
            receipt = self._receipt(DeliveryState.HELD, retractions, covered)
        else:
            receipt = self._append(retractions, covered)
        insert_attempt(self.connection, receipt, self.stream, self.staged.note)
        return receipt

    def preview(self) -> Receipt:
        self._stage()
        retractions, covered = self._decide()
        outcomes, rules = self._counts()
        return Receipt(UNNUMBERED, 1, DeliveryState.RECEIVED, outcomes, rules, retractions, covered)

    def _stage(self) -> None:
        precedence = (self.staged.note.extracted_on, self.delivery_no)
        standing = standing_rows(self.connection, self.stream, precedence, self.staged)
        copy_stage(psycopg_connection(self.connection), self.staged, standing)

    def _decide(self) -> tuple[int, int]:
        note = self.staged.note
        given = {"stream": self.stream, "delivery": self.delivery_no, "extracted": note.extracted_on}
        period = {"full": note.full, "first": note.period.first, "last": note.period.last}
        row = self.connection.execute(
            text(
                "SELECT * FROM record.decide(:stream, :delivery, :extracted, :full, :first, :last, "
                "CAST(:opening AS record.event_type))"
            ),
            {**given, **period, "opening": self.staged.opening},
        ).one()
        return row.retractions, row.covered

    def _append(self, retractions: int, covered: int) -> Receipt:
        outcomes, rules = self._counts()
        copy_churning_ids(psycopg_connection(self.connection), *self.key, self.staged)
        self.connection.execute(select(func.record.write_ledger(*self.key)))
        first, last = self._write_events(outcomes)
        place = (outcomes, rules, retractions, covered, first, last)
        return Receipt(self.delivery_no, self.number, DeliveryState.LOADED, *place)

    def _receipt(self, state: DeliveryState, retractions: int, covered: int) -> Receipt:
        nothing = dict.fromkeys(Outcome, 0)
        return Receipt(self.delivery_no, self.number, state, nothing, {}, retractions, covered)

    def _counts(self) -> tuple[dict[Outcome, int], dict[str, int]]:
        rows = self.connection.execute(
            text("SELECT outcome::text, rule, count(*) FROM pg_temp.stage_row GROUP BY outcome, rule")
        ).all()
        outcomes = dict.fromkeys(Outcome, 0)
        for outcome, _, number in rows:
            outcomes[Outcome(outcome)] += number
        return outcomes, {rule: number for _, rule, number in rows if rule is not None}

    def _write_events(self, outcomes: Mapping[Outcome, int]) -> tuple[int, int]:
        note = self.staged.note
        row = self.connection.execute(
            text(
                "SELECT * FROM record.append(:delivery, :attempt, :municipality, :type, :extracted, "
                ":body, :replaces)"
            ),
            {
                "delivery": self.delivery_no,
                "attempt": self.number,
                "municipality": note.municipality,
                "type": note.record_type,
                "extracted": note.extracted_on,
                "body": delivery_body(self.staged, outcomes),
                "replaces": self.before.last_position if self.before else None,
            },
        ).one()
        return row.first_position, row.last_position


def _lock_delivery(connection: Connection, delivery_no: int) -> None:
    """Two loads of one file run one after the other; the second finds the first's work."""
    if psycopg_connection(connection).execute(LOCK_DELIVERY, [delivery_no]).fetchone() is None:
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")


def _stream_id(connection: Connection, municipality: str, record_type: str) -> int:
    """The stream's number, made when new; the stream stays locked until commit."""
    driver, key = psycopg_connection(connection), [municipality, record_type]
    while (found := driver.execute(LOCK_STREAM, key).fetchone()) is None:
        driver.execute(NEW_STREAM, key)
    return int(found[0])
