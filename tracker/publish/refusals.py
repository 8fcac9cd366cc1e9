"""What an analysis could not honestly estimate: each refusal is told in the report, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tracker.domain.errors import EstimateError
from tracker.publish.findings import Section

Made = TypeVar("Made")


class Refusals:
    """Collects refusals; call it with what is to be made and how."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __call__(self, what: str, make: Callable[[], Made]) -> Made | None:
        """What ``make`` gives, or None when it refuses: then the reason is kept under the name ``what``."""
        try:
            return make()
        except EstimateError as refused:
            self.sentences.append(f"{what}: {refused}")
            return None

    def section(self) -> tuple[Section, ...]:
        """A section that tells them; nothing when nothing was refused."""
        return (Section("What could not be estimated", tuple(self.sentences)),) if self.sentences else ()
