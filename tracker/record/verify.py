"""Verify: the log against its own commitments, and these against heads anchored outside the database.

Streams batch by batch; memory holds the tree's path, one erasure's ranges and the first problems found.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tracker.record.anchors import Anchor
from tracker.record.commitments import GENESIS, Header, MerkleTree, leaf

SHOWN = 100
"""Problems kept with their place; the rest are counted."""

ERASURES = ("SubjectErased", "MunicipalityErased")
"""Event types that say which positions were erased, and why."""


class Entry(NamedTuple):
    """One event as it stands in the database.

    ``envelope`` is the fields the leaf covers, each closed by U+001F; None where one that must be there
    is null. ``left`` is how many of the erasable columns still hold something.
    """

    position: int
    batch_no: int
    leaf: bytes
    salt: bytes | None
    envelope: str | None
    content: bytes | None
    body: str | None
    erased_by: int | None
    left: int


@dataclass(frozen=True)
class Problem:
    """What does not hold, and where: batch, position (None: of the whole batch), what differs."""

    batch_no: int | None
    position: int | None
    what: str


@dataclass(frozen=True)
class Erased:
    """Events erased under one erasure event, at ``position``."""

    position: int
    event_type: str
    legal_basis: str
    declared: int
    found: int


@dataclass(frozen=True)
class Verification:
    """What was looked at and what was found. ``anchored`` is the last position under a holding anchor."""

    batches: int = 0
    events: int = 0
    erased: int = 0
    anchors: int = 0
    anchored: int = 0
    erasures: Sequence[Erased] = ()
    problems: Sequence[Problem] = ()
    problem_count: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return self.problem_count == 0


END = 2**63 - 1


@dataclass(frozen=True)
class Ranges:
    """Positions as an erasure event lists them, and the event's own words."""

    event_type: str
    legal_basis: str
    ranges: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        """How many positions."""
        return sum(last - first + 1 for first, last in self.ranges)

    def __contains__(self, position: object) -> bool:
        """Whether a position is named."""
        if not isinstance(position, int):
            return False
        place = bisect_right(self.ranges, (position, END)) - 1
        return place >= 0 and self.ranges[place][0] <= position <= self.ranges[place][1]

    @classmethod
    def read(cls, event_type: str, body: str) -> Ranges:
        """From an erasure event's body: ``positions`` is "3-7,12", in order. A broken one names nothing."""
        try:
            told = json.loads(body)
            pairs = (part.partition("-") for part in told["positions"].split(",") if part)
            ranges = tuple((int(first), int(last or first)) for first, _, last in pairs)
            return cls(event_type, str(told["legal_basis"]), ranges)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls(event_type, "", ())


@dataclass
class _Found:
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, batch_no: int | None, position: int | None, what: str) -> None:
        self.count += 1
        if len(self.problems) < SHOWN:
            self.problems.append(Problem(batch_no, position, what))


def verify(
    headers: Iterable[Header],
    entries: Iterable[Entry],
    erasures: Mapping[int, Ranges],
    anchors: Sequence[Anchor],
    progress: Callable[[int], None] = lambda position: None,
) -> Verification:
    """Check everything; ``progress`` is told the position reached after each batch.

    ``headers`` come by batch number and ``entries`` by position. ``erasures`` are read from the erasure
    events, which are committed to and checked like any other. A log that holds batches but stands under
    no anchor is a problem: nothing outside the database speaks for it.
    """
    check = _Check(iter(entries), erasures, {anchor.batch_no: anchor for anchor in anchors})
    check.anchors_are_one_each(anchors)
    for header in headers:
        check.batch(header)
        progress(header.last_position)
    check.end()
    return check.result()


class _Check:
    def __init__(
        self, entries: Iterator[Entry], erasures: Mapping[int, Ranges], anchors: Mapping[int, Anchor]
    ) -> None:
        self.entries, self.erasures, self.anchors = entries, erasures, dict(anchors)
        self.waiting = next(entries, None)
        self.found = _Found()
        self.batch_no, self.position, self.hash = 0, 0, GENESIS
        self.events = self.erased = self.anchored = self.held = 0
        self.by_erasure = dict.fromkeys(erasures, 0)

    def anchors_are_one_each(self, anchors: Sequence[Anchor]) -> None:
        """Two anchors of one batch that differ cannot both be of this log."""
        for anchor in anchors:
            if self.anchors[anchor.batch_no].header_hash != anchor.header_hash:
                self.found.add(anchor.batch_no, None, "was anchored twice with different hashes")

    def batch(self, header: Header) -> None:
        number = header.batch_no
        if number != self.batch_no + 1:
            self.found.add(self.batch_no + 1, None, f"batch missing: the next one there is {number}")
        if header.previous_hash != self.hash:
            self.found.add(number, None, "previous hash is not the header hash of the batch before")
        if header.first_position != self.position + 1:
            self.found.add(number, None, f"first position is not {self.position + 1}")
        if header.recomputed() != header.header_hash:
            self.found.add(number, None, "header hash does not follow from the header's fields")
        if self._root(header) != header.merkle_root:
            at = f"{header.first_position}-{header.last_position}"
            self.found.add(number, None, f"Merkle root does not follow from the leaves of positions {at}")
        self._against_anchor(header)
        self.batch_no, self.position, self.hash = number, header.last_position, header.header_hash

    def _root(self, header: Header) -> bytes:
        tree, expected = MerkleTree(), header.first_position
        while self.waiting is not None and self.waiting.position <= header.last_position:
            entry = self.waiting
            if entry.position != expected:
                said = "missing" if entry.position > expected else "there twice or out of place"
                self.found.add(header.batch_no, min(expected, entry.position), f"event is {said}")
            self._entry(entry, header.batch_no)
            tree.add(entry.leaf)
            expected = entry.position + 1
            self.waiting = next(self.entries, None)
        if expected <= header.last_position:
            self.found.add(header.batch_no, expected, "event is missing")
        return tree.root()

    def _entry(self, entry: Entry, batch_no: int) -> None:
        self.events += 1
        if entry.batch_no != batch_no:
            self.found.add(batch_no, entry.position, f"event says it is of batch {entry.batch_no}")
        if entry.erased_by is not None:
            self._erased(entry, batch_no)
        elif entry.salt is None or entry.envelope is None or entry.content is None or entry.body is None:
            self.found.add(batch_no, entry.position, "event lacks a column and was not erased")
        elif leaf(entry.salt, entry.envelope, entry.content, entry.body) != entry.leaf:
            self.found.add(batch_no, entry.position, "event is not what its commitment was made of")

    def _erased(self, entry: Entry, batch_no: int) -> None:
        self.erased += 1
        if entry.left:
            self.found.add(batch_no, entry.position, "event is marked erased but still holds something")
        erasure = self.erasures.get(entry.erased_by or 0)
        if erasure is None or entry.position not in erasure:
            self.found.add(batch_no, entry.position, "event was erased without an erasure that names it")
        else:
            self.by_erasure[entry.erased_by or 0] += 1

    def _against_anchor(self, header: Header) -> None:
        anchor = self.anchors.pop(header.batch_no, None)
        if anchor is None:
            return
        if (anchor.header_hash, anchor.position) == (header.header_hash.hex(), header.last_position):
            self.anchored, self.held = header.last_position, self.held + 1
        else:
            since = f"after position {self.anchored}" if self.anchored else "from the beginning"
            what = f"header is not the one anchored at {anchor.anchored_at}; what changed lies {since}"
            self.found.add(header.batch_no, None, what)

    def end(self) -> None:
        """What is left over when the headers are read."""
        if self.waiting is not None:
            self.found.add(None, self.waiting.position, "events follow that belong to no batch")
        for anchor in self.anchors.values():
            what = f"batch was anchored at {anchor.anchored_at} and is gone"
            self.found.add(anchor.batch_no, None, what)
        for position, erasure in self.erasures.items():
            if self.by_erasure[position] != erasure.count:
                counted = f"{self.by_erasure[position]} of {erasure.count}"
                self.found.add(
                    None, position, f"only {counted} events this erasure names are erased under it"
                )
        if self.batch_no and not self.held and not self.found.count:
            self.found.add(None, None, "no head of this log is anchored; run: tracker anchor")

    def result(self) -> Verification:
        found = tuple(
            Erased(at, one.event_type, one.legal_basis, one.count, self.by_erasure[at])
            for at, one in self.erasures.items()
        )
        counts = (self.batch_no, self.events, self.erased, self.held, self.anchored)
        return Verification(*counts, found, tuple(self.found.problems), self.found.count)
