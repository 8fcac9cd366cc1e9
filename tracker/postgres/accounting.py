"""Whether everything adds up: rows delivered with what became of them, positions with batches."""

from __future__ import annotations

from sqlalchemy import text

from tracker.postgres.engine import Role, connect

# Rows read, outcomes counted with the newest attempt, and the ledger of rows, where these differ.
ROWS = """
    WITH newest AS (SELECT DISTINCT ON (delivery_no) * FROM intake.attempt
                    ORDER BY delivery_no, attempt DESC),
         ledger AS (SELECT delivery_no, attempt, count(*) AS rows FROM intake.row_outcome GROUP BY 1, 2)
    SELECT n.delivery_no, n.rows_read,
           n.appended + n.corrected + n.unchanged + n.quarantined + n.set_aside, coalesce(l.rows, 0)
    FROM newest n LEFT JOIN ledger l USING (delivery_no, attempt)
    WHERE n.rows_read <> n.appended + n.corrected + n.unchanged + n.quarantined + n.set_aside
       OR n.rows_read <> coalesce(l.rows, 0)
    ORDER BY 1
"""
# Erased events keep their row, so a position without one is a loss.
POSITIONS = """
    SELECT (SELECT count(*) FROM record.event), (SELECT coalesce(max(position), 0) FROM record.event),
           (SELECT coalesce(max(last_position), 0) FROM record.batch)
"""
BATCHES = """
    SELECT count(*) FROM (SELECT batch_no, first_position,
        lag(batch_no, 1, 0::bigint) OVER w AS no_before, lag(last_position, 1, 0::bigint) OVER w AS end_before
        FROM record.batch WINDOW w AS (ORDER BY batch_no)) AS b
    WHERE batch_no <> no_before + 1 OR first_position <> end_before + 1
"""


def problems_of_accounting(url: str) -> list[str]:
    """A sentence about whatever does not add up; none is what must come back.

    Rows read = appended + corrected + unchanged + quarantined + set aside = rows in the ledger, for the
    newest attempt of every delivery; positions without holes; batches that follow each other.
    """
    with connect(url, Role.READER) as connection:
        rows = connection.execute(text(ROWS)).all()
        events, last, batched = connection.execute(text(POSITIONS)).one()
        broken = connection.execute(text(BATCHES)).scalar_one()
    wrong = [
        f"delivery {no}: {read} rows read, {counted} accounted for, {kept} in the ledger"
        for no, read, counted, kept in rows
    ]
    if not events == last == batched:
        wrong.append(f"{events} events, but positions end at {last} and batches at {batched}")
    if broken:
        wrong.append(f"{broken} batches do not follow the one before")
    return wrong
