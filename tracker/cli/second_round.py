"""Commands of the second round for robust variance: hazards out, sums of squared influence back, added up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.output import AsJson, console, print_json, spinner
from tracker.domain.errors import UsageError

Merged = Annotated[Path, typer.Argument(help="A merged flow table.")]
HazardsFile = Annotated[Path, typer.Argument(help="The file of hazards.")]
OutFile = Annotated[Path, typer.Option("--out", help="File to write; an earlier one is replaced.")]


def hazards(
    merged: Merged,
    *,
    out: OutFile,
    times: Annotated[str, typer.Option(help="Days of state occupation, e.g. 90,180,365.")] = "",
    horizons: Annotated[str, typer.Option(help="Expected time in state up to days, e.g. 730.")] = "",
    since: Annotated[
        float | None,
        typer.Option(help="Curves start at the end of this day; when the first child enters if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whoever merged: what each municipality needs to add up how much its children move the estimate.

    The file holds the hazards and numbers at risk of the sum, as fine as the merged table: it goes out under
    the same agreement (docs/flow-table-sharing.md).

    Example:
      [bold]tracker flow-table hazards merged --times 90,180,365 --horizons 730 --out hazards.json[/]
    """
    from tracker.desk.second_round import write_hazards

    made = write_hazards(merged, _days(times, "--times"), _days(horizons, "--horizons"), since, out)
    tables = made.tables
    if as_json:
        print_json({"file": out, "sha256": made.seal, "strata": len(tables.strata), "times": tables.times,
                    "horizons": tables.horizons, "municipalities": made.of.municipalities})  # fmt: skip
        return
    console.print(
        f"hazards of {len(tables.strata)} strata at {len(tables.moments)} moments in {out}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"checksum {made.seal}", highlight=False, soft_wrap=True)
    console.print(f"to go to: {', '.join(made.of.municipalities)}", highlight=False, soft_wrap=True)


def influence(
    snapshot: Annotated[Path, typer.Argument(help="The snapshot the flow table was exported from.")],
    hazards_file: HazardsFile,
    *,
    municipality: Annotated[str, typer.Option(help="Whose children are summed over.")],
    out: OutFile,
    as_json: AsJson = False,
) -> None:
    """In a municipality: the sums of squared influence of its children, by stratum and time, in a small file.

    No rows of persons; but the sum over one child is that child's: how many strata have so few is shown.

    Example:
      [bold]tracker flow-table influence snapshot hazards.json --municipality 0180 --out 0180.json[/]
    """
    from tracker.desk.second_round import write_influence

    with spinner("influence"):
        sums = write_influence(snapshot, hazards_file, municipality, out)
    few = {number: int((sums.children == number).sum()) for number in (1, 2, 3, 4)}
    if as_json:
        print_json({"file": out, "municipality": municipality, "children": int(sums.children.sum()),
                    "strata_by_children": {str(number): times for number, times in few.items()}})  # fmt: skip
        return
    console.print(
        f"sums over {int(sums.children.sum())} children in {len(sums.children)} strata in {out}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"strata with one child: {few[1]} · two: {few[2]} · three or four: {few[3] + few[4]}",
        highlight=False,
    )
    console.print("personal data, not disclosure-controlled: share under agreement only")


def robust(
    merged: Merged,
    hazards_file: HazardsFile,
    files: Annotated[list[Path], typer.Argument(help="The file of sums of every municipality.")],
    *,
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables; an earlier result is replaced.")],
    as_json: AsJson = False,
) -> None:
    """Whoever merged: add up what came back; state occupation and expected times with robust errors.

    Clusters are children within a municipality. Sums made with other hazards are refused, as is a
    municipality twice or missing, or sums over other children than were counted.
    """
    from tracker.desk.second_round import write_robust

    written = write_robust(merged, hazards_file, files, out)
    if as_json:
        print_json({"files": written})
        return
    for path in written:
        console.print(f"written to {path}", highlight=False, soft_wrap=True)


def _days(text: str, option: str) -> list[float]:
    try:
        return sorted({float(day) for day in text.split(",") if day.strip()})
    except ValueError:
        raise UsageError(f"{option} {text!r} are not days such as 90,180,365.") from None
