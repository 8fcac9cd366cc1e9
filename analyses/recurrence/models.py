"""How the rate of re-referral and the hazard of the next one depend on what is known of the child."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from analyses.recurrence.returns import COUNTED, LABELS, NEW, NUMBER, STATES
from tracker.desk.analyses import Study
from tracker.domain.chain import CLOSED
from tracker.estimate.from_cohort import stays
from tracker.estimate.planning import planned
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.recurrence_models import andersen_gill, prentice_williams_peterson
from tracker.estimate.risk_sets import Stays
from tracker.projections.flow_clock import Clock
from tracker.projections.waits import ordered
from tracker.publish.findings import Section
from tracker.publish.model_tables import Fitted, model_section
from tracker.publish.refusals import Refusals

TERMS = (NUMBER, "sex", "age_group", "referral_type")
"""Covariates of the models, where the cohort has them."""

TITLES = {
    "andersen_gill": "Rate of re-referral (Andersen–Gill)",
    "prentice_williams_peterson": "Hazard of the next re-referral (Prentice–Williams–Peterson, gap time)",
}

RETURN = replace(COUNTED["re_referral"], at_risk=(CLOSED,))
MOST_RETURNS = 4


def models(study: Study, refused: Refusals) -> list[Section]:
    """Both regressions, on the covariates the cohort has."""
    study.progress("models")
    terms = [name for name in TERMS if name in {one.name for one in study.cohort.spec.covariates}]
    every = stays(study.cohort, Clock.ENTRY, covariates=terms, states=STATES)
    data = replace(every, covariates=ordered(every.covariates, study.cohort))
    fitters = (("andersen_gill", _andersen_gill, terms), ("prentice_williams_peterson", _gaps, terms))
    made = [refused(TITLES[name], partial(fit, name, data, of, refused)) for name, fit, of in fitters]
    text = (
        "Andersen–Gill: the rate of re-referral by time since the first closing, while nothing is open; the "
        "number of earlier episodes is that of the closing the child is in. Prentice–Williams–Peterson: the "
        "hazard of the next re-referral by time since the closing, among children who have returned equally "
        f"often (to {MOST_RETURNS} returns). Standard errors are clustered on child.",
    )
    found = [model for model in made if model is not None]
    return [model_section("Models", text, found, LABELS)] if found else []


def _andersen_gill(name: str, data: Stays, terms: Sequence[str], refused: Refusals) -> Fitted:
    plan = planned(data, _returned(data), terms)
    fit = andersen_gill(plan.stays, RETURN, plan.terms, reference=plan.reference)
    check = refused(f"{TITLES[name]}: proportionality", partial(proportional_hazards, fit))
    return Fitted(name, TITLES[name], "re-referral after closing", fit, plan, check, "rate ratio")


def _gaps(name: str, data: Stays, terms: Sequence[str], refused: Refusals) -> Fitted:
    plan = planned(data, _returned(data), [term for term in terms if term != NUMBER])
    fit = prentice_williams_peterson(
        plan.stays, RETURN, plan.terms, clock="gap", most=MOST_RETURNS, reference=plan.reference
    )
    check = refused(f"{TITLES[name]}: proportionality", partial(proportional_hazards, fit))
    return Fitted(name, TITLES[name], "the next re-referral after closing", fit, plan, check)


def _returned(data: Stays) -> NDArray[np.bool_]:
    """Which stays end in a re-referral."""
    closed = data.state == data.states.index(CLOSED)
    returned: NDArray[np.bool_] = closed & np.isin(data.to, [data.states.index(name) for name in NEW])
    return returned
