"""Deciding against a held delivery: one more attempt at it, so that what was held stays recorded."""

from __future__ import annotations

from dataclasses import replace

from tracker import __version__
from tracker.domain.delivery import DeliveryState
from tracker.domain.errors import UsageError
from tracker.domain.findings import Finding
from tracker.postgres.engine import Role, connect, psycopg_connection
from tracker.postgres.event_log import LOCK_DELIVERY
from tracker.postgres.intake_ledger import copy_findings, last_attempt

DISMISS = """
    INSERT INTO intake.attempt (delivery_no, attempt, state, rule, stream_id, period_from, period_to, "full",
                                extracted_on, system, retractions, covered, software)
    SELECT delivery_no, attempt + 1, 'rejected', %s, stream_id, period_from, period_to, "full",
           extracted_on, system, retractions, covered, %s
    FROM intake.attempt WHERE delivery_no = %s ORDER BY attempt DESC LIMIT 1
"""


def dismiss(url: str, delivery_no: int, said: Finding) -> None:
    """Reject a held delivery under the rule of ``said``, which is kept as its finding.

    What the delivery declared of itself is carried over. Raises ``UsageError`` unless it is held, also
    when somebody confirmed it at the same moment.
    """
    with connect(url, Role.RECORDER) as connection:
        driver = psycopg_connection(connection)
        driver.execute(LOCK_DELIVERY.encode(), [delivery_no])
        held = last_attempt(connection, delivery_no)
        if held is None or held.state is not DeliveryState.HELD:
            raise UsageError(f"delivery {delivery_no} is not held; only a held one is dismissed")
        driver.execute(DISMISS.encode(), [said.rule, __version__, delivery_no])
        rejected = replace(held, attempt=held.attempt + 1, state=DeliveryState.REJECTED)
        copy_findings(connection, (delivery_no, rejected.attempt), [(said, False)])
