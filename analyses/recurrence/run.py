"""Recurrence: who comes back after closing, how soon, how often, and the municipal key figure beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyses.recurrence.how_often import how_often
from analyses.recurrence.how_soon import by_number, how_soon
from analyses.recurrence.key_figure import SHARE, key_figure
from analyses.recurrence.models import models
from analyses.recurrence.returns import LABELS, MEAN, RETURNS, YEAR
from tracker.desk.analyses import Study
from tracker.estimate.comparison import LOG_RANK
from tracker.estimate.cox_fit import ROBUST
from tracker.estimate.gray import GRAY
from tracker.estimate.occupation import AALEN_JOHANSEN
from tracker.estimate.proportional import SOURCE as PH_SOURCE
from tracker.estimate.recurrence import BY_CHILD
from tracker.estimate.results import Method
from tracker.projections.key_figures import DEFINITIONS as KEY_DEFINITIONS
from tracker.projections.key_figures import key_figures
from tracker.publish.curve_groups import groups_of
from tracker.publish.findings import Findings, Section, share_said
from tracker.publish.refusals import Refusals

DEFINITIONS = (
    ("closing", "nothing is open any more: no referral under assessment, investigation or intervention"),
    ("re-referral", "a referral when nothing is open, or an investigation opened without one"),
    ("repeat investigation", "an investigation opened after the closing, whatever came between"),
    (
        "decision after closing",
        "an intervention granted or started with no new referral: the same matter went on; it competes "
        "with a return",
    ),
    ("mean number", "returns per child by a day, children who have grown up or died having no more of them"),
    ("12 months", "365 days; 6, 18 and 24 months are 183, 548 and 730 days"),
)

DENOMINATORS = (
    ("waits", "closings of the group that are followed; the incidence is of these, allowing for censoring"),
    ("at risk", "waits not ended and still observed on the day"),
    ("ended", "waits seen to end so by the day"),
    ("key figure", "children whose investigations and interventions had all ended; see its definition"),
)

METHODS = (
    replace(
        AALEN_JOHANSEN,
        name="cumulative incidence with competing exits",
        variance=BY_CHILD,
        interval="log-log, 95 %",
    ),
    GRAY,
    replace(LOG_RANK, name="log-rank test of the cause-specific hazard, where Gray's is refused"),
    MEAN,
    Method(
        "Andersen–Gill",
        "Andersen and Gill (1982); Lin, Wei, Yang and Ying (2000)",
        ROBUST,
        "Wald, 95 %",
        "Efron",
    ),
    Method(
        "Prentice–Williams–Peterson, gap time",
        "Prentice, Williams and Peterson (1981)",
        ROBUST,
        "Wald, 95 %",
        "Efron",
    ),
    Method("proportional hazards", PH_SOURCE, "model", "", "Efron"),
    SHARE,
)


def run(study: Study) -> Findings:
    """The findings of a cohort, all together and by what it is broken down by."""
    refused = Refusals()
    groups = groups_of(study.by)
    sections = [section for group in groups for section in how_soon(study, group, refused)]
    sections += by_number(study, refused)
    sections += [section for group in groups for section in how_often(study, group, refused)]
    sections += models(study, refused)
    study.progress("key figure")
    figures = key_figures(study.snapshot)
    sections.append(key_figure(study, figures))
    return Findings(
        brief=_brief(study, sections),
        sections=(*sections, *refused.section()),
        definitions=(*DEFINITIONS, *(("key figure: " + term, said) for term, said in KEY_DEFINITIONS)),
        denominators=DENOMINATORS,
        methods=METHODS,
    )


def _brief(study: Study, sections: Sequence[Section]) -> tuple[str, ...]:
    tables = {table.name: table.frame for section in sections for table in section.tables}
    if "incidence" not in tables:
        return ("No closing fits the cohort; only the key figure, which is of the whole snapshot, is given.",)
    said = [f"{study.cohort.children:,} children are followed from their first closing."]
    at = tables["incidence"]
    for event in RETURNS:
        row = at[
            (at["event"] == event) & (at["cause"] == event) & (at["by"] == YEAR) & (at["status"] == "value")
        ]
        for one in row.to_dict("records"):
            said.append(f"Within 12 months {share_said(one)} have had a {LABELS[event]}.")
    return tuple(said)
