"""Time to intervention: from referral and opened investigation to granted and started; the deadlines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from tracker.desk.analyses import Study
from tracker.domain.chain import CLOSED
from tracker.domain.periods import PRELIMINARY_ASSESSMENT_DAYS
from tracker.estimate.comparison import LOG_RANK
from tracker.estimate.cox_fit import ROBUST
from tracker.estimate.fine_gray import CRR, fine_gray
from tracker.estimate.gray import GRAY
from tracker.estimate.occupation import AALEN_JOHANSEN
from tracker.estimate.planning import Plan, planned
from tracker.estimate.proportional import SOURCE as PH_SOURCE
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.recurrence import BY_CHILD
from tracker.estimate.regression import cox
from tracker.estimate.results import Curves, Method, Summary
from tracker.estimate.risk_sets import count
from tracker.estimate.waiting import WAITING, compared, incidence, waiting_stays
from tracker.projections.deadlines import (
    DONE,
    LONGEST,
    STATUSES,
    assessment_waits,
    by_due_day,
    followed,
    investigation_waits,
    shares,
)
from tracker.projections.flow_clock import Clock
from tracker.projections.waits import LEFT_FOR_GOOD, first_passages
from tracker.publish.charts import Chart, Scale, Words, dots, step_curves
from tracker.publish.curve_groups import (
    GROUP,
    Group,
    few_enough,
    groups_of,
    in_one_column,
    only,
    side_by_side,
    with_group,
)
from tracker.publish.findings import Findings, Section, Table, share_said
from tracker.publish.model_tables import Fitted, model_section, test_row
from tracker.publish.refusals import Refusals
from tracker.publish.wait_tables import at_months, incidence_table

FOURTEEN = PRELIMINARY_ASSESSMENT_DAYS
DUE = "four calendar months"
YEAR = "12 months"
LATER = at_months(6, 12)
INTO = {"granted": ("granted", "intervention"), "started": ("intervention",)}
"""What is waited for → the states that are entered by it."""


@dataclass(frozen=True)
class Origin:
    """Where a clock starts: the state, what to call it, the days to read at, and those to mark."""

    state: str
    said: str
    at: Mapping[str, int]
    marks: Mapping[float, str]


ORIGINS = (
    Origin(
        "referral",
        "referral",
        {"14 days": FOURTEEN, **at_months(1, 2, 3, 4), **LATER},
        {float(FOURTEEN): "14 days"},
    ),
    Origin(
        "investigation",
        "opened investigation",
        {**at_months(1, 2, 3), DUE: LONGEST, **LATER},
        {float(LONGEST): "four months"},
    ),
)


@dataclass(frozen=True)
class Deadline:
    """A statutory deadline: ``day`` is the due day on its clock, ``seen`` the last day that is drawn."""

    name: str
    title: str
    clock: str
    day: int
    seen: int
    mark: str
    at: Mapping[str, int]


ASSESSMENT = Deadline(
    "assessments",
    "Preliminary assessments decided within 14 days",
    "the report was received",
    FOURTEEN,
    60,
    "14 days",
    {"the day received": 0, "7 days": 7, "14 days": FOURTEEN, "21 days": 21, "28 days": 28},
)
INVESTIGATION = Deadline(
    "investigations",
    "Investigations closed within four calendar months",
    "opening",
    LONGEST,
    366,
    "four months",
    {**at_months(1, 2, 3), DUE: LONGEST, **at_months(6, 12)},
)

TERMS = ("sex", "age_group", "referral_type", "referrer", "earlier_episodes")
"""Covariates of the models, where the cohort has them."""
LABELS = {
    "granted": "granted",
    "started": "started",
    "closed": "closed without",
    "earlier_episodes": "earlier episodes",
}
SHARE_METHOD = Method(
    "share in time",
    "Korn & Graubard (1998), Survey Methodology 24:193–201; Wilson (1927), JASA 22:209–212",
    "linearised, clustered on child",
    "Wilson at the effective size, 95 %",
    "none",
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
        waits = {event: _waits(study, origin, event) for event in INTO}
        study.progress(f"from {origin.said}")
        sections += [one for group in groups for one in _how_soon(study, origin, group, waits, refused)]
    sections += _deadlines(study, groups, refused)
    sections += _models(study, refused)
    return Findings(
        brief=_brief(study, sections),
        sections=(*sections, *refused.section()),
        definitions=DEFINITIONS,
        denominators=DENOMINATORS,
        methods=METHODS,
    )


def _waits(study: Study, origin: Origin, event: str) -> pd.DataFrame:
    waits = first_passages(study.cohort, origin.state, {event: INTO[event], CLOSED: (CLOSED,)})
    return by_due_day(waits) if origin.state == "investigation" else waits


def _causes(event: str) -> tuple[str, ...]:
    return (event, CLOSED, *LEFT_FOR_GOOD)


def _how_soon(
    study: Study, origin: Origin, group: Group, waits: Mapping[str, pd.DataFrame], refused: Refusals
) -> list[Section]:
    """The incidence of granted and of started since one origin, closing competing."""
    curves, tables, tests = {}, [], []
    for event, frame in waits.items():
        data = waiting_stays(frame, _causes(event), group.by, about=study.about(Clock.STATE.value))
        what = f"From {origin.said} to {event}{group.said}"
        found = refused(what, partial(incidence, data))
        if found is None:
            continue
        curves[event] = found
        tables.append(incidence_table(found, frame, origin.at).assign(event=event))
        test = refused(f"{what}, test", partial(compared, count(data), event, group.by)) if group.by else None
        if test is not None:
            tests.append(test_row(test[0], event=event, instead_of_gray=test[1]))
    if not curves:
        return []
    name = f"from_{origin.state}{group.name}"
    table = pd.concat(tables, ignore_index=True)
    table = table[["event", *(column for column in table if column != "event")]]
    chart = _curves_chart(name, origin, group, curves, table)
    figures = ("waits", "at_risk", "ended", "estimate", "lower", "upper", "status")
    told = Table(
        name,
        f"From {origin.said} to an intervention{group.said}",
        table,
        "The estimate is the share of waits that have ended so by then, the other ways out competing.",
        shown=28,
        columns=("event", *group.by, "cause", "by", *figures),
    )
    return [
        Section(f"From {origin.said}{group.said}", (), (chart,), (told, *_tests(name, origin, group, tests)))
    ]


def _tests(name: str, origin: Origin, group: Group, tests: Sequence[pd.DataFrame]) -> tuple[Table, ...]:
    if not tests:
        return ()
    note = "Gray's test, or the test in its place and why. Episodes are taken for independent."
    columns = ("event", "test", "statistic", "df", "p", "instead_of_gray")
    frame = pd.concat(tests, ignore_index=True)
    title = f"Tests of differences from {origin.said}{group.said}"
    return (Table(f"{name}_tests", title, frame, note, columns=columns),)


def _curves_chart(
    name: str, origin: Origin, group: Group, curves: Mapping[str, Curves], table: pd.DataFrame
) -> Chart:
    chosen = side_by_side({event: only(found, cause=event) for event, found in curves.items()}, "event")
    drawn = in_one_column(chosen)
    if few_enough(drawn):
        words = Words(
            name,
            f"From {origin.said} to an intervention{group.said}",
            "Cumulative incidence, 95 % intervals clustered on child; closing, growing up and dying compete.",
            tables=(name,),
        )
        return step_curves(
            drawn,
            words,
            panel="event",
            line=GROUP if group.by else None,
            y="share of waits",
            since=origin.said,
            labels=LABELS,
            marks=origin.marks,
        )
    words = Words(
        name,
        f"Within 12 months of {origin.said}{group.said}",
        "Cumulative incidence at 12 months with 95 % intervals clustered on child.",
        tables=(name,),
    )
    rows = table[(table["cause"] == table["event"]) & (table["by"] == YEAR)]
    summary = Summary(
        "share of waits", with_group(rows, group.by), group.by, ("event",), chosen.about, chosen.method
    )
    return dots(summary, words, row=GROUP, group="event", scale=Scale.SHARE, labels=LABELS)


def _deadlines(study: Study, groups: Sequence[Group], refused: Refusals) -> list[Section]:
    study.progress("deadlines")
    reports = assessment_waits(study.cohort, study.snapshot)
    opened = by_due_day(investigation_waits(study.cohort, study.snapshot))
    return [
        _deadline(study, deadline, waits, groups, refused)
        for deadline, waits in ((ASSESSMENT, reports), (INVESTIGATION, opened))
    ]


def _deadline(
    study: Study, deadline: Deadline, waits: pd.DataFrame, groups: Sequence[Group], refused: Refusals
) -> Section:
    charts, tables = [], []
    for group in groups:
        name = f"{deadline.name}{group.name}"
        share = shares(waits, group.by)
        tables.append(Table(name, f"{deadline.title}{group.said}", share, _SHARE_NOTE, shown=40))
        what = f"{deadline.title}{group.said}, curve"
        found = refused(what, partial(_done, study, deadline, waits, group))
        if found is not None:
            charts.append(_deadline_chart(deadline, group, found, share))
            read = incidence_table(found, _seen_to(followed(waits), deadline.seen), deadline.at)
            said = f"By days since {deadline.clock}{group.said}"
            tables.append(Table(f"{name}_days", said, read, _DAYS_NOTE, shown=30))
    return Section(deadline.title, (), tuple(charts), tuple(tables))


_DAYS_NOTE = "The estimate allows for waits not yet done when last seen: also those due later are in it."
_SHARE_NOTE = (
    f"share within = within / (within + late); {', '.join(STATUSES[2:])} are in no denominator. "
    "Intervals are clustered on child."
)


def _done(study: Study, deadline: Deadline, waits: pd.DataFrame, group: Group) -> Curves:
    """The share done by days since the clock of a deadline began."""
    rows = _seen_to(followed(waits), deadline.seen)
    return incidence(waiting_stays(rows, (DONE,), group.by, about=study.about(Clock.STATE.value)))


def _deadline_chart(deadline: Deadline, group: Group, found: Curves, share: pd.DataFrame) -> Chart:
    """How soon, as curves where groups are few; else the shares in time."""
    name, title = f"{deadline.name}{group.name}", f"{deadline.title}{group.said}"
    drawn = in_one_column(only(found, cause=DONE))
    if not few_enough(drawn):
        words = Words(name, title, "Shares in time with 95 % intervals.", tables=(name,))
        columns = {"share_within": "estimate", "low": "lower", "high": "upper"}
        frame = with_group(share, group.by).rename(columns=columns)
        summary = Summary("share in time", frame, group.by, (), found.about, SHARE_METHOD)
        return dots(summary, words, row=GROUP, scale=Scale.SHARE)
    said = f"Share done by days since {deadline.clock}, with 95 % intervals clustered on child."
    words = Words(name, title, said, tables=(name, f"{name}_days"))
    return step_curves(
        drawn,
        words,
        line=GROUP if group.by else None,
        y="share done",
        since=deadline.clock,
        top=1.0,
        marks={float(deadline.day): deadline.mark},
    )


def _seen_to(waits: pd.DataFrame, last: int) -> pd.DataFrame:
    """The waits followed to a last day."""
    longer = waits["left"] > last
    return waits.assign(left=waits["left"].clip(upper=last), to_state=waits["to_state"].mask(longer))


def _models(study: Study, refused: Refusals) -> list[Section]:
    study.progress("models")
    terms = [name for name in TERMS if name in {one.name for one in study.cohort.spec.covariates}]
    models, companions = [], []
    for origin in ORIGINS:
        for event in INTO:
            asked = Asked(f"model_{origin.state}_{event}", f"From {origin.said} to {event}", event, terms)
            waits = _waits(study, origin, event)
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
    data = waiting_stays(waits, _causes(asked.event), covariates=asked.terms, about=about)
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
