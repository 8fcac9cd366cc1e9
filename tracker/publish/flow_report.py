"""A flow summary as files: table, picture and page, each with the same stamp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracker.projections.flow_picture import Node as CountedNode
from tracker.projections.flow_summary import FlowSummary
from tracker.projections.flow_words import STEP_LABELS, UNIT_LABELS
from tracker.publish.files import output_name, write_text
from tracker.publish.flow_diagram import flow_svg
from tracker.publish.flow_picture import FlowPicture, Node
from tracker.publish.report import flow_page
from tracker.publish.swedish import percent
from tracker.publish.tables import TableFormat, write_table

TITLE = "Sorteringskedjan: från aktualisering till insats och tillbaka"
NOTE = "Staplar och band är så höga som antalen. Grått: går inte vidare, eller inte känt."
ONWARD = frozenset(
    {
        *("received.received", "investigation.opened", "investigation.attached", "need.yes"),
        *("granted.yes", "started.yes", "followed_up.yes", "children.cohort", "returned.yes"),
    }
)
"""Classes that lead on, or that are the step's point; every other is drawn grey."""


def flow_picture(summary: FlowSummary) -> FlowPicture:
    """The picture of the whole cohort, shares of the cohort's referrals or children under each class."""
    columns = summary.links.columns()
    starts = {node: count for column in columns for node, _, count in column}
    referrals, children = starts.get("received.received", 0), starts.get("children.cohort", 0)
    return FlowPicture(
        title=TITLE,
        subtitle=_subtitle(summary),
        columns=[[_node(node, referrals, children) for node in column] for column in columns],
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
        page = flow_page(drawn, summary.table, summary.definitions)
        written.append(write_text(name.with_suffix(".html"), page))
    return written


def _subtitle(summary: FlowSummary) -> str:
    said = [f"{name} {summary.stamp[name]}" for name in ("cohort", "links") if summary.stamp.get(name)]
    return " · ".join(said) or "alla inkomna aktualiseringar"


def _node(node: CountedNode, referrals: int, children: int) -> Node:
    name, label, count = node
    of_children = name.startswith(("children.", "returned."))
    whole, unit = (children, "barnen") if of_children else (referrals, "aktualiseringarna")
    first = name in ("received.received", "children.cohort")
    share = "" if first or not whole else f"{percent(count, whole)} av {unit}"
    return Node(name, label, count, share, muted=name not in ONWARD)


def _heading(column: Sequence[CountedNode]) -> str:
    steps = dict.fromkeys(name.partition(".")[0] for name, _, _ in column)
    said = [STEP_LABELS.get(step, "") for step in steps]
    unit = UNIT_LABELS["children"] if "returned" in steps else UNIT_LABELS["referrals"]
    title = next((label for label in said if label), "Inkommet")
    return f"{title} ({unit})"
