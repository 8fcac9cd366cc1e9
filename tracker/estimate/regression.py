"""Cox regression of one transition, exactly, from counts or from spells.

Cause-specific and per-transition models are one fit for each transition. Delayed entry, strata, ties of whole
days, covariates that change (a spell split where they do) and weights are all in the counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.cox_fit import Asked, CoxFit, fit_sets
from tracker.estimate.design import design, term_list
from tracker.estimate.event_flows import Flows, flows_of_stays, flows_of_table
from tracker.estimate.event_sets import event_sets
from tracker.estimate.partial_likelihood import Ties
from tracker.estimate.results import About
from tracker.estimate.risk_sets import Stays
from tracker.estimate.robust_regression import robust


def cox(
    data: Stays | pd.DataFrame,
    transition: tuple[str, str],
    terms: str | Sequence[str],
    *,
    ties: Ties = "efron",
    strata: Sequence[str] = (),
    cluster: str | Sequence[object] | None = None,
    reference: Mapping[str, object] | None = None,
    level: float = 0.95,
    about: About | None = None,
) -> CoxFit:
    """The hazard of a transition (from, to) by covariates; every other way out of the state censors.

    ``data``: Stays, or a flow table (columns of the covariates and strata, ``state``, ``flow``, ``to_state``,
    ``day``, ``step``, ``count``). ``terms``: columns and products («sex:age_group»), see ``design``.
    ``strata``: columns with a baseline hazard for each combination; other columns are added over.
    ``cluster``: «subject», another column, or an id for each of the stays: the standard errors are then
    Lin–Wei's, the dfbeta residuals summed within cluster; without it, the inverse information's. A flow table
    holds no persons and takes none. Time is that of the data's clock; all k-th steps of a day are tied.
    Flow tables tell no persons apart: ``subjects`` and ``spells`` of the fit are then 0.

    Raises EstimateError for unknown columns, missing covariates, nobody at risk, no events, collinear
    columns, coefficients that run to infinity, and non-convergence. Sources: Cox (1972); Breslow (1974);
    Efron (1977); Lin & Wei (1989); Therneau & Grambsch (2000), ch. 3 and 7.
    """
    if ties not in ("efron", "breslow"):
        raise EstimateError(f"Ties are treated as efron or breslow, not «{ties}».")
    if cluster is not None and not isinstance(data, Stays):
        raise EstimateError("A flow table holds no persons: a robust variance needs the spells (Stays).")
    flows = _flows(data, transition, terms, strata)
    sets = event_sets(flows, " → ".join(transition))
    planned = design(flows.patterns, terms, reference, strata)
    known = about or (data.about if isinstance(data, Stays) else About())
    asked = Asked(transition, tuple(strata), ties, level, known, flows.subjects, flows.spells)
    fit = fit_sets(sets, planned, asked)
    return fit if cluster is None or not isinstance(data, Stays) else robust(fit, data, cluster)


def _flows(
    data: Stays | pd.DataFrame, transition: tuple[str, str], terms: str | Sequence[str], strata: Sequence[str]
) -> Flows:
    variables = list(dict.fromkeys(name for term in term_list(terms) for name in term.split(":")))
    if not variables:
        raise EstimateError("A regression needs at least one term.")
    if isinstance(data, Stays):
        return flows_of_stays(data, transition, variables, strata)[0]
    return flows_of_table(data, transition, variables, strata)
