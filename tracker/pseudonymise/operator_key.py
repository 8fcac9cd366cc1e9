"""The operator's key for backups: what seals lies with the other keys, what opens lies elsewhere.

A backup is sealed for a public key (X25519, RFC 7748): a new pair is made for each backup, both publics and
the shared secret give its key by HKDF-SHA-256 (RFC 5869), and the new pair's secret is forgotten. So the
machine that makes backups cannot open those it made before.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tracker.domain.errors import KeyringError

PUBLIC = "backup.1.pub"
"""File of the public half, beside the other keys."""

SCHEME = "X25519-HKDF-SHA256-AES256GCM-chunks/1"
KEY_BYTES = 32


@dataclass(frozen=True)
class BackupKey:
    """The key of one backup; each of its files has a key of its own, derived with the file's name."""

    _secret: bytes = field(repr=False)

    def of_file(self, name: str) -> bytes:
        """32 bytes, for AES-256."""
        return _derive(self._secret, b"", f"tracker backup file v1 {name}")


def make_operator_key(keys: Path, secret: Path) -> str:
    """Make a pair: the public half in the folder ``keys``, the secret in the file ``secret``; fingerprint.

    Raises ``KeyringError`` where either is there already, or ``secret`` would lie among the keys.
    """
    if not keys.is_dir():
        raise KeyringError(f"no keys in {keys}; make them with: tracker key new")
    if keys.resolve() in secret.resolve().parents:
        raise KeyringError(
            "the secret of backups must not lie with the keys it helps to guard; give another place"
        )
    if (keys / PUBLIC).exists() or secret.exists():
        raise KeyringError(
            f"{keys / PUBLIC if (keys / PUBLIC).exists() else secret} is there already; keys are never "
            "overwritten. Backups made for it need its secret: move it away, and keep both"
        )
    private = secrets.token_bytes(KEY_BYTES)
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    _write(secret, 0o600, private)  # first: a public half without its secret would seal for nobody
    _write(keys / PUBLIC, 0o644, public)
    return fingerprint(public)


def has_operator_key(keys: Path) -> bool:
    """Whether backups can be made: there is a key to seal them for."""
    return (keys / PUBLIC).is_file()


def seal_key(keys: Path) -> tuple[BackupKey, dict[str, str]]:
    """A key for a new backup, and what its manifest says so that the operator's secret finds it again."""
    path = keys / PUBLIC
    if not has_operator_key(keys):
        raise KeyringError(
            f"there is no key to seal backups for; make one with: tracker backup key --out FILE ({path})"
        )
    operator = _read(path)
    passing = X25519PrivateKey.generate()
    public = passing.public_key().public_bytes_raw()
    shared = passing.exchange(X25519PublicKey.from_public_bytes(operator))
    told = {"scheme": SCHEME, "sealed_for": fingerprint(operator), "public": public.hex()}
    return BackupKey(_derive(shared, public + operator, SCHEME)), told


def open_key(secret: Path, told: Mapping[str, str]) -> BackupKey:
    """The key of a backup, by the operator's secret; raises ``KeyringError`` for another one's."""
    if not secret.is_file():
        raise KeyringError(f"there is no secret {secret}; bring it from where it is kept")
    private = X25519PrivateKey.from_private_bytes(_read(secret))
    operator = private.public_key().public_bytes_raw()
    if told.get("scheme") != SCHEME:
        raise KeyringError("the backup is sealed in a way this version of tracker does not know")
    if told.get("sealed_for") != fingerprint(operator):
        raise KeyringError(
            f"the backup is sealed for the key {told.get('sealed_for')}, "
            f"but {secret} is {fingerprint(operator)}"
        )
    public = bytes.fromhex(told["public"])
    shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    return BackupKey(_derive(shared, public + operator, SCHEME))


def fingerprint(public: bytes) -> str:
    """16 hex digits to tell keys apart."""
    return sha256(b"tracker backup key" + public).hexdigest()[:16]


def _derive(secret: bytes, salt: bytes, context: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=context.encode()).derive(secret)


def _write(path: Path, mode: int, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise KeyringError(f"{path} cannot be written ({error.strerror})") from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(content.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    if path.suffix != ".pub" and path.stat().st_mode & 0o077:
        raise KeyringError(f"others may read the key {path}; if they have not, run: chmod 600 {path}")
    try:
        content = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except PermissionError:
        raise KeyringError(f"the key {path} may not be read by this user") from None
    except ValueError:
        raise KeyringError(f"the key {path} is damaged: it is not hexadecimal") from None
    if len(content) != KEY_BYTES:
        raise KeyringError(f"the key {path} is damaged: {len(content)} bytes instead of {KEY_BYTES}")
    return content
