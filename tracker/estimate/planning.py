"""Before a regression is fitted: levels that cannot be estimated, references, and whether events suffice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.domain.errors import EstimateError
from tracker.estimate.recurrence_event import picked
from tracker.estimate.risk_sets import Stays

EVENTS_PER_COEFFICIENT = 5
"""Fewer are refused. Vittinghoff & McCulloch (2007), Am. J. Epidemiol. 165:710–718."""


@dataclass(frozen=True)
class Plan:
    """What a regression can be fitted to: the stays left, the terms with two levels or more and references.

    ``said`` tells, a sentence each, what was left out and why.
    """

    stays: Stays
    terms: tuple[str, ...]
    reference: Mapping[str, object]
    said: tuple[str, ...]


def planned(stays: Stays, happened: NDArray[np.bool_], terms: Sequence[str]) -> Plan:
    """The plan for these terms, all categories; ``happened``: which stays end in the event.

    Stays at a level without any event are left out (its coefficient would run to minus infinity), a term left
    with one level is left out, the commonest level is the reference. Raises EstimateError when no term is
    left, and for fewer than ``EVENTS_PER_COEFFICIENT`` events for each coefficient.
    """
    kept, said = np.ones(len(stays), bool), []
    for term in terms:
        values = stays.covariates[term]
        barren = [level for level in _levels(values) if not (values[happened] == level).any()]
        if barren and happened.any():
            rows = values.isin(barren).to_numpy()
            told = ", ".join(map(str, barren))
            said.append(f"{term} {told}: {int(rows.sum())} stays without an event are left out.")
            kept &= ~rows
    left = picked(stays, np.flatnonzero(kept))
    usable = [term for term in terms if len(_levels(left.covariates[term])) > 1]
    said += [f"{term} has one level only and is left out." for term in terms if term not in usable]
    _require_events(left, int(happened[kept].sum()), usable)
    reference = {term: left.covariates[term].value_counts().idxmax() for term in usable}
    return Plan(left, tuple(usable), reference, tuple(said))


def _levels(values: pd.Series) -> list[object]:
    return list(values.dropna().unique())


def _require_events(stays: Stays, events: int, terms: Sequence[str]) -> None:
    if not terms:
        raise EstimateError(f"No covariate has two levels with events ({events} events in all).")
    coefficients = sum(len(_levels(stays.covariates[term])) - 1 for term in terms)
    if events < EVENTS_PER_COEFFICIENT * coefficients:
        raise EstimateError(
            f"{events} events are too few for {coefficients} coefficients: at least "
            f"{EVENTS_PER_COEFFICIENT} for each are asked for."
        )
