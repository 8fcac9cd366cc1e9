"""One code list ready for reading: the package's spellings overlaid by the decisions that stand.

A cell of a list with several values is first tried whole, then split; a dash splits only when every part
is known, since it is as often part of a wording (``Konflikt - vårdnad``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tracker.domain.codes import Code, MappingDecision
from tracker.harmonise.code_lists import CodeLists
from tracker.harmonise.normalise import dash_parts, normalise, split

MULTI_VALUED = frozenset({"referral_reason"})
"""Code lists of which one cell may hold several codes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one cell says: its codes, and the normalised parts no codebook entry knows.

    Both are empty for a cell that gives nothing (empty, ``-``, ``uppgift saknas``).
    """

    codes: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cell it is and when: what a decision's scope and validity are held against."""

    municipality: str
    system: str
    on: date | None

    def rank(self, decision: MappingDecision) -> tuple[bool, bool, int]:
        """Precedence of a decision that applies: municipality, then system, then the later number."""
        return bool(decision.municipality), bool(decision.system), decision.number

    def applies(self, decision: MappingDecision) -> bool:
        """Whether the decision speaks of this cell."""
        return (
            decision.municipality in ("", self.municipality)
            and decision.system in ("", self.system)
            and self.within(decision.valid_from, decision.valid_to)
        )

    def within(self, first: date | None, last: date | None) -> bool:
        """Whether the day lies in the validity; an unknown day is never outside."""
        if self.on is None:
            return True
        return (first is None or first <= self.on) and (last is None or self.on <= last)


@dataclass(frozen=True)
class Book:
    """One code list ready for reading: package spellings, standing decisions, and a cache.

    ``breaks`` are the days on which a reading may change: between two breaks all days read alike,
    so the cache is keyed by interval, and by municipality and system only where decisions name them.
    """

    name: str
    codes: Mapping[str, Code]
    spellings: Mapping[str, tuple[str, ...]]
    decisions: Mapping[str, tuple[MappingDecision, ...]]
    municipalities: frozenset[str]
    systems: frozenset[str]
    breaks: tuple[date, ...]
    cache: dict[object, Reading] = field(default_factory=dict, repr=False, compare=False)

    def key(self, raw: str, municipality: str, system: str, on: date | None) -> object:
        """What the reading of a cell depends on; the cache is kept by it."""
        if not (self.municipalities or self.systems or self.breaks):
            return raw
        interval = -1 if on is None else bisect_right(self.breaks, on)
        return (
            raw,
            municipality if municipality in self.municipalities else "",
            system if system in self.systems else "",
            interval,
        )

    def interpret(self, raw: str, scope: Scope) -> Reading:
        """The reading of a cell, worked out anew."""
        exact = self.codes.get(raw.strip())
        if exact is not None and scope.within(exact.valid_from, exact.valid_to):
            return Reading((exact.code,))
        whole = normalise(raw)
        if not whole:
            return Reading()
        known = self.lookup(whole, scope)
        if known is not None:
            return Reading(known)
        return self._parts(raw, scope) if self.name in MULTI_VALUED else Reading(unmapped=(whole,))

    def lookup(self, spelling: str, scope: Scope) -> tuple[str, ...] | None:
        """Codes of a normalised spelling; None when nobody knows it or its code is not valid that day."""
        standing = [d for d in self.decisions.get(spelling, ()) if scope.applies(d)]
        codes = max(standing, key=scope.rank).codes if standing else self.spellings.get(spelling)
        if codes is None:
            return None
        valid = all(scope.within(self.codes[c].valid_from, self.codes[c].valid_to) for c in codes)
        return codes if valid else None

    def _parts(self, raw: str, scope: Scope) -> Reading:
        codes: dict[str, None] = {}
        unmapped: dict[str, None] = {}
        for spelling, found in self._segments(split(raw), ", ", scope):
            read = self._dashed(spelling, scope) if found is None else found
            if read is None:
                unmapped[spelling] = None
            else:
                codes |= dict.fromkeys(read)
        return Reading(tuple(codes), tuple(unmapped))

    def _dashed(self, spelling: str, scope: Scope) -> tuple[str, ...] | None:
        """Codes of a wording split at its dashes, only when every part is known."""
        segments = self._segments(dash_parts(spelling), " - ", scope)
        if any(found is None for _, found in segments):
            return None
        return tuple(dict.fromkeys(code for _, found in segments for code in found or ()))

    def _segments(
        self, parts: Sequence[str], joint: str, scope: Scope
    ) -> list[tuple[str, tuple[str, ...] | None]]:
        """Neighbouring parts joined where together they are one known wording, the longest first."""
        segments: list[tuple[str, tuple[str, ...] | None]] = []
        start = 0
        while start < len(parts):
            for stop in range(min(len(parts), start + _LONGEST_RUN), start, -1):
                spelling = joint.join(parts[start:stop])
                found = self.lookup(spelling, scope)
                if found is not None or stop == start + 1:
                    segments.append((spelling, found))
                    break
            start = stop
        return segments


_LONGEST_RUN = 4  # parts that may belong to one wording, as in "konflikt om vårdnad, boende, umgänge"


def book_of(package: CodeLists, name: str, standing: Sequence[MappingDecision]) -> Book:
    """The book of one code list with the standing decisions about it."""
    mine = [decision for decision in standing if decision.codebook == name]
    decisions = {d.spelling: tuple(e for e in mine if e.spelling == d.spelling) for d in mine}
    return Book(
        name,
        package.lists[name],
        package.spellings[name],
        decisions,
        frozenset(d.municipality for d in mine if d.municipality),
        frozenset(d.system for d in mine if d.system),
        _breaks([*package.lists[name].values(), *mine]),
    )


def _breaks(dated: Iterable[Code | MappingDecision]) -> tuple[date, ...]:
    days: set[date] = set()
    for entry in dated:
        days |= {entry.valid_from} if entry.valid_from else set()
        days |= {entry.valid_to + timedelta(days=1)} if entry.valid_to else set()
    return tuple(sorted(days))
