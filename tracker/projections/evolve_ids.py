"""What a fact is called, and calls others: one id for ever, or another in every export.

Where a system's ids churn, an id means something in one day's export alone, and two facts name each other if
in some export they do. Facts that stand by such an id are called all that any export called them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from tracker.domain.events import ChurningIds
from tracker.projections.evolve_facts import Fact


class Ids:
    """The ids of facts over all exports known."""

    def __init__(self, churning: Iterable[ChurningIds] = ()) -> None:
        self._told: dict[str, list[ChurningIds]] = defaultdict(list)
        for row in churning:
            self._told[row.fact_id].append(row)

    def shared(self, one: Fact, name: str, other: Fact, others_name: str) -> date | None:
        """The newest day on which two fields held one id: the last of all days for ids that stay; or None."""
        mine, theirs = self._of(one, name), self._of(other, others_name)
        return max((mine[id] for id in mine.keys() & theirs.keys()), default=None)

    def _of(self, fact: Fact, name: str) -> dict[str, date]:
        """The ids in a field, each with the day of its export."""
        standing = _several(fact[name])
        told = {
            id: row.extracted_on
            for row in self._told.get(fact.fact_id, ())
            for id in _several(row.ids.get(name))
        }
        churns = any(id in told for id in standing)
        return told if churns else dict.fromkeys(standing, date.max)


def _several(ids: str | Iterable[str] | None) -> tuple[str, ...]:
    return (ids,) if isinstance(ids, str) else tuple(ids or ())
