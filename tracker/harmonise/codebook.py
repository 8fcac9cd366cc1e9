"""Codebooks: what a delivered wording means, from the package's code lists and the steward's decisions.

Events keep the wording; meaning is looked up here when timelines are built, so a better mapping
re-reads history. Nothing is guessed: a wording nobody has mapped is ``unmapped``, never "other".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from tracker.domain.codes import Code, MappingDecision
from tracker.domain.errors import NotFound
from tracker.harmonise.book import MULTI_VALUED, Book, Reading, Scope, book_of
from tracker.harmonise.code_lists import CodeLists, package_code_lists

__all__ = ["MULTI_VALUED", "Codebooks", "Reading", "standing_decisions"]


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
    _books: Mapping[str, Book] = field(repr=False, compare=False)

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
        books = {name: book_of(package, name, standing) for name in package.lists}
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
            reading = book.cache[key] = book.interpret(raw, Scope(municipality, system, on))
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


def _must_exist(package: CodeLists, decision: MappingDecision) -> None:
    if decision.codebook not in package.lists:
        raise NotFound(f"decision {decision.number}: {_no_codebook(decision.codebook, package.lists)}")
    for code in decision.codes:
        if code not in package.lists[decision.codebook]:
            raise NotFound(f"decision {decision.number}: {decision.codebook!r} has no code {code!r}")


def _no_codebook(name: str, lists: Mapping[str, object]) -> str:
    return f"there is no codebook {name!r}; known are {', '.join(sorted(lists))}"
