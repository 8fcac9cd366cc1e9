"""Store: delivered files as they came, encrypted, named by the SHA-256 of their content.

Nothing lies in clear on the disk, not even for a moment. A file is there whole or not at all: it is
written beside its place, flushed, and renamed into it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tracker.domain.errors import KeyringError, NotFound

_MAGIC = b"trk1"
_NONCE = 12  # bytes, random for each writing
_KEY = 32  # bytes: AES-256
_NAME_DIGITS = frozenset("0123456789abcdef")


class Store:
    """Encrypted files under ``folder``. ``keys`` are 32 bytes each, oldest first; new files take the last.

    Authenticated encryption is AES-256-GCM with the file's name as associated data, so that a file
    cannot pass for another.
    """

    def __init__(self, folder: Path, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != _KEY for key in keys):
            raise KeyringError("the intake store needs at least one key, each of 32 bytes")
        self._folder = folder
        self._ciphers = [AESGCM(key) for key in keys]

    def __repr__(self) -> str:
        return f"Store({str(self._folder)!r})"

    def put(self, content: bytes) -> str:
        """Keep ``content``; returns its name, 64 hex digits. The same content again changes nothing.

        A file of that name that cannot be read back whole is written anew. Raises ``OSError`` (disk full
        and the like) with nothing left behind.
        """
        return self.put_all([content])[0]

    def put_all(self, contents: Sequence[bytes]) -> list[str]:
        """Keep several; all of them outlast a power cut when this returns. Otherwise as ``put``."""
        names = [sha256(content).hexdigest() for content in contents]
        missing = {
            name: content for name, content in zip(names, contents, strict=True) if not self._holds(name)
        }
        if missing:
            self._write(missing)
        return names

    def get(self, name: str) -> bytes:
        """The content named ``name``.

        Raises ``NotFound`` when it is not (or no longer) here and ``KeyringError`` when it was damaged or
        belongs to another key.
        """
        content = self._open(name, self._read(name))
        if sha256(content).hexdigest() != name:
            raise KeyringError(f"stored file {name[:12]}… does not hold the content it is named for")
        return content

    def __contains__(self, name: str) -> bool:
        return self._path(name).is_file()

    def names(self) -> Iterator[str]:
        """Names of all stored files, in order."""
        for path in sorted(self._folder.glob("??/*")):
            if len(path.name) == 64 and set(path.name) <= _NAME_DIGITS:
                yield path.name

    def delete(self, name: str) -> bool:
        """Remove a file; False when it was not here."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        _flush_folder(self._path(name).parent)
        return True

    def expire(self, before: datetime) -> list[str]:
        """Remove files stored before a moment (with time zone); returns their names.

        Also clears what writings that were killed left behind, of the same age.
        """
        expired = [name for name in self.names() if _written_at(self._path(name)) < before]
        for name in expired:
            self.delete(name)
        for leftover in self._folder.glob("??/.*.part"):
            if _written_at(leftover) < before:
                leftover.unlink(missing_ok=True)
        return expired

    def _holds(self, name: str) -> bool:
        try:
            self.get(name)
        except (NotFound, KeyringError):
            return False
        return True

    def _path(self, name: str) -> Path:
        if len(name) != 64 or not set(name) <= _NAME_DIGITS:
            raise NotFound("a stored file is named by 64 lower-case hex digits")
        return self._folder / name[:2] / name

    def _read(self, name: str) -> bytes:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"no stored file {name[:12]}…; it may have expired") from error

    def _open(self, name: str, sealed: bytes) -> bytes:
        nonce, body = sealed[len(_MAGIC) : len(_MAGIC) + _NONCE], sealed[len(_MAGIC) + _NONCE :]
        if sealed.startswith(_MAGIC) and len(nonce) == _NONCE:
            for cipher in reversed(self._ciphers):
                with suppress(InvalidTag):
                    return cipher.decrypt(nonce, body, name.encode())
        raise KeyringError(f"stored file {name[:12]}… is damaged or was stored under another key")

    def _write(self, contents: Mapping[str, bytes]) -> None:
        """All are written before any is flushed: the first flush then takes most of the others with it."""
        paths = {name: self._path(name) for name in contents}
        parts = {name: path.parent / f".{secrets.token_hex(8)}.part" for name, path in paths.items()}
        folders = {path.parent for path in paths.values()}
        for folder in folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for name, part in parts.items():
                _write_new(part, self._seal(name, contents[name]))
            for part in parts.values():
                _flush(part, os.O_RDONLY)
            for name, part in parts.items():
                part.replace(paths[name])
        finally:
            for part in parts.values():
                part.unlink(missing_ok=True)
        for folder in (*folders, self._folder):
            _flush_folder(folder)

    def _seal(self, name: str, content: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return _MAGIC + nonce + self._ciphers[-1].encrypt(nonce, content, name.encode())


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _flush_folder(folder: Path) -> None:
    """Make a renaming or removal outlast a power cut."""
    _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
