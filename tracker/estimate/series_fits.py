"""Monthly series of a snapshot with their regressions, or with the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.interrupted import Design, Interrupted
from tracker.estimate.interrupted_checks import Variant, fitted, variants
from tracker.projections.monthly_series import (
    Definition,
    Exposure,
    MonthlySeries,
    SeriesSource,
    monthly_series,
)


@dataclass(frozen=True)
class SeriesFit:
    """A series with its regression."""

    series: MonthlySeries
    fit: Interrupted

    @property
    def definition(self) -> Definition:
        """What is counted."""
        return self.series.definition

    @property
    def since(self) -> pd.Series:
        """The effect over all months since the break."""
        return self.fit.effects.iloc[-1]

    @property
    def changed(self) -> bool:
        """Whether the interval of the ratio of fitted to expected leaves out one."""
        return not self.since["ratio_lower"] <= 1 <= self.since["ratio_upper"]


@dataclass(frozen=True)
class Unfitted:
    """A series without regression: ``not_delivered``, or ``not_estimated`` though delivered; and why."""

    definition: Definition
    status: str
    why: str
    series: MonthlySeries | None = None


def fit_series(source: SeriesSource, definition: Definition) -> SeriesFit | Unfitted:
    """One series with its regression, as far as deliveries go."""
    try:
        series = monthly_series(source, definition)
    except EstimateError as refused:
        return Unfitted(definition, "not_delivered", str(refused))
    try:
        return SeriesFit(series, fitted(series.frame, Design(break_on=source.asked.break_on)))
    except EstimateError as refused:
        return Unfitted(definition, "not_estimated", str(refused), series)


def otherwise(source: SeriesSource, one: SeriesFit) -> Mapping[str, Variant]:
    """Other ways to analyse the series, some of them for other municipalities."""
    design = Design(break_on=source.asked.break_on)
    found = {variant.said: variant for variant in variants(one.series.frame, design)}
    others: list[tuple[str, Definition, Exposure | None]] = []
    if one.definition.complete:
        undeclared = replace(one.definition, complete=False)
        others.append(("all municipalities, completeness declared or not", undeclared, None))
    if not one.definition.share:
        others.append(("per child, where their number is told", one.definition, Exposure.CHILDREN))
    for said, definition, exposure in others:
        try:
            found[said] = Variant(said, monthly_series(source, definition, exposure).frame, design)
        except EstimateError:
            continue  # no municipality has it: there is nothing to set beside
    return found
