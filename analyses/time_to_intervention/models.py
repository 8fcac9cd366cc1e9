"""Cause-specific hazards of granted and started interventions, with subdistribution hazards beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from analyses.time_to_intervention.origins import INTO, LABELS, ORIGINS, causes, waits_of
from tracker.desk.analyses import Study
from tracker.estimate.fine_gray import fine_gray
from tracker.estimate.planning import Plan, planned
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.regression import cox
from tracker.estimate.waiting import WAITING, waiting_stays
from tracker.projections.flow_clock import Clock
from tracker.publish.findings import Section, Table
from tracker.publish.model_tables import Fitted, model_section
from tracker.publish.refusals import Refusals

TERMS = ("sex", "age_group", "referral_type", "referrer", "earlier_episodes")
"""Covariates of the models, where the cohort has them."""


def models(study: Study, refused: Refusals) -> list[Section]:
    """A regression of each kind for each origin and event, on the covariates the cohort has."""
    study.progress("models")
    terms = [name for name in TERMS if name in {one.name for one in study.cohort.spec.covariates}]
    models, companions = [], []
    for origin in ORIGINS:
        for event in INTO:
            asked = Asked(f"model_{origin.state}_{event}", f"From {origin.said} to {event}", event, terms)
            waits = waits_of(study, origin, event)
            made = refused(f"{asked.title}, Cox", partial(_cox, study, asked, waits, refused))
            models += [made] if made is not None else []
            beside = refused(f"{asked.title}, Fine–Gray", partial(_fine_gray, study, asked, waits))
            companions += [beside] if beside is not None else []
    sections = [model_section("Models", _MODEL_TEXT, models, LABELS)] if models else []
    return sections + _companion(companions)


_MODEL_TEXT = (
    "Cause-specific hazards: of those still waiting and observed, how much likelier each day the wait is to "
    "end so; closing, growing up and dying end being at risk. Standard errors are clustered on child.",
)


@dataclass(frozen=True)
class Asked:
    """A model to fit: the stem of its files, its title, what ends the wait, the terms."""

    name: str
    title: str
    event: str
    terms: Sequence[str]


def _planned(study: Study, asked: Asked, waits: pd.DataFrame) -> Plan:
    about = study.about(Clock.STATE.value)
    data = waiting_stays(waits, causes(asked.event), covariates=asked.terms, about=about)
    return planned(data, data.to == data.states.index(asked.event), asked.terms)


def _cox(study: Study, asked: Asked, waits: pd.DataFrame, refused: Refusals) -> Fitted:
    plan = _planned(study, asked, waits)
    fit = cox(plan.stays, (WAITING, asked.event), plan.terms, cluster="subject", reference=plan.reference)
    check = refused(f"{asked.title}: proportionality", partial(proportional_hazards, fit))
    return Fitted(asked.name, asked.title, f"hazard of {asked.event}", fit, plan, check)


def _fine_gray(study: Study, asked: Asked, waits: pd.DataFrame) -> pd.DataFrame:
    """Subdistribution hazard ratios, of the first wait of each child: the method takes one for each."""
    plan = _planned(study, asked, waits.drop_duplicates("subject_id").reset_index(drop=True))
    fit = fine_gray(plan.stays, (WAITING, asked.event), plan.terms, reference=plan.reference)
    frame = fit.frame[["term", "ratio", "lower", "upper", "p_value"]]
    said = [f"{r:.2f} ({a:.2f}–{b:.2f})" for r, a, b in frame[["ratio", "lower", "upper"]].to_numpy()]
    told = frame.assign(model=asked.title, events=fit.events, children=fit.subjects)
    told["ratio (95 %)"] = said
    return told


def _companion(found: Sequence[pd.DataFrame]) -> list[Section]:
    if not found:
        return []
    frame = pd.concat(found, ignore_index=True)
    text = (
        "Subdistribution hazards say how a covariate moves the share that ever gets there, closing included; "
        "the hazards above say how fast those go who are still waiting. One wait for each child, its first.",
    )
    columns = ("model", "term", "ratio (95 %)", "children", "events")
    table = Table("fine_gray", "Fine–Gray regressions", frame, columns=columns, shown=80)
    return [Section("Fine–Gray beside them", text, tables=(table,))]
