"""Models of recurrence: Cox regressions whose rows, strata and clock say what happens again.

Andersen–Gill takes events as a stream whose rate the covariates change; Prentice–Williams–Peterson asks, of
those who have had so many, when the next comes; Wei–Lin–Weissfeld takes each event as a survival time of its
own from the start. The events of one child hang together, so standard errors are clustered on child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import CoxFit
from tracker.estimate.design import term_list
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_rows import (
    EVENT,
    NUMBER,
    OBSERVED,
    each_event,
    event_rows,
    since_last_event,
    up_to,
)
from tracker.estimate.regression import cox
from tracker.estimate.risk_sets import Stays

GapClock = Literal["total", "gap"]
"""Time since the start, or since the event before."""

_NEXT, _CHILD = (OBSERVED, EVENT), "subject"


def andersen_gill(
    stays: Stays,
    event: Recurrence,
    terms: str | Sequence[str],
    *,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Rates of the event by covariates, all events alike, clustered on child.

    ``terms``, ``ties``, ``strata`` and ``reference`` are those of ``cox``; the number of earlier events is
    at hand as ``event_number``. Terminal exits censor: the rate is that of those still there. Raises what
    ``cox`` and ``event_rows`` raise. Source: Andersen and Gill (1982), Ann. Statist. 10: 1100–1120; variance
    of Lin, Wei, Yang and Ying (2000), JRSS B 62: 711–730.
    """
    rows = event_rows(stays, event)
    fit = cox(rows, _NEXT, terms, ties=ties, strata=strata, cluster=_CHILD, reference=reference, level=level)
    return _named(fit, "Andersen–Gill", "Andersen and Gill (1982); Lin, Wei, Yang and Ying (2000)")


def prentice_williams_peterson(
    stays: Stays,
    event: Recurrence,
    terms: str | Sequence[str],
    *,
    clock: GapClock = "total",
    most: int | None = None,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Hazards of the next event among those who have had equally many, clustered on child.

    Each event number has a baseline of its own. ``clock``: time since the start, or since the event before
    (``since_last_event``). ``most``: only the first so many events, as few reach high numbers. Raises what
    ``cox`` and ``event_rows`` raise. Source: Prentice, Williams and Peterson (1981), Biometrika 68: 373–379.
    """
    if clock not in ("total", "gap"):
        raise EstimateError(f"Time runs in total or from gap to gap, not «{clock}».")
    rows = event_rows(stays, event)
    rows = rows if most is None else up_to(rows, _counted(most))
    rows = since_last_event(rows) if clock == "gap" else rows
    by = [*strata, NUMBER]
    fit = cox(rows, _NEXT, terms, ties=ties, strata=by, cluster=_CHILD, reference=reference, level=level)
    return _named(fit, f"Prentice–Williams–Peterson, {clock} time", "Prentice, Williams and Peterson (1981)")


def wei_lin_weissfeld(
    stays: Stays,
    event: Recurrence,
    terms: str | Sequence[str],
    *,
    most: int,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Hazards of the first, second … ``most``-th event from the start, effects common to all of them.

    Every child is at risk of each event until it has had it; each has a baseline of its own. Raises what
    ``cox`` and ``event_rows`` raise. Source: Wei, Lin and Weissfeld (1989), JASA 84: 1065–1073.
    """
    rows = each_event(event_rows(stays, event), _counted(most))
    by = [*strata, NUMBER]
    fit = cox(rows, _NEXT, terms, ties=ties, strata=by, cluster=_CHILD, reference=reference, level=level)
    return _named(fit, "Wei–Lin–Weissfeld, common effects", "Wei, Lin and Weissfeld (1989)")


def wei_lin_weissfeld_by_event(
    stays: Stays,
    event: Recurrence,
    terms: str | Sequence[str],
    *,
    most: int,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Hazards of the first, second … ``most``-th event from the start, effects of each its own.

    Terms are named «term × event_number: k»; their joint covariance allows for the same children being in
    all. Otherwise as ``wei_lin_weissfeld``.
    """
    rows = each_event(event_rows(stays, event), _counted(most))
    categories = pd.Categorical(rows.covariates[NUMBER].astype(str), [str(k + 1) for k in range(most)])
    rows = replace(rows, covariates=rows.covariates.assign(**{NUMBER: categories}))
    crossed = [f"{term}:{NUMBER}" for term in term_list(terms)]
    by = [*strata, NUMBER]
    fit = cox(rows, _NEXT, crossed, ties=ties, strata=by, cluster=_CHILD, reference=reference, level=level)
    return _named(fit, "Wei–Lin–Weissfeld, effects by event", "Wei, Lin and Weissfeld (1989)")


def _named(fit: CoxFit, name: str, source: str) -> CoxFit:
    method = replace(fit.method, name=name, source=f"{source}; {fit.method.source}")
    return replace(fit, method=method)


def _counted(most: int) -> int:
    if most < 1:
        raise EstimateError("A model of recurrence has at least one event.")
    return most
