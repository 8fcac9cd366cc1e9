"""Transitions: state occupation, intensities and expected times in the two years after a first referral."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from tracker.desk.analyses import Study
from tracker.estimate.from_cohort import risk_sets, stays
from tracker.estimate.intensities import METHOD as INTENSITY
from tracker.estimate.intensities import intensities
from tracker.estimate.occupation import AALEN_JOHANSEN, VARIANCES, Occupation, aalen_johansen
from tracker.estimate.results import Curves, Summary
from tracker.estimate.risk_sets import RiskSets
from tracker.estimate.robust import IJ, clustered, robust_expected_time, robust_occupation
from tracker.projections.flow_clock import Clock
from tracker.publish.chart_curves import told
from tracker.publish.chart_sheet import ENGLISH, SWEDISH
from tracker.publish.charts import Words, dots, stacked_occupation
from tracker.publish.curve_groups import Group, groups_of
from tracker.publish.findings import Findings, Section, Table, share_said
from tracker.publish.refusals import Refusals

MONTH = 365.25 / 12
DAYS = {months: round(months * MONTH) for months in (1, 3, 6, 12, 18, 24)}
"""Months after the referral → days, all within the 731 that children are followed."""
HORIZONS = tuple(DAYS[months] for months in (6, 12, 24))
BANDS = (30.0, 120.0, 365.0)
PER = 30.0
CHAIN = {name: number for number, name in enumerate(SWEDISH)}
"""States in the order in which they come on the chain."""
MOST_GROUPS = 8

METHODS = (
    replace(AALEN_JOHANSEN, variance=VARIANCES["greenwood"], interval="log-log, 95 %"),
    replace(AALEN_JOHANSEN, name="Aalen–Johansen at chosen days", variance=IJ, interval="log-log, 95 %"),
    replace(AALEN_JOHANSEN, name="expected days in state", variance=IJ, interval="plain, 95 %"),
    INTENSITY,
)

DEFINITIONS = (
    ("state occupation", "the probability of being in a state on a day; those of a day add up to one"),
    ("expected days", "the area under state occupation up to a day: days in the state, on average"),
    ("intensity", "moves per 30 days spent in the state they begin in"),
    ("settled", "nothing more can happen in the group: everyone has come to where the chain ends"),
)
DENOMINATORS = (
    ("at risk", "children observed in the state just before the day; at the start, those who entered"),
    ("exposure", "days children of the group were observed in the state the move begins in"),
)


def run(study: Study) -> Findings:
    """The findings of a cohort, all together and by what it is broken down by."""
    refused = Refusals()
    groups = groups_of(study.by)
    sections: list[Section] = []
    for group in groups:
        study.progress(f"counting{group.said}")
        counts = risk_sets(study.cohort, Clock.ENTRY, group.by)
        sections += _sections(study, group, counts, refused)
    return Findings(
        brief=_brief(study, sections),
        sections=(*sections, *refused.section()),
        definitions=DEFINITIONS,
        denominators=DENOMINATORS,
        methods=METHODS,
    )


def _sections(study: Study, group: Group, counts: RiskSets, refused: Refusals) -> list[Section]:
    fitted = refused(f"State occupation{group.said}", lambda: aalen_johansen(counts))
    made: list[Section] = []
    if fitted is not None:
        study.progress(f"occupation{group.said}")
        made.append(_occupation(study, group, fitted))
        made += _robust(study, group, fitted, refused)
    made.append(_rates(study, group, counts))
    return made


def _occupation(study: Study, group: Group, fitted: Occupation) -> Section:
    curves = fitted.curves(interval="log-log")
    name = f"occupation{group.name}"
    words = Words(
        name,
        f"Where children are after their first referral{group.said}",
        "The share in each state on each day; below, the children still under observation.",
        tables=(name,),
    )
    charts = (
        stacked_occupation(_one_panel(curves, group), words, panel=_panel(group), since="first referral"),
    )
    table = Table(name, "Day by day", curves.frame, shown=0)
    return Section(f"Where children are{group.said}", (), charts, (table,))


def _robust(study: Study, group: Group, fitted: Occupation, refused: Refusals) -> list[Section]:
    persons = stays(study.cohort, Clock.ENTRY, group.by, states=fitted.risk.states)
    shortest = min(fitted.followed_to, default=0.0)
    horizons = [day for day in HORIZONS if day <= shortest]
    if left_out := [day for day in HORIZONS if day not in horizons]:
        refused.sentences.append(
            f"Expected days{group.said}: nobody of some group is followed to day "
            f"{' or '.join(map(str, left_out))}; only earlier horizons are given."
        )
    squared = clustered(fitted, persons, list(DAYS.values()), horizons)
    sections = [_at_days(group, fitted, robust_occupation(fitted, squared, interval="log-log"))]
    times = refused(f"Expected days{group.said}", lambda: robust_expected_time(fitted, squared))
    return sections + ([_expected(group, times)] if times is not None else [])


def _at_days(group: Group, fitted: Occupation, at: Summary) -> Section:
    """The robust numbers, with those still under observation in each state just before the day."""
    months = {days: months for months, days in DAYS.items()}
    observed = fitted.curves().at(list(DAYS.values()))
    keys = [*group.by, "state", "time"]
    frame = at.frame.drop(columns="at_risk").merge(observed[[*keys, "at_risk"]], on=keys)
    frame = frame.assign(months=frame["time"].map(months)).sort_values([*group.by, "time"], kind="stable")
    name = f"occupation_at{group.name}"
    shown = (*group.by, "months", "state", "at_risk", "estimate", "std_error", "lower", "upper", "status")
    told = f"State occupation at chosen months{group.said}"
    return Section(
        f"At 1 to 24 months{group.said}",
        ("Intervals hold the child as the independent unit. too_recent: nobody was followed so far.",),
        tables=(Table(name, told, frame.reset_index(drop=True), shown=60, columns=shown),),
    )


def _expected(group: Group, times: Summary) -> Section:
    name = f"expected_days{group.name}"
    last = times.frame[times.frame["horizon"] == times.frame["horizon"].max()]
    shown = _along_the_chain(last, "state").assign(group=_joined(last, group))
    words = Words(
        name,
        f"Expected days in each state within {last['horizon'].max():.0f} days{group.said}",
        "With 95 % intervals, the child as the independent unit.",
        tables=(name,),
    )
    chart = dots(
        Summary(times.quantity, shown, times.strata, times.key, times.about, times.method),
        words,
        row="state",
        group="group" if group.by else None,
        x="days",
        labels=ENGLISH,
    )
    return Section(f"How long{group.said}", (), (chart,), (Table(name, words.title, times.frame, shown=60),))


def _rates(study: Study, group: Group, counts: RiskSets) -> Section:
    rates = intensities(counts, BANDS, per=PER)
    name = f"intensities{group.name}"
    table = Table(name, f"Transition intensities per 30 days{group.said}", rates.frame, shown=60)
    if group.by:
        return Section(f"How fast{group.said}", (), tables=(table,))
    overall = intensities(counts, per=PER)
    frame = _along_the_chain(overall.frame[overall.frame["events"] > 0], "from_state", "to_state")
    ends = zip(frame["from_state"], frame["to_state"], strict=True)
    moves = [f"{told(str(one), ENGLISH)} → {told(str(other), ENGLISH)}" for one, other in ends]
    named = frame.assign(move=np.array(moves, object))
    words = Words(
        name,
        "How fast children move between states",
        "Moves per 30 days in the state they begin in, over the whole follow-up; exact 95 % intervals.",
        tables=("intensities_overall",),
    )
    chart = dots(
        Summary(overall.quantity, named, (), ("move",), overall.about, overall.method),
        words,
        row="move",
        x="moves per 30 days",
    )
    whole = Table("intensities_overall", "Transition intensities, whole follow-up", overall.frame)
    return Section("How fast", (), (chart,), (whole, table))


def _along_the_chain(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Rows in the order in which states of ``columns`` come on the chain, not of the alphabet."""
    return frame.sort_values(
        list(columns), key=lambda states: states.astype(str).map(CHAIN).fillna(len(CHAIN)), kind="stable"
    )


def _panel(group: Group) -> str | None:
    return "group" if group.by else None


def _one_panel(curves: Curves, group: Group) -> Curves:
    """The curves with one column that names the group: the largest groups, so that each can be seen."""
    if not group.by:
        return curves
    frame = curves.frame.assign(group=_joined(curves.frame, group))
    sizes = frame[frame["time"] == 0].groupby("group")["at_risk"].sum()
    shown = frame[frame["group"].isin(sizes.nlargest(MOST_GROUPS).index)]
    return Curves(
        curves.quantity,
        shown,
        ("group",),
        curves.key,
        curves.about,
        curves.method,
        curves.start,
        curves.level,
    )


def _joined(frame: pd.DataFrame, group: Group) -> pd.Series:
    return (
        frame[list(group.by)].astype(str).agg(" · ".join, axis=1) if group.by else pd.Series("", frame.index)
    )


def _brief(study: Study, sections: list[Section]) -> tuple[str, ...]:
    said = [f"{study.cohort.children:,} children had a first referral in the window."]
    tables = {table.name: table.frame for section in sections for table in section.tables}
    if "occupation_at" in tables:
        at = tables["occupation_at"]
        year = at[(at["months"] == 12) & (at["status"] == "value")].set_index("state").to_dict("index")
        for state, words in (("intervention", "in an intervention"), ("closed", "with nothing open")):
            if state in year:
                said.append(f"A year after, {share_said(year[state])} are {words}.")
    return tuple(said)
