"""The ledger of exports in PostgreSQL: appended, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from tracker.postgres.engine import Role, connect


@dataclass(frozen=True)
class Export:
    """One export as asked for. ``position`` is the snapshot's; ``manifest_hash`` the SHA-256 of its manifest.

    ``cohort`` is its name and version, empty for everyone; ``reason`` is needed with exact dates.
    """

    project: str
    form: str
    format: str
    exact_dates: bool
    reason: str
    cohort: str
    persons: int
    rows: int
    position: int
    codebook: str
    software: str
    manifest_hash: bytes


@dataclass(frozen=True)
class EnteredExport(Export):
    """One export as entered: its number, the login it was made with, and when."""

    number: int
    exported_by: str
    exported_at: datetime


_ASKED = tuple(Export.__dataclass_fields__)
_ENTERED = tuple(EnteredExport.__dataclass_fields__)


class PostgresExports:
    """The ledger behind a database URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def enter(self, export: Export) -> int:
        """Enter an export; returns its number. Who and when are the login's and the server's."""
        statement = text(
            f"INSERT INTO publish.export ({', '.join(_ASKED)}) VALUES ({', '.join(f':{n}' for n in _ASKED)}) "
            "RETURNING number"
        )
        with connect(self.url, Role.PUBLISHER) as connection:
            number = connection.execute(statement, vars(export)).scalar_one()
        return int(number)

    def entered(self) -> Sequence[EnteredExport]:
        """Every export ever made, in order."""
        query = text(f"SELECT {', '.join(_ENTERED)} FROM publish.export ORDER BY number")
        with connect(self.url, Role.READER) as connection:
            rows = connection.execute(query).mappings().all()
        return [EnteredExport(**{**row, "manifest_hash": bytes(row["manifest_hash"])}) for row in rows]
