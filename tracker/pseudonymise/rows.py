"""The rows of a delivery while identities are replaced: what became of each, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Generic, TypeVar

from tracker.domain.delivery import Claims
from tracker.domain.findings import Finding
from tracker.pseudonymise.identity_rules import Place, Text, finding

Cell = TypeVar("Cell")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Factor(Generic[Cell]):
    """A column as its different cells and, for each row, which of them it holds: work is done once a cell."""

    cells: Sequence[Cell]
    of_row: Sequence[int]

    @classmethod
    def of(cls, column: Iterable[Cell]) -> Factor[Cell]:
        """Take a column apart."""
        whole = list(column)
        cells = list(dict.fromkeys(whole))
        places = dict(zip(cells, range(len(cells)), strict=True))
        return cls(cells, list(map(places.__getitem__, whole)))

    def spread(self, results: Sequence[Result]) -> list[Result]:
        """One result a different cell, back to one a row."""
        return list(map(results.__getitem__, self.of_row))

    def rows_where(self, chosen: Sequence[bool]) -> list[int]:
        """Indices of the rows whose cell is chosen."""
        return list(compress(range(len(self.of_row)), self.spread(chosen)))


@dataclass
class Rows:
    """Rows by 0-based index, with the stops and findings gathered so far."""

    claims: Claims
    quarantined: dict[int, tuple[Finding, ...]] = field(default_factory=dict)
    set_aside: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quarantined.update(self.claims.quarantined)
        self.set_aside.update(self.claims.set_aside)
        self.findings.extend(self.claims.findings)

    def __len__(self) -> int:
        return len(self.claims.row_numbers)

    def usable(self, row: int) -> bool:
        """Whether nothing has stopped the row."""
        return row not in self.quarantined and row not in self.set_aside

    def all_usable(self) -> list[bool]:
        """``usable`` of every row."""
        usable = [True] * len(self)
        for row in chain(self.quarantined, self.set_aside):
            usable[row] = False
        return usable

    def quarantine(self, row: int, text: Text, name: str, found: str) -> None:
        """Stop a row by a rule about its field ``name``, beside what stopped it already."""
        place = self._place(row, name)
        self.quarantined[row] = (*self.quarantined.get(row, ()), finding(text, place, found))

    def put_aside(self, row: int, rule: str) -> None:
        """Set a row aside by a named rule."""
        self.set_aside.setdefault(row, rule)

    def remark(self, rows: Sequence[int], text: Text, name: str) -> None:
        """One finding for all rows of a kind, placed at the first; none for none."""
        if rows:
            self.findings.append(finding(text, self._place(rows[0], name), count=len(rows)))

    def _place(self, row: int, name: str) -> Place:
        claims = self.claims
        return Place(claims.sheet, claims.row_numbers[row], claims.letters.get(name, ""), (name,))
