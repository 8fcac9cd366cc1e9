"""Which codes each row of the flow table counts, and which make up the denominators of its shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tracker.projections.flow_counts import Codes
from tracker.projections.flow_steps import (
    CLOCK_4_MONTHS,
    CLOCK_14_DAYS,
    INVESTIGATION,
    INVESTIGATION_PATHS,
    REFERRAL_PATHS,
    RETURNED,
    STEPS,
    Path,
    Step,
    reaching,
    settled,
)


@dataclass(frozen=True)
class Share:
    """Which codes make one share: numerator, denominator, and those that may still join it."""

    numerator: Codes
    denominator: Codes
    pending: Codes
    arrived: Codes


@dataclass(frozen=True)
class Line:
    """One row of the table before counting."""

    step: str
    name: str
    unit: str
    counted: Codes
    before: Share | None
    start: Share | None


@dataclass(frozen=True)
class CodeBook:
    """How codes hold a path and, with two ``flags``, whether not-opened is completely recorded."""

    paths: tuple[Path, ...]
    flags: int

    def of(self, paths: frozenset[int], complete_only: bool = False) -> Codes:
        """All codes of some paths; only where not-opened is complete if wished."""
        flags = range(self.flags - 1, self.flags) if complete_only else range(self.flags)
        return frozenset(path * self.flags + flag for path in paths for flag in flags)


REFERRALS = CodeBook(REFERRAL_PATHS, 2)
INVESTIGATIONS = CodeBook(INVESTIGATION_PATHS, 1)


def _before(book: CodeBook, steps: tuple[Step, ...], depth: int, name: str) -> Share:
    """Share of the units that reached the step; an opening share only where not-opened is complete."""
    step, complete = steps[depth], steps[depth] is INVESTIGATION
    known = book.of(reaching(book.paths, depth, step.known), complete)
    return Share(
        known & book.of(reaching(book.paths, depth, (name,))),
        known,
        book.of(reaching(book.paths, depth, step.pending), complete),
        book.of(reaching(book.paths, depth, step.classes)),
    )


def _start(book: CodeBook, steps: tuple[Step, ...], depth: int, name: str) -> Share:
    """Share of all units; only where not-opened is complete, where the book tells."""
    complete = book.flags > 1
    known = book.of(settled(book.paths, steps, depth), complete)
    pending = frozenset().union(*(reaching(book.paths, d, steps[d].pending) for d in range(depth + 1)))
    return Share(
        known & book.of(reaching(book.paths, depth, (name,))),
        known,
        book.of(pending, complete),
        book.of(frozenset(range(len(book.paths)))),
    )


def _step_lines(book: CodeBook, steps: tuple[Step, ...], unit: str) -> Iterator[Line]:
    """Lines of the chain's steps, class by class."""
    for depth, step in enumerate(steps):
        for name in step.classes:
            counted = book.of(reaching(book.paths, depth, (name,)))
            known = name in step.known
            before = _before(book, steps, depth, name) if known else None
            start = _start(book, steps, depth, name) if known else None
            yield Line(step.id, name, unit, counted, before, start)


def _class_lines(step: Step, unit: str) -> Iterator[tuple[Line, Share | None]]:
    """Lines of a step whose codes are its classes, each with its share."""
    codes = {name: frozenset((place,)) for place, name in enumerate(step.classes)}
    known = frozenset().union(*(codes[name] for name in step.known))
    pending = frozenset().union(*(codes[name] for name in step.pending))
    for name, counted in codes.items():
        share = Share(counted, known, pending, frozenset(range(len(codes)))) if name in step.known else None
        yield Line(step.id, name, unit, counted, share, None), share


def clock_lines(step: Step, unit: str) -> Iterator[Line]:
    """Lines of a clock; there is no share of the start."""
    yield from (line for line, _ in _class_lines(step, unit))


def returned_lines() -> Iterator[Line]:
    """Lines of the children's return; share of the step and of the start are the same."""
    yield from (replace(line, start=share) for line, share in _class_lines(RETURNED, "children"))


def referral_lines(unit: str) -> Iterator[Line]:
    """Lines counted from referrals, in ``referrals`` or in ``children``."""
    everything = REFERRALS.of(frozenset(range(len(REFERRAL_PATHS))))
    yield Line(RECEIVED, RECEIVED, unit, everything, None, None)
    yield from _step_lines(REFERRALS, STEPS, unit)


def investigation_lines() -> Iterator[Line]:
    """Lines counted from the investigations opened; none is unlinked."""
    everything = INVESTIGATIONS.of(frozenset(range(len(INVESTIGATION_PATHS))))
    yield Line(INVESTIGATION.id, INVESTIGATION.onward, "investigations", everything, None, None)
    lines = _step_lines(INVESTIGATIONS, STEPS[1:], "investigations")
    yield from (line for line in lines if line.name != "not_linked")


RECEIVED = "received"
FIRST_SORTING = (RECEIVED, INVESTIGATION.id, CLOCK_14_DAYS.id)
"""The steps that can be counted without a child id."""

ORDER = (RECEIVED, *(step.id for step in STEPS), RETURNED.id, CLOCK_14_DAYS.id, CLOCK_4_MONTHS.id)
"""Steps in the order they are told."""

UNITS = ("referrals", "investigations", "children")


def unfollowed_lines() -> Iterator[Line]:
    """For unlinkable referrals: the later steps, of which nothing can be counted."""
    for step in (*STEPS[1:], RETURNED):
        yield Line(step.id, step.onward, main_unit(step.id), frozenset(), None, None)


def main_unit(step: str) -> str:
    """The unit a step is usually told in."""
    named = {RECEIVED: "referrals", INVESTIGATION.id: "referrals", CLOCK_14_DAYS.id: "referrals"}
    return "children" if step == RETURNED.id else named.get(step, "investigations")
