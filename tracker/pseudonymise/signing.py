"""The signing key: Ed25519 (RFC 8032), beside the other keys and outside the database.

``sign.1.key`` holds the secret, ``sign.1.pub`` what anyone may check signatures with. The pair is made
when the first head is anchored; a secret that is gone is never replaced in silence.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tracker.domain.errors import KeyringError

SECRET, PUBLIC = "sign.1.key", "sign.1.pub"
KEY_BYTES = 32


@dataclass(frozen=True)
class Signer:
    """Who signs; ``public`` is the 32 bytes signatures are checked with."""

    public: bytes
    _secret: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._secret.sign(message)

    @classmethod
    def open(cls, directory: Path) -> Signer:
        """Read the key; raises ``KeyringError`` when it is missing or not as it must be."""
        path = directory / SECRET
        if not path.is_file():
            raise KeyringError(f"the signing key {path} is missing; put it back from its sealed copy")
        if path.stat().st_mode & 0o077:
            raise KeyringError(f"others may read the key {path}; if they have not, run: chmod 600 {path}")
        secret = Ed25519PrivateKey.from_private_bytes(_read(path))
        return cls(secret.public_key().public_bytes_raw(), secret)

    @classmethod
    def open_or_make(cls, directory: Path) -> Signer:
        """The key, made where none ever was."""
        if not (directory / SECRET).exists() and not (directory / PUBLIC).exists():
            _make(directory)
        return cls.open(directory)


@dataclass(frozen=True)
class SignatureCheck:
    """Checks signatures without the secret."""

    public: bytes

    @classmethod
    def open(cls, directory: Path) -> SignatureCheck:
        """Read the public key; raises ``KeyringError`` when it is missing or damaged."""
        path = directory / PUBLIC
        if not path.is_file():
            raise KeyringError(
                f"the key {path}, which signatures are checked with, is missing; "
                "put the sealed copy of the keys there"
            )
        return cls(_read(path))

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is of this message and by this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


def _make(directory: Path) -> None:
    """The public half first: without its secret it says that something is missing."""
    if not directory.is_dir():
        raise KeyringError(f"no keys in {directory}; make them with: tracker key new")
    secret = secrets.token_bytes(KEY_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    for name, mode, content in ((PUBLIC, 0o644, public), (SECRET, 0o600, secret)):
        handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(content.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        content = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except PermissionError:
        raise KeyringError(f"the key {path} may not be read by this user") from None
    except ValueError:
        raise KeyringError(f"the key {path} is damaged: it is not hexadecimal") from None
    if len(content) != KEY_BYTES:
        raise KeyringError(f"the key {path} is damaged: {len(content)} bytes instead of {KEY_BYTES}")
    return content
