"""Recurrence: who comes back after closing, how soon, how often, and the municipal key figure beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracker.desk.analyses import Study
from tracker.domain.chain import CLOSED, default_chain
from tracker.estimate.comparison import LOG_RANK
from tracker.estimate.cox_fit import ROBUST
from tracker.estimate.from_cohort import stays
from tracker.estimate.gray import GRAY
from tracker.estimate.occupation import AALEN_JOHANSEN
from tracker.estimate.planning import planned
from tracker.estimate.proportional import SOURCE as PH_SOURCE
from tracker.estimate.proportional import proportional_hazards
from tracker.estimate.recurrence import BY_CHILD, mean_count_robust
from tracker.estimate.recurrence_event import Recurrence
from tracker.estimate.recurrence_models import andersen_gill, prentice_williams_peterson
from tracker.estimate.results import Curves, Method, Summary
from tracker.estimate.risk_sets import Stays, count
from tracker.estimate.waiting import compared, incidence, waiting_stays
from tracker.projections.cohort_spec import Which
from tracker.projections.flow_clock import Clock
from tracker.projections.key_figures import DEFINITIONS as KEY_DEFINITIONS
from tracker.projections.key_figures import KeyFigures, key_figures
from tracker.projections.waits import LEFT_FOR_GOOD, first_passages, ordered
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

AT = at_months(6, 12, 18, 24)
YEAR = "12 months"
NEW, OPENED = ("referral", "investigation"), ("investigation",)
DECIDED = ("granted", "intervention")
RETURNS = {"re_referral": NEW, "repeat_investigation": OPENED}
"""What is a return → the states that are entered by it."""
LATER = "decided_later"
ALL = "all"
LABELS = {
    "re_referral": "re-referral",
    "repeat_investigation": "repeat investigation",
    LATER: "decision after closing",
    "episodes_before": "earlier episodes",
    ALL: "all municipalities",
}
STATES = (*default_chain().by_name, CLOSED, *LEFT_FOR_GOOD)
NUMBER = "episodes_before"
TERMS = (NUMBER, "sex", "age_group", "referral_type")
"""Covariates of the models, where the cohort has them."""
TITLES = {
    "andersen_gill": "Rate of re-referral (Andersen–Gill)",
    "prentice_williams_peterson": "Hazard of the next re-referral (Prentice–Williams–Peterson, gap time)",
}
COUNTED = {
    "re_referral": Recurrence(NEW, out_of=(CLOSED,), terminal=LEFT_FOR_GOOD),
    "repeat_investigation": Recurrence(OPENED, out_of=(CLOSED, "referral"), terminal=LEFT_FOR_GOOD),
}
"""The returns a child can have, again and again."""
RETURN = replace(COUNTED["re_referral"], at_risk=(CLOSED,))
MOST_RETURNS = 4
AGES = ("0-12", "13-20")
MEAN = Method(
    "mean number with a terminal event",
    "Cook and Lawless (1997); Ghosh and Lin (2000)",
    BY_CHILD,
    "log, 95 %",
)

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
    Method("key figure: share", "Wilson (1927), JASA 22:209–212", "binomial", "Wilson, 95 %", "none"),
)


def run(study: Study) -> Findings:
    """The findings of a cohort, all together and by what it is broken down by."""
    refused = Refusals()
    groups = groups_of(study.by)
    sections = [section for group in groups for section in _how_soon(study, group, refused)]
    sections += _by_number(study, refused)
    sections += [section for group in groups for section in _how_often(study, group, refused)]
    sections += _models(study, refused)
    study.progress("key figure")
    figures = key_figures(study.snapshot)
    sections.append(_key_figure(study, figures))
    return Findings(
        brief=_brief(study, sections),
        sections=(*sections, *refused.section()),
        definitions=(*DEFINITIONS, *(("key figure: " + term, said) for term, said in KEY_DEFINITIONS)),
        denominators=DENOMINATORS,
        methods=METHODS,
    )


def _how_soon(study: Study, group: Group, refused: Refusals) -> list[Section]:
    """The incidence of the first return of either kind after the first closing."""
    study.progress(f"incidence{group.said}")
    curves, tables = {}, []
    tests: list[pd.DataFrame] = []
    for event, states in RETURNS.items():
        waits = first_passages(study.cohort, CLOSED, {event: states, LATER: DECIDED})
        causes = (event, LATER, *LEFT_FOR_GOOD)
        data = waiting_stays(waits, causes, group.by, about=study.about(Clock.STATE.value))
        what = f"{LABELS[event].capitalize()}{group.said}"
        found = refused(what, partial(incidence, data))
        if found is None:
            continue
        curves[event] = only(found, cause=event)
        tables.append(incidence_table(found, waits, AT).assign(event=event))
        if group.by:
            tests += _tested(data, event, group, refused)
    if not curves:
        return []
    table = pd.concat(tables, ignore_index=True)
    table = table[["event", *(name for name in table if name != "event")]]
    chart = _incidence_chart(side_by_side(curves, "event"), table, group)
    name = f"incidence{group.name}"
    shown = (
        *(
            "event",
            *group.by,
            "cause",
            "by",
            "waits",
            "at_risk",
            "ended",
            "estimate",
            "lower",
            "upper",
            "status",
        ),
    )
    note = "too_recent: nobody of the group was followed so far."
    whole = Table(name, f"Return after closing{group.said}", table, note, shown=40, columns=shown)
    return [Section(f"How soon{group.said}", (), (chart,), (whole, *_test_table(tests, group)))]


def _incidence_chart(curves: Curves, table: pd.DataFrame, group: Group) -> Chart:
    name = f"incidence{group.name}"
    drawn = in_one_column(curves)
    if few_enough(drawn):
        words = Words(
            name,
            f"Return after the first closing{group.said}",
            "Cumulative incidence with 95 % intervals; growing up, dying and later decisions compete.",
            tables=(name,),
        )
        line = GROUP if group.by else None
        return step_curves(
            drawn, words, panel="event", line=line, y="share returned", since="closing", labels=LABELS
        )
    words = Words(
        name,
        f"Return within 12 months of the first closing{group.said}",
        "Cumulative incidence at 12 months with 95 % intervals.",
        tables=(name,),
    )
    rows = table[(table["cause"] == table["event"]) & (table["by"] == YEAR)]
    frame = with_group(rows, group.by)
    summary = Summary("share returned", frame, group.by, ("event",), curves.about, curves.method)
    return dots(summary, words, row=GROUP, group="event", scale=Scale.SHARE, labels=LABELS)


def _tested(data: Stays, event: str, group: Group, refused: Refusals) -> list[pd.DataFrame]:
    found = refused(f"Test of {LABELS[event]}{group.said}", lambda: compared(count(data), event, group.by))
    if found is None:
        return []
    test, why = found
    return [test_row(test, event=LABELS[event], instead_of_gray=why)]


def _test_table(tests: Sequence[pd.DataFrame], group: Group) -> tuple[Table, ...]:
    if not tests:
        return ()
    note = "Gray's test, or the test in its place and why. Closings are taken for independent."
    frame = pd.concat(tests, ignore_index=True)
    columns = ("event", "test", "statistic", "df", "p", "instead_of_gray")
    return (Table(f"tests{group.name}", f"Tests of differences{group.said}", frame, note, columns=columns),)


def _by_number(study: Study, refused: Refusals) -> list[Section]:
    """Re-referral after every closing, by how many episodes had been seen before."""
    if NUMBER not in {one.name for one in study.cohort.spec.covariates}:
        return []
    study.progress("by number of earlier episodes")
    event = "re_referral"
    group = Group("_by_number", " by number of earlier episodes", (NUMBER,))
    waits = first_passages(study.cohort, CLOSED, {event: NEW, LATER: DECIDED}, Which.EACH)
    data = waiting_stays(
        waits, (event, LATER, *LEFT_FOR_GOOD), group.by, about=study.about(Clock.STATE.value)
    )
    found = refused("Re-referral by number of earlier episodes", lambda: incidence(data))
    if found is None:
        return []
    name = f"incidence{group.name}"
    words = Words(
        name,
        "Re-referral after every closing, by earlier episodes",
        "Cumulative incidence since each closing, 95 % intervals clustered on child, by the number of "
        "episodes seen before the one that closed.",
        tables=(name,),
    )
    chart = step_curves(
        only(found, cause=event), words, line=NUMBER, y="share re-referred", since="closing", labels=LABELS
    )
    table = Table(name, words.title, incidence_table(found, waits, AT), shown=40)
    tests = _test_table(_tested(data, event, group, refused), group)
    return [Section("By number of earlier episodes", (), (chart,), (table, *tests))]


def _how_often(study: Study, group: Group, refused: Refusals) -> list[Section]:
    """The mean number of returns per child."""
    study.progress(f"mean number{group.said}")
    data = stays(study.cohort, Clock.ENTRY, group.by, states=STATES)
    curves = {}
    for event, recurrence in COUNTED.items():
        what = f"Mean number, {LABELS[event]}{group.said}"
        found = refused(what, partial(mean_count_robust, data, recurrence))
        if found is not None:
            curves[event] = found
    if not curves:
        return []
    both = side_by_side(curves, "event")
    called = {day: name for name, day in AT.items()}
    read = both.at(list(called))
    read = read.assign(by=read["time"].map(called)).drop(columns=["step", "events"])
    name = f"mean_number{group.name}"
    columns = ("event", *group.by, "by", "at_risk", "estimate", "std_error", "lower", "upper", "status")
    note = "Per child; at risk: children under observation when the number last changed."
    table = Table(
        name, f"Mean number of returns per child{group.said}", read, note, shown=40, columns=columns
    )
    return [Section(f"How often{group.said}", (), (_mean_chart(both, read, group),), (table,))]


def _mean_chart(curves: Curves, read: pd.DataFrame, group: Group) -> Chart:
    name = f"mean_number{group.name}"
    said = (
        "Mean number per child with 95 % intervals clustered on child; who has grown up or died has no more."
    )
    drawn = in_one_column(curves)
    if few_enough(drawn):
        words = Words(name, f"Returns per child after the first closing{group.said}", said, tables=(name,))
        return step_curves(
            drawn,
            words,
            panel="event",
            line=GROUP if group.by else None,
            scale=Scale.NUMBER,
            y="returns per child",
            since="first closing",
            labels=LABELS,
        )
    words = Words(name, f"Returns per child within 12 months{group.said}", said, tables=(name,))
    frame = with_group(read[read["by"] == YEAR], group.by)
    summary = Summary("returns per child", frame, group.by, ("event",), curves.about, curves.method)
    return dots(summary, words, row=GROUP, group="event", labels=LABELS)


def _models(study: Study, refused: Refusals) -> list[Section]:
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


def _key_figure(study: Study, figures: KeyFigures) -> Section:
    """The municipal key figure of the whole snapshot."""
    frame = _latest_first(figures.not_returned)
    known = frame[(frame["status"] == "value") & frame["age_class"].isin(AGES)]
    year = known["year"].max() if len(known) else None
    shown = known[known["year"] == year].rename(
        columns={
            "share_not_returned": "estimate",
            "share_not_returned_low": "lower",
            "share_not_returned_high": "upper",
        }
    )
    words = Words(
        "key_figure",
        f"Children who did not return within one year, closings of January–June {year}"
        if year
        else "Key figure",
        "Share without a new investigation in the municipality, by age; Wilson intervals, 95 %.",
        tables=("key_figure",),
    )
    about = replace(study.about(), cohort="everyone in the snapshot")
    summary = Summary("share not returned", shown, (), ("municipality",), about, METHODS[-1])
    chart = dots(summary, words, row="municipality", group="age_class", scale=Scale.SHARE, labels=LABELS)
    columns = [
        *("municipality", "year", "age_class", "closed", "returned", "not_returned", "denominator"),
        *("share_not_returned", "share_not_returned_low", "share_not_returned_high", "status"),
    ]
    text = (
        "The figure municipalities report, for everyone in the snapshot and not for the cohort above: it "
        "begins when investigations and interventions had ended, counts only formal investigations as "
        "return, and leaves out children whose year is not observed.",
    )
    note = "all: every municipality together. too_recent: the year after is not wholly delivered yet."
    told = frame.assign(year=frame["year"].astype(str), key_figure_year=frame["key_figure_year"].astype(str))
    table = Table("key_figure", "Not returned within one year", told, note, shown=24, columns=tuple(columns))
    return Section("The municipal key figure", text, (chart,), (table,))


def _latest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """All municipalities together first, then each; of each the latest year first."""
    order = frame.assign(apart=frame["municipality"] != ALL, before=-frame["year"])
    keys = ["apart", "municipality", "before", "age_class"]
    return order.sort_values(keys, kind="stable").drop(columns=["apart", "before"]).reset_index(drop=True)


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
