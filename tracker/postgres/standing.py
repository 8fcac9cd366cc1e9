"""Rows that say exactly what stands, as most of a repeated export does: staged as unchanged, without events.

The rule stays in the database (``record.decide``); this only spares it what cannot change anything.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import date

from sqlalchemy import Connection, select, tuple_

from tracker.domain.delivery import DeliveryState
from tracker.postgres.engine import psycopg_connection
from tracker.postgres.tables import ATTEMPT
from tracker.record.stage import StagedDelivery

FACT = 32
"""Hex digits of a fact's id, with which each line below begins."""

# As one text: the driver takes longer over a row than the server.
LIVE = """
SELECT string_agg(encode(uuid_send(fact_id) || content, 'hex') || event_type, E'\\n') FROM projection.head
WHERE stream_id = %s AND live
"""


def standing_rows(
    connection: Connection, stream: int, precedence: tuple[date, int], staged: StagedDelivery
) -> Set[int]:
    """Rows whose events are, all and alone, the live ones of their fact; none where a newer extract speaks.

    The stream must be locked: what stands may not change before the delivery is decided on.
    """
    if _newer(connection, stream, precedence):
        return frozenset()
    live = _live(connection, stream)
    if not live:
        return frozenset()
    said = [fact + content + kind for _, fact, kind, _, _, content, _ in staged.events]
    differing = {one[:FACT] for one in live.symmetric_difference(said)}
    return {no for no, fact, _ in staged.rows if fact not in differing}


def _newer(connection: Connection, stream: int, precedence: tuple[date, int]) -> bool:
    later = tuple_(ATTEMPT.c.extracted_on, ATTEMPT.c.delivery_no) > precedence
    loaded = ATTEMPT.c.state == DeliveryState.LOADED.value
    found = select(ATTEMPT.c.attempt).where(ATTEMPT.c.stream_id == stream, loaded, later).limit(1)
    return connection.execute(found).first() is not None


def _live(connection: Connection, stream: int) -> set[str]:
    """One text for each live event: fact, content and type."""
    row = psycopg_connection(connection).execute(LIVE, [stream]).fetchone()
    return set(row[0].split("\n")) if row and row[0] else set()
