"""What counts as a recurrence, who is at risk of it, and what ends it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracker.domain.errors import EstimateError
from tracker.estimate.risk_sets import Ints, RiskSets, Stays


@dataclass(frozen=True)
class Recurrence:
    """What is counted: entering one of the states ``into`` (from one of ``out_of``, when any are given).

    ``terminal``: states after which nothing more can happen (such as adult and dead); leaving observation is
    not one. ``at_risk`` matters to models only: states in which the event could happen; none given means
    every state that is not terminal.
    """

    into: tuple[str, ...]
    out_of: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ()
    at_risk: tuple[str, ...] = ()


def sources_of(data: RiskSets | Stays, event: Recurrence) -> list[int]:
    """The states in which a child is at risk."""
    if event.at_risk:
        return [data.states.index(name) for name in event.at_risk]
    return [h for h, name in enumerate(data.states) if name not in event.terminal]


def moves_of(data: RiskSets | Stays, event: Recurrence) -> tuple[list[int], list[int]]:
    """The transitions that are the event, and those that end it, out of the states at risk.

    Raises EstimateError for unknown states and events that cannot be.
    """
    named = [(data.states[a], data.states[b]) for a, b in data.transitions]
    for name in {*event.into, *event.terminal, *event.out_of, *event.at_risk} - set(data.states):
        raise EstimateError(
            f"There is no state «{name}» here; there are {', '.join(data.states)}. One of the chain that "
            "nobody came to is known when the states of the chain are given with the data (states)."
        )
    if not event.into or set(event.into) & set(event.terminal):
        raise EstimateError("A recurrence needs states to enter, none of which is terminal.")
    if event.at_risk and (outside := set(event.out_of) - set(event.at_risk)):
        raise EstimateError(f"Events out of {', '.join(sorted(outside))} happen to nobody at risk.")
    sources = set(event.at_risk or data.states)
    happened = [
        m
        for m, (a, b) in enumerate(named)
        if a in sources and b in event.into and (not event.out_of or a in event.out_of)
    ]
    return happened, [m for m, (a, b) in enumerate(named) if a in sources and b in event.terminal]


def picked(stays: Stays, rows: Ints) -> Stays:
    """The stays of the rows given, in their order."""
    named = ("subject", "stratum", "state", "entered", "left", "to", "weight")
    arrays = {name: getattr(stays, name)[rows] for name in named}
    return replace(stays, covariates=stays.covariates.iloc[rows].reset_index(drop=True), **arrays)


def stays_at_risk(stays: Stays, event: Recurrence) -> tuple[Stays, Ints, Ints]:
    """The stays in states at risk; which of them end in the event, and which in a terminal state (0 or 1).

    Raises EstimateError for unknown states.
    """
    happened, ended = moves_of(stays, event)
    kept = picked(stays, np.flatnonzero(np.isin(stays.state, sources_of(stays, event))))
    return kept, _ends_in(kept, happened), _ends_in(kept, ended)


def _ends_in(stays: Stays, moves: list[int]) -> Ints:
    """Whether each stay ends in one of the transitions given (0 or 1)."""
    wanted = np.zeros((len(stays.states), len(stays.states) + 1), np.int64)
    for move in moves:
        wanted[stays.transitions[move]] = 1
    ends: Ints = wanted[stays.state, stays.to]
    return ends
