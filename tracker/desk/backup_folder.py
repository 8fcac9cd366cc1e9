"""A backup as it lies in a folder: sealed files, and a signed manifest that says what they hold.

``manifest.json`` is in clear and holds no value of a row. It is signed by the key of the installation: what
is sealed for a public key anyone could have sealed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from tracker.domain.errors import CheckFailed, NotFound, SchemaMismatch
from tracker.pseudonymise.operator_key import BackupKey
from tracker.pseudonymise.sealed_stream import OpeningReader, SealingWriter
from tracker.record.sealed_file import Checks, Signs

FORMAT = "tracker-backup/1"
MANIFEST = "manifest.json"
DATABASE, STORE, ANCHORS = "database.dump.sealed", "store.tar.sealed", "anchors.tar.sealed"
FILES = (DATABASE, STORE, ANCHORS)
BLOCK = 1 << 20
PURPOSE = b"tracker backup v1\n"


@dataclass(frozen=True)
class SealedPart:
    """One file of a backup as it lies: its size, and the SHA-256 of its sealed bytes."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Contents:
    """What a backup holds: where its log ends (hex digests), rows of each table, stored files.

    ``erasures`` is how many entries the ledger of erasures had.
    """

    made_at: str
    position: int
    batch_no: int
    header_hash: str
    merkle_root: str
    rows: Mapping[str, int]
    stored_files: int
    erasures: int
    revision: str
    server: str
    software: str
    identity_keys: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself; ``seal`` is what the operator's secret needs to open it."""

    contents: Contents
    seal: Mapping[str, str]
    files: Mapping[str, SealedPart]
    signature: str = ""

    def write(self, folder: Path, signs: Signs) -> None:
        """Write it, signed: last of all, for what has a manifest is whole."""
        signed = replace(self, signature=signs.sign(self.message()).hex())
        told = {"format": FORMAT, **asdict(signed)}
        (folder / MANIFEST).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def message(self) -> bytes:
        """What is signed."""
        told = asdict(replace(self, signature=""))
        return PURPOSE + json.dumps(told, sort_keys=True).encode()


def read_manifest(folder: Path, checks: Checks) -> Manifest:
    """The manifest of a backup. Raises ``NotFound`` where there is none, ``CheckFailed`` for one not ours."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{folder} holds no whole backup: it has no {MANIFEST}") from None
    except ValueError:
        raise CheckFailed(f"{folder / MANIFEST} is damaged; take another backup") from None
    if not isinstance(told, dict) or told.pop("format", None) != FORMAT:
        raise SchemaMismatch(f"{folder} is no backup this version of tracker knows")
    manifest = _manifest(told, folder)
    if not checks.holds(bytes.fromhex(manifest.signature), manifest.message()):
        raise CheckFailed(f"{folder / MANIFEST} is not signed by this installation, or was changed since")
    return manifest


def _manifest(told: Mapping[str, Any], folder: Path) -> Manifest:
    try:
        contents = dict(told["contents"])
        contents["identity_keys"] = tuple(contents["identity_keys"])
        files = {name: SealedPart(**told["files"][name]) for name in FILES}
        bytes.fromhex(told["signature"])
        return Manifest(Contents(**contents), told["seal"], files, told["signature"])
    except (KeyError, TypeError, ValueError):
        raise CheckFailed(f"{folder / MANIFEST} is damaged; take another backup") from None


def check_bytes(folder: Path, manifest: Manifest) -> None:
    """Hold the sealed files against the manifest; raises ``CheckFailed`` naming the first that differs."""
    for name, part in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise CheckFailed(f"{path} is missing from the backup; take another one")
        if path.stat().st_size != part.bytes or _digest(path) != part.sha256:
            raise CheckFailed(f"{path} is damaged or cut off; take another backup")


def measured(path: Path) -> SealedPart:
    """A sealed file as it lies."""
    return SealedPart(path.stat().st_size, _digest(path))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


@contextmanager
def sealing(folder: Path, name: str, key: BackupKey) -> Iterator[BinaryIO]:
    """A file of the backup to write into; sealed to its end when the block ends well."""
    with (folder / name).open("xb") as target:
        writer = SealingWriter(target, key.of_file(name))
        yield cast(BinaryIO, writer)
        writer.finish()


@contextmanager
def opening(folder: Path, name: str, key: BackupKey) -> Iterator[BinaryIO]:
    """A file of the backup to read from, opened chunk by chunk."""
    with (folder / name).open("rb") as source:
        # OpeningReader is all of a raw stream that a buffer asks for
        yield BufferedReader(OpeningReader(source, key.of_file(name), name), BLOCK)  # type: ignore[type-var]
