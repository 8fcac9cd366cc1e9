"""The incidence of the first return after closing, and of each by how many episodes came before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from analyses.recurrence.returns import AT, DECIDED, LABELS, LATER, NEW, NUMBER, RETURNS, YEAR
from tracker.desk.analyses import Study
from tracker.domain.chain import CLOSED
from tracker.estimate.results import Curves, Summary
from tracker.estimate.risk_sets import Stays, count
from tracker.estimate.waiting import compared, incidence, waiting_stays
from tracker.projections.cohort_spec import Which
from tracker.projections.flow_clock import Clock
from tracker.projections.waits import LEFT_FOR_GOOD, first_passages
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


def how_soon(study: Study, group: Group, refused: Refusals) -> list[Section]:
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


def by_number(study: Study, refused: Refusals) -> list[Section]:
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
