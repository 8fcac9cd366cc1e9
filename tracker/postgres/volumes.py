"""What senders delivered, in numbers: live facts a month, wordings of coded cells a delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from tracker.postgres.engine import Role, connect

MONTHS = """
    SELECT s.municipality, s.record_type, date_trunc('month', h.occurred_on)::date, count(*)
    FROM projection.head h JOIN projection.stream s USING (stream_id)
    WHERE h.live AND h.occurred_on IS NOT NULL AND h.event_type::text = ANY (:opening)
    GROUP BY 1, 2, 3
"""
WORDINGS = """
    WITH newest AS (SELECT DISTINCT ON (delivery_no) * FROM intake.attempt
                    ORDER BY delivery_no, attempt DESC)
    SELECT p.delivery_no, d.municipality, s.record_type, p.field, p.codebook, p.wording,
           coalesce(n.system, ''), n.extracted_on, p.count
    FROM newest n JOIN intake.spelling p USING (delivery_no, attempt)
    JOIN intake.delivery d USING (delivery_no)
    JOIN projection.stream s USING (stream_id)
    WHERE n.state = 'loaded'
    ORDER BY n.extracted_on, p.delivery_no, p.field
"""


@dataclass(frozen=True)
class Delivered:
    """One wording of a coded field in one loaded delivery, and in how many rows it stood."""

    delivery_no: int
    municipality: str
    record_type: str
    field: str
    codebook: str
    wording: str
    system: str
    extracted_on: date
    rows: int

    def __repr__(self) -> str:
        return f"<Delivered {self.delivery_no} {self.field}>"


def facts_by_month(url: str, opening: Sequence[str]) -> dict[tuple[str, str], dict[date, int]]:
    """Live facts by municipality and record type, then by month of the event of an ``opening`` type."""
    found: dict[tuple[str, str], dict[date, int]] = {}
    with connect(url, Role.READER) as connection:
        for municipality, record_type, month, count in connection.execute(
            text(MONTHS), {"opening": list(opening)}
        ):
            found.setdefault((municipality, record_type), {})[month] = int(count)
    return found


def wordings_by_delivery(url: str) -> list[Delivered]:
    """Every wording of every loaded delivery, in order of extraction."""
    with connect(url, Role.READER) as connection:
        return [Delivered(*row) for row in connection.execute(text(WORDINGS))]
