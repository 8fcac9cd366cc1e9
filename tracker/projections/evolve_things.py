"""What a child has open and when, in plain Python: one thing for every stay a fact gives rise to.

An ending delivered without a day is taken to be the day of what it led to, or else the day of the
beginning, and marked as assumed. A thing still open counts as open until it was last seen: the day its
period was last read in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum

from tracker.domain.chain import Chain, State
from tracker.domain.codes import UNMAPPED
from tracker.domain.events import EventType
from tracker.domain.timeline import Link, LinkKind
from tracker.harmonise.codebook import Codebooks
from tracker.projections.coverage import Seen
from tracker.projections.evolve_facts import Fact
from tracker.projections.evolve_links import flow_class


class Ending(IntEnum):
    """How a thing stops being open, in the order in which endings of one day take effect."""

    CLOSED = 1
    LOST = 2  # last seen open, or left the flow for a reason that is no outcome
    MOVED = 3  # the child moved out of the municipality


@dataclass(frozen=True)
class Thing:
    """Something open from ``opened_on`` until ``ended_on`` (None: never known to end)."""

    state: str
    rank: int
    municipality: str
    opened_on: date
    ended_on: date | None
    ending: Ending
    assumed: bool = False
    legal_basis: str | None = None


@dataclass(frozen=True)
class _Context:
    seen: Seen
    codebooks: Codebooks
    led_to: Mapping[str, list[Fact]]  # fact id → the facts linked onwards
    tied: frozenset[str]


def find_things(
    facts: Sequence[Fact], links: Sequence[Link], chain: Chain, seen: Seen, codebooks: Codebooks
) -> list[Thing]:
    """Everything the child ever had open, on the states of the chain; moves out already taken account of."""
    context = _Context(seen, codebooks, _led_to(facts, links), _tied(links))
    things = [
        thing
        for state in chain.states
        for fact in facts
        if fact.record_type == state.record_type and fact.subject_id
        for thing in _THINGS[state.opened_by, state.closed_by](fact, state, context)
    ]
    return [_until_moved(thing, facts) for thing in things]


def _led_to(facts: Sequence[Fact], links: Sequence[Link]) -> dict[str, list[Fact]]:
    by_id = {fact.fact_id: fact for fact in facts}
    led: dict[str, list[Fact]] = {}
    for link in links:
        if link.from_id and link.to_id and link.to_id in by_id:
            led.setdefault(link.from_id, []).append(by_id[link.to_id])
    return led


def _tied(links: Iterable[Link]) -> frozenset[str]:
    """Referrals whose investigation is ambiguous."""
    return frozenset(
        link.from_id
        for link in links
        if link.kind is LinkKind.REFERRAL_INVESTIGATION and link.from_id and not link.to_id
    )


def _referral(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    flow = flow_class(fact, context.codebooks)
    if flow == "attached":  # part of what it was attached to, not a stage of its own
        return
    received, concluded = fact["received_on"], fact["concluded_on"]
    opened = next((i["opened_on"] for i in context.led_to.get(fact.fact_id, ())), None)
    if not (flow or concluded or opened):
        yield _open(fact, state, received, context)
        return
    unseen = flow == "opened" and not opened and fact.fact_id not in context.tied
    ending = Ending.LOST if unseen or flow == "administrative" else Ending.CLOSED
    told = [concluded, opened] if flow == "opened" else [concluded or opened]
    yield _ended(fact, state, (received, *told), ending, concluded is None)


def _investigation(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    opened, closed = fact["opened_on"], fact["closed_on"]
    if "closed_on" not in fact.told:
        yield _open(fact, state, opened, context)
        return
    decided = [v["decided_on"] for v in context.led_to.get(fact.fact_id, ()) if v["decided_on"] >= opened]
    yield _ended(fact, state, (opened, closed or min(decided, default=None)), Ending.CLOSED, closed is None)


def _granted(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    decided, started = fact["decided_on"], fact["started_on"]
    if _is_granted(fact) and not (started and started < decided):
        ended = started or fact["ended_on"]
        yield from _between(fact, state, (decided, ended), context)


def _decision(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    if _is_granted(fact):
        yield from _between(fact, state, (fact["decided_on"], fact["ended_on"]), context)


def _intervention(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    if fact["started_on"]:
        yield from _between(fact, state, (fact["started_on"], fact["ended_on"]), context)


def _open_support(fact: Fact, state: State, context: _Context) -> Iterator[Thing]:
    yield from _between(fact, state, (fact["started_on"], fact["ended_on"]), context)


_E = EventType
_THINGS = {
    (_E.REFERRAL_RECEIVED, _E.REFERRAL_CONCLUDED): _referral,
    (_E.INVESTIGATION_OPENED, _E.INVESTIGATION_CLOSED): _investigation,
    (_E.DECISION_MADE, _E.INTERVENTION_STARTED): _granted,
    (_E.DECISION_MADE, _E.INTERVENTION_ENDED): _decision,
    (_E.INTERVENTION_STARTED, _E.INTERVENTION_ENDED): _intervention,
    (_E.OPEN_SUPPORT_STARTED, _E.OPEN_SUPPORT_ENDED): _open_support,
}


def _is_granted(fact: Fact) -> bool:
    """Granted, or started without a readable word on the decision: the start then implies the grant."""
    return fact["granted"] == "yes" or (
        fact["granted"] in (None, UNMAPPED) and fact["started_on"] is not None
    )


def _between(fact: Fact, state: State, days: tuple[date, date | None], context: _Context) -> Iterator[Thing]:
    if days[1] is None:
        yield _open(fact, state, days[0], context)
    else:
        yield _ended(fact, state, days, Ending.CLOSED, False)


def _ended(
    fact: Fact, state: State, days: tuple[date, *tuple[date | None, ...]], ending: Ending, assumed: bool
) -> Thing:
    """A thing from the first of the days to the latest that is known."""
    last = max(day for day in days if day)
    basis = fact.values.get("legal_basis")
    return Thing(state.name, state.rank, fact.municipality, days[0], last, ending, assumed, basis)


def _open(fact: Fact, state: State, opened_on: date, context: _Context) -> Thing:
    """A thing not known to have ended: open until it was last seen."""
    seen = context.seen.last_read(fact.municipality, fact.record_type, fact.day, fact.delivery_no)
    ended_on = max(opened_on, seen) if seen else None
    basis = fact.values.get("legal_basis")
    return Thing(state.name, state.rank, fact.municipality, opened_on, ended_on, Ending.LOST, False, basis)


def _until_moved(thing: Thing, facts: Iterable[Fact]) -> Thing:
    """The thing, ended by the first move out of its municipality if that comes before its own end."""
    moves = [
        fact["known_on"]
        for fact in facts
        if fact.record_type == "child_facts"
        and fact["fact"] == "moved_out"
        and fact.municipality == thing.municipality
        and fact["known_on"] >= thing.opened_on
    ]
    moved = min(moves, default=None)
    if moved is None or (thing.ended_on is not None and _ends_before(thing, moved)):
        return thing
    return replace(thing, ended_on=moved, ending=Ending.MOVED, assumed=False)


def _ends_before(thing: Thing, moved: date) -> bool:
    assert thing.ended_on
    return thing.ended_on < moved or (thing.ended_on == moved and thing.ending is Ending.CLOSED)
