"""What a log says, apart from what chance and clock put in: for comparing two installations."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import psycopg

from tracker.domain.delivery import DeliveryState
from tracker.domain.events import Event
from tracker.postgres import reading
from tracker.postgres.event_log import PostgresLog

Said = tuple[Any, ...]
Content = Counter[tuple[Said, ...]]
"""How many subjects have exactly these events; what has no subject stands alone."""


def content(url: str, municipality: str = "") -> Content:
    """The log child by child, without subject ids, positions, delivery numbers and what derives from them.

    Everything else must agree: type, kind, version, day, row and body of every event, and which events
    are one child's.
    """
    of_subject: dict[str, list[Said]] = defaultdict(list)
    counted: Content = Counter()
    for event in PostgresLog(url).events():
        if municipality in ("", event.municipality):
            if event.subject_id is None:
                counted[(_said(event),)] += 1
            else:
                of_subject[event.subject_id].append(_said(event))
    return counted + Counter(tuple(sorted(events, key=repr)) for events in of_subject.values())


def _said(event: Event) -> Said:
    body = sorted((name, repr(value)) for name, value in event.body.items() if name != "other")
    what = (event.municipality, event.record_type, event.type.value, event.kind.value, event.version)
    return (*what, event.occurred_on, event.row_no, tuple(body))


def problems_of_accounting(url: str) -> list[str]:
    """Sentences about whatever does not add up: rows, positions, deliveries without an attempt."""
    wrong = []
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE tracker_reader")
        ledger: dict[int, int] = dict(connection.execute(LEDGER).fetchall())
        batches = connection.execute(
            "SELECT first_position, last_position FROM record.batch ORDER BY batch_no"
        ).fetchall()
    for delivery in reading.deliveries(url):
        name = f"delivery {delivery.delivery_no} ({delivery.municipality} {delivery.file_name})"
        if delivery.state is DeliveryState.RECEIVED:
            wrong.append(f"{name} was never attempted")
        elif delivery.rows_read != sum((delivery.outcomes or {}).values()):
            wrong.append(f"{name}: rows and outcomes differ")
        elif delivery.rows_read != ledger.get(delivery.delivery_no, 0):
            wrong.append(f"{name}: rows and ledger differ")
    positions = [event.position for event in PostgresLog(url).events()]
    if positions != list(range(1, len(positions) + 1)):
        wrong.append("positions have holes")
    if [first for first, _ in batches] != [1, *(last + 1 for _, last in batches)][: len(batches)]:
        wrong.append("batches do not follow each other")
    return wrong


LEDGER = """
    SELECT delivery_no, count(*) FROM intake.row_outcome o
    WHERE attempt = (SELECT max(attempt) FROM intake.attempt a WHERE a.delivery_no = o.delivery_no)
    GROUP BY delivery_no"""
