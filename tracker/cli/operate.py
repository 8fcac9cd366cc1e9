"""Commands of the operator: the database, keys, deliveries in, feedback out.

Libraries of analysis and spreadsheets are imported by the commands that use them: loading workers and
``--help`` start without.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from tracker import pipeline, wiring
from tracker.cli.output import AsJson, console, errors, print_json, print_rows, progress_bar
from tracker.desk import erasure, intake_desk, verification
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import NotFound, RejectedFile, UsageError
from tracker.postgres import reading, schema
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import address
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.vault import PostgresVault
from tracker.pseudonymise.keyring import Keyring, Purpose
from tracker.settings import Settings

db = typer.Typer(
    help="The database: the embedded PostgreSQL, or the server in TRACKER_DATABASE_URL.", no_args_is_help=True
)
key = typer.Typer(help="The keys of this installation, kept outside the database.", no_args_is_help=True)
quarantine = typer.Typer(
    help="Rows that wait for a mend: what was wrong, and trying again.", no_args_is_help=True
)


def settings() -> Settings:
    """The settings of this process."""
    return Settings.from_environment(os.environ)


def installation() -> wiring.Installation:
    """The installation the settings name, its schema current."""
    return wiring.open_installation(settings())


@db.command("up")
def db_up() -> None:
    """Start the database and bring its schema up to date.

    Example: [bold]tracker db up[/]
    """
    url = wiring.database_url(settings())
    schema.upgrade(url)
    console.print("the database is up and its schema is current")


@db.command("down")
def db_down() -> None:
    """Stop the embedded database cleanly. A server named by URL is left alone."""
    if settings().database_url:
        raise UsageError("TRACKER_DATABASE_URL names a server of its own; stop it where it runs")
    EmbeddedServer(settings().postgres).stop()
    console.print("the embedded database is stopped")


@db.command("status")
def db_status(as_json: AsJson = False) -> None:
    """Say whether the database runs, at which revision, and how far the log reaches."""
    chosen = settings()
    told: dict[str, Any] = {"server": "by URL"}
    if not chosen.database_url:
        server = EmbeddedServer(chosen.postgres)
        told = {"server": f"embedded, {server.status()}", "data": str(server.data)}
        if server.status() != "running":
            _tell(told, as_json)
            return
    url = wiring.database_url(chosen)
    at = schema.status(url)
    told |= {
        "address": address(url),
        "schema": at.state.value,
        "revision": at.current or "none",
        "needed": at.head,
    }
    if at.state is schema.SchemaState.OK:
        told["position"] = PostgresLog(url).position()
    _tell(told, as_json)


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the schema up to what this software needs, in one transaction."""
    url = wiring.database_url(settings())
    schema.upgrade(url)
    console.print(f"the schema is at revision {schema.status(url).current}")


@key.command("new")
def key_new() -> None:
    """Make the keys of a new installation; existing keys are never overwritten.

    Keep a copy of the folder apart: without the identity key children can no longer be joined.
    """
    made = Keyring.create(settings().keys)
    console.print(
        f"keys made in {made.directory}; keep a sealed copy elsewhere, never beside a database backup"
    )


@key.command("rotate")
def key_rotate() -> None:
    """Renew the identity key: every hash in the vault is renewed, no child changes subject.

    Safe to run again when it was interrupted.
    """
    place = installation()
    keys = wiring.keyring(place.settings)
    PostgresVault(place.url, keys.identities).rotate()  # finishes one that was interrupted
    rotated = keys.rotate(Purpose.ID)
    renewed = PostgresVault(place.url, rotated.identities).rotate()
    console.print(f"identity key version {rotated.identities.version}; {renewed} hashes renewed")


@key.command("rotate-signing")
def key_rotate_signing() -> None:
    """Sign heads, the ledger of erasures and backups with a new key; what was signed before still holds.

    Pause loading meanwhile, and make a new sealed copy of the keys at once: the older secret is removed.
    """
    version = verification.rotate_signing(installation())
    console.print(f"signing key version {version}; copy the keys and TRACKER_ANCHORS elsewhere now")


def ingest(
    path: Annotated[
        Path | None, typer.Argument(help="An inbox folder, or one file in <municipality>/.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and decide, keep nothing.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes beside each other.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take in and load an inbox: [bold]inbox/0180/referrals.xlsx[/], with [bold].yml[/] beside it.

    Safe to run again: what is in already is left alone, what was interrupted is finished. Each delivery
    gets a feedback workbook in the outbox. A bad file stops nobody else's.

    Examples:
      [bold]tracker ingest inbox --dry-run[/]
      [bold]tracker ingest inbox/0180/aktualiseringar_2024.xlsx[/]
    """
    from tracker.desk.feedback import owed

    place = installation()
    found = intake_desk.find(path or place.settings.inbox, PostgresErasures(place.url).withdrawn())
    for problem in found.problems:
        errors.print(f"[yellow]{problem}[/]")
    if dry_run:
        with progress_bar("looking", len(found.files)) as step:
            looked = [intake_desk.look(file, place, step) for file in found.files]
        print_rows(looked, intake_desk.LOOK_COLUMNS, as_json=as_json, empty="nothing to look at")
        return
    pipeline.prepare_workers()
    with progress_bar("taking in", len(found.files)) as step:
        waiting = intake_desk.take_in(
            found.files, place, step, lambda told: errors.print(f"[yellow]{told}[/]")
        )
    loaded = []
    with progress_bar("loading", len(waiting)) as step:
        for taken, receipt in pipeline.load_all(waiting, place.tools(), workers or place.settings.workers):
            loaded.append(intake_desk.line(taken, receipt))
            step(f"{taken.municipality} {taken.file_name}: {receipt.state}")
    erasure.forget_redelivered(place)
    verification.anchor(place)
    _send_feedback(sorted({*(line.no for line in loaded), *owed(place)}), place)
    known = len(found.files) - len(waiting)
    print_rows(
        sorted(loaded, key=lambda line: line.no),
        intake_desk.LINE_COLUMNS,
        as_json=as_json,
        empty="nothing new to load",
    )
    if not as_json and known:
        console.print(f"{known} files were in already and left alone")
    if any(line.state in (DeliveryState.REJECTED, DeliveryState.HELD) for line in loaded):
        raise typer.Exit(RejectedFile.exit_code)


class Wanted(StrEnum):
    """States to list."""

    RECEIVED = "received"
    LOADED = "loaded"
    HELD = "held"
    REJECTED = "rejected"
    DISMISSED = "dismissed"


def deliveries(
    delivery_no: Annotated[int | None, typer.Argument(help="One delivery, with its findings.")] = None,
    state: Annotated[Wanted | None, typer.Option(help="Only deliveries in this state.")] = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries and what became of them, or one with its findings.

    Examples: [bold]tracker deliveries --state held[/] · [bold]tracker deliveries 12[/]
    """
    url = installation().url
    found = [d for d in reading.deliveries(url, delivery_no) if state is None or d.outcome == state.value]
    if delivery_no is not None and not found:
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")
    lines = [intake_desk.listed(delivery) for delivery in found]
    if delivery_no is None:
        print_rows(
            lines,
            intake_desk.LISTED_COLUMNS,
            as_json=as_json,
            empty="no deliveries yet: tracker ingest INBOX",
        )
        return
    said = [finding for finding, _ in reading.findings(url, delivery_no, found[0].attempt)]
    if as_json:
        print_json({"delivery": lines[0], "findings": [intake_desk.told(finding) for finding in said]})
        return
    print_rows(lines, intake_desk.LISTED_COLUMNS, as_json=False, empty="")
    if found[0].state is DeliveryState.HELD:
        console.print(
            f"held: it would withdraw {found[0].retractions} facts, more than TRACKER_HOLD_SHARE allows by "
            f"itself; tracker confirm {delivery_no} loads it, tracker dismiss {delivery_no} never does"
        )
    print_rows(
        [intake_desk.told(f) for f in said], intake_desk.TOLD_COLUMNS, as_json=False, empty="no findings"
    )


def confirm(delivery_no: Annotated[int, typer.Argument(help="A delivery that is held.")]) -> None:
    """Load a held delivery although it retracts more than the hold share.

    Look at it first: [bold]tracker deliveries 12[/] says how many facts it would withdraw.
    """
    place = installation()
    receipt = intake_desk.confirm(delivery_no, place)
    erasure.forget_redelivered(place)
    verification.anchor(place)
    _send_feedback([delivery_no], place)
    console.print(f"delivery {delivery_no} is {receipt.state}; {receipt.retractions} facts withdrawn")


def dismiss(
    delivery_no: Annotated[int, typer.Argument(help="A delivery that is held.")],
    reason: Annotated[str, typer.Option(help="Why, for the record and for its sender; in Swedish.")],
) -> None:
    """Decide against a held delivery: nothing of it is used, and its sender's workbook says why.

    The same file sent again stays dismissed; a new export is judged for itself. To think again:
    [bold]tracker quarantine retry 12[/] has it held as before.

    Example: [bold]tracker dismiss 12 --reason "uttaget saknar enheten Norr"[/]
    """
    from tracker.desk.dismissal import dismiss as decide_against

    place = installation()
    decide_against(delivery_no, reason, place)
    _send_feedback([delivery_no], place)
    console.print(f"delivery {delivery_no} is dismissed; nothing of it was used")


def feedback(
    delivery_no: Annotated[int, typer.Argument(help="The delivery.")],
    out: Annotated[Path, typer.Option(help="Workbook to write (.xlsx).")],
    snapshot: Annotated[Path | None, typer.Option(help="Snapshot for the own flow beside the group.")] = None,
) -> None:
    """Write the sender's feedback on a delivery: an Excel workbook in plain Swedish.

    Example: [bold]tracker feedback 12 --out aterkoppling.xlsx --snapshot demo/snapshot[/]
    """
    from tracker.desk.feedback import feedback_workbook
    from tracker.desk.flows import newest_flows

    place = installation()
    flows = newest_flows(snapshot) if snapshot else None
    written = feedback_workbook(place.url, delivery_no, out, place.codebooks(), flows)
    console.print(f"written to {written}")


@quarantine.command("list")
def quarantine_list(
    delivery_no: Annotated[int | None, typer.Argument(help="Only this delivery.")] = None,
    as_json: AsJson = False,
) -> None:
    """List quarantined rows: where they stand, which rule stopped them, what to do. Never a value."""
    rows = intake_desk.quarantined(installation().url, delivery_no)
    print_rows(rows, intake_desk.QUARANTINE_COLUMNS, as_json=as_json, empty="the quarantine is empty")


@quarantine.command("retry")
def quarantine_retry(
    delivery_no: Annotated[
        int | None, typer.Argument(help="Only this delivery; else all with quarantined rows.")
    ] = None,
) -> None:
    """Read deliveries with quarantined rows again, after a spec or a mapping was mended.

    The stored file is read anew as a whole; rows that are in already stay as they are.
    """
    place = installation()
    for number, receipt in intake_desk.retry(delivery_no, place):
        _send_feedback([number], place)
        left = receipt.outcomes.get(Outcome.QUARANTINED, 0)
        console.print(f"delivery {number}: {receipt.state}, {left} rows still in quarantine")
    erasure.forget_redelivered(place)
    verification.anchor(place)


def _send_feedback(numbers: list[int], place: wiring.Installation) -> None:
    from tracker.desk.feedback import send_feedback

    with progress_bar("writing feedback", len(numbers)) as step:
        send_feedback(numbers, place, step)


def _tell(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        console.print(f"{name:10} {value}")
