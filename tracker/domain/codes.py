"""Codes: the closed vocabularies a delivered wording can be given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

UNMAPPED = "unmapped"
"""The class of a delivered wording no codebook entry knows: counted and queued, never guessed."""

NOT_GIVEN = "not_given"
"""The class of an empty cell."""


@dataclass(frozen=True)
class Code:
    """One entry of a code list. ``attested`` names the source, or ``ours``."""

    code: str
    label_sv: str
    label_en: str
    group: str
    attested: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class MappingDecision:
    """A steward's dated decision about one spelling; kept for ever, undone only by a later one.

    ``codes`` is empty for an undo. ``municipality`` and ``system`` narrow the scope when given.
    ``spelling`` is the normalised text.
    """

    number: int
    codebook: str
    spelling: str
    codes: tuple[str, ...]
    municipality: str = ""
    system: str = ""
    decided_by: str = ""
    decided_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    reason: str = ""
    undoes: int | None = None
