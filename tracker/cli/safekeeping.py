"""Commands that keep an installation safe: how it stands, what may go, backing up and restoring."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from tracker import wiring
from tracker.cli.operate import installation, settings
from tracker.cli.output import AsJson, console, errors, print_json, print_rows, spinner
from tracker.desk import backup as desk
from tracker.desk import restore as restoring
from tracker.domain.errors import UsageError
from tracker.pseudonymise.operator_key import make_operator_key, open_key
from tracker.settings import Settings
from tracker.wiring import Installation

STATUS_COLUMNS = (
    *("municipality", "record_type", "covered", "last_delivery", "received_on", "outcome", "unmapped"),
    *("drift", "next_action"),
)
RETENTION_COLUMNS = ("what", "number", "bytes", "waiting")

backup = typer.Typer(help="Back up the installation, sealed for the operator; check and try backups.")

Secret = Annotated[Path, typer.Option("--key", help="The operator's secret, from where it is kept.")]


@backup.callback(invoke_without_command=True)
def backup_make(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="New folder for it; else one named by the time, in TRACKER_BACKUPS.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Back up database, stored files, anchors and ledger, as of one moment, sealed for the operator's key.

    Loading goes on meanwhile. The keys are not in it: keep a sealed copy of TRACKER_KEYS elsewhere.

    Example: [bold]tracker backup --out /media/backup/monday[/]
    """
    if context.invoked_subcommand is not None:
        return
    place, now = installation(), datetime.now(UTC)
    with spinner("backing up") as step:
        made = desk.make_backup(place, (out or desk.next_folder(place, now)).absolute(), now, step)
    if as_json:
        print_json({"folder": made.folder, "bytes": made.bytes, "contents": vars(made.manifest.contents)})
        return
    contents = made.manifest.contents
    console.print(
        f"backed up to {made.folder}: position {contents.position}, {contents.stored_files} stored files, "
        f"{made.bytes:,} bytes"
    )


@backup.command("key")
def backup_key(
    out: Annotated[Path, typer.Option(help="File for the secret: on another medium than this machine's.")],
) -> None:
    """Make the operator's key: backups are sealed for it here, and open with its secret alone.

    Example: [bold]tracker backup key --out /media/usb/tracker-backup.key[/]
    """
    mark = make_operator_key(settings().keys, out.absolute())
    console.print(f"key {mark}: the secret is in {out}; take it away from this machine, and keep two copies")


@backup.command("check")
def backup_check(
    folder: Annotated[Path, typer.Argument(help="A backup.")],
    key: Annotated[Path | None, typer.Option(help="The operator's secret: then all of it is read.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a backup without restoring it: whole, ours, and with the secret readable to its end."""
    with spinner("checking") as step:
        found = desk.check_backup(settings().keys, folder, key, step)
    if as_json:
        print_json({"opened": found.opened, "bytes": found.bytes, "contents": vars(found.contents)})
        return
    told = found.contents
    console.print(
        f"whole and signed by this installation: made {told.made_at}, position {told.position}, "
        f"{told.rows.get('record.event', 0)} events, {told.stored_files} stored files, "
        f"schema {told.revision}, tracker {told.software}"
    )
    console.print("read to its end" if found.opened else "sealed; with --key FILE all of it is read")


@backup.command("try")
def backup_try() -> None:
    """Make a backup and restore it into a server of its own, verify it there, and drop that again.

    The key of the new backup is still in memory: the operator's secret is not needed.
    """
    place, now = installation(), datetime.now(UTC)
    with spinner("backing up") as step:
        made = desk.make_backup(place, desk.next_folder(place, now), now, step)
    with spinner("restoring") as step:
        stands = restoring.try_backup(place, made, step)
    console.print(
        f"{made.folder} restored, verified and dropped again: position {stands.contents.position}, "
        f"{stands.stored_files} stored files"
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup.")],
    key: Secret,
    to: Annotated[
        str, typer.Option(help="URL of a new, empty database; - reads it from standard input.")
    ] = "",
    home: Annotated[
        Path | None, typer.Option(help="Home of a new installation with the embedded server.")
    ] = None,
    ledger_of_backup: Annotated[
        bool,
        typer.Option("--ledger-of-backup", help="Anchors and ledger are lost: take those in the backup."),
    ] = False,
) -> None:
    """Restore a backup into a new, empty database; it opens only when erasures are replayed and all verifies.

    Keys and anchors come first: put the sealed copy of the keys into TRACKER_KEYS, and the newest copy of
    the anchors and the ledger of erasures into TRACKER_ANCHORS. Safe to run again when it was interrupted.

    Examples:
      [bold]tracker restore backups/20260301T020000Z --key usb/backup.key --home /srv/tracker[/]
      [bold]tracker restore backups/20260301T020000Z --key usb/backup.key --to postgresql://…[/]
    """
    chosen = _elsewhere(to, home)
    opens = partial(open_key, key)
    with spinner("restoring") as step:
        step("looking at the backup")
        source = restoring.open_backup(chosen.keys, folder, opens)
        url = wiring.database_url(chosen)
        if chosen.anchors == settings().anchors:
            restoring.refuse_beside_living(settings(), url)
        told = restoring.restore(Installation(chosen, url), source, step, ledger_of_backup=ledger_of_backup)
    console.print(
        f"restored to position {told.contents.position} of {told.contents.made_at}; "
        f"{told.erasures_replayed} erasures replayed, {told.events_erased} events erased; "
        f"{told.stored_files} stored files; the log verifies and is open at position {told.position}"
    )
    console.print("admit the officers again (tracker erase officer), and ingest the inbox once more")


def _elsewhere(to: str, home: Path | None) -> Settings:
    """The settings of this process, but for where it is restored to."""
    if to and home:
        raise UsageError("give --to or --home, not both")
    environ = dict(os.environ)
    if home is not None:
        environ = {**environ, "TRACKER_HOME": str(home.absolute())}
        environ.pop("TRACKER_DATABASE_URL", None)
    if to:
        url = typer.get_text_stream("stdin").readline().strip() if to == "-" else to
        environ["TRACKER_DATABASE_URL"] = url
    return Settings.from_environment(environ)


def status(
    xlsx: Annotated[Path | None, typer.Option(help="Write the page as a workbook too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Monday's page: for every sender and record type how far it reaches, how it went, what needs a hand.

    Drift is what a sender's own past and its peers do not explain: months with far more or fewer facts,
    fields whose wordings are suddenly unknown.

    Examples: [bold]tracker status[/] · [bold]tracker status --xlsx monday.xlsx[/]
    """
    from tracker.desk.status import status as page
    from tracker.desk.status import write_status

    place, now = installation(), datetime.now(UTC)
    lines = page(place, now.date())
    if xlsx is not None:
        errors.print(f"written to {write_status(place, lines, xlsx, now)}")
    print_rows(
        lines,
        STATUS_COLUMNS,
        as_json=as_json,
        empty="nothing delivered yet: tracker ingest INBOX",
        whole=("next_action",),
    )


def retention(
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove it; otherwise only say what is due.")
    ] = False,
    waiting_too: Annotated[
        bool, typer.Option("--waiting-too", help="Also files of deliveries that are held or wait for a mend.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is over its time: stored files, left-over parts, old snapshots, old backups.

    The rules are TRACKER_STORE_DAYS, TRACKER_KEEP_SNAPSHOTS and TRACKER_BACKUP_DAYS; the newest whole backup
    stays, and so does a stored file that still waits for somebody.

    Examples: [bold]tracker retention[/] · [bold]tracker retention --apply[/]
    """
    from tracker.desk.retention import due, remove

    found = due(installation(), datetime.now(UTC), waiting_too=waiting_too)
    print_rows([one.told for one in found], RETENTION_COLUMNS, as_json=as_json, empty="")
    if apply:
        remove(found)
    if not as_json:
        console.print("removed" if apply else "nothing was removed; with --apply it is")
