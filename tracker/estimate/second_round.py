"""The second round over municipalities: hazards of the sum go out, sums of squared influence come back.

A flow table has no children, so variances clustered on child need their spells once more, where they lie.
Both files are JSON with their own checksum; neither has a row for a person, but see
docs/flow-table-sharing.md for what they may reveal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tracker.domain.errors import UsageError
from tracker.estimate.influence import InfluenceTables, influence_tables
from tracker.estimate.occupation import Occupation, aalen_johansen
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Stays, flow_counts, where
from tracker.estimate.sealed_text import seal, sealed
from tracker.estimate.squared_influence import SquaredInfluence, squared_influence
from tracker.projections.flow_counting import Origin
from tracker.projections.flow_files import described, fingerprint, without_rows
from tracker.projections.flow_table import FlowTable
from tracker.projections.rules import Unit

HAZARDS = "tracker-hazards/1"
MUNICIPAL = "tracker-municipal-influence/1"
SAME = ("chain", "codebook", "rules", "unit", "clock", "strata", "horizon", "censored_by")
OWN = ("position", "software", "synthetic")
"""What the sums of a municipality say they were made by: as the hazards, and of its own snapshot."""

NOTHING_LEFT = 1e-9
"""What rounding may leave of sums that are zero, for each day of a horizon; a child is seldom as little."""


@dataclass(frozen=True)
class Hazards:
    """What goes out: the influence tables of the sum, and which sum (``of``, without its rows).

    ``counts`` is the fingerprint of the merged counts; ``since`` the day at whose end curves start. ``seal``
    is the checksum of the file.
    """

    of: FlowTable
    counts: str
    since: float | None
    tables: InfluenceTables
    seal: str = ""

    def to_json(self) -> str:
        """One text, sealed; floats come back to the last bit."""
        content = {"of": described(self.of), "counts": self.counts, "since": self.since}
        return seal(HAZARDS, content | {"influence": json.loads(self.tables.to_json())})

    @staticmethod
    def from_json(text: str, name: str) -> Hazards:
        """Of a text by ``to_json``, from the file ``name``. Raises UsageError when it was changed."""
        told = sealed(text, HAZARDS, name)
        tables = InfluenceTables.from_json(json.dumps(told["influence"]))
        return Hazards(without_rows(told["of"]), told["counts"], told["since"], tables, told["sha256"])

    @property
    def about(self) -> About:
        """Whose hazards these are."""
        return About(**self.of.about)


@dataclass(frozen=True)
class MunicipalInfluence:
    """What comes back of one municipality: its sums, and the seal of the hazards they were made with."""

    municipality: str
    hazards: str
    sums: SquaredInfluence
    asked: Mapping[str, Any]

    def to_json(self) -> str:
        """One text, sealed."""
        content = {"municipality": self.municipality, "hazards": self.hazards, **self.asked}
        return seal(MUNICIPAL, content | {"sums": json.loads(self.sums.to_json())})

    @staticmethod
    def from_json(text: str, name: str) -> MunicipalInfluence:
        """Of a text by ``to_json``, from the file ``name``. Raises UsageError when it was changed."""
        told = sealed(text, MUNICIPAL, name)
        sums = SquaredInfluence.from_json(json.dumps(told["sums"]))
        asked = {name: told[name] for name in (*SAME, *OWN)}
        return MunicipalInfluence(told["municipality"], told["hazards"], sums, asked)


def estimated(merged: FlowTable, since: float | None = None) -> Occupation:
    """State occupation from a merged table; raises what ``aalen_johansen`` raises."""
    risk = flow_counts(merged.frame(), merged.strata, about=About(**merged.about))
    return aalen_johansen(risk, since=since)


def hazards(
    merged: FlowTable, times: Sequence[float] = (), horizons: Sequence[float] = (), since: float | None = None
) -> Hazards:
    """What the municipalities of a merged table need for the second round.

    For occupation at the end of days ``times`` and expected time in state up to ``horizons``; curves start
    at the end of day ``since`` or, left out, when the first child entered. Raises UsageError for tables that
    do not add up (of linked children, of a cohort, of nobody named), EstimateError as the estimators do.
    """
    _require_municipal(merged)
    tables = influence_tables(estimated(merged, since), times, horizons)
    without = replace(merged, table=merged.table.slice(0, 0))
    return Hazards(without, fingerprint(merged), since, tables)


def _require_municipal(merged: FlowTable) -> None:
    if merged.unit is not Unit.CHILD_MUNICIPALITY:
        raise UsageError("The second round is for flow tables of the unit child_municipality, which add up.")
    if merged.cohort:
        raise UsageError(f"The flow table is of the cohort {merged.cohort}; the second round is of everyone.")
    if not all(source.municipalities for source in merged.sources):
        raise UsageError("A flow table for the second round must say which municipalities it is of.")


def require_same(asked: Hazards, origin: Origin, municipality: str) -> None:
    """Raise UsageError unless spells of ``origin`` are those the municipality sent its flow table of."""
    source = next((s for s in asked.of.sources if municipality in s.municipalities), None)
    if source is None:
        raise UsageError(f"Municipality {municipality} has no part in these hazards.")
    if source.position != origin.source.position:
        raise UsageError(
            f"The flow table of {municipality} was counted as of position {source.position}, this snapshot "
            f"is as of {origin.source.position}: use the snapshot the flow table was exported from."
        )
    for name in ("chain", "codebook", "rules"):
        theirs, ours = getattr(asked.of, name), getattr(origin, name)
        if theirs != ours:
            raise UsageError(f"The hazards are of another {name} than the snapshot: {theirs} / {ours}.")
    if source.synthetic != origin.source.synthetic:
        raise UsageError("Of hazards and snapshot one is synthetic and the other is not.")


def municipal_influence(
    stays: Stays, asked: Hazards, origin: Origin, municipality: str
) -> MunicipalInfluence:
    """The sums of one municipality from its stays; raises as ``require_same`` and ``squared_influence``."""
    require_same(asked, origin, municipality)
    sums = squared_influence(stays, asked.tables)
    told = described(asked.of)
    said = {name: told[name] for name in SAME} | {name: getattr(origin.source, name) for name in OWN}
    return MunicipalInfluence(municipality, asked.seal, sums, said)


def added(merged: FlowTable, asked: Hazards, parts: Sequence[MunicipalInfluence]) -> SquaredInfluence:
    """The sums of all municipalities of a merged table.

    Raises UsageError when the hazards are of another table or the sums of other hazards, for a municipality
    twice, missing or not in the table, and when the influences do not add up to zero: then a municipality
    did not sum over the children it had counted.
    """
    if fingerprint(merged) != asked.counts:
        raise UsageError("These hazards are of another flow table than the merged one.")
    if others := sorted(part.municipality for part in parts if part.hazards != asked.seal):
        raise UsageError(f"Sums were made with other hazards than these: {', '.join(others)}.")
    _require_each_once(merged, parts)
    total = reduce(add, (part.sums for part in parts))
    _require_zero(total)
    return total


def _require_each_once(merged: FlowTable, parts: Sequence[MunicipalInfluence]) -> None:
    times = Counter(part.municipality for part in parts)
    if twice := sorted(name for name, number in times.items() if number > 1):
        raise UsageError(f"Sums of a municipality are given more than once: {', '.join(twice)}.")
    if missing := sorted(set(merged.municipalities) - set(times)):
        raise UsageError(f"Sums are missing of municipalities in the flow table: {', '.join(missing)}.")
    if foreign := sorted(set(times) - set(merged.municipalities)):
        raise UsageError(
            f"Sums are of municipalities that the flow table does not hold: {', '.join(foreign)}."
        )


def _require_zero(total: SquaredInfluence) -> None:
    size = np.array([*(1.0 for _ in total.times), *(max(horizon, 1.0) for horizon in total.horizons)])
    left = np.abs(total.total / size[:, None]).max(axis=(1, 2), initial=0)
    if (left > NOTHING_LEFT).any():
        stratum = where(total.strata, int(np.argmax(left)))
        raise UsageError(
            "The influences of all municipalities do not add up to zero, as those of the children in the "
            f"flow table do{stratum}: a municipality has summed over other spells than it counted."
        )
