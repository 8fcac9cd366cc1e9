"""The mean number of returns per child."""

from __future__ import annotations

from functools import partial

import pandas as pd

from analyses.recurrence.returns import AT, COUNTED, LABELS, STATES, YEAR
from tracker.desk.analyses import Study
from tracker.estimate.from_cohort import stays
from tracker.estimate.recurrence import mean_count_robust
from tracker.estimate.results import Curves, Summary
from tracker.projections.flow_clock import Clock
from tracker.publish.charts import Chart, Scale, Words, dots, step_curves
from tracker.publish.curve_groups import GROUP, Group, few_enough, in_one_column, side_by_side, with_group
from tracker.publish.findings import Section, Table
from tracker.publish.refusals import Refusals


def how_often(study: Study, group: Group, refused: Refusals) -> list[Section]:
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
