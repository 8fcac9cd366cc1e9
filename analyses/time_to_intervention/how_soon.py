"""The incidence of granted and of started interventions since an origin, closing competing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from analyses.time_to_intervention.origins import LABELS, YEAR, Origin, causes
from tracker.desk.analyses import Study
from tracker.estimate.results import Curves, Summary
from tracker.estimate.risk_sets import count
from tracker.estimate.waiting import compared, incidence, waiting_stays
from tracker.projections.flow_clock import Clock
from tracker.publish.charts import Chart, Scale, Words, dots, step_curves
from tracker.publish.curve_groups import (
    GROUP,
    Group,
    few_enough,
    in_one_column,
    only,
    side_by_side,
    with_group,
)
from tracker.publish.findings import Section, Table
from tracker.publish.model_tables import test_row
from tracker.publish.refusals import Refusals
from tracker.publish.wait_tables import incidence_table


def how_soon(
    study: Study, origin: Origin, group: Group, waits: Mapping[str, pd.DataFrame], refused: Refusals
) -> list[Section]:
    """The incidence of granted and of started since one origin, closing competing."""
    curves, tables, tests = {}, [], []
    for event, frame in waits.items():
        data = waiting_stays(frame, causes(event), group.by, about=study.about(Clock.STATE.value))
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
