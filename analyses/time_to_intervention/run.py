"""Time to intervention: from referral and opened investigation to granted and started; the deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from analyses.time_to_intervention.deadlines import ASSESSMENT, INVESTIGATION, SHARE_METHOD, deadlines
from analyses.time_to_intervention.how_soon import how_soon
from analyses.time_to_intervention.models import models
from analyses.time_to_intervention.origins import INTO, ORIGINS, YEAR, waits_of
from tracker.desk.analyses import Study
from tracker.estimate.comparison import LOG_RANK
from tracker.estimate.cox_fit import ROBUST
from tracker.estimate.fine_gray import CRR
from tracker.estimate.gray import GRAY
from tracker.estimate.occupation import AALEN_JOHANSEN
from tracker.estimate.proportional import SOURCE as PH_SOURCE
from tracker.estimate.recurrence import BY_CHILD
from tracker.estimate.results import Method
from tracker.publish.curve_groups import groups_of
from tracker.publish.findings import Findings, Section, share_said
from tracker.publish.refusals import Refusals

METHODS = (
    replace(
        AALEN_JOHANSEN,
        name="cumulative incidence with competing exits",
        variance=BY_CHILD,
        interval="log-log, 95 %",
    ),
    GRAY,
    replace(LOG_RANK, name="log-rank test of the cause-specific hazard, where Gray's is refused"),
    SHARE_METHOD,
    Method(
        "cause-specific Cox regression",
        "Prentice et al. (1978), Biometrics 34:541–554; Efron (1977)",
        ROBUST,
        "Wald, 95 %",
        "Efron",
    ),
    CRR,
    Method("proportional hazards", PH_SOURCE, "model", "", "Efron"),
)

DEFINITIONS = (
    ("granted", "an intervention granted or started; a start without a readable decision implies the grant"),
    ("started", "an intervention started, by way of a decision or without a known one"),
    ("closed without", "nothing is open any more, and none had been granted (started)"),
    (
        "14 days",
        "from the day a report was received (day 0), due on day 14. Not in the risk set: applications and "
        "other information, referrals attached to a running investigation, matter or intervention, "
        "administrative ones, and those whose action is not understood",
    ),
    (
        "four calendar months",
        "from the day an investigation was opened to the same day four months later, clamped to the end of a "
        "shorter month: 120 to 123 days. On curves since opening, days from the 120th on skip what its "
        "own four months lack, so that every due day stands at 123; extensions are in no delivery",
    ),
    ("within", "done on or before the due day"),
    ("late", "not done on the due day, which was delivered and on which the child was under observation"),
    ("left", "moved, died or turned 18 before it was due and before it was done"),
    ("too recent", "due after the last day delivered, done or not; of a curve: nobody was followed so far"),
)

DENOMINATORS = (
    ("waits", "episodes that begin with a referral; of them, those in which an investigation was opened"),
    ("at risk", "waits not ended and still observed on the day"),
    ("ended", "waits seen to end so by the day"),
    ("share within", "within and late; the others are counted beside"),
    ("reports, investigations", "of the cohort's children, received or opened while the episode is followed"),
)


def run(study: Study) -> Findings:
    """The findings of a cohort, all together and by what it is broken down by."""
    refused = Refusals()
    groups = groups_of(study.by)
    sections: list[Section] = []
    for origin in ORIGINS:
        waits = {event: waits_of(study, origin, event) for event in INTO}
        study.progress(f"from {origin.said}")
        sections += [one for group in groups for one in how_soon(study, origin, group, waits, refused)]
    sections += deadlines(study, groups, refused)
    sections += models(study, refused)
    return Findings(
        brief=_brief(study, sections),
        sections=(*sections, *refused.section()),
        definitions=DEFINITIONS,
        denominators=DENOMINATORS,
        methods=METHODS,
    )


def _brief(study: Study, sections: Sequence[Section]) -> tuple[str, ...]:
    if not study.cohort.entries:
        return ("No episode fits the cohort.",)
    tables = {table.name: table.frame for section in sections for table in section.tables}
    said = [f"{study.cohort.entries:,} episodes of {study.cohort.children:,} children begin with a referral."]
    for origin in ORIGINS:
        at = tables.get(f"from_{origin.state}", pd.DataFrame(columns=["event", "cause", "by", "status"]))
        rows = at[(at["cause"] == at["event"]) & (at["by"] == YEAR) & (at["status"] == "value")]
        said += [
            f"Within 12 months of {origin.said} an intervention is {one['event']} in {share_said(one)}."
            for one in rows.to_dict("records")
        ]
    for deadline in (ASSESSMENT, INVESTIGATION):
        one = tables[deadline.name].to_dict("records")
        said += [
            f"{deadline.title}: {100 * row['share_within']:.1f} % ({100 * row['low']:.1f}–"
            f"{100 * row['high']:.1f}) of {row['denominator']:,}."
            for row in one
            if row["denominator"]
        ]
    return tuple(said)
