"""The steward's workbench: what is unmapped, and the decisions that map it. Append-only, dated.

Pure rules over a ``DecisionStore``; the store in PostgreSQL is elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from tracker.domain.codes import MappingDecision
from tracker.domain.errors import NotFound, UsageError
from tracker.harmonise.codebook import MULTI_VALUED, Codebooks, standing_decisions
from tracker.harmonise.normalise import normalise
from tracker.harmonise.spellings import DeliveredSpelling
from tracker.harmonise.suggest import Suggestion, suggest

_EXAMPLES = 3


class DecisionStore(Protocol):
    """Where mapping decisions are kept for ever."""

    def decisions(self) -> Sequence[MappingDecision]:
        """Every decision ever made, by number."""

    def append(self, decision: MappingDecision) -> MappingDecision:
        """Keep a decision; gives it back with the number it was given."""


class MemoryDecisionStore:
    """Decisions kept in memory: for tests and for trying a mapping before it is made."""

    def __init__(self, decisions: Iterable[MappingDecision] = ()) -> None:
        self._decisions = list(decisions)

    def decisions(self) -> Sequence[MappingDecision]:
        """Every decision ever made, by number."""
        return tuple(self._decisions)

    def append(self, decision: MappingDecision) -> MappingDecision:
        """Keep a decision under the next number."""
        kept = replace(decision, number=_next_number(self._decisions))
        self._decisions.append(kept)
        return kept


@dataclass(frozen=True)
class Unmapped:
    """A wording nobody has mapped: how often and from where it comes, and what it may mean."""

    codebook: str
    spelling: str
    count: int
    municipalities: tuple[str, ...]
    examples: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]


def queue(spellings: Iterable[DeliveredSpelling], codebooks: Codebooks) -> list[Unmapped]:
    """The unmapped wordings, the most frequent first.

    Wordings that normalise alike are one entry; ``examples`` are delivered forms, most frequent first.
    Validity dates are not asked: a code that is known but not valid on a row's day is not queued.
    """
    seen: dict[tuple[str, str], list[DeliveredSpelling]] = defaultdict(list)
    for delivered in spellings:
        reading = codebooks.read(delivered.codebook, delivered.raw, delivered.municipality, delivered.system)
        for part in reading.unmapped:
            seen[delivered.codebook, part].append(delivered)
    entries = [_entry(codebooks, *key, delivered) for key, delivered in seen.items()]
    return sorted(entries, key=lambda entry: (-entry.count, entry.codebook, entry.spelling))


def _entry(
    codebooks: Codebooks, codebook: str, spelling: str, delivered: Sequence[DeliveredSpelling]
) -> Unmapped:
    by_count = sorted(delivered, key=lambda d: (-d.count, d.raw))
    return Unmapped(
        codebook,
        spelling,
        sum(d.count for d in delivered),
        tuple(sorted({d.municipality for d in delivered})),
        tuple(dict.fromkeys(d.raw for d in by_count))[:_EXAMPLES],
        tuple(suggest(codebooks, codebook, spelling)),
    )


@dataclass(frozen=True)
class Proposal:
    """What a steward wants a wording to mean, for whom and for which days; empty scope means all."""

    codebook: str
    spelling: str
    codes: tuple[str, ...]
    municipality: str = ""
    system: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    reason: str = ""


def decision_for(
    proposal: Proposal, store: DecisionStore, decided_by: str, decided_on: date
) -> MappingDecision:
    """The decision a proposal would make, with the next number; nothing is kept (for a preview).

    Raises ``NotFound`` for an unknown codebook or code, ``UsageError`` for a proposal that says nothing
    or contradicts itself.
    """
    spelling = normalise(proposal.spelling)
    _check_proposal(proposal, spelling, Codebooks.load())
    return MappingDecision(
        number=_next_number(store.decisions()),
        codebook=proposal.codebook,
        spelling=spelling,
        codes=proposal.codes,
        municipality=proposal.municipality,
        system=proposal.system,
        decided_by=decided_by,
        decided_on=decided_on,
        valid_from=proposal.valid_from,
        valid_to=proposal.valid_to,
        reason=proposal.reason,
    )


def accept(proposal: Proposal, store: DecisionStore, decided_by: str, decided_on: date) -> MappingDecision:
    """Make the decision of a proposal and keep it; raises as ``decision_for``."""
    return store.append(decision_for(proposal, store, decided_by, decided_on))


def undo(
    number: int, store: DecisionStore, decided_by: str, decided_on: date, reason: str = ""
) -> MappingDecision:
    """Undo a standing mapping decision by a new one; the old one is kept.

    Raises ``NotFound`` when there is no such decision, ``UsageError`` when it is undone already or is
    itself an undo.
    """
    every = store.decisions()
    earlier = next((decision for decision in every if decision.number == number), None)
    if earlier is None:
        raise NotFound(f"there is no mapping decision {number}")
    if earlier.undoes is not None:
        raise UsageError(f"decision {number} is itself an undo; make the mapping again instead")
    if earlier not in standing_decisions(every):
        raise UsageError(f"decision {number} is undone already")
    return store.append(
        MappingDecision(
            number=_next_number(every),
            codebook=earlier.codebook,
            spelling=earlier.spelling,
            codes=(),
            municipality=earlier.municipality,
            system=earlier.system,
            decided_by=decided_by,
            decided_on=decided_on,
            reason=reason,
            undoes=number,
        )
    )


def _next_number(decisions: Iterable[MappingDecision]) -> int:
    return max((decision.number for decision in decisions), default=0) + 1


def _check_proposal(proposal: Proposal, spelling: str, codebooks: Codebooks) -> None:
    codes = codebooks.lists.get(proposal.codebook)
    if codes is None:
        known = ", ".join(sorted(codebooks.lists))
        raise NotFound(f"there is no codebook {proposal.codebook!r}; known are {known}")
    if not spelling:
        raise UsageError("the spelling is empty once normalised; there is nothing to map")
    if not proposal.codes:
        raise UsageError("no code is given; use undo to take a mapping away")
    unknown = [code for code in proposal.codes if code not in codes]
    if unknown:
        raise NotFound(f"{proposal.codebook} has no code {', '.join(unknown)}; known are {', '.join(codes)}")
    if len(proposal.codes) > 1 and proposal.codebook not in MULTI_VALUED:
        raise UsageError(f"a wording of {proposal.codebook} can mean one code only")
    _check_validity(proposal, codebooks)


def _check_validity(proposal: Proposal, codebooks: Codebooks) -> None:
    first, last = proposal.valid_from or date.min, proposal.valid_to or date.max
    if first > last:
        raise UsageError(f"the mapping would end ({last}) before it starts ({first})")
    for name in proposal.codes:
        code = codebooks.lists[proposal.codebook][name]
        if last < (code.valid_from or date.min) or first > (code.valid_to or date.max):
            raise UsageError(f"code {name} is not valid on any day of the mapping")
