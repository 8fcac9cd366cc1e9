"""Delivered spellings: the wordings of a delivery's code columns, counted, for the steward's queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from tracker.domain.delivery import Claims, Value


@dataclass(frozen=True)
class DeliveredSpelling:
    """A wording as delivered, and how many rows have it, from one municipality and system."""

    codebook: str
    municipality: str
    system: str
    raw: str
    count: int


def spellings(claims: Claims) -> list[DeliveredSpelling]:
    """The wordings in the usable rows of all code columns, the most frequent first."""
    unusable = claims.quarantined.keys() | claims.set_aside.keys()
    counts: Counter[tuple[str, str]] = Counter()
    for name, cells in claims.columns.items():
        codebook = claims.spec.by_name[name].codebook
        for raw, count in _counted(cells, unusable).items() if codebook else ():
            counts[codebook, str(raw)] += count
    return [
        DeliveredSpelling(codebook, claims.note.municipality, claims.note.system, raw, count)
        for (codebook, raw), count in counts.most_common()
    ]


def _counted(cells: Sequence[Value], unusable: Set[int]) -> Counter[Value]:
    counted = Counter(cells)
    counted.subtract(cells[row] for row in unusable)
    return Counter({raw: count for raw, count in counted.items() if raw is not None and count})
