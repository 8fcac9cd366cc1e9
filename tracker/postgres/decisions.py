"""The steward's mapping decisions in PostgreSQL: appended, never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select

from tracker.domain.codes import MappingDecision
from tracker.postgres.engine import Role, connect
from tracker.postgres.tables import DECISION


class PostgresDecisions:
    """A ``DecisionStore`` behind a database URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def decisions(self) -> Sequence[MappingDecision]:
        """Every decision ever made, in order."""
        with connect(self.url, Role.READER) as connection:
            rows = connection.execute(select(DECISION).order_by(DECISION.c.number)).mappings().all()
        return [MappingDecision(**{**row, "codes": tuple(row["codes"])}) for row in rows]

    def append(self, decision: MappingDecision) -> MappingDecision:
        """Keep a decision; its number is given here, in order of appending."""
        values = {name: getattr(decision, name) for name in DECISION.c.keys() if name != "number"}  # noqa: SIM118 - columns, not a dict
        with connect(self.url, Role.RECORDER) as connection:
            statement = insert(DECISION).values(**{**values, "codes": list(decision.codes)})
            number = connection.execute(statement.returning(DECISION.c.number)).scalar_one()
        return MappingDecision(**{**values, "number": number})
