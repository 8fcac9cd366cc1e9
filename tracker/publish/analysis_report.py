"""An analysis as one HTML page: self-contained, without script or network, to read on screen and in print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tracker.estimate.results import Method
from tracker.projections.cohort import StudyCohort
from tracker.publish.chart_curves import thousands
from tracker.publish.chart_sheet import Chart
from tracker.publish.findings import Findings, Section, Table
from tracker.publish.report import definition_list, html_table, page
from tracker.publish.stamp import SYNTHETIC, Stamp, is_synthetic, stamp_line
from tracker.publish.svg import clean, element

_STYLE = """
body{max-width:62rem}main{padding-bottom:3rem}
h1{position:static;clip-path:none;width:auto;height:auto;overflow:visible}
h1{font-size:1.7rem;line-height:1.25;margin:1rem 0 .4rem}
h2{font-size:1.3rem;margin-top:2.6rem;border-bottom:1px solid #dfe3e6;padding-bottom:.2rem}
h3{font-size:1.05rem;margin:1.8rem 0 .4rem}thead th.n,thead th.t{white-space:normal;vertical-align:bottom}
p,li{max-width:48rem}
.brief{background:#f2f6f9;border-left:4px solid #0b5c94;padding:.6rem 1.1rem;margin:1rem 0}
nav{font-size:.9rem;margin:1rem 0}nav a{margin-right:1rem;color:#0b5c94}
figure{margin:1.2rem 0 1.8rem}
figcaption,.note{font-size:.87rem;color:#4d5661;max-width:48rem;margin-top:.3rem}
table{font-size:.85rem}caption{text-align:left;font-weight:bold;padding:.3rem 0}code{font-size:.92em}
@media print{nav{display:none}h3{break-after:avoid}a{color:inherit;text-decoration:none}
.table{overflow:visible}table{font-size:7.5pt}th,td{padding:.15rem .4rem}thead{display:table-header-group}}
@page{size:A4 portrait;margin:15mm}
"""

_ATTRITION = {
    "said": "rule",
    "children": "children",
    "entries": "entries",
    "stays": "stays",
    "rows": "rows",
    "children_left_out": "children left out",
    "entries_left_out": "entries left out",
}
_UNITS = {
    "child": "the child, followed across municipalities",
    "child_municipality": "the child in each municipality",
}


@dataclass(frozen=True)
class Told:
    """What an analysis says of itself: its title, and the sections of its README as HTML by heading."""

    name: str
    title: str
    prose: Mapping[str, str]


def analysis_page(
    told: Told, findings: Findings, cohort: StudyCohort, stamp: Stamp, files: Sequence[str]
) -> str:
    """The page as HTML text; equal input gives equal text. ``files`` are those beside it."""
    parts = [*_head(told, findings, stamp), *_cohort(told, cohort)]
    parts += [_heading("Estimand"), told.prose["Estimand"]]
    parts += _definitions("Definitions", findings.definitions)
    parts += _definitions("Denominators", findings.denominators)
    for number, section in enumerate(findings.sections):
        parts += _section(section, number)
    parts += _methods(findings.methods)
    parts += [_heading("Choices"), told.prose["Choices"], _heading("Limits"), told.prose["Limits"]]
    parts += [_heading("Files"), _list(files), element("p", {"class": "stamp"}, clean(stamp_line(stamp)))]
    return page(told.title, [part for part in parts if part], _STYLE)


def _head(told: Told, findings: Findings, stamp: Stamp) -> Iterator[str]:
    yield element("h1", {}, clean(told.title))
    if is_synthetic(stamp):
        yield element("p", {"class": "synthetic"}, f"{SYNTHETIC}: no real child is in these figures")
    yield element("p", {"class": "stamp"}, clean(stamp_line(stamp)))
    links = ["Question", "Cohort", "Estimand", *(one.title for one in findings.sections), "Methods", "Limits"]
    yield f'<nav aria-label="Contents">{"".join(_link(one) for one in links)}</nav>'
    yield _heading("Question")
    yield told.prose["Question"]
    if findings.brief:
        yield f'<div class="brief">{"".join(f"<p>{clean(one)}</p>" for one in findings.brief)}</div>'


def _id(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title.lower())


def _link(title: str) -> str:
    return element("a", {"href": f"#{_id(title)}"}, clean(title)) + " "


def _heading(title: str) -> str:
    return element("h2", {"id": _id(title)}, clean(title))


def _cohort(told: Told, cohort: StudyCohort) -> Iterator[str]:
    yield _heading("Cohort")
    yield told.prose["Cohort"]
    facts = [
        ("cohort", cohort.spec.version),
        ("followed unit", _UNITS[cohort.unit.value]),
        ("in the study", f"{thousands(cohort.children)} children, {thousands(cohort.entries)} entries"),
        ("without a child id", f"{cohort.unlinkable} referral rows of the window can be followed nowhere"),
    ]
    yield definition_list([*([("question", cohort.spec.question)] if cohort.spec.question else []), *facts])
    yield element("h3", {}, "Who is left after each rule")
    attrition = cohort.attrition[list(_ATTRITION)].rename(columns=_ATTRITION)
    yield element("div", {"class": "table"}, html_table(attrition))
    if len(cohort.composition):
        yield element("h3", {}, "Who is in it")
        yield element("div", {"class": "table"}, html_table(cohort.composition.rename(columns=_spaced)))


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _definitions(title: str, found: Sequence[tuple[str, str]]) -> list[str]:
    return [_heading(title), definition_list(found)] if found else []


def _section(section: Section, number: int) -> Iterator[str]:
    yield _heading(section.title)
    for paragraph in section.text:
        yield element("p", {}, clean(paragraph))
    for chart in section.charts:
        yield _figure(chart)
    for table in section.tables:
        yield _table(table)


def _figure(chart: Chart) -> str:
    behind = f" Behind it: {', '.join(f'tables/{name}' for name in chart.tables)}." if chart.tables else ""
    caption = element("figcaption", {}, clean(f"{chart.caption}{behind}".strip()) or "\u00a0")
    return element("figure", {"id": f"figure-{chart.name}"}, f"{chart.svg}\n{caption}")


def _table(table: Table) -> str:
    frame: pd.DataFrame = table.frame[list(table.columns)] if table.columns else table.frame
    left = len(frame) - table.shown
    said = [table.note] if table.note else []
    if not table.shown:
        said += [f"{table.title}: {thousands(len(frame))} rows in tables/{table.name}."]
        return element("p", {"class": "note", "id": f"table-{table.name}"}, clean(" ".join(said)))
    said += [f"The first {table.shown} of {thousands(len(frame))} rows."] if left > 0 else []
    said += [f"Whole in tables/{table.name}."]
    shown = html_table(frame.head(table.shown).rename(columns=_spaced))
    return (
        element("h3", {"id": f"table-{table.name}"}, clean(table.title))
        + element("div", {"class": "table"}, shown)
        + element("p", {"class": "note"}, clean(" ".join(said)))
    )


def _methods(methods: Sequence[Method]) -> Iterator[str]:
    yield _heading("Methods")
    rows = [vars(one) for one in dict.fromkeys(methods)]
    yield (
        element("div", {"class": "table"}, html_table(pd.DataFrame(rows)))
        if rows
        else "<p>Counts and medians only.</p>"
    )


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li><code>{clean(item)}</code></li>' for item in items)}</ul>"
