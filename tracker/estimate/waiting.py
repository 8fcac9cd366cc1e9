"""Waits as stays, what ends them, and whether groups differ in it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tracker.domain.errors import EstimateError
from tracker.estimate.comparison import log_rank
from tracker.estimate.exits import leaving
from tracker.estimate.gray import gray_test
from tracker.estimate.recurrence import gap_incidence_robust
from tracker.estimate.results import About, Curves, Test
from tracker.estimate.risk_sets import RiskSets, Stays, spells_as_stays

WAITING = "waiting"


def waiting_stays(
    waits: pd.DataFrame,
    causes: Sequence[str],
    strata: Sequence[str] = (),
    covariates: Sequence[str] = (),
    about: About | None = None,
) -> Stays:
    """Waits (``projections.waits``) as stays in ``waiting``, left for one of ``causes``, occurring or not.

    All that happens on a day is tied: a wait begins at step 0 of its first day and ends at step 1 of its
    last; censoring comes after. Raises what ``spells_as_stays`` raises.
    """
    rows = waits.assign(state=WAITING, entered_step=0, left_step=1)
    return spells_as_stays(
        rows,
        entered_step="entered_step",
        left_step="left_step",
        strata=strata,
        covariates=covariates,
        states=(WAITING, *causes),
        transitions=[(WAITING, cause) for cause in causes],
        about=about,
    )


def incidence(stays: Stays) -> Curves:
    """The share of waits ended by each cause (key ``cause``), the others competing, clustered on child.

    Raises EstimateError when nobody waits.
    """
    if not len(stays):
        raise EstimateError("Nobody waits.")
    return gap_incidence_robust(stays, WAITING)


def compared(counts: RiskSets, cause: str, groups: Sequence[str]) -> tuple[Test, str]:
    """Do the groups differ in how a cause ends their waits: Gray's test of the incidence.

    Where that refuses (it does not allow delayed entry), the log-rank test of the hazard of the cause, all
    else censored, and the words of the refusal. Both take waits for independent. Raises EstimateError when
    neither can be given.
    """
    try:
        return gray_test(counts, WAITING, [cause], groups), ""
    except EstimateError as refused:
        hazard = leaving(counts, WAITING, [cause], others="censored")
        return log_rank(hazard, groups), str(refused)
