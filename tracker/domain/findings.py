"""Findings: what was wrong with, or worth saying about, a delivered file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How far a finding reaches: the file, the row, or only the reader's attention."""

    FATAL = "FATAL"  # the file is not used
    ERROR = "ERROR"  # the row is quarantined
    WARNING = "WARNING"  # the row loads; the sender should look
    INFO = "INFO"  # said aloud, nothing to do


@dataclass(frozen=True)
class Finding:
    """One finding, in plain Swedish, placed where the sender can see it.

    ``found`` is never the delivered value of an identity or free-text cell: there it is a shape
    (``9 siffror``). ``row`` is the row number shown in Excel (1-based), ``column`` its letter.
    ``count`` is how many rows share the finding when it stands for a group; ``row`` is then the first.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str = ""
    sheet: str = ""
    row: int | None = None
    column: str = ""
    fields: tuple[str, ...] = ()
    expected: str = ""
    found: str = ""
    count: int = 1


def column_letter(index: int) -> str:
    """Excel letter of a 0-based column index: 0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
