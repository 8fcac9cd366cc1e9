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

ALWAYS = date.max
"""The day of an id that stays."""


class Ids:
    """The ids of facts over all exports known."""

    def __init__(self, churning: Iterable[ChurningIds] = ()) -> None:
        self._told: dict[str, list[ChurningIds]] = defaultdict(list)
        for row in churning:
            self._told[row.fact_id].append(row)

    def shared(self, one: Fact, name: str, other: Fact, others_name: str) -> date | None:
        """The newest day whose export gave two fields one id; ``ALWAYS`` for an id that stays; or None."""
        mine = self._churning(one, name)
        if mine:
            common = mine.keys() & self._churning(other, others_name).keys()
            return max((mine[id] for id in common), default=None)
        same = set(_several(one[name])) & set(_several(other[others_name]))
        return ALWAYS if same else None

    def _churning(self, fact: Fact, name: str) -> dict[str, date]:
        """All a field ever held, each id with its export's day; nothing unless it stands by one of them."""
        told = {
            id: row.extracted_on
            for row in self._told.get(fact.fact_id, ())
            for id in _several(row.ids.get(name))
        }
        return told if any(id in told for id in _several(fact[name])) else {}


def _several(ids: str | Iterable[str] | None) -> tuple[str, ...]:
    return (ids,) if isinstance(ids, str) else tuple(ids or ())
