"""The rules by which facts are linked and episodes told apart, with their version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

LINK_RULES = "2"
"""Number of the link rule as written in ``sql/links_*.sql`` and ``evolve_links``; raised when it changes."""


class Unit(StrEnum):
    """Whose stays are followed: the child across municipalities, or the child within each."""

    CHILD = "child"
    CHILD_MUNICIPALITY = "child_municipality"


@dataclass(frozen=True)
class Rules:
    """Windows in days, both ends included, and the unit of the spells.

    An investigation may follow its referral by ``opened_within``; a decision its investigation's closing
    by ``decided_within``; a follow-up the end of its intervention by ``followed_up_within``. Closed for
    fewer than ``min_gap`` days, a child is still in the same episode.
    """

    opened_within: int = 30
    decided_within: int = 60
    followed_up_within: int = 60
    min_gap: int = 0
    unit: Unit = Unit.CHILD

    @property
    def version(self) -> str:
        """Rule number and hash of the parameters."""
        content = json.dumps(asdict(self), sort_keys=True)
        return f"{LINK_RULES}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
