"""Codebooks: what a delivered wording means, from the package's code lists and the steward's decisions.

Events keep the wording; meaning is looked up here when timelines are built, so a better mapping
re-reads history. Nothing is guessed: a wording nobody has mapped is ``unmapped``, never "other".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType

from tracker.domain.codes import Code, MappingDecision
from tracker.domain.errors import NotFound
from tracker.harmonise.code_lists import CodeLists, package_code_lists
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
class _Scope:
    """Whose cell it is and when: what a decision's scope and validity are held against."""

    municipality: str
    system: str
    on: date | None

    def rank(self, decision: MappingDecision) -> tuple[bool, bool, int]:
        """Precedence of a decision that applies: municipality, then system, then the later number."""
        return bool(decision.municipality), bool(decision.system), decision.number

    def applies(self, decision: MappingDecision) -> bool:
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
class _Book:
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
        if not (self.municipalities or self.systems or self.breaks):
            return raw
        interval = -1 if on is None else bisect_right(self.breaks, on)
        return (
            raw,
            municipality if municipality in self.municipalities else "",
            system if system in self.systems else "",
            interval,
        )

    def interpret(self, raw: str, scope: _Scope) -> Reading:
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

    def lookup(self, spelling: str, scope: _Scope) -> tuple[str, ...] | None:
        """Codes of a normalised spelling; None when nobody knows it or its code is not valid that day."""
        standing = [d for d in self.decisions.get(spelling, ()) if scope.applies(d)]
        codes = max(standing, key=scope.rank).codes if standing else self.spellings.get(spelling)
        if codes is None:
            return None
        valid = all(scope.within(self.codes[c].valid_from, self.codes[c].valid_to) for c in codes)
        return codes if valid else None

    def _parts(self, raw: str, scope: _Scope) -> Reading:
        codes: dict[str, None] = {}
        unmapped: dict[str, None] = {}
        for spelling, found in self._segments(split(raw), ", ", scope):
            read = self._dashed(spelling, scope) if found is None else found
            if read is None:
                unmapped[spelling] = None
            else:
                codes |= dict.fromkeys(read)
        return Reading(tuple(codes), tuple(unmapped))

    def _dashed(self, spelling: str, scope: _Scope) -> tuple[str, ...] | None:
        """Codes of a wording split at its dashes, only when every part is known."""
        segments = self._segments(dash_parts(spelling), " - ", scope)
        if any(found is None for _, found in segments):
            return None
        return tuple(dict.fromkeys(code for _, found in segments for code in found or ()))

    def _segments(
        self, parts: Sequence[str], joint: str, scope: _Scope
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


@dataclass(frozen=True)
class Codebooks:
    """All codebooks at one version.

    ``version`` is the content hash of the package's lists and spellings, ``+``, and the highest
    decision number: equal versions read every cell alike.
    """

    version: str
    lists: Mapping[str, Mapping[str, Code]]
    decisions: tuple[MappingDecision, ...]
    _package: CodeLists = field(repr=False, compare=False)
    _books: Mapping[str, _Book] = field(repr=False, compare=False)

    @classmethod
    def load(cls, decisions: Sequence[MappingDecision] = ()) -> Codebooks:
        """The package's codebooks overlaid by the steward's decisions (every one ever made, any order).

        Raises ``NotFound`` when a standing decision names a codebook or code that does not exist.
        """
        package = package_code_lists()
        standing = standing_decisions(decisions)
        for decision in standing:
            _must_exist(package, decision)
        highest = max((decision.number for decision in decisions), default=0)
        books = {name: _book(package, name, standing) for name in package.lists}
        return cls(
            f"{package.digest}+{highest}", package.lists, tuple(standing), package, MappingProxyType(books)
        )

    def read(
        self, codebook: str, raw: str, municipality: str = "", system: str = "", on: date | None = None
    ) -> Reading:
        """The codes of one delivered cell.

        A decision for the municipality goes before one for its system, that before one for all, any
        before the package; the later number before the earlier. ``on`` is the day the row belongs to:
        decisions and codes not valid that day are not used. With ``on=None`` validity is not asked.
        Raises ``NotFound`` for an unknown codebook.
        """
        book = self._books.get(codebook)
        if book is None:
            raise NotFound(_no_codebook(codebook, self.lists))
        key = book.key(raw, municipality, system, on)
        reading = book.cache.get(key)
        if reading is None:
            reading = book.cache[key] = book.interpret(raw, _Scope(municipality, system, on))
        return reading

    def extra(self, codebook: str, code: str, column: str) -> str:
        """A further column of a code list, such as ``flow_class``; raises ``NotFound`` when absent."""
        try:
            return self._package.extras[codebook][code][column]
        except KeyError:
            raise NotFound(f"codebook {codebook!r} has no column {column!r} for code {code!r}") from None

    def known_spellings(self, codebook: str) -> Mapping[str, tuple[str, ...]]:
        """Every normalised spelling known for all municipalities, with its codes; for suggestions."""
        book = self._books.get(codebook)
        if book is None:
            raise NotFound(_no_codebook(codebook, self.lists))
        general = [d for ds in book.decisions.values() for d in ds if not (d.municipality or d.system)]
        decided = {d.spelling: d.codes for d in sorted(general, key=lambda d: d.number)}
        return {spelling: codes for spelling, codes in {**book.spellings, **decided}.items() if codes}


def standing_decisions(decisions: Iterable[MappingDecision]) -> list[MappingDecision]:
    """The decisions in force, by number: those not undone by a later decision that itself stands."""
    undone: set[int] = set()
    standing: list[MappingDecision] = []
    for decision in sorted(decisions, key=lambda d: d.number, reverse=True):
        if decision.number in undone:
            continue
        if decision.undoes is not None:
            undone.add(decision.undoes)
        else:
            standing.append(decision)
    return standing[::-1]


def _book(package: CodeLists, name: str, standing: Sequence[MappingDecision]) -> _Book:
    mine = [decision for decision in standing if decision.codebook == name]
    decisions = {d.spelling: tuple(e for e in mine if e.spelling == d.spelling) for d in mine}
    return _Book(
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


def _must_exist(package: CodeLists, decision: MappingDecision) -> None:
    if decision.codebook not in package.lists:
        raise NotFound(f"decision {decision.number}: {_no_codebook(decision.codebook, package.lists)}")
    for code in decision.codes:
        if code not in package.lists[decision.codebook]:
            raise NotFound(f"decision {decision.number}: {decision.codebook!r} has no code {code!r}")


def _no_codebook(name: str, lists: Mapping[str, object]) -> str:
    return f"there is no codebook {name!r}; known are {', '.join(sorted(lists))}"
