"""Sealed streams: AES-256-GCM in chunks, written and read without ever holding the whole.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015), laid out as in the age format
(C2SP, age-encryption.org/v1): a chunk's nonce is its number, 11 bytes, and a byte that is 1 for the last one.
A chunk changed, moved, left out or doubled, and a stream cut off at any place, do not open.
A key seals one stream only.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tracker.domain.errors import CheckFailed

CHUNK = 1 << 18
"""Bytes of clear text in each chunk but the last."""

_TAG = 16


class SealingWriter(io.RawIOBase):
    """Seals what is written into ``target``; the stream is whole only after ``finish``."""

    def __init__(self, target: BinaryIO, key: bytes) -> None:
        self._target, self._cipher = target, AESGCM(key)
        self._waiting, self._number = bytearray(), 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # bytes are all it is given
        """Take bytes; each full chunk goes on, but one that may be the last."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._put(bytes(self._waiting[:CHUNK]), last=0)
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk, marked as such."""
        self._put(bytes(self._waiting), last=1)
        self._waiting.clear()

    def _put(self, clear: bytes, last: int) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last), clear, None))
        self._number += 1


class OpeningReader(io.RawIOBase):
    """Opens a sealed stream; gives out nothing of a chunk before it is found genuine.

    Reading raises ``CheckFailed`` with ``name`` at the first chunk that is not what was written there.
    """

    def __init__(self, source: BinaryIO, key: bytes, name: str) -> None:
        self._source, self._cipher, self._name = source, AESGCM(key), name
        self._ahead, self._number, self._ended = source.read(CHUNK + _TAG), 0, False
        self._clear = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]  # as it gets
        """Fill a buffer; 0 at the authenticated end."""
        while not self._clear and not self._ended:
            self._clear = memoryview(self._next())
        count = min(len(buffer), len(self._clear))
        buffer[:count] = self._clear[:count]
        self._clear = self._clear[count:]
        return count

    def _next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._source.read(CHUNK + _TAG)
        self._ended = not self._ahead
        try:
            clear = self._cipher.decrypt(_nonce(self._number, int(self._ended)), sealed, None)
        except InvalidTag:
            raise CheckFailed(
                f"{self._name} of the backup is damaged or cut off in chunk {self._number + 1}; "
                "take another backup"
            ) from None
        self._number += 1
        return clear


def _nonce(number: int, last: int) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
