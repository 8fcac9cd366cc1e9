"""Raw tables: what a reader found in a file, before anybody looked for headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tracker.domain.delivery import Cell


@dataclass(frozen=True)
class Limits:
    """What one file may cost; sizes in bytes, times in seconds (docs: bad input).

    ``cells`` bounds the rectangle up to the farthest filled cell, because the reader allocates it all.
    """

    file_size: int = 50_000_000
    entries: int = 2_000
    inflated: int = 500_000_000
    ratio: int = 200
    cells: int = 30_000_000
    columns: int = 1_000
    line_length: int = 100_000
    memory: int = 1_500_000_000
    cpu_seconds: int = 120
    wall_seconds: int = 240


@dataclass(frozen=True)
class Hints:
    """How the delivering system usually writes text files; empty where unknown."""

    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True)
class RawTable:
    """One sheet or text file: equally long columns, and the row number Excel (or an editor) shows.

    Blank text is None once the table has left the reading process.

    ``broken`` maps row index → file rule for rows that could not be cut into cells; ``short`` lists rows
    with too few cells; ``uncalculated`` the (row index, column index) of formulas without a value;
    ``merged`` the merged ranges as (first row, first column, last row, last column), 0-based.
    """

    sheet: str
    columns: Sequence[Sequence[Cell]] = field(repr=False)
    row_numbers: Sequence[int]
    broken: Mapping[int, str] = field(default_factory=dict)
    short: Sequence[int] = ()
    uncalculated: Sequence[tuple[int, int]] = ()
    merged: Sequence[tuple[int, int, int, int]] = ()

    def row(self, index: int) -> tuple[Cell, ...]:
        """The cells of one row."""
        return tuple(column[index] for column in self.columns)


@dataclass(frozen=True)
class Problem:
    """A finding on its way out of the reading process: rule, values for its text, and place."""

    rule: str
    values: Mapping[str, str | int] = field(default_factory=dict)
    row: int | None = None
    count: int = 1


class Unreadable(Exception):
    """Raised by readers: the file breaks a FATAL file rule; becomes a ``RejectedFile``."""

    def __init__(self, rule: str, **values: str | int) -> None:
        super().__init__(rule)
        self.rule = rule
        self.values = values
