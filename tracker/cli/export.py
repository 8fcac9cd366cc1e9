"""Commands of the researcher who takes data along: an export for a project, and the ledger of exports."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.operate import installation, settings
from tracker.cli.output import AsJson, console, print_json, print_rows, spinner


class Language(StrEnum):
    """Languages of the labels in dta and sav; the codebook has both."""

    SV = "sv"
    EN = "en"


LEDGER_COLUMNS = (
    *("number", "exported_at", "exported_by", "project", "form", "format", "exact_dates", "persons", "rows"),
    *("position", "cohort", "reason"),
)


def export(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot folder.")],
    *,
    project: Annotated[str, typer.Option(help="The project, such as nuso-2026-01: its ids are its own.")],
    form: Annotated[str, typer.Option(help="spells, msdata, timeline, eventlog, meds or flowtable.")],
    fmt: Annotated[str, typer.Option("--format", help="parquet, csv.gz, xlsx, dta or sav.")] = "parquet",
    out: Annotated[Path, typer.Option(help="Folder for the export; an earlier export there is replaced.")],
    cohort: Annotated[Path | None, typer.Option(help="A cohort in YAML; everyone when left out.")] = None,
    exact_dates: Annotated[
        bool, typer.Option("--exact-dates", help="Dates instead of days since entry; needs a reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, for the ledger; kept for ever, so without names.")] = "",
    labels: Annotated[Language, typer.Option(help="Language of labels in dta and sav.")] = Language.EN,
    as_json: AsJson = False,
) -> None:
    """Export a snapshot for a project of research: data, codebook, manifest and the lines that open it.

    Children and facts get ids that only this project has, the same each time. Times are days since each
    person's entry, of which the month is told. Every export is entered in the ledger (tracker exports).

    [bold]spells[/]     a row for each stay in a state                       all formats
    [bold]msdata[/]     a row for each transition at risk, for mstate in R   all formats
    [bold]timeline[/]   a row for each event, and intervals for survfit      all formats
    [bold]eventlog[/]   cases, activities, timestamps, for pm4py             parquet, csv.gz, xlsx
    [bold]meds[/]       the Medical Event Data Standard                      parquet
    [bold]flowtable[/]  counts of stays since entry, no rows of persons      all formats

    Examples:
      [bold]tracker export snapshot --project nuso-2026-01 --form timeline --format csv.gz --out export[/]
      [bold]tracker export snapshot --project lu-7 --form spells --format dta --labels sv --out lu[/]
    """
    from tracker.desk import exports

    wish = exports.Wish(project, form, fmt, cohort, exact_dates, reason, labels.value)
    with spinner("export") as step:
        made, number = exports.export(snapshot, wish, out, exports.installation_with_ledger(settings()), step)
    if as_json:
        print_json({"number": number, "out": str(out), "manifest": made.manifest})
        return
    stamp = "SYNTHETIC · " if made.manifest["synthetic"] else ""
    print_rows(
        [{"table": name, "rows": rows} for name, rows in made.manifest["rows"].items()],
        ("table", "rows"),
        as_json=False,
        empty="",
    )
    console.print(
        f"{stamp}{made.persons} persons in {out} · number {number} in the ledger",
        highlight=False,
        soft_wrap=True,
    )
    console.print("personal data, not disclosure-controlled; README.txt says how to open it")


def list_exports(as_json: AsJson = False) -> None:
    """List every export ever made: who, when, for which project, whether with exact dates and why."""
    from tracker.postgres.exports import PostgresExports

    entered = PostgresExports(installation().url).entered()
    print_rows(entered, LEDGER_COLUMNS, as_json=as_json, empty="nothing was exported")
