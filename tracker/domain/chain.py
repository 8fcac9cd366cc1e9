"""The chain of states a case passes through, declared as data.

A state is open from one event of a thing (a referral, an investigation, an intervention) to another. A
child can have several things open; its state is the furthest open one (highest rank), ``closed`` when
nothing is. Projection, validation and the picture in the documentation all read this declaration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any

import networkx as nx

from tracker.domain.errors import UsageError
from tracker.domain.events import EventType

CLOSED = "closed"
"""Nothing is open, after something was: rank 0 of every chain."""

ADULT, MOVED, DEAD = "adult", "moved", "dead"
"""What ends observation: growing out of the state by age, moving out, dying."""

SPANS = {
    (EventType.REFERRAL_RECEIVED, EventType.REFERRAL_CONCLUDED): "referrals",
    (EventType.INVESTIGATION_OPENED, EventType.INVESTIGATION_CLOSED): "investigations",
    (EventType.DECISION_MADE, EventType.INTERVENTION_STARTED): "interventions",
    (EventType.DECISION_MADE, EventType.INTERVENTION_ENDED): "interventions",
    (EventType.INTERVENTION_STARTED, EventType.INTERVENTION_ENDED): "interventions",
    (EventType.OPEN_SUPPORT_STARTED, EventType.OPEN_SUPPORT_ENDED): "open_support",
}
"""The opening and closing events a state may be declared with, and the record type that delivers both."""


@dataclass(frozen=True)
class State:
    """One state of the chain.

    ``adult_age`` is the age in whole years at which the state can no longer be held; a legal ground in
    ``adult_age_by_ground`` overrides it. ``leads_to`` are the states that may follow directly, including
    what may still be open underneath when this one closes.
    """

    name: str
    rank: int
    opened_by: EventType
    closed_by: EventType
    leads_to: tuple[str, ...]
    adult_age: int = 18
    adult_age_by_ground: tuple[tuple[str, int], ...] = ()
    label_sv: str = ""

    @property
    def record_type(self) -> str:
        """The record type that delivers the opening and the closing."""
        return SPANS[self.opened_by, self.closed_by]

    def age_limit(self, ground: str | None) -> int:
        """Age at which the state ends for a child held on this legal ground (None: not stated)."""
        return dict(self.adult_age_by_ground).get(ground or "", self.adult_age)


@dataclass(frozen=True)
class Chain:
    """States by rank, and what may follow when nothing is open.

    Raises UsageError when the declaration does not hold together.
    """

    states: tuple[State, ...]
    closed_leads_to: tuple[str, ...]
    closed_adult_age: int = 18
    name: str = "default"

    def __post_init__(self) -> None:
        if problems := list(_problems(self)):
            raise UsageError(f"The chain «{self.name}» does not hold together: {'; '.join(problems)}.")

    @cached_property
    def version(self) -> str:
        """Name and content hash: equal declarations have equal versions."""
        content = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return f"{self.name}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    @cached_property
    def by_name(self) -> dict[str, State]:
        """The states by name; ``closed`` and the absorbing states are not among them."""
        return {state.name: state for state in self.states}

    @cached_property
    def by_rank(self) -> dict[int, str]:
        """State names by rank, with ``closed`` at 0."""
        return {0: CLOSED} | {state.rank: state.name for state in self.states}

    def leads_to(self, name: str) -> tuple[str, ...]:
        """The states that may follow ``name`` directly, absorbing ones left out."""
        return self.closed_leads_to if name == CLOSED else self.by_name[name].leads_to

    def age_limit(self, name: str, ground: str | None) -> int:
        """Age at which a child can no longer be in ``name``."""
        return self.closed_adult_age if name == CLOSED else self.by_name[name].age_limit(ground)

    def observed_through(self, name: str) -> frozenset[str]:
        """Record types that must be covered for a stay in ``name`` to be observed.

        Its own and those of every state that may follow: a transition can only be seen where the record
        types of both its states are delivered in full.
        """
        involved = (name, *self.leads_to(name))
        return frozenset(self.by_name[state].record_type for state in involved if state != CLOSED)

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """States and allowed transitions; nodes carry ``rank`` and ``absorbing``."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        for rank, name in sorted(self.by_rank.items()):
            graph.add_node(name, rank=rank, absorbing=False)
        graph.add_nodes_from((name, {"rank": -1, "absorbing": True}) for name in (ADULT, MOVED, DEAD))
        for name in self.by_rank.values():
            graph.add_edges_from((name, other) for other in (*self.leads_to(name), ADULT, MOVED, DEAD))
        return graph


def _problems(chain: Chain) -> list[str]:
    names = [state.name for state in chain.states]
    ranks = [state.rank for state in chain.states]
    known = {CLOSED, *names}
    found = [] if names else ["it has no states"]
    if len(known) != len(names) + 1 or known & {ADULT, MOVED, DEAD}:
        found.append("state names must differ from each other and from closed, adult, moved and dead")
    if len(set(ranks)) != len(ranks) or min(ranks, default=1) < 1:
        found.append("ranks must be distinct whole numbers from 1")
    if unknown := {other for state in chain.states for other in state.leads_to} - known:
        found.append(f"states lead to unknown ones: {', '.join(sorted(unknown))}")
    if unknown := set(chain.closed_leads_to) - set(names):
        found.append(f"closed leads to unknown states: {', '.join(sorted(unknown))}")
    return found + _span_problems(chain)


def _span_problems(chain: Chain) -> list[str]:
    spans = [(state.opened_by, state.closed_by) for state in chain.states]
    found = [
        f"no record type both opens with {opened} and closes with {closed}"
        for opened, closed in spans
        if (opened, closed) not in SPANS
    ]
    if len(set(spans)) != len(spans):
        found.append("two states cannot be opened and closed by the same events")
    return found


_CARE: dict[str, Any] = {"adult_age": 21, "adult_age_by_ground": {"lvu_2": 18, "lvu_6": 20}}

_DEFAULT: dict[str, Any] = {
    "closed_leads_to": ["referral", "investigation"],
    "states": [
        {
            "name": "referral",
            "rank": 1,
            "opened_by": "ReferralReceived",
            "closed_by": "ReferralConcluded",
            "leads_to": ["investigation", CLOSED],
            "label_sv": "aktualisering",
        },
        {
            "name": "investigation",
            "rank": 2,
            "opened_by": "InvestigationOpened",
            "closed_by": "InvestigationClosed",
            "leads_to": ["granted", "intervention", "referral", CLOSED],
            "label_sv": "utredning",
        },
        {
            "name": "granted",
            "rank": 3,
            "opened_by": "DecisionMade",
            "closed_by": "InterventionStarted",
            "leads_to": ["intervention", "investigation", "referral", CLOSED],
            "label_sv": "beviljad, ej påbörjad",
            **_CARE,
        },
        {
            "name": "intervention",
            "rank": 4,
            "opened_by": "InterventionStarted",
            "closed_by": "InterventionEnded",
            "leads_to": ["granted", "investigation", "referral", CLOSED],
            "label_sv": "insats",
            **_CARE,
        },
    ],
}


@cache
def default_chain() -> Chain:
    """Referral, investigation, decision granted, intervention: the sorting chain of NUSO.

    Referral and investigation of a child end at 18; interventions and granted decisions can run to 21,
    except care because of the home (LVU 2 §), which ends at 18, and immediate custody (LVU 6 §), at 20.
    """
    return chain_from(_DEFAULT)


def chain_from(declared: Mapping[str, Any]) -> Chain:
    """A researcher's own chain from its declaration (as read from YAML).

    Keys as the fields of Chain and State; ``adult_age_by_ground`` a mapping. Raises UsageError.
    """
    try:
        states = tuple(_state_from(state) for state in declared["states"])
        rest = {key: value for key, value in declared.items() if key != "states"}
        return Chain(states, **rest | {"closed_leads_to": tuple(declared["closed_leads_to"])})
    except (KeyError, TypeError, ValueError) as wrong:
        raise UsageError(f"The declared chain cannot be read: {wrong}.") from wrong


def _state_from(declared: Mapping[str, Any]) -> State:
    given = dict(declared)
    given["opened_by"] = EventType(given["opened_by"])
    given["closed_by"] = EventType(given["closed_by"])
    given["leads_to"] = tuple(given["leads_to"])
    given["adult_age_by_ground"] = tuple(sorted(given.get("adult_age_by_ground", {}).items()))
    return State(**given)


def chain_diagram(chain: Chain) -> str:
    """The chain as a Mermaid state diagram, ending in a newline; the same text for the same chain."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {name}: {name} ({rank})" for rank, name in sorted(chain.by_rank.items())]
    moves = sorted((a, b) for a, b in chain.graph.edges if not chain.graph.nodes[b]["absorbing"])
    lines += [f"    {a} --> {b}" for a, b in moves]
    lines += [f"    {name} --> {ADULT}: {_limits(chain, name)}" for _, name in sorted(chain.by_rank.items())]
    lines += [f"    note right of {CLOSED}: any state --> {MOVED} or {DEAD}", f"    {ADULT} --> [*]"]
    return "\n".join(lines) + "\n"


def _limits(chain: Chain, name: str) -> str:
    if name == CLOSED:
        return f"at {chain.closed_adult_age}"
    state = chain.by_name[name]
    exceptions = "".join(f", {ground} at {age}" for ground, age in state.adult_age_by_ground)
    return f"at {state.adult_age}{exceptions}"
