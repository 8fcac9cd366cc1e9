"""Commands that guard the log: verify it, anchor it, erase a child or a municipality from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tracker.cli.operate import installation
from tracker.cli.output import AsJson, console, errors, print_json, print_rows
from tracker.desk import verification
from tracker.record.sealed_file import Tampered
from tracker.record.verify import Verification

PROBLEM_COLUMNS = ("batch_no", "position", "what")
ERASED_COLUMNS = ("position", "event_type", "legal_basis", "found")


def verify(as_json: AsJson = False) -> None:
    """Check every event, batch and head against what was committed to and anchored.

    Ends with exit code 9 when anything differs, and says where. Erased events keep their commitment and
    are counted under the erasure that names them.

    Example: [bold]tracker verify[/]
    """
    place = installation()
    columns = (TextColumn("verifying"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as bar:
        task = bar.add_task("", total=None)
        found = verification.verify_log(
            place, lambda position, last: bar.update(task, completed=position, total=last)
        )
    if as_json:
        print_json(_told(found))
    else:
        _print(found)
    if not found.holds:
        raise typer.Exit(Tampered.exit_code)


def anchor() -> None:
    """Sign the newest head of the log and keep it outside the database, in TRACKER_ANCHORS.

    Every load does this too. Send the file elsewhere daily: what an administrator of both cannot reach.
    """
    made = verification.anchor(installation())
    console.print(
        f"anchored batch {made.batch_no}, position {made.position}" if made else "nothing new to anchor"
    )


def _told(found: Verification) -> dict[str, Any]:
    return {"holds": found.holds, **asdict(found)}


def _print(found: Verification) -> None:
    console.print(
        f"{found.events} events in {found.batches} batches; {found.anchors} anchors hold, "
        f"the last at position {found.anchored}; {found.erased} events erased"
    )
    if found.erasures:
        print_rows(found.erasures, ERASED_COLUMNS, as_json=False, empty="")
    if found.holds:
        console.print("the log is what was recorded")
        return
    print_rows(found.problems, PROBLEM_COLUMNS, as_json=False, empty="")
    errors.print(f"[bold red]tracker:[/] {found.problem_count} things differ from what was recorded")
