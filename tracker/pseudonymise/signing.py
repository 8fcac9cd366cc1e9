"""The signing keys: Ed25519 (RFC 8032), beside the other keys and outside the database.

``sign.<n>.key`` holds a secret, ``sign.<n>.pub`` what anyone may check signatures with. The first pair is
made when the first head is anchored; a secret that is gone is never replaced in silence. The newest signs;
the public halves of older ones stay, because what they signed is still checked.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tracker.domain.errors import KeyringError

KEY_BYTES = 32
_PUBLIC = re.compile(r"sign\.([1-9]\d*)\.pub")


@dataclass(frozen=True)
class Signer:
    """Who signs; ``public`` is the 32 bytes signatures are checked with, ``version`` counts keys from 1."""

    public: bytes
    version: int
    _secret: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._secret.sign(message)

    @classmethod
    def open(cls, directory: Path) -> Signer:
        """Read the newest key; raises ``KeyringError`` when it is missing or not as it must be."""
        version = _newest(directory) or 1
        path = _secret_file(directory, version)
        if not path.is_file():
            raise KeyringError(f"the signing key {path} is missing; put it back from its sealed copy")
        if path.stat().st_mode & 0o077:
            raise KeyringError(f"others may read the key {path}; if they have not, run: chmod 600 {path}")
        secret = Ed25519PrivateKey.from_private_bytes(_read(path))
        return cls(secret.public_key().public_bytes_raw(), version, secret)

    @classmethod
    def open_or_make(cls, directory: Path) -> Signer:
        """The newest key; the first is made where none ever was."""
        if not _newest(directory) and not _secret_file(directory, 1).exists():
            public, secret = _pair()
            # The public half first: without its secret it says that something is missing.
            _write(_public_file(directory, 1), 0o644, public)
            _write(_secret_file(directory, 1), 0o600, secret)
        return cls.open(directory)

    @classmethod
    def rotate(cls, directory: Path) -> Signer:
        """Make a newer key, which signs from now on; the older ones must be whole."""
        version = cls.open(directory).version + 1
        SignatureCheck.open(directory)
        public, secret = _pair()
        # The secret first: without its public half it is not the newest yet, and has signed nothing.
        _secret_file(directory, version).unlink(missing_ok=True)
        _write(_secret_file(directory, version), 0o600, secret)
        _write(_public_file(directory, version), 0o644, public)
        return cls.open(directory)


def remove_older_secrets(directory: Path) -> None:
    """Remove the secrets of all but the newest key: nothing is to be signed by them again."""
    for version in range(1, _newest(directory)):
        _secret_file(directory, version).unlink(missing_ok=True)


@dataclass(frozen=True)
class SignatureCheck:
    """Checks signatures without the secrets; ``publics`` of every key, oldest first."""

    publics: tuple[bytes, ...]

    @classmethod
    def open(cls, directory: Path) -> SignatureCheck:
        """Read the public keys; raises ``KeyringError`` when one is missing or damaged."""
        paths = [_public_file(directory, version) for version in range(1, (_newest(directory) or 1) + 1)]
        for path in paths:
            if not path.is_file():
                raise KeyringError(
                    f"the key {path}, which signatures are checked with, is missing; "
                    "put the sealed copy of the keys there"
                )
        return cls(tuple(map(_read, paths)))

    def signed_by(self, signature: bytes, message: bytes) -> int:
        """The version of the key this is the signature by; 0 for none of ours."""
        for version, public in enumerate(self.publics, start=1):
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
            except InvalidSignature:
                continue
            return version
        return 0

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is of this message and by one of our keys."""
        return self.signed_by(signature, message) > 0


def _newest(directory: Path) -> int:
    """The newest version that has a public half; 0 where there is none."""
    found = [_PUBLIC.fullmatch(path.name) for path in directory.glob("sign.*.pub")]
    return max((int(named[1]) for named in found if named), default=0)


def _secret_file(directory: Path, version: int) -> Path:
    return directory / f"sign.{version}.key"


def _public_file(directory: Path, version: int) -> Path:
    return directory / f"sign.{version}.pub"


def _pair() -> tuple[bytes, bytes]:
    secret = secrets.token_bytes(KEY_BYTES)
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(), secret


def _write(path: Path, mode: int, content: bytes) -> None:
    if not path.parent.is_dir():
        raise KeyringError(f"no keys in {path.parent}; make them with: tracker key new")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
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
