"""Restoring a backup into a new, empty database: closed until erasures are replayed and the log verifies.

In order: the backup is found whole and ours, keys and ledger are there and fit, then roles and schema, data,
stored files, the schema made current, the head anchored as restored, erasures replayed, the log verified,
the database opened. Whatever fails leaves it closed; the same command begins anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tracker.desk.backup import Made, read_anchors
from tracker.desk.backup_folder import (
    DATABASE,
    STORE,
    Contents,
    Manifest,
    check_bytes,
    opening,
    read_manifest,
)
from tracker.desk.erasure import replay_erasures, unknown_erasures
from tracker.desk.verification import anchor_restored, verify_log
from tracker.domain.errors import CheckFailed, KeyringError, SchemaMismatch, TrackerError, UsageError
from tracker.intake import store_copy
from tracker.intake.store import Store
from tracker.postgres import dump, restoring, schema
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.verification import head
from tracker.pseudonymise.operator_key import BackupKey
from tracker.pseudonymise.signing import SignatureCheck
from tracker.record.anchors import FILE as HEADS
from tracker.record.erasures import FILE as ERASURES
from tracker.record.erasures import ErasureLedger
from tracker.record.sealed_file import Tampered
from tracker.settings import Settings
from tracker.wiring import Installation, keyring

Step = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    """What stands again: the log's position then and now, and what was done on the way."""

    contents: Contents
    position: int
    erasures_replayed: int
    events_erased: int
    stored_files: int
    url: str


@dataclass(frozen=True)
class Source:
    """A backup and what opens it."""

    folder: Path
    manifest: Manifest
    key: BackupKey


def open_backup(keys: Path, folder: Path, opens: Callable[[Mapping[str, str]], BackupKey]) -> Source:
    """A backup found whole and ours; ``opens`` makes its key of what the manifest says of the seal."""
    manifest = read_manifest(folder, SignatureCheck.open(keys))
    check_bytes(folder, manifest)
    return Source(folder, manifest, opens(manifest.seal))


def restore(
    place: Installation, source: Source, step: Step = lambda done: None, *, ledger_of_backup: bool = False
) -> Restored:
    """Restore into the database at ``place.url``, with the keys and the ledger of its settings.

    ``ledger_of_backup`` takes anchors and ledger from the backup where there are none: only when they are
    lost everywhere, for erasures made after the backup are then undone. Raises ``UsageError`` for a database
    that holds a log, ``SchemaMismatch`` for a backup of newer software, ``KeyringError`` for other keys,
    ``CheckFailed`` or ``Tampered`` for what is not as recorded; the database is closed then.
    """
    contents = source.manifest.contents
    _require_known(contents)
    _require_keys(place.settings, contents)
    _require_ledger(place.settings, read_anchors(source.folder, source.key), take=ledger_of_backup)
    with restoring.alone(place.url):
        step("roles and schema")
        restoring.prepare(place.url, contents.revision, contents.position)
        close(place.url)
        step("data")
        with opening(source.folder, DATABASE, source.key) as data:
            dump.load(place.url, data)
        step("stored files")
        stored = _restore_store(place, source)
        step("schema current, rows counted")
        rows = dump.rows(place.url)
        restoring.finish(place.url)
        _require_same(place, contents, rows)
        told = _replay(place, contents, step)
        restoring.open_database(place.url)
    end = head(place.url)
    return Restored(contents, end.last_position if end else 0, *told, stored, place.url)


def _replay(place: Installation, contents: Contents, step: Step) -> tuple[int, int]:
    """Anchor the restored head, replay what was erased since, verify: erasures replayed, events erased."""
    if contents.position:
        anchor_restored(place)
    replayed = replay_erasures(place, lambda what: step(f"replaying: {what}"))
    if unknown := unknown_erasures(place):
        raise CheckFailed(f"{len(unknown)} erasures could not be replayed; the database stays closed")
    step("verifying the log")
    found = verify_log(place)
    if not found.holds:
        where = "; ".join(problem.what for problem in found.problems[:3])
        raise CheckFailed(f"the restored log is not what was recorded ({where}); the database stays closed")
    return replayed.replayed, replayed.events


def _require_known(contents: Contents) -> None:
    if not schema.knows(contents.revision):
        raise SchemaMismatch(
            f"the backup is of schema {contents.revision}, made by tracker {contents.software}, which this "
            "version does not know; install a newer tracker and restore with that"
        )


def _require_keys(settings: Settings, contents: Contents) -> None:
    own = keyring(settings).identities.fingerprints
    if own[: len(contents.identity_keys)] != contents.identity_keys:
        raise KeyringError(
            f"the keys in {settings.keys} are not those the backup was made with; put the sealed copy of "
            "the keys there first: without them no child can be joined to the restored log"
        )


def _require_ledger(settings: Settings, then: Mapping[str, bytes], *, take: bool) -> None:
    """Anchors and ledger must go at least as far as they did when the backup was made."""
    folder = settings.anchors
    if take and not any((folder / name).exists() for name in then):
        _put_anchors(folder, then)
    for name, content in then.items():
        path = folder / name
        if content and not path.exists():
            raise CheckFailed(
                f"{path} is missing: without it nobody knows what was erased since the backup. Put back the "
                "copy that is sent elsewhere daily. Only where every copy is lost: --ledger-of-backup"
            )
        if content and not path.read_bytes().startswith(content):
            raise Tampered(
                f"{path} does not continue what it held when the backup was made; put back its newest copy"
            )
    if not (folder / HEADS).exists() and (folder / ERASURES).exists():
        raise CheckFailed(f"{folder / HEADS} is missing; put back its newest copy")
    _require_replayable(settings)


def _require_replayable(settings: Settings) -> None:
    """Every erasure must be of a key we have: a hash of a newer one could be found in no restored vault."""
    ledger, keys = ErasureLedger(settings.anchors), keyring(settings).identities
    if not ledger.file.path.exists():
        return
    entries = ledger.entries(SignatureCheck.open(settings.keys))
    newest = max((one.key_version for entry in entries for one in entry.ids), default=0)
    if newest > keys.version:
        raise KeyringError(
            f"erasures were made under identity key {newest}, but {settings.keys} ends at {keys.version}; "
            "put back the newest keys: without them these erasures cannot be replayed"
        )


def _put_anchors(folder: Path, then: Mapping[str, bytes]) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in then.items():
        if content:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)


def _restore_store(place: Installation, source: Source) -> int:
    """Every stored file in its place, opened once with the keys of the store."""
    with opening(source.folder, STORE, source.key) as files:
        count = store_copy.copy_in(files, place.settings.store)
    if count != source.manifest.contents.stored_files:
        raise CheckFailed("the backup lacks stored files; take another one")
    store = Store(place.settings.store, keyring(place.settings).store_keys)
    for name in store.names():
        store.get(name)
    return count


def _require_same(place: Installation, contents: Contents, rows: Mapping[str, int]) -> None:
    for table, count in contents.rows.items():
        if rows.get(table) != count:
            raise CheckFailed(f"{table} has {rows.get(table)} rows restored, and had {count} when backed up")
    end = head(place.url)
    if (end.header_hash.hex() if end else "") != contents.header_hash:
        raise CheckFailed("the restored log does not end at the head the backup was made at")


# -- trying a backup ---------------------------------------------------------------------------------


def try_backup(place: Installation, made: Made, step: Step = lambda done: None) -> Restored:
    """Restore a backup just made into a server of its own, with the anchors as they are, and drop it again.

    The key is the one still in memory: the operator's secret need not be here. Raises as ``restore`` does.
    """
    with _scratch(place.settings) as scratch:
        source = open_backup(place.settings.keys, made.folder, lambda seal: made.key)
        return restore(scratch, source, step)


@contextmanager
def _scratch(settings: Settings) -> Iterator[Installation]:
    """An installation that lives as long as the block: an embedded server, a copy of the anchors, no more."""
    home = Path(mkdtemp(prefix="tracker-restore-"))
    server = EmbeddedServer(home / "postgres")
    try:
        if settings.anchors.is_dir():
            shutil.copytree(settings.anchors, home / "anchors")
        environment = {"TRACKER_HOME": str(home), "TRACKER_KEYS": str(settings.keys)}
        url = server.start()
        yield Installation(Settings.from_environment({**environment, "TRACKER_DATABASE_URL": url}), url)
        close(url)
    finally:
        _drop(server, home)


def _drop(server: EmbeddedServer, home: Path) -> None:
    try:
        server.stop()
    finally:
        location = server.location
        shutil.rmtree(home, ignore_errors=True)
        if location != home / "postgres":
            shutil.rmtree(location, ignore_errors=True)


def refuse_beside_living(settings: Settings, target: str) -> None:
    """Raise ``UsageError`` while the log these anchors belong to still stands in another database.

    A restored log takes the anchors over; the living one would no longer verify against them.
    """
    living = settings.database_url or _embedded_url(settings)
    if not living or living == target:
        return
    try:
        end = head(living)
    except TrackerError:  # gone, or never one of ours: that is what restoring is for
        return
    if end is not None:
        raise UsageError(
            f"the log of this installation still stands, at position {end.last_position}; restoring beside "
            "it would take its anchors. To try a backup: tracker backup try. To restore all the same: with a "
            "TRACKER_HOME of its own, and a copy of keys and anchors there"
        )


def _embedded_url(settings: Settings) -> str:
    server = EmbeddedServer(settings.postgres)
    return server.start() if server.data.exists() else ""
