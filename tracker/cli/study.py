"""Commands of the researcher and the policy analyst: timelines, snapshots, flows, pathways."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.operate import installation
from tracker.cli.output import AsJson, console, print_json, print_rows, spinner
from tracker.desk.snapshots import resolve, take_snapshot
from tracker.desk.timelines import TIMELINE_COLUMNS, lookup, show
from tracker.domain.errors import UsageError
from tracker.domain.periods import Period
from tracker.projections.diff import diff as diff_snapshots
from tracker.projections.flow_summary import flow_summary
from tracker.projections.key_figures import investigation_time, not_returned
from tracker.projections.pathways import pathways as count_pathways
from tracker.projections.snapshot import Snapshot
from tracker.publish.flow_report import write_flow
from tracker.publish.pathway_report import write_pathways
from tracker.publish.tables import TableFormat, render_table, write_table

SnapshotFolder = Annotated[Path, typer.Argument(help="A snapshot folder.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", help="A position (1234), a day (2026-03-31) or a time; the newest when left out."
    ),
]
Formats = Annotated[
    list[TableFormat] | None, typer.Option("--format", help="Table files to write; may be repeated.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the files.")]
SHOWN = (
    "step",
    "class",
    "label_sv",
    "unit",
    "count",
    "share_step",
    "share_start",
    "share_start_low",
    "share_start_high",
)
SHOWN += ("status_start", "median_days_among_completed")


def timeline(
    subject: Annotated[str | None, typer.Argument(help="Subject id.")] = None,
    by_identity: Annotated[
        bool, typer.Option("--lookup", help="Read an identity from standard input.")
    ] = False,
    municipality: Annotated[str, typer.Option(help="With --lookup of a local id: whose.")] = "",
    system: Annotated[str, typer.Option(help="With --lookup of a local id: which system's.")] = "",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """One child's timeline: what happened, how it was read, links with their method, stays on the chain.

    The identity never stands on the command line: [bold]tracker timeline --lookup < id.txt[/]
    """
    place = installation()
    if by_identity:
        subject = lookup(sys.stdin.readline(), municipality, system, place, date.today())
    if subject is None:
        raise UsageError("give a subject id, or --lookup with the identity on standard input")
    shown = show(subject, place, resolve(place.url, as_of))
    if as_json:
        print_json(shown)
        return
    console.print(f"subject {subject} · {shown['sex'] or 'sex not given'}")
    for part in ("entries", "links", "spells"):
        console.rule(part)
        print_rows(shown[part], TIMELINE_COLUMNS[part], as_json=False, empty="none")


def snapshot(
    out: Annotated[Path, typer.Argument(help="Folder to write; replaced whole when it is a snapshot.")],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Write a snapshot: Parquet files of all timelines as of one position, with a manifest.

    Examples: [bold]tracker snapshot snapshots/2026-q3[/] · [bold]tracker snapshot old --as-of 2025-06-30[/]
    """
    place = installation()
    with spinner("snapshot") as step:
        manifest = take_snapshot(place.url, out, place.codebooks(), resolve(place.url, as_of), step)
    rows = [{"table": name, **about} for name, about in manifest.tables.items()]
    if not as_json:
        console.print(f"snapshot of position {manifest.position} in {out} · codebook {manifest.codebook}")
    print_rows(rows, ("table", "rows"), as_json=as_json, empty="")


def diff(
    before: Annotated[Path, typer.Argument(help="Earlier snapshot.")],
    after: Annotated[Path, typer.Argument(help="Later snapshot.")],
    as_json: AsJson = False,
) -> None:
    """Explain what changed between two snapshots: new events, corrections, retractions, remapping."""
    found = diff_snapshots(Snapshot.open(before), Snapshot.open(after))
    frame = found.table
    print_rows(frame.to_dict("records"), list(frame.columns), as_json=as_json, empty="nothing changed")


def flow(
    folder: SnapshotFolder,
    by: Annotated[str, typer.Option(help="Break down by, e.g. sex,age_group,municipality,reason,act.")] = "",
    where: Annotated[str, typer.Option(help="Narrow the cohort, e.g. municipality=0180,sex=girl.")] = "",
    links: Annotated[str, typer.Option(help="all, or explicit: only links stated by id.")] = "all",
    entry: Annotated[str, typer.Option(help="Referrals received in, e.g. 2024-01-01..2024-12-31.")] = "",
    formats: Formats = None,
    out: Out = None,
    picture: Annotated[
        bool, typer.Option("--picture", help="Also the flow diagram (svg) and a page (html).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The flow summary of the sorting chain: who goes on at each step, who is sorted out, who comes back.

    Every count has its unit, its two denominators and its interval; what is open, too recent or not
    delivered is a class of its own. Not disclosure-controlled.

    Examples:
      [bold]tracker flow snapshot --by sex,act[/]
      [bold]tracker flow snapshot --where municipality=0180 --format xlsx --picture --out memo[/]
    """
    if links not in ("all", "explicit"):
        raise UsageError(f"--links is all or explicit, not {links!r}")
    summary = flow_summary(
        folder, by=by, where=where, links="explicit" if links == "explicit" else "all", entry=_period(entry)
    )
    if as_json:
        print_json(
            {
                "stamp": dict(summary.stamp),
                "rows": summary.table.astype(object).where(summary.table.notna(), None).to_dict("records"),
            }
        )
    else:
        total = summary.table[[*summary.by, *SHOWN]]
        console.print(render_table(total[total["count"] > 0], summary.stamp))
    if formats or picture or out:
        for path in write_flow(summary, out or Path(), formats or [], picture=picture):
            console.print(f"written to {path}", highlight=False) if not as_json else None


def figures(folder: SnapshotFolder, formats: Formats = None, out: Out = None) -> None:
    """Key figures: children not returned within a year after closing, and investigation time."""
    opened = Snapshot.open(folder)
    for made in (not_returned(opened), investigation_time(opened)):
        console.print(render_table(made.table, made.stamp))
        for fmt in formats or []:
            target = (out or Path()) / f"{made.name}-p{made.stamp['position']}.{fmt.value}"
            console.print(f"written to {write_table(made.table, made.stamp, target, fmt)}")


def pathways(
    folder: SnapshotFolder,
    out: Out = None,
    limit: Annotated[int, typer.Option(help="How many of the most frequent paths to show.")] = 15,
    as_json: AsJson = False,
) -> None:
    """What really happens: the graph of stays with counts and median days, as picture, GraphML and table."""
    found = count_pathways(Snapshot.open(folder))
    paths = found.paths.head(limit)
    print_rows(paths.to_dict("records"), list(paths.columns), as_json=as_json, empty="no stays on the chain")
    if out is not None:
        for path in write_pathways(found, out):
            console.print(f"written to {path}", highlight=False)


def _period(text: str) -> Period | None:
    if not text:
        return None
    first, _, last = text.partition("..")
    try:
        return Period(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        raise UsageError(f"--entry {text!r} is not a period such as 2024-01-01..2024-12-31") from None
