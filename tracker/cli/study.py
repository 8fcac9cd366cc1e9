"""Commands of the researcher and the policy analyst: timelines, snapshots, flows, pathways.

Libraries of analysis take a second to import, so each command imports what it uses.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tracker.cli.operate import installation
from tracker.cli.output import AsJson, console, print_json, print_rows, spinner
from tracker.domain.errors import UsageError
from tracker.domain.periods import Period


class Format(StrEnum):
    """Formats a table can be written in."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    JSON = "json"


class Followed(StrEnum):
    """Whose stays are followed, by the names of ``projections.rules.Unit``."""

    CHILD = "child"
    CHILD_MUNICIPALITY = "child-municipality"


class Links(StrEnum):
    """Which stage links a flow rests on."""

    ALL = "all"
    EXPLICIT = "explicit"


FIGURE_COLUMNS = {
    "not-returned": (
        *("year", "age_class", "closed", "denominator", "share_not_returned", "share_not_returned_low"),
        *("share_not_returned_high", "status"),
    ),
    "investigation-time": (
        *("year", "investigations", "median_days", "mean_days", "mean_days_low", "mean_days_high"),
        "covered_whole_year",
    ),
}
"""Columns shown in the terminal; files have all."""

SnapshotFolder = Annotated[Path, typer.Argument(help="A snapshot folder.")]
AsOf = Annotated[
    str | None,
    typer.Option(help="A position (1234), a day (2026-03-31) or a time; the newest when left out."),
]
Formats = Annotated[
    list[Format] | None, typer.Option("--format", help="Table files to write; may be repeated.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for the files.")]


def timeline(
    subject: Annotated[str | None, typer.Argument(help="Subject id.")] = None,
    *,
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
    from tracker.desk.snapshots import resolve
    from tracker.desk.timelines import TIMELINE_COLUMNS, lookup, show

    place = installation()
    if by_identity:
        today = datetime.now(UTC).date()
        subject = lookup(sys.stdin.readline(), municipality, system, place, today)
    if subject is None:
        raise UsageError("give a subject id, or --lookup with the identity on standard input")
    shown = show(subject, place, resolve(place.url, as_of))
    if as_json:
        print_json(shown)
        return
    console.print(f"subject {subject} · {shown['sex'] or 'sex not given'}")
    for part, columns in TIMELINE_COLUMNS.items():
        console.rule(part)
        print_rows(shown[part], columns, as_json=False, empty="none")


def snapshot(
    out: Annotated[Path, typer.Argument(help="Folder to write; replaced whole when it is a snapshot.")],
    as_of: AsOf = None,
    unit: Annotated[
        Followed,
        typer.Option(help="Stays of the child across municipalities, or within each: these add up."),
    ] = Followed.CHILD,
    as_json: AsJson = False,
) -> None:
    """Write a snapshot: Parquet files of all timelines as of one position, with a manifest.

    Examples: [bold]tracker snapshot snapshots/2026-q3[/] · [bold]tracker snapshot old --as-of 2025-06-30[/]
    """
    from tracker.desk.snapshots import resolve, take_snapshot
    from tracker.projections.rules import Unit

    place = installation()
    followed = Unit[unit.name]
    with spinner("snapshot") as step:
        manifest = take_snapshot(
            place.url, out, place.codebooks(), resolve(place.url, as_of), step, unit=followed
        )
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
    from tracker.projections.diff import diff as compare
    from tracker.projections.snapshot import Snapshot

    found = compare(Snapshot.open(before), Snapshot.open(after))
    tables = {name: table.to_pylist() for name, table in found.tables.items()}
    if as_json:
        print_json({"versions": found.versions, "counts": found.counts(), "tables": tables})
        return
    for name, (old, new) in found.versions.items():
        console.print(f"{name}: {old} → {new}")
    for name, rows in tables.items():
        console.rule(name)
        print_rows(rows, list(rows[0]) if rows else [], as_json=False, empty="no difference")


def flow(
    folder: SnapshotFolder,
    *,
    by: Annotated[str, typer.Option(help="Break down by, e.g. sex,age_group,municipality,reason,act.")] = "",
    where: Annotated[str, typer.Option(help="Narrow the cohort, e.g. municipality=0180,sex=girl.")] = "",
    links: Annotated[Links, typer.Option(help="all, or only links stated by id.")] = Links.ALL,
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
    from tracker.projections.flow_summary import flow_summary
    from tracker.publish.flow_report import write_flow
    from tracker.publish.flow_terminal import terminal_table
    from tracker.publish.tables import TableFormat

    summary = flow_summary(folder, by=by, where=where, links=links.value, entry=_period(entry))
    if as_json:
        print_json({"stamp": dict(summary.stamp), "rows": _records(summary.table)})
    else:
        console.print(terminal_table(summary))
    if formats or picture or out:
        wanted = [TableFormat(one.value) for one in formats or ()]
        _say_written(write_flow(summary, out or Path(), wanted, picture=picture), as_json=as_json)


def figures(
    folder: SnapshotFolder,
    municipality: Annotated[str, typer.Option(help="Only this one; all together when left out.")] = "all",
    formats: Formats = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Key figures: children not returned within a year after closing, and investigation time.

    Files (--format) hold every municipality and every column.
    """
    from tracker.projections.key_figures import key_figures
    from tracker.publish.files import output_name
    from tracker.publish.stamp import stamp_line
    from tracker.publish.tables import write_table

    made = key_figures(folder)
    tables = {"not-returned": made.not_returned, "investigation-time": made.investigation_time}
    chosen = {name: _records(table[table["municipality"] == municipality]) for name, table in tables.items()}
    if as_json:
        print_json({"stamp": dict(made.stamp), **chosen})
        return
    for name, rows in chosen.items():
        console.rule(name)
        print_rows(rows, FIGURE_COLUMNS[name], as_json=False, empty=f"nothing of {municipality}")
    console.print(stamp_line(made.stamp))
    for name, table in tables.items():
        for fmt in formats or ():
            target = (out or Path()) / output_name(name, int(made.stamp["position"]), fmt.value)
            target.parent.mkdir(parents=True, exist_ok=True)
            _say_written([write_table(table, made.stamp, target, fmt.value)], as_json=False)


def pathways(
    folder: SnapshotFolder,
    out: Out = None,
    limit: Annotated[int, typer.Option(help="How many of the most frequent paths to show.")] = 15,
    as_json: AsJson = False,
) -> None:
    """What really happens: the graph of stays with counts and median days, as picture, GraphML and table."""
    from tracker.projections.pathways import pathways as follow
    from tracker.publish.pathway_report import write_pathways

    found = follow(folder, top=limit)
    print_rows(
        _records(found.paths), list(found.paths.columns), as_json=as_json, empty="no stays on the chain"
    )
    if out is not None:
        _say_written(write_pathways(found, out), as_json=as_json)


def _records(frame: Any) -> list[dict[str, Any]]:
    """Rows of a data frame with plain values; missing ones are None."""
    records: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return records


def _say_written(paths: list[Path], *, as_json: bool) -> None:
    for path in paths if not as_json else ():
        console.print(f"written to {path}", highlight=False, soft_wrap=True)


def _period(text: str) -> Period | None:
    if not text:
        return None
    first, _, last = text.partition("..")
    try:
        return Period(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError:
        raise UsageError(f"--entry {text!r} is not a period such as 2024-01-01..2024-12-31") from None
