"""Commands of flow tables: counted in one municipality, added up for many, compared with linked children."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracker.cli import second_round
from tracker.cli.output import AsJson, console, print_json, print_rows, spinner
from tracker.cli.study import Followed

if TYPE_CHECKING:
    from tracker.projections.flow_table import FlowTable


class Since(StrEnum):
    """What the days of a flow table are counted from, as in ``projections.flow_clock``."""

    ENTRY = "entry"
    EPISODE = "episode"
    STATE = "state"
    AGE = "age"
    CALENDAR = "calendar"


flow_table = typer.Typer(
    help="Flow tables: who enters and leaves each state when, in counts that add up across municipalities.",
    no_args_is_help=True,
)

for command in (second_round.hazards, second_round.influence, second_round.robust):
    flow_table.command()(command)

COMPARED = ("state", "what", "to_state", "merged", "linked", "difference")

Folder = Annotated[Path, typer.Option("--out", help="Folder for the flow table; an earlier one is replaced.")]


@flow_table.command()
def export(
    snapshot: Annotated[Path, typer.Argument(help="A snapshot folder.")],
    *,
    out: Folder,
    clock: Annotated[Since, typer.Option(help="What days are counted from.")] = Since.EPISODE,
    by: Annotated[str, typer.Option(help="Covariates, e.g. sex,age_group,entry_year,act_2025.")] = "",
    horizon: Annotated[int | None, typer.Option(min=0, help="Last day followed.")] = None,
    municipality: Annotated[str | None, typer.Option(help="Only this one; all when left out.")] = None,
    unit: Annotated[
        Followed, typer.Option(help="child-municipality adds up; child is followed from one to another.")
    ] = Followed.CHILD_MUNICIPALITY,
    as_json: AsJson = False,
) -> None:
    """Count a snapshot into a flow table: a folder with counts.parquet and flow-table.json.

    It holds no rows of persons, but cells can be one child: how many is shown. It is personal data and
    travels only under agreement (docs/flow-table-sharing.md).

    Example:
      [bold]tracker flow-table export snapshot --municipality 0180 --by sex,age_group --out 0180[/]
    """
    from tracker.projections.flow_clock import Clock
    from tracker.projections.flow_counting import build_flow_table
    from tracker.projections.flow_files import write_flow_table
    from tracker.projections.rules import Unit

    with spinner("flow table"):
        table = build_flow_table(
            snapshot,
            clock=Clock(clock.value),
            by=tuple(filter(None, (name.strip() for name in by.split(",")))),
            unit=Unit[unit.name],
            municipality=municipality,
            horizon=horizon,
        )
    _told(table, write_flow_table(table, out), as_json=as_json)


@flow_table.command()
def merge(
    folders: Annotated[list[Path], typer.Argument(help="Flow tables of different municipalities.")],
    *,
    out: Folder,
    as_json: AsJson = False,
) -> None:
    """Add up flow tables of municipalities: exactly the table of all their children × municipality.

    Tables of another chain, codebook, clock, breakdown or horizon are refused; so is a municipality twice.
    """
    from tracker.projections.flow_files import read_flow_table, write_flow_table
    from tracker.projections.flow_merge import merge as add_up

    table = add_up([read_flow_table(folder) for folder in folders])
    _told(table, write_flow_table(table, out), as_json=as_json)


@flow_table.command()
def compare(
    merged: Annotated[Path, typer.Argument(help="A merged flow table (child × municipality).")],
    linked: Annotated[Path, typer.Argument(help="The same of linked children (export --unit child).")],
    as_json: AsJson = False,
) -> None:
    """What following children from one municipality to another changes, state by state.

    A child that moves leaves observation in one municipality and enters it in another in the merged table.
    """
    from tracker.projections.flow_files import read_flow_table
    from tracker.projections.flow_merge import compare as beside

    found = beside(read_flow_table(merged), read_flow_table(linked))
    print_rows(found.to_dict("records"), COMPARED, as_json=as_json, empty="both tables are empty")


def _told(table: FlowTable, out: Path, *, as_json: bool) -> None:
    from tracker.projections.flow_merge import cells_by_size

    sizes = cells_by_size(table)
    left_out = sum(source.left_out for source in table.sources)
    if as_json:
        print_json(
            {"folder": out, "rows": table.table.num_rows, "cells_by_size": sizes, "left_out": left_out,
             "municipalities": table.municipalities}
        )  # fmt: skip
        return
    stamp = " · SYNTHETIC" if table.synthetic else ""
    console.print(f"{table.table.num_rows} cells in {out}{stamp}", highlight=False, soft_wrap=True)
    console.print(
        f"cells that count one spell: {sizes['1']} · two: {sizes['2']} · 3–4: {sizes['3-4']} · "
        f"5–9: {sizes['5-9']} · ten or more: {sizes['10+']}",
        highlight=False,
    )
    if left_out:
        console.print(f"spells left out, as they have no place on the clock: {left_out}")
    console.print("personal data, not disclosure-controlled: share under agreement only")
