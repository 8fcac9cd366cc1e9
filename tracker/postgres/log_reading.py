"""Reading the log: one child's events, what deliveries declared, positions in time, all of it in bulk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import adbc_driver_postgresql.dbapi
import pyarrow as pa
from sqlalchemy import Connection, func, make_url, select

from tracker.domain.errors import DatabaseUnavailable
from tracker.domain.events import ChurningIds, Event, EventType, Kind
from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.postgres.event_log import EVENT_COLUMNS, event_of
from tracker.postgres.tables import BATCH, EVENT

ENVELOPE = """
    position, event_type::text, kind::text, subject_id::text, municipality, record_type,
    replace(fact_id::text, '-', ''), version, replaces, occurred_on, delivery_no, row_no, body
"""

# Links that name a subject as the other side are found by the partial index event_other_side.
OF_SUBJECTS = f"""
    SELECT {ENVELOPE} FROM record.event
    WHERE subject_id = ANY (%(subjects)s::text[]::uuid[]) AND position <= %(up_to)s
    UNION ALL
    SELECT {ENVELOPE} FROM record.event
    WHERE event_type IN ('SubjectsLinked', 'SubjectsUnlinked')
      AND (body::jsonb ->> 'other') = ANY (%(subjects)s::text[])
      AND subject_id <> ALL (%(subjects)s::text[]::uuid[]) AND position <= %(up_to)s
    ORDER BY 1
"""
CHURNING = """
    SELECT position, replace(fact_id::text, '-', ''), extracted_on, ids FROM intake.told_ids
    WHERE fact_id = ANY (%(facts)s::text[]::uuid[]) AND position <= %(up_to)s
"""
END_OF_LOG = 2**63 - 1


class ChildReader:
    """Reads children's events on one open connection: for timelines, one after the other.

    Straight through the driver, by one prepared statement that is planned once: planning it for each child
    would take longer than all the rest of reading.
    """

    def __init__(self, connection: Connection) -> None:
        self.driver = psycopg_connection(connection)
        self.driver.execute("SET LOCAL plan_cache_mode = force_generic_plan")

    def events(self, subject_id: str, up_to: int | None = None) -> list[Event]:
        """Live events of a subject and of every subject linked to it, in position order."""
        subjects = {subject_id}
        found = self._events_of(subjects, up_to)
        while more := _linked(found) - subjects:
            subjects |= more
            found = self._events_of(subjects, up_to)
        return _live(found)

    def churning_ids(self, events: Iterable[Event], up_to: int | None = None) -> list[ChurningIds]:
        """What exports whose ids churn called the facts of the events."""
        facts = sorted({event.fact_id for event in events})
        asked = {"facts": facts, "up_to": END_OF_LOG if up_to is None else up_to}
        rows = self.driver.execute(CHURNING, asked, prepare=True, binary=True)
        return [ChurningIds(position, fact, day, json.loads(ids)) for position, fact, day, ids in rows]

    def _events_of(self, subjects: Iterable[str], up_to: int | None) -> list[Event]:
        asked = {"subjects": sorted(subjects), "up_to": END_OF_LOG if up_to is None else up_to}
        return [_event(row) for row in self.driver.execute(OF_SUBJECTS, asked, prepare=True, binary=True)]


def _event(row: tuple[Any, ...]) -> Event:
    position, event_type, kind, subject_id, municipality, record_type, fact_id, version, *rest = row
    replaces, occurred_on, delivery_no, row_no, body = rest
    envelope = (municipality, record_type, fact_id, version, replaces, occurred_on, delivery_no, row_no)
    return Event(position, EventType(event_type), Kind(kind), subject_id, *envelope, json.loads(body))


@contextmanager
def child_reader(url: str) -> Iterator[ChildReader]:
    """A ``ChildReader`` on a connection of its own."""
    with connect(url, Role.READER) as connection:
        yield ChildReader(connection)


def position_at(url: str, moment: datetime) -> int:
    """The last position recorded at or before a moment; 0 before the first."""
    query = select(func.max(BATCH.c.last_position)).where(BATCH.c.recorded_at <= moment)
    with connect(url, Role.READER) as connection:
        return int(connection.execute(query).scalar() or 0)


def recorded_at(url: str, position: int) -> datetime | None:
    """When the batch holding a position was committed; None for position 0."""
    query = select(BATCH.c.recorded_at).where(
        BATCH.c.last_position >= position, BATCH.c.first_position <= position
    )
    with connect(url, Role.READER) as connection:
        return connection.execute(query).scalar()


BULK = """
    SELECT position, event_type::text AS event_type, kind::text AS kind, subject_id::text AS subject_id,
           municipality, record_type, replace(fact_id::text, '-', '') AS fact_id, version, replaces,
           occurred_on, delivery_no, row_no, body
    FROM record.event WHERE erased_by IS NULL AND position <= {up_to}
        AND event_type NOT IN ('SubjectErased', 'MunicipalityErased')
"""


BULK_IDS = """
    SELECT position, replace(fact_id::text, '-', '') AS fact_id, extracted_on, ids FROM intake.told_ids
    WHERE position <= {up_to}
"""


@contextmanager
def log_batches(url: str, up_to: int) -> Iterator[pa.RecordBatchReader]:
    """The log up to a position as Arrow batches, over ADBC; unordered, erased events left out."""
    with _batches(url, BULK.format(up_to=int(up_to))) as batches:
        yield batches


@contextmanager
def id_batches(url: str, up_to: int) -> Iterator[pa.RecordBatchReader]:
    """What exports whose ids churn called their facts, up to a position, as Arrow batches; unordered."""
    with _batches(url, BULK_IDS.format(up_to=int(up_to))) as batches:
        yield batches


@contextmanager
def _batches(url: str, query: str) -> Iterator[pa.RecordBatchReader]:
    address = make_url(url).set(drivername="postgresql", query={"options": f"-crole={Role.READER.value}"})
    with (
        _adbc_errors_named(),
        adbc_driver_postgresql.dbapi.connect(address.render_as_string(hide_password=False)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(query)
        yield cursor.fetch_record_batch()


def _linked(events: Iterable[Event]) -> set[str]:
    """Every subject that a link among the events names."""
    named: set[str] = set()
    for event in events:
        if event.type is EventType.SUBJECTS_LINKED and "other" in event.body:
            named |= {str(event.body["other"]), str(event.subject_id)}
    return named


def _live(events: Sequence[Event]) -> list[Event]:
    replaced = {event.replaces for event in events}
    return [e for e in events if e.position not in replaced and e.kind != "retracted"]


@contextmanager
def _adbc_errors_named() -> Iterator[None]:
    """What ADBC says can quote values too: only its SQLSTATE goes on."""
    try:
        yield
    except adbc_driver_postgresql.dbapi.Error as error:
        raise DatabaseUnavailable(
            f"the log could not be read in bulk (SQLSTATE {error.sqlstate or 'none'}); see: tracker db status"
        ) from None


def declared_deliveries(url: str, up_to: int) -> list[Event]:
    """What deliveries declared of themselves up to a position; what a later attempt replaced is left out."""
    query = (
        select(*EVENT_COLUMNS)
        .join(BATCH, BATCH.c.last_position == EVENT.c.position)  # each batch closes with its declaration
        .where(EVENT.c.position <= up_to, EVENT.c.event_type == EventType.DELIVERY_RECORDED)
        .order_by(EVENT.c.position)
    )
    with connect(url, Role.READER) as connection:
        return _live([event_of(row) for row in connection.execute(query)])
