"""A drawn cohort on a clock: as risk sets, from counts made where the spells lie, or as stays in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tracker.estimate.origin import about_cohort
from tracker.estimate.risk_sets import RiskSets, Stays, flow_counts, spells_as_stays
from tracker.projections.cohort import StudyCohort
from tracker.projections.engines import collected
from tracker.projections.flow_clock import CENSORING, Clock, moments, on_clock
from tracker.projections.flow_table import flow_table


def risk_sets(
    cohort: StudyCohort,
    clock: Clock,
    strata: Sequence[str] = (),
    *,
    states: Sequence[str] | None = None,
    transitions: Sequence[tuple[str, str]] | None = None,
    censored_by: Collection[str] = CENSORING,
    horizon: int | None = None,
) -> RiskSets:
    """The counts of the cohort's stays by stratum and moment; memory does not grow with the children.

    Arguments as of ``flow_table`` and ``flow_counts``; raises what they raise.
    """
    table = flow_table(cohort.ibis(), clock, strata, censored_by=censored_by, horizon=horizon)
    counted = collected(table).to_pandas()
    about = about_cohort(cohort, clock.value)
    return flow_counts(counted, strata, states=states, transitions=transitions, about=about)


def stays(
    cohort: StudyCohort,
    clock: Clock,
    strata: Sequence[str] = (),
    covariates: Sequence[str] = (),
    *,
    states: Sequence[str] | None = None,
    censored_by: Collection[str] = CENSORING,
) -> Stays:
    """The cohort's stays as arrays, for what needs persons: the subject is the child.

    With ``covariates`` and ``strata`` columns of the study spells. Raises what ``spells_as_stays`` raises.
    """
    spells = on_clock(cohort.ibis(), clock)
    at = moments(spells, clock, censored_by)
    named = list(dict.fromkeys([*strata, *covariates]))
    chosen = spells.select(
        *dict.fromkeys(["subject_id", "state", *named]),
        entered=at.entered_day,
        entered_step=at.entered_step,
        left=at.left_day,
        left_step=at.left_step,
        left_to=at.to_state,
    )
    return spells_as_stays(
        collected(chosen).to_pandas(),
        to_state="left_to",
        entered_step="entered_step",
        left_step="left_step",
        strata=strata,
        covariates=covariates,
        states=states,
        about=about_cohort(cohort, clock.value),
    )
