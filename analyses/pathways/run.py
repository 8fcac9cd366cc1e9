"""Pathways: moves with their times, where episodes end, frequent paths, loops, and the event log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tracker.desk.analyses import Study
from tracker.estimate.results import About, Method, Summary
from tracker.projections.pathway_tables import PathwayTables, pathway_tables, write_event_log
from tracker.projections.pathways import DEFINITIONS, cohort_pathways, graphml
from tracker.publish.charts import Chart, Scale, Words, bars, dots
from tracker.publish.findings import Findings, Section, Table
from tracker.publish.pathway_picture import pathway_svg

SHARES = Method(
    "share of what was seen",
    "Korn & Graubard (1998), Survey Methodology 24:193–201; Wilson (1927), JASA 22:209–212",
    variance="linearised, clustered on child (Cochran 1977, s. 6.3)",
    interval="95 %, Wilson at the effective size",
    ties="none: counts",
)
QUARTILES = Method(
    "quartiles of days", "among those who took the step; no censoring allowed for", ties="none"
)

DENOMINATORS = (
    ("followed on", "stays in the source whose next state was seen; the share is of these"),
    ("ended in all", "episodes of the group whose end was seen, wherever they ended; the share is of these"),
    ("share of paths", "episodes seen from start to end"),
)
ENDED = {
    "closed": "nothing open any more",
    "adult": "grown up",
    "moved": "moved out",
    "dead": "died",
    "open": "still open, or lost sight of",
    "gap": "a gap in deliveries began",
}
TOP = 12


def run(study: Study) -> Findings:
    """The findings of a cohort, all together and by what it is broken down by."""
    study.progress("moves, paths, loops")
    every = pathway_tables(study.cohort, study.work / "pathways")
    parts = pathway_tables(study.cohort, study.work / "pathways", study.by) if study.by else None
    study.progress("pictures")
    sections = [one(study, every, parts) for one in (_moves, _paths, _endings, _loops)]
    return Findings(
        brief=_brief(study, every),
        sections=(*sections, _event_log()),
        definitions=DEFINITIONS,
        denominators=DENOMINATORS,
        methods=(SHARES, QUARTILES),
        files={
            "event_log.parquet": lambda path: write_event_log(
                study.cohort, study.work / "log", study.stamp, path
            ),
            "pathways.graphml": lambda path: _write_graph(study, path),
        },
    )


def _write_graph(study: Study, path: Path) -> None:
    path.write_text(graphml(cohort_pathways(study.cohort).graph, study.stamp), encoding="utf-8")


def _brief(study: Study, every: PathwayTables) -> tuple[str, ...]:
    if not len(every.paths):
        return (
            f"{study.cohort.children} children are in the cohort; no episode was seen from start to end.",
        )
    first = every.paths.iloc[0]
    back = every.moves.query("source == 'closed' and target in ('referral', 'investigation')")
    return (
        f"The most frequent path is {first['path']}: {100 * first['share']:.0f} % of the episodes seen "
        f"whole, half of them within {first['median_days']:.0f} days.",
        f"After closing, a new referral or investigation was seen {int(back['count'].sum()):,} times; how "
        "likely a return is within a given time, the analysis recurrence tells.",
    )


def _both(
    name: str, title: str, every: pd.DataFrame, parts: pd.DataFrame | None, note: str = ""
) -> tuple[Table, ...]:
    """The table of all together and, where asked for, that by group."""
    tables = [Table(name, title, every, note)]
    if parts is not None:
        tables.append(Table(f"{name}_by_group", f"{title}, by group", parts, shown=60))
    return tuple(tables)


def _moves(study: Study, every: PathwayTables, parts: PathwayTables | None) -> Section:
    graph = cohort_pathways(study.cohort).graph
    title = "Barnens vägar genom kedjan"
    said = "Antal övergångar och mediantid i dagar bland dem som gick vidare"
    picture = Chart(
        "graph",
        "The ways children take through the chain",
        "Moves between states with their numbers and median days (labels in Swedish).",
        "The graph of moves between states; every number is in the table of moves.",
        pathway_svg(graph, title, said, study.stamp),
        b"",
        ("moves",),
    )
    note = (
        "Shares are the mix of the ways out that were seen, not probabilities: stays still open "
        "(censored) or cut by a gap (coverage) have none."
    )
    tables = _both("moves", "Moves from state to state", every.moves, parts.moves if parts else None, note)
    return Section("Moves", (), (picture,), tables)


def _paths(study: Study, every: PathwayTables, parts: PathwayTables | None) -> Section:
    top = every.paths.head(TOP).copy()
    top["said"] = [
        f"{n:,} · {100 * share:.1f} %" for n, share in zip(top["episodes"], top["share"], strict=True)
    ]
    words = Words(
        "paths",
        "The most frequent paths",
        "Episodes seen from start to end, by the states they passed; number and share.",
        tables=("paths",),
    )
    chart = bars(top, words, study.about(), label="path", value="episodes", figures="said", x="episodes")
    tables = _both("paths", "Frequent paths", every.paths, parts.paths if parts else None)
    return Section("Frequent paths", (), (chart,), tables)


def _endings(study: Study, every: PathwayTables, parts: PathwayTables | None) -> Section:
    words = Words(
        "endings",
        "Where episodes end",
        "Share of the episodes whose end was seen, by the last state and what came then; 95 % intervals.",
        tables=("endings",),
    )
    charts = [_shares(every.endings, words, study.about(), ())]
    if parts is not None and parts.endings[list(parts.by)].drop_duplicates().shape[0] <= len(ENDED):
        named = Words(
            "endings_by_group", f"{words.title}, by group", words.caption, tables=("endings_by_group",)
        )
        charts.append(_shares(parts.endings, named, study.about(), parts.by))
    text = "; ".join(f"{name}: {said}" for name, said in ENDED.items())
    tables = _both("endings", "Where episodes end", every.endings, parts.endings if parts else None)
    return Section("Where children leave", (f"How an episode ended: {text}.",), tuple(charts), tables)


def _shares(endings: pd.DataFrame, words: Words, about: About, by: Sequence[str]) -> Chart:
    known = endings.dropna(subset=["share"]).copy()
    known["ending"] = known["left_from"] + " → " + known["ended"]
    known["group"] = known[list(by)].agg(" · ".join, axis=1) if by else ""
    most = known.groupby("ending")["count"].sum().nlargest(8).index
    shown = known[known["ending"].isin(most)].sort_values(["ending", "group"])
    frame = shown.rename(columns={"share": "estimate", "share_low": "lower", "share_high": "upper"})
    summary = Summary("share of episodes", frame, tuple(by), ("ending",), about, SHARES)
    return dots(summary, words, row="ending", group="group" if by else None, scale=Scale.SHARE)


def _loops(study: Study, every: PathwayTables, parts: PathwayTables | None) -> Section:
    words = Words(
        "loops",
        "The most frequent ways back to a state",
        "Returns to a state seen without a break, by the way taken; the children who took it.",
        tables=("loops",),
    )
    top = every.loops.head(TOP).copy()
    top["said"] = [f"{n:,} ({c:,} children)" for n, c in zip(top["returns"], top["children"], strict=True)]
    chart = bars(top, words, study.about(), label="way", value="returns", figures="said", x="returns")
    tables = _both("loops", "Loops", every.loops, parts.loops if parts else None)
    times = _both(
        "visits", "How many times children entered each state", every.visits, parts.visits if parts else None
    )
    return Section("Loops", (), (chart,), (*tables, *times))


def _event_log() -> Section:
    return Section(
        "Event log",
        (
            "event_log.parquet opens in pm4py as it is: log = pandas.read_parquet('event_log.parquet'); "
            "pm4py.discover_dfg(log). A case is a child, numbered for this file; an event a state entered.",
        ),
    )
