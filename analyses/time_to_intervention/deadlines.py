"""The two deadlines of the law: preliminary assessments within 14 days, investigations within four months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from analyses.time_to_intervention.origins import DUE, FOURTEEN
from tracker.desk.analyses import Study
from tracker.estimate.results import Curves, Method, Summary
from tracker.estimate.waiting import incidence, waiting_stays
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
from tracker.publish.charts import Chart, Scale, Words, dots, step_curves
from tracker.publish.curve_groups import GROUP, Group, few_enough, in_one_column, only, with_group
from tracker.publish.findings import Section, Table
from tracker.publish.refusals import Refusals
from tracker.publish.wait_tables import at_months, incidence_table


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

SHARE_METHOD = Method(
    "share in time",
    "Korn & Graubard (1998), Survey Methodology 24:193–201; Wilson (1927), JASA 22:209–212",
    "linearised, clustered on child",
    "Wilson at the effective size, 95 %",
    "none",
)


def deadlines(study: Study, groups: Sequence[Group], refused: Refusals) -> list[Section]:
    """Shares in time and curves of both deadlines, all together and by group."""
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
