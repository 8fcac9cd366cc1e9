"""One injury, as it is told and counted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Injury:
    """What was injured and when, whether it was hit before it was done, and what was wrong at once."""

    kind: str
    moment: str
    hit: bool
    problems: list[str] = field(default_factory=list)
    skipped: str = ""
