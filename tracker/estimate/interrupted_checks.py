"""How much a change of level or trend hangs on choices: the same series analysed otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.domain.periods import add_months
from tracker.estimate.interrupted import Design, Interrupted, interrupted_counts, interrupted_shares
from tracker.estimate.interrupted_terms import LEVEL_CHANGE, TREND_CHANGE, Season

TRANSITION_MONTHS = 3
"""Months from the break on that are left out, as a time of transition."""


@dataclass(frozen=True)
class Variant:
    """Another way to analyse a series, in words; ``frame`` are its months."""

    said: str
    frame: pd.DataFrame
    design: Design


def fitted(frame: pd.DataFrame, design: Design) -> Interrupted:
    """The segmented regression of shares where the frame has ``of``, else of counts."""
    return (interrupted_shares if "of" in frame else interrupted_counts)(frame, design)


def variants(frame: pd.DataFrame, design: Design) -> Iterator[Variant]:
    """Season otherwise, transition months left out, and a placebo: the break a year early, nothing later."""
    yield Variant("calendar months instead of harmonics", frame, replace(design, season=Season.MONTHS))
    yield Variant("no season", frame, replace(design, season=Season.NONE))
    months = tuple(add_months(design.break_on, number) for number in range(TRANSITION_MONTHS))
    out = replace(design, left_out=(*design.left_out, *months))
    yield Variant(f"the first {TRANSITION_MONTHS} months since left out", frame, out)
    early = date(design.break_on.year - 1, design.break_on.month, design.break_on.day)
    before = frame[pd.to_datetime(frame["period"]) < pd.Timestamp(design.break_on)]
    yield Variant(f"placebo on {early}", before, replace(design, break_on=early))


def changes(said: str, fit: Interrupted) -> dict[str, object]:
    """A row of a table of sensitivity: the two changes as ratios, and all months since together."""
    terms = fit.coefficients.frame.set_index("term")
    since = fit.effects.iloc[-1]
    told: dict[str, object] = {"analysis": said, "months": fit.months_before + fit.months_after}
    for name, term in (("level_change", LEVEL_CHANGE), ("trend_change_per_year", TREND_CHANGE)):
        told |= {name: terms.loc[term, "ratio"], f"{name}_lower": terms.loc[term, "lower"]}
        told |= {f"{name}_upper": terms.loc[term, "upper"]}
    return (
        told
        | {f"all_months_{key}": since[key] for key in ("ratio", "ratio_lower", "ratio_upper")}
        | {"status": "value"}
    )


def sensitivity(main: Interrupted, others: Mapping[str, Variant]) -> pd.DataFrame:
    """The main analysis and the others, a row each; one that cannot be made says why in ``status``."""
    rows = [changes("as shown", main)]
    for said, one in others.items():
        try:
            rows.append(changes(said, fitted(one.frame, one.design)))
        except EstimateError as refused:
            rows.append({"analysis": said, "status": f"not estimated: {refused}"})
    return pd.DataFrame(rows)
