"""The part of the analysis of the 2025 Act on entry cohorts: half-years, and the years around the day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from tracker.domain.periods import SOCIAL_SERVICES_ACT_2025
from tracker.estimate.entry_cohorts import NOT_DELIVERED, Compared, compare_around, incidence_by_half_year
from tracker.estimate.gray import GRAY
from tracker.estimate.results import VALUE, About, Summary
from tracker.projections.first_events import FirstEvents
from tracker.publish.charts import Chart, Scale, Words, dots, step_curves
from tracker.publish.findings import Section, Table, share_said
from tracker.publish.refusals import Refusals

SHOWN_DAYS = 180
MOST_ROWS = 60

LABELS = {
    "investigation": "investigation opened",
    "granted": "intervention granted",
    "intervention": "intervention started",
    "closed": "closed",
}


@dataclass(frozen=True)
class Start:
    """What time is counted from: a name, words, and the first events since.

    ``complete``: only entries where and when not-opened reports are declared complete can tell.
    """

    name: str
    said: str
    events: FirstEvents
    complete: tuple[bool, ...]

    @property
    def telling(self) -> pd.DataFrame:
        """The entries that can tell."""
        frame = self.events.frame
        return frame[frame["complete"].isin(self.complete)]


def half_years(start: Start, about: About) -> Section:
    """Each outcome within 30 to 365 days, by half-year."""
    title = f"Entry cohorts: since {start.said}"
    if not len(start.events.frame):
        return Section(title, ("No one entered.",))
    summary = incidence_by_half_year(start.events, start.telling, about)
    name = f"incidence_since_{start.name}"
    read = Table(
        f"{name}_read",
        f"Reached since {start.said}, by half-year of it",
        _read(summary),
        "Per cent with 95 % interval. A window of a half-year before July 2025 may reach past 1 July.",
        shown=MOST_ROWS,
    )
    whole = Table(name, "The same, a row for each window", summary.frame, shown=4)
    chart = _dots(start, summary, name)
    return Section(title, _left_aside(start), (chart,) if chart else (), (read, whole))


def _read(summary: Summary) -> pd.DataFrame:
    """A row for each half-year and outcome, a column for each window."""
    told = summary.frame.assign(
        said=[
            share_said(row, "") if row["status"] == VALUE else str(row["status"]).replace("_", " ")
            for row in summary.frame.to_dict("records")
        ],
        days=[f"within_{days}_days" for days in summary.frame["days"]],
    )
    keys = ["outcome", *summary.strata, "entries", "at_risk"]
    wide = told.pivot(index=keys, columns="days", values="said").reset_index()
    order = list(dict.fromkeys(told["outcome"]))
    wide["rank"] = wide["outcome"].map(order.index)
    days = list(dict.fromkeys(told["days"]))
    return wide.sort_values(["rank", *summary.strata], ignore_index=True)[[*keys, *days]]


def _dots(start: Start, summary: Summary, name: str) -> Chart | None:
    frame = summary.frame[(summary.frame["days"] == SHOWN_DAYS) & (summary.frame["status"] != NOT_DELIVERED)]
    if not len(frame) or len(frame) > MOST_ROWS or start.events.by:
        return None
    order = {outcome: number for number, outcome in enumerate(start.events.outcomes)}
    rows = frame.assign(rank=frame["outcome"].map(order)).sort_values(["rank", "half_year"])
    rows = rows.assign(
        row=[f"{LABELS[o]} · {h}" for o, h in zip(rows["outcome"], rows["half_year"], strict=True)]
    )
    words = Words(
        name,
        f"Within {SHOWN_DAYS} days of {start.said}, by half-year of it",
        "Cumulative incidence; closing, growing up and dying compete. 95 % intervals.",
        tables=(name,),
    )
    return dots(replace(summary, frame=rows), words, row="row", x="share reached", scale=Scale.SHARE)


def _left_aside(start: Start) -> tuple[str, ...]:
    every, telling = len(start.events.frame), len(start.telling)
    if every == telling:
        return ()
    return (
        f"{every - telling:,} of {every:,} entries are where not-opened reports were not declared complete "
        "on the day. Who is missing beside them cannot be known: they are in no figure here.",
    )


def years_compared(start: Start, about: About, refused: Refusals) -> Iterator[Section]:
    """The year before the Act against the year since, and as a placebo the same a year earlier."""
    act = SOCIAL_SERVICES_ACT_2025
    at: dict[date, Compared] = {}
    for day in (act, date(act.year - 1, act.month, act.day)):
        made = refused(f"Years around {day}, since {start.said}", _comparing(start, day, about))
        if made is not None:
            at[day] = made
    if act in at:
        yield _years(start, at, at[act], _by_group(start, about, refused))


def _comparing(
    start: Start, day: date, about: About, some: pd.DataFrame | None = None
) -> Callable[[], Compared]:
    frame = start.telling if some is None else some
    return lambda: compare_around(start.events, frame, day, about, start.events.outcomes)


def _by_group(start: Start, about: About, refused: Refusals) -> tuple[Table, ...]:
    """The years around the Act in each group of the breakdown: differences, and Gray's test."""
    parts = []
    by = list(start.events.by)
    for level, some in start.telling.groupby(by, observed=True) if by else ():
        named = " · ".join(map(str, level))
        what = f"Years around {SOCIAL_SERVICES_ACT_2025}, since {start.said}, {named}"
        made = refused(what, _comparing(start, SOCIAL_SERVICES_ACT_2025, about, some))
        if made is not None:
            gray = made.tests[made.tests["test"] == GRAY.name].set_index("outcome")["p_value"]
            told = made.differences.assign(gray_p_value=made.differences["outcome"].map(gray))
            for place, name in enumerate(by):
                told.insert(place, name, str(level[place]))
            parts.append(told)
    if not parts:
        return ()
    title = "Share reached around 1 July 2025, by group: since less before"
    every = pd.concat(parts, ignore_index=True)
    return (Table(f"years_since_{start.name}_by_group", title, every, shown=MOST_ROWS),)


def _years(start: Start, at: dict[date, Compared], around: Compared, by_group: tuple[Table, ...]) -> Section:
    name = f"years_since_{start.name}"
    words = Words(
        name,
        f"A year before and a year since 1 July 2025, from {start.said}",
        "Cumulative incidence; who entered in the year before is followed to 30 June 2025. 95 % bands.",
        tables=(f"{name}_curves", f"{name}_differences", f"{name}_tests"),
    )
    chart = step_curves(
        around.curves, words, panel="cause", line="period", since=start.said, labels=LABELS, y="share reached"
    )
    differences = [one.differences.assign(around=day) for day, one in at.items()]
    tests = [one.tests for one in at.values()]
    return Section(
        f"A year before against a year since: from {start.said}",
        (
            "Around 1 July 2025 and, as a placebo, around 1 July 2024. A difference says that the years "
            "differ, not that the Act made it: a trend under way makes years differ too. Gray's test "
            "compares incidences, log-rank the rates among those still waiting. Both take entries as "
            "independent, though children of one municipality are not, and are not corrected for being many.",
        ),
        (chart,),
        (
            Table(
                f"{name}_differences",
                "Share reached: since less before",
                pd.concat(differences, ignore_index=True),
            ),
            Table(f"{name}_tests", "Tests", pd.concat(tests, ignore_index=True)),
            Table(f"{name}_curves", "The curves", around.curves.frame, shown=4),
            *by_group,
        ),
    )
