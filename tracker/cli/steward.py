"""Commands of the steward: the delivery specification, and what unknown spellings mean."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tracker.cli.operate import installation
from tracker.cli.output import AsJson, console, print_rows, spinner
from tracker.harmonise.code_lists import package_code_lists
from tracker.harmonise.workbench import Proposal, accept, decision_for, undo
from tracker.intake.spec_files import load_spec, load_specs
from tracker.intake.specification import specification_markdown

codes = typer.Typer(
    help="Spellings the codebooks do not know: queue, suggestions, decisions, impact.", no_args_is_help=True
)

Book = Annotated[str, typer.Argument(help="Codebook, e.g. referral_reason.")]
Spelling = Annotated[str, typer.Argument(help="The wording as delivered or as listed.")]
CodesArgument = Annotated[list[str], typer.Argument(help="Code or codes it means.")]
Municipality = Annotated[str, typer.Option(help="Only for this municipality (four digits).")]
System = Annotated[str, typer.Option(help="Only for this case system.")]
By = Annotated[str, typer.Option("--by", help="Who decides; the login name when left out.")]


def spec(
    record_type: Annotated[str | None, typer.Argument(help="Record type; all of them when left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write one .md file a record type to.")] = None,
) -> None:
    """Print the delivery specification a municipality can be handed, in Swedish.

    Example: [bold]tracker spec referrals > leveransspecifikation.md[/]
    """
    lists = package_code_lists().lists
    for known in [load_spec(record_type)] if record_type else load_specs().values():
        text = specification_markdown(known, lists)
        if out is None:
            typer.echo(text)
        else:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{known.record_type}.md").write_text(text, encoding="utf-8")


@codes.command("unmapped")
def unmapped(
    codebook: Annotated[str | None, typer.Argument(help="Only this codebook.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 30,
    as_json: AsJson = False,
) -> None:
    """The queue: unknown spellings by how many rows have them, with the likeliest reading."""
    from tracker.desk import steward_desk

    place = installation()
    rows = steward_desk.unmapped(place, codebook)
    print_rows(rows[:limit], steward_desk.UNMAPPED_COLUMNS, as_json=as_json, empty="every spelling is known")
    if not as_json and len(rows) > limit:
        console.print(f"{len(rows) - limit} more: --limit {len(rows)}")


@codes.command("suggest")
def suggest(codebook: Book, spelling: Spelling, as_json: AsJson = False) -> None:
    """What a spelling may mean, with a likeness from 0 to 100 (not a probability)."""
    from tracker.desk import steward_desk

    rows = steward_desk.suggestions(installation(), codebook, spelling)
    print_rows(rows, ("codes", "label_sv", "score", "because"), as_json=as_json, empty="nothing resembles it")


@codes.command("accept")
def accept_spelling(
    codebook: Book,
    spelling: Spelling,
    means: CodesArgument,
    *,
    municipality: Municipality = "",
    system: System = "",
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Decide what a spelling means, everywhere or for one municipality; kept for ever, dated, undoable.

    See first what it would move: [bold]tracker codes impact referral_reason "oro skola" B_SKOLA[/]
    """
    proposal = Proposal(codebook, spelling, tuple(means), municipality, system, reason=reason)
    decided = accept(proposal, installation().decisions(), by or getpass.getuser(), _today())
    console.print(f"decision {decided.number}: {decided.spelling!r} means {', '.join(decided.codes)}")


@codes.command("undo")
def undo_decision(
    number: Annotated[int, typer.Argument(help="The decision's number.")],
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Take a mapping decision back by a new one; both are kept."""
    decided = undo(number, installation().decisions(), by or getpass.getuser(), _today(), reason)
    console.print(f"decision {decided.number} undoes decision {number}")


@codes.command("decisions")
def decisions(as_json: AsJson = False) -> None:
    """Every mapping decision ever made."""
    columns = (
        "number",
        "codebook",
        "spelling",
        "codes",
        "municipality",
        "system",
        "decided_by",
        "decided_on",
        "undoes",
    )
    print_rows(installation().decisions().decisions(), columns, as_json=as_json, empty="no decisions yet")


@codes.command("impact")
def impact(
    codebook: Book,
    spelling: Spelling,
    means: CodesArgument,
    *,
    municipality: Municipality = "",
    system: System = "",
    as_json: AsJson = False,
) -> None:
    """Which flow figures a proposed mapping would move, and by how much. Nothing is kept."""
    from tracker.desk import steward_desk
    from tracker.desk.snapshots import resolve

    place = installation()
    proposal = Proposal(codebook, spelling, tuple(means), municipality, system)
    proposed = decision_for(proposal, place.decisions(), getpass.getuser(), _today())
    with spinner("projecting twice") as step:
        moved = steward_desk.impact(place, proposed, resolve(place.url, None), step)
    print_rows(moved.to_dict("records"), list(moved.columns), as_json=as_json, empty="no flow figure moves")


def _today() -> date:
    return datetime.now(UTC).date()
