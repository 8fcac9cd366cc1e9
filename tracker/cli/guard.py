"""Commands that guard the log: verify it, anchor it, erase a child or a municipality from it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from tracker import wiring
from tracker.cli.operate import installation, settings
from tracker.cli.output import AsJson, console, errors, print_json, print_rows, spinner
from tracker.desk import erasure, verification
from tracker.domain.errors import UsageError
from tracker.postgres.engine import address
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.officers import admit_officer
from tracker.record.erasures import Scope
from tracker.record.sealed_file import Tampered
from tracker.record.verify import Verification

erase = typer.Typer(
    help="Erase a child or a municipality: one person asks, another approves.", no_args_is_help=True
)

PROBLEM_COLUMNS = ("batch_no", "position", "what")
ERASED_COLUMNS = ("position", "event_type", "legal_basis", "found")


def verify(as_json: AsJson = False) -> None:
    """Check every event, batch and head against what was committed to and anchored.

    Ends with exit code 10 when anything differs, and says where. Erased events keep their commitment and
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
    errors.print("Load and publish nothing more; see docs/runbook.md, «The log does not verify».")


# -- erasing -----------------------------------------------------------------------------------------

Reason = Annotated[str, typer.Option(help="Why, in a few words; kept for ever, so without names or numbers.")]
Basis = Annotated[str, typer.Option(help="The law or decision it rests on, such as 'GDPR art. 17.1 b'.")]
Of = Annotated[str, typer.Option("--municipality", help="For an id of a case system: its municipality.")]
System = Annotated[str, typer.Option(help="For an id of a case system: its system, as deliveries name it.")]
REQUEST_COLUMNS = (
    *("request_no", "scope", "municipality", "requested_by", "approved_by", "done_at", "events", "position"),
    *("legal_basis", "reason"),
)


@erase.command("request")
def erase_request(reason: Reason, legal_basis: Basis, municipality: Of = "", system: System = "") -> None:
    """Ask for a child's erasure. The identity is read from standard input, never from the command line.

    Example: [bold]tracker erase request --reason "begäran" --legal-basis "GDPR art. 17"[/] < id.txt
    """
    named = erasure.Named(_identity(), municipality, system)
    number = erasure.request_subject(installation(), named, reason, legal_basis, _today())
    console.print(f"request {number}; another person approves it with: tracker erase approve {number}")


@erase.command("municipality")
def erase_municipality(
    code: Annotated[str, typer.Argument(help="The municipality's code, such as 0180.")],
    reason: Reason,
    legal_basis: Basis,
) -> None:
    """Ask for the withdrawal of a municipality: all it delivered is erased, and nothing more is taken in."""
    number = erasure.request_municipality(installation(), code, reason, legal_basis)
    console.print(f"request {number}; another person approves it with: tracker erase approve {number}")


@erase.command("approve")
def erase_approve(
    request_no: Annotated[int, typer.Argument(help="The request.")],
    municipality: Of = "",
    system: System = "",
) -> None:
    """Approve a request made with another login, and carry it out at once. It cannot be undone.

    For a child the identity is read from standard input once more: both must mean the same one.
    """
    place = installation()
    about = PostgresErasures(place.url).find(request_no)
    named = erasure.Named(_identity(), municipality, system) if about.scope is Scope.SUBJECT else None
    with spinner("erasing") as step:
        done = erasure.approve(place, request_no, named, _today(), step)
    console.print(
        f"{done.events} events erased under position {done.position}; "
        f"stored files removed of deliveries: {', '.join(map(str, done.deliveries)) or 'none'}"
    )
    console.print("remove the files themselves from the inbox, and make snapshots anew")


@erase.command("list")
def erase_list(as_json: AsJson = False) -> None:
    """List requests and what became of them. Nothing in them says of whom."""
    found = PostgresErasures(installation().url).requests()
    print_rows(found, REQUEST_COLUMNS, as_json=as_json, empty="nobody asked for an erasure")


@erase.command("finish")
def erase_finish() -> None:
    """Remove stored files that hold something erased, where an erasure was interrupted. Safe to run again."""
    with spinner("searching stored files") as step:
        removed = erasure.finish(installation(), step)
    console.print(f"stored files removed of deliveries: {', '.join(map(str, removed)) or 'none'}")


@erase.command("replay")
def erase_replay() -> None:
    """Make a restored database forget again what the ledger in TRACKER_ANCHORS says was erased."""
    with spinner("replaying") as step:
        told = erasure.replay_erasures(installation(), step)
    console.print(f"{told.replayed} erasures replayed, {told.known} known; {told.events} events erased")


@erase.command("scrub")
def erase_scrub() -> None:
    """Write the tables anew, so that old bytes of what was erased leave the disk. Each is locked so long."""
    with spinner("writing anew") as step:
        PostgresErasures(installation().url).scrub(step)
    console.print(
        "old versions of erased rows are off the disk; the write-ahead log follows as it is recycled"
    )


@erase.command("register-again")
def erase_register_again(
    code: Annotated[str, typer.Argument(help="A municipality that withdrew.")], reason: Reason
) -> None:
    """Let a municipality that withdrew deliver again. What it had delivered stays erased."""
    erasure.register_again(installation(), code, reason, datetime.now(UTC))
    console.print(f"municipality {code} may deliver again")


@erase.command("officer")
def erase_officer(
    name: Annotated[str, typer.Argument(help="A login of the person's own.")],
) -> None:
    """Make a login that may ask for and approve erasures; its password is read from standard input."""
    password = _read_line("password of the new login")
    url = wiring.database_url(settings())
    admit_officer(url, name, password)
    console.print(
        f"{name} may erase; TRACKER_DATABASE_URL names the login: postgresql://{name}:…@{address(url)}",
        soft_wrap=True,
    )


def _identity() -> str:
    return _read_line("identity")


def _read_line(what: str) -> str:
    """One line of standard input; typed unseen where that is a terminal."""
    given = typer.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not str(given).strip():
        raise UsageError(f"the {what} is read from standard input, and there was none")
    return str(given).strip()


def _today() -> date:
    return datetime.now(UTC).date()
