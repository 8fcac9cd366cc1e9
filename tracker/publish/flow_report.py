"""A flow summary as files: table (English), picture and page (Swedish), each with the same stamp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tracker.projections.flow_groups import TOTAL
from tracker.projections.flow_picture import Node as CountedNode
from tracker.projections.flow_summary import FlowSummary
from tracker.projections.flow_words import STEP_LABELS, UNIT_LABELS
from tracker.publish.files import output_name, write_text
from tracker.publish.flow_diagram import flow_svg
from tracker.publish.flow_page_table import swedish_sections
from tracker.publish.flow_page_words import definitions_sv
from tracker.publish.flow_picture import FlowPicture, Node
from tracker.publish.report import flow_page
from tracker.publish.swedish import percent
from tracker.publish.swedish_stamp import cohort_sv
from tracker.publish.tables import TableFormat, write_table

TITLE = "Sorteringskedjan: från aktualisering till insats och tillbaka"
NOTE = (
    "Staplar och band är så höga som antalen. Grått: går inte vidare, eller inte känt. "
    "Andelar: av starten, bland rader med barn-id och känt utfall (se tabellen)."
)
ONWARD = frozenset(
    {
        *("received.received", "investigation.opened", "investigation.attached", "need.yes"),
        *("granted.yes", "started.yes", "followed_up.yes", "children.cohort", "returned.yes"),
    }
)
"""Classes that lead on, or that are the step's point; every other is drawn grey."""


def flow_picture(summary: FlowSummary) -> FlowPicture:
    """The picture of the whole cohort, with the shares of the start that the table gives."""
    columns, shares = summary.links.columns(), _shares_of_start(summary.table, summary.by)
    return FlowPicture(
        title=TITLE,
        subtitle=cohort_sv(summary.stamp),
        columns=[[_node(node, shares) for node in column] for column in columns],
        edges=list(summary.links.edges),
        stamp=summary.stamp,
        headings=[_heading(column) for column in columns],
        note=NOTE,
    )


def write_flow(
    summary: FlowSummary, folder: Path, formats: Sequence[TableFormat], *, picture: bool
) -> list[Path]:
    """Write a flow summary to ``folder``: a table in each format and, if asked, the picture and the page."""
    folder.mkdir(parents=True, exist_ok=True)
    position = int(summary.stamp["position"])
    written = [
        write_table(
            summary.table, summary.stamp, folder / output_name("flow", position, fmt.value, *summary.by), fmt
        )
        for fmt in formats
    ]
    if picture:
        drawn = flow_picture(summary)
        name = folder / output_name("flow", position, "svg", *summary.by)
        written.append(write_text(name, flow_svg(drawn)))
        sections = swedish_sections(summary.table, summary.by)
        page = flow_page(drawn, sections, definitions_sv(summary.stamp["return_horizon_days"]))
        written.append(write_text(name.with_suffix(".html"), page))
    return written


def _shares_of_start(table: pd.DataFrame, by: Sequence[str]) -> dict[str, str]:
    """Share of the start by ``step.class`` of the whole linkable cohort, in the unit of the picture."""
    whole = table[(table["block"] == "linkable") & (table["status_start"] == "value")]
    for name in by:
        whole = whole[whole[name] == TOTAL]
    units = whole["step"].eq("returned").map({True: "children", False: "referrals"})
    told = whole[whole["unit"] == units]
    shares = zip(told["step"], told["class"], told["share_start"], strict=True)
    return {f"{step}.{name}": f"{percent(float(share), 1)} av starten" for step, name, share in shares}


def _node(node: CountedNode, shares: Mapping[str, str]) -> Node:
    name, label, count = node
    return Node(name, label, count, shares.get(name, ""), muted=name not in ONWARD)


def _heading(column: Sequence[CountedNode]) -> str:
    steps = dict.fromkeys(name.partition(".")[0] for name, _, _ in column)
    said = [STEP_LABELS.get(step, "") for step in steps]
    unit = UNIT_LABELS["children"] if "returned" in steps else UNIT_LABELS["referrals"]
    title = next((label for label in said if label), "Inkommet")
    return f"{title} ({unit})"
