"""A sealed file: JSON lines that are only ever added to, each signed and holding the hash of the line before.

It lies outside the database, so that who can write there cannot rewrite what is said here. Lines cut off
the end leave no trace in the file itself: copies of it belong elsewhere.

A key may be followed by a newer one: a line says so, signed by the newer, and none after it is by an older.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from tracker.domain.errors import KeyringError, TrackerError


class Signs(Protocol):
    """Makes signatures; ``version`` counts keys from 1."""

    @property
    def version(self) -> int:
        """Which key signs."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature of a message."""
        ...


class Checks(Protocol):
    """Checks signatures."""

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether a signature is of this message."""
        ...

    def signed_by(self, signature: bytes, message: bytes) -> int:
        """The version of the key a signature of this message is by; 0 for none of ours."""
        ...


class Tampered(TrackerError):
    """What was recorded is no longer what was signed."""

    exit_code = 10


TURN = "key"
"""What a line that says a newer key signs from here on tells: its version, and nothing else."""


class SealedFile:
    """The sealed file at ``path``; ``purpose`` is signed along, so that no line passes in another file."""

    def __init__(self, path: Path, purpose: str) -> None:
        self.path, self.purpose = path, purpose

    def entries(self, checks: Checks) -> list[dict[str, Any]]:
        """Every entry, oldest first; raises ``Tampered`` naming the first line that does not hold.

        A last line without its line break was being written when the machine stopped, and says nothing.
        """
        previous, version, found = b"", 1, []
        for number, line in enumerate(self._lines(), start=1):
            told, signed_by = self._entry(line, previous, checks, number)
            if signed_by < version:
                raise Tampered(f"{self.path} line {number} is signed by a key that others had followed")
            if not _is_turn(told):
                found.append(told)
            previous, version = sha256(line).digest(), signed_by
        return found

    def add(self, entry: Mapping[str, Any], signs: Signs) -> None:
        """Add an entry, on disk when this returns. Safe from several processes.

        Raises ``KeyringError`` for a key that a newer one has followed: the line would not hold.
        """
        with self._alone() as handle:
            lines = self._lines()
            _refuse_older(lines, signs)
            os.ftruncate(handle, sum(map(len, lines)))
            told = dict(entry) | {"previous": sha256(lines[-1]).hexdigest() if lines else ""}
            signature = signs.sign(self._message(told))
            line = json.dumps(told | {"signature": signature.hex()}, ensure_ascii=False, sort_keys=True)
            os.write(handle, line.encode() + b"\n")
            os.fsync(handle)

    def turn(self, signs: Signs) -> None:
        """Say that a newer key signs from here on."""
        self.add({TURN: signs.version}, signs)

    def _lines(self) -> list[bytes]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        return [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]

    def _entry(self, line: bytes, previous: bytes, checks: Checks, number: int) -> tuple[dict[str, Any], int]:
        try:
            told: dict[str, Any] = json.loads(line)
            signature = bytes.fromhex(told.pop("signature"))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Tampered(f"{self.path} line {number} is damaged") from None
        if told.get("previous") != previous.hex():
            raise Tampered(f"{self.path} line {number} does not follow the line before it")
        signed_by = checks.signed_by(signature, self._message(told))
        if not signed_by:
            raise Tampered(f"{self.path} line {number} is not signed by the key of this installation")
        return told, signed_by

    def _message(self, told: Mapping[str, Any]) -> bytes:
        return f"{self.purpose}\n{json.dumps(told, ensure_ascii=False, sort_keys=True)}".encode()

    @contextmanager
    def _alone(self) -> Iterator[int]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)


def _is_turn(told: Mapping[str, Any]) -> bool:
    return told.keys() - {"previous", "signature"} == {TURN}


def _refuse_older(lines: Sequence[bytes], signs: Signs) -> None:
    for line in lines:
        if f'"{TURN}": '.encode() in line:
            with suppress(ValueError):  # a damaged line is told when the file is read
                told = json.loads(line)
                if _is_turn(told) and told[TURN] > signs.version:
                    raise KeyringError("the signing key was renewed meanwhile; run the same command again")
