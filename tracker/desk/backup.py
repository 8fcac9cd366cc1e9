"""Backups: the database as of one moment, the stored files, anchors and ledger, sealed for the operator.

Keys are never in a backup: without the identity keys no child can be joined to it, without the operator's
secret nothing of it can be read. What is restored, and how, is in ``tracker.desk.restore``.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from tracker import __version__
from tracker.desk.backup_folder import (
    ANCHORS,
    DATABASE,
    FILES,
    STORE,
    Contents,
    Manifest,
    check_bytes,
    measured,
    opening,
    read_manifest,
    sealing,
)
from tracker.domain.errors import CheckFailed, UsageError
from tracker.intake import store_copy
from tracker.postgres import dump
from tracker.pseudonymise.operator_key import BackupKey, open_key, seal_key
from tracker.pseudonymise.signing import SignatureCheck, Signer
from tracker.record.anchors import FILE as HEADS
from tracker.record.erasures import FILE as ERASURES
from tracker.telling import Timed
from tracker.wiring import Installation

Step = Callable[[str], None]
BLOCK = 1 << 20


@dataclass(frozen=True)
class Made:
    """A backup on disk; ``key`` opens it as long as this process lives, and is written nowhere."""

    folder: Path
    manifest: Manifest
    key: BackupKey

    @property
    def bytes(self) -> int:
        """Size of its sealed files."""
        return sum(part.bytes for part in self.manifest.files.values())


@dataclass(frozen=True)
class Checked:
    """A backup found whole; ``opened`` when it was read to its end with the operator's secret."""

    contents: Contents
    bytes: int
    opened: bool


def next_folder(place: Installation, now: datetime) -> Path:
    """Where a backup made now goes, unless another place is asked for."""
    return place.settings.backups / now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def make_backup(place: Installation, folder: Path, now: datetime, step: Step = lambda done: None) -> Made:
    """Back up the installation into a new ``folder``, which appears whole or not at all.

    The database is read as of one moment. Stored files are copied after it: each the database speaks of is
    there, unless it expired or was erased. Needs no secret. Raises ``UsageError`` for a folder that holds
    something, ``KeyringError`` without a key to seal for, ``DatabaseUnavailable``, ``OSError`` (disk full).
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; a backup goes into a folder of its own")
    key, seal = seal_key(place.settings.keys)
    signer = Signer.open_or_make(place.settings.keys)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    draft.mkdir(mode=0o700)
    try:
        with Timed("backup") as told:
            contents = _write(place, draft, key, now, step)
            manifest = Manifest(contents, seal, {name: measured(draft / name) for name in FILES})
            manifest.write(draft, signer)
            _flush(draft)
            draft.replace(folder)
            told.facts |= {"position": contents.position, "stored_files": contents.stored_files}
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Made(folder, read_manifest(folder, SignatureCheck.open(place.settings.keys)), key)


def check_backup(
    place_keys: Path, folder: Path, secret: Path | None, step: Step = lambda done: None
) -> Checked:
    """Hold a backup against its manifest without restoring it; with the secret, read all of it to its end.

    Raises ``CheckFailed`` for what is damaged, cut off or not signed by this installation, ``KeyringError``
    for another operator's secret.
    """
    manifest = read_manifest(folder, SignatureCheck.open(place_keys))
    step("sealed files against the manifest")
    check_bytes(folder, manifest)
    if secret is not None:
        read_through(folder, manifest, open_key(secret, manifest.seal), step)
    size = sum(part.bytes for part in manifest.files.values())
    return Checked(manifest.contents, size, secret is not None)


def read_through(folder: Path, manifest: Manifest, key: BackupKey, step: Step) -> None:
    """Open every chunk, list the dump, count the stored files; raises ``CheckFailed``."""
    contents = manifest.contents
    step("the database")
    with opening(folder, DATABASE, key) as source:
        if dump.listed(source) < len(contents.rows):
            raise CheckFailed(f"{folder / DATABASE} lacks tables; take another backup")
    step("stored files")
    with opening(folder, STORE, key) as source:
        if store_copy.count(source) != contents.stored_files:
            raise CheckFailed(f"{folder / STORE} lacks stored files; take another backup")
    read_anchors(folder, key)


def read_anchors(folder: Path, key: BackupKey) -> dict[str, bytes]:
    """Anchors and ledger as they were: file name → content."""
    with opening(folder, ANCHORS, key) as source, tarfile.open(fileobj=io.BytesIO(source.read())) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in found.items() if file and name in (HEADS, ERASURES)}


def _write(place: Installation, draft: Path, key: BackupKey, now: datetime, step: Step) -> Contents:
    step("the database")
    with dump.moment(place.url) as of, sealing(draft, DATABASE, key) as target:
        dump.dump(place.url, of, target)
    step("stored files")
    with sealing(draft, STORE, key) as target:
        stored = store_copy.copy_out(place.settings.store, target)
    step("anchors and ledger")
    with sealing(draft, ANCHORS, key) as target:
        erasures = _copy_anchors(place.settings.anchors, target)
    return Contents(
        made_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        position=of.position,
        batch_no=of.batch_no,
        header_hash=of.header_hash,
        merkle_root=of.merkle_root,
        rows=of.rows,
        stored_files=stored,
        erasures=erasures,
        revision=of.revision,
        server=of.server,
        software=__version__,
        identity_keys=tuple(of.identity_keys),
    )


def _copy_anchors(folder: Path, target: BinaryIO) -> int:
    """Whole lines alone: one may be being written. Entries of the ledger of erasures."""
    entries = 0
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in (HEADS, ERASURES):
            content = whole_lines(folder / name)
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            tar.addfile(member, io.BytesIO(content))
            entries = content.count(b"\n")
    target.write(packed.getvalue())
    return entries


def whole_lines(path: Path) -> bytes:
    """A sealed file's content up to its last line break; empty where there is none."""
    content = path.read_bytes() if path.is_file() else b""
    return content[: content.rfind(b"\n") + 1]


def _flush(folder: Path) -> None:
    """The whole folder outlasts a power cut before it takes its name."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
