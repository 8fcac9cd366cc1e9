"""Keys: one file a key, mode 0600, outside the database and its backups.

Each purpose has keys of its own, so that holding one opens nothing else; what is used is derived from
the file's secret by HKDF-SHA-256 (RFC 5869) with the purpose and version as context. Identity keys
rotate by nesting: the newest hash is HMAC(K2, HMAC(K1, id)), so a vault is renewed without the numbers.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tracker.domain.errors import KeyringError
from tracker.pseudonymise.national_id import IdKind, LocalId, NationalId

KEY_BYTES = 32
_BLOCK = 64  # bytes SHA-256 takes at a time


class Purpose(StrEnum):
    """What a key is for."""

    ID = "id"  # identities → vault
    STORE = "store"  # delivered files at rest
    EXPORT = "export"  # project pseudonyms
    REFERENCE = "reference"  # ids of the case systems → hashes in the log


PROJECT = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}[a-z0-9]")
"""How a project is named: one spelling, as the name makes the key."""

ROTATABLE = (Purpose.ID, Purpose.STORE)
"""Purposes whose keys may change: the log keeps what the others made, and could not be renewed."""


@dataclass(frozen=True)
class Keyring:
    """The keys of one installation: for each purpose the derived keys, oldest version first."""

    directory: Path
    keys: Mapping[Purpose, tuple[bytes, ...]] = field(repr=False)

    @classmethod
    def create(cls, directory: Path) -> Keyring:
        """Make a first key for each purpose; raises ``KeyringError`` where keys lie already."""
        if directory.exists() and any(directory.iterdir()):
            raise KeyringError(f"{directory} is not empty; keys are never overwritten")
        draft = directory.with_name(f"{directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        for purpose in Purpose:
            _write_secret(draft / _file_name(purpose, 1))
        draft.replace(directory)  # all of them or none
        return cls.open(directory)

    @classmethod
    def open(cls, directory: Path) -> Keyring:
        """Read every key; raises ``KeyringError`` naming the file that is missing or not as it must be."""
        if not directory.is_dir():
            raise KeyringError(f"no keys in {directory}; make them with: tracker key new")
        return cls(directory, {purpose: _read_keys(directory, purpose) for purpose in Purpose})

    def rotate(self, purpose: Purpose) -> Keyring:
        """Add a newer key for ``purpose`` and return the keyring with it; older keys stay in use."""
        if purpose not in ROTATABLE:
            raise KeyringError(f"the {purpose} key cannot change: the log keeps hashes made with it")
        _write_secret(self.directory / _file_name(purpose, len(self.keys[purpose]) + 1))
        return Keyring.open(self.directory)

    @property
    def identities(self) -> IdentityKeys:
        """The keys of identities."""
        return IdentityKeys(self.keys[Purpose.ID])

    @property
    def references(self) -> ReferenceKey:
        """The key of case systems' ids."""
        return ReferenceKey(self.keys[Purpose.REFERENCE][-1])

    def project(self, project: str) -> ProjectKey:
        """The key of one project's exports; raises ``KeyringError`` for a name that is none.

        A project's ids are the same in all its exports and lead to no other project's.
        """
        if not PROJECT.fullmatch(project):
            raise KeyringError(
                "a project is named by small letters, digits, dots and hyphens, such as nuso-2026-01"
            )
        return ProjectKey(_derived(self.keys[Purpose.EXPORT][-1], f"project:{project}"))

    @property
    def store_keys(self) -> tuple[bytes, ...]:
        """Keys of the intake store, oldest first: 32 bytes each, for AES-256-GCM. New files take the last."""
        return self.keys[Purpose.STORE]


@dataclass(frozen=True)
class IdentityKeys:
    """Keyed hashes of identities: HMAC-SHA-256, nested once for each version of the key."""

    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def version(self) -> int:
        """The newest version, counted from 1."""
        return len(self.keys)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """16 hex digits a key, oldest first: enough to tell keys apart, nothing to compute them from."""
        return tuple(hmac.digest(key, b"fingerprint", "sha256")[:8].hex() for key in self.keys)

    def hash(self, identity: NationalId | LocalId, municipality: str, system: str) -> bytes:
        """32 bytes. A number hashes alike everywhere, a local id only within municipality and system."""
        return self.hash_all([identity], municipality, system)[0]

    def hash_all(
        self, identities: Iterable[NationalId | LocalId], municipality: str, system: str
    ) -> list[bytes]:
        """``hash`` of each, in order."""
        local = f"local:v1:{municipality}:{system}:"
        hashed = [
            (f"pnr:v1:{one.digits}" if isinstance(one, NationalId) else f"{local}{one.id}").encode()
            for one in identities
        ]
        for hasher in self._hashers:
            hashed = list(map(hasher, hashed))
        return hashed

    def renew(self, hashed: bytes, version: int) -> bytes:
        """Bring a hash of ``version`` (from 1) to the newest."""
        for hasher in self._hashers[version:]:
            hashed = hasher(hashed)
        return hashed

    @cached_property
    def _hashers(self) -> tuple[Callable[[bytes], bytes], ...]:
        return tuple(map(_hmac_sha256, self.keys))


@dataclass(frozen=True)
class ReferenceKey:
    """Keyed hashes of a case system's own ids, bound to municipality, system and kind of id."""

    key: bytes = field(repr=False)

    def hasher(self, municipality: str, system: str, kind: str) -> Callable[[str], str]:
        """A function from an id to 32 hex digits: HMAC-SHA-256 of all four, cut to 16 bytes.

        ``kind`` is ``referral_id``, ``case_id`` …: one id hashes alike in every column of its kind.
        """
        keyed = _hmac_sha256(self.key, f"src:v1:{municipality}:{system}:{kind}:".encode())
        return lambda reference: keyed(reference.encode())[:16].hex()


@dataclass(frozen=True)
class ProjectKey:
    """The key of one project's pseudonyms."""

    key: bytes = field(repr=False)

    def namer(self, kind: str) -> Callable[[str], str]:
        """A function from an id of ours (of a ``subject`` or a ``fact``) to 32 hex digits: HMAC-SHA-256,
        cut to 16 bytes.
        """  # fmt: skip
        keyed = _hmac_sha256(self.key, f"{kind}:v1:".encode())
        return lambda known: keyed(known.encode())[:16].hex()


def _hmac_sha256(key: bytes, prefix: bytes = b"") -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 (RFC 2104) of ``prefix`` and a message; ``key`` is at most a block, as ours of 32 bytes.

    The padded key is hashed once and the states copied: over a column three times as fast as ``hmac.digest``.
    """
    inner = sha256(bytes(octet ^ 0x36 for octet in key.ljust(_BLOCK, b"\0")) + prefix)
    outer = sha256(bytes(octet ^ 0x5C for octet in key.ljust(_BLOCK, b"\0")))

    def digest(message: bytes) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(message)
        outside.update(inside.digest())
        return outside.digest()

    return digest


def kind_of(identity: NationalId | LocalId) -> IdKind:
    """How far an identity reaches."""
    return identity.kind if isinstance(identity, NationalId) else IdKind.LOCAL


def _file_name(purpose: Purpose, version: int) -> str:
    return f"{purpose}.{version}.key"


def _write_secret(path: Path) -> None:
    """Write a new random secret, on disk before it is used; an existing file is never touched."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read_keys(directory: Path, purpose: Purpose) -> tuple[bytes, ...]:
    versions = sorted(
        int(found[1])
        for path in directory.iterdir()
        if (found := re.fullmatch(rf"{purpose}\.([1-9]\d*)\.key", path.name))
    )
    for expected, version in enumerate(versions or [0], start=1):
        if version != expected:
            raise KeyringError(f"the key {directory / _file_name(purpose, expected)} is missing")
    return tuple(_read_key(directory, purpose, version) for version in versions)


def _read_key(directory: Path, purpose: Purpose, version: int) -> bytes:
    path = directory / _file_name(purpose, version)
    if path.stat().st_mode & 0o077:
        raise KeyringError(f"others may read the key {path}; if they have not, run: chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except PermissionError:
        raise KeyringError(f"the key {path} may not be read by this user") from None
    except ValueError:
        raise KeyringError(f"the key {path} is damaged: it is not hexadecimal") from None
    if len(secret) != KEY_BYTES:
        raise KeyringError(f"the key {path} is damaged: {len(secret)} bytes instead of {KEY_BYTES}")
    return _derived(secret, f"tracker/{purpose}/v{version}")


def _derived(secret: bytes, context: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=context.encode()).derive(secret)
