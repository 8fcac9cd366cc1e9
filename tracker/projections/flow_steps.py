"""The steps of the sorting chain, the classes of each, and every path through them.

A referral (or an investigation opened from it) takes one path: its class at each step it reached. All
counts and denominators of the flow summary are sets of paths, so that what is in a denominator
follows from this declaration alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One sorting: ``onward`` is the class that goes on to the next step.

    ``known`` classes are outcomes and make up the denominator; ``pending`` may yet become known;
    ``missing`` cannot be known from what was delivered. The last two are counted, never a "no".
    """

    id: str
    onward: str
    known: Path
    pending: Path = ("open", "too_recent")
    missing: Path = ("not_delivered", "unmapped")

    @property
    def classes(self) -> Path:
        """Every class of the step, outcomes first."""
        return self.known + self.pending + self.missing


OUTSIDE = "outside_chain"
"""Granted although the step before did not say yes: counted at the step, outside its shares."""

INVESTIGATION = Step(
    "investigation",
    "opened",
    ("opened", "attached", "not_opened", "referred_elsewhere"),
    missing=("administrative", "not_delivered", "unmapped"),
)
NEED = Step("need", "yes", ("yes", "no"), missing=("not_delivered", "unmapped", "not_linked"))
GRANTED = Step("granted", "yes", ("yes", "no"), missing=("not_delivered", "unmapped", OUTSIDE))
STARTED = Step("started", "yes", ("yes", "no"), ("too_recent",), ("not_delivered",))
FOLLOWED_UP = Step("followed_up", "yes", ("yes", "no"), ("too_recent",), ("not_delivered",))
STEPS = (INVESTIGATION, NEED, GRANTED, STARTED, FOLLOWED_UP)

RETURNED = Step("returned", "yes", ("yes", "no"), missing=("left_observation", "not_delivered"))
"""Children, not paths: see the definition of the index day."""

CLOCK_14_DAYS = Step(
    "clock_14_days",
    "within",
    ("within", "late"),
    ("too_recent",),
    ("not_delivered", "unmapped", "not_in_risk_set"),
)
CLOCK_4_MONTHS = Step("clock_4_months", "within", ("within", "late"), ("too_recent",), ("not_delivered",))


def _paths(steps: tuple[Step, ...]) -> Iterator[Path]:
    """Paths that end at the first step's classes, then those that go on."""
    step, *later = steps
    for name in step.classes:
        if name == step.onward and later:
            yield from ((name, *rest) for rest in _paths(tuple(later)))
        elif name != OUTSIDE:
            yield (name,)


INVESTIGATION_PATHS: tuple[Path, ...] = (
    *_paths(STEPS[1:]),
    *((name, OUTSIDE) for name in NEED.classes if name not in (NEED.onward, "not_linked")),
)
"""Paths of an opened investigation, from the need step on."""

REFERRAL_PATHS: tuple[Path, ...] = (
    *((name,) for name in INVESTIGATION.classes if name != INVESTIGATION.onward),
    *((INVESTIGATION.onward, *path) for path in INVESTIGATION_PATHS),
)
"""Paths of a referral, from the investigation step on."""


def reaching(paths: tuple[Path, ...], depth: int, classes: Path) -> frozenset[int]:
    """Indexes of the paths whose class at step ``depth`` (0-based) is one of ``classes``."""
    return frozenset(i for i, path in enumerate(paths) if len(path) > depth and path[depth] in classes)


def settled(paths: tuple[Path, ...], steps: tuple[Step, ...], depth: int) -> frozenset[int]:
    """Indexes of the paths whose outcome as of step ``depth`` is known.

    They either have a known class there, or were sorted out with a known class at an earlier step.
    """

    def known(path: Path) -> bool:
        last = min(depth, len(path) - 1)
        return path[last] in steps[last].known

    return frozenset(i for i, path in enumerate(paths) if known(path))
