"""The command that runs an analysis on a snapshot."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.output import AsJson, console, print_json, print_rows, spinner
from tracker.domain.errors import UsageError


def analyse(
    name: Annotated[str, typer.Argument(help="Which analysis; --list shows them.")] = "",
    snapshot: Annotated[Path | None, typer.Argument(help="A snapshot folder.")] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; the analysis makes one of its name in it.")
    ] = None,
    by: Annotated[str, typer.Option(help="Break down by covariates of the cohort, e.g. sex,age_group.")] = "",
    cohort: Annotated[Path | None, typer.Option(help="Another cohort than its own, as YAML.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the analyses.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run an analysis: report, tables and figures, with who was left out and as of when.

    Examples:
      [bold]tracker analyse --list[/]
      [bold]tracker analyse pathways snapshot --out results --by sex[/]
    """
    from tracker.desk import analyses
    from tracker.projections.snapshot import Snapshot

    if listed:
        rows = [{"name": one.name, "title": one.told.title} for one in analyses.available()]
        print_rows(rows, ("name", "title"), as_json=as_json, empty="there are no analyses")
        return
    if not name or snapshot is None or out is None:
        raise UsageError("name an analysis, a snapshot and --out; tracker analyse --list shows the analyses")
    chosen = analyses.analysis(name)
    names = [one.strip() for one in by.split(",") if one.strip()]
    with spinner(name) as step:
        opened = Snapshot.open(snapshot)
        done = analyses.analyse(chosen, opened, out, by=names, cohort_file=cohort, progress=step)
    if as_json:
        print_json(asdict(done))
        return
    console.print(f"{done.children} children, {done.entries} entries · cohort {done.cohort}", highlight=False)
    console.print(f"report in {done.files[0]}", highlight=False, soft_wrap=True)
