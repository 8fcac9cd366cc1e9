"""A parcel: a delivered file and its sidecar, kept together; its digest is what makes a delivery the same."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from hashlib import sha256

_HEADER = struct.Struct(">8sI")
_MAGIC = b"parcel1\n"


@dataclass(frozen=True)
class Parcel:
    """File content with the sidecar's content (None: delivered without). The file's name is no part of it."""

    content: bytes = field(repr=False)
    sidecar: bytes | None = field(default=None, repr=False)

    def pack(self) -> bytes:
        """One byte string: magic, length of the sidecar (2**32 - 1 for none), sidecar, content."""
        length = 0xFFFFFFFF if self.sidecar is None else len(self.sidecar)
        return _HEADER.pack(_MAGIC, length) + (self.sidecar or b"") + self.content

    @property
    def digest(self) -> bytes:
        """SHA-256 of the packed parcel, 32 bytes."""
        return sha256(self.pack()).digest()

    @classmethod
    def unpack(cls, packed: bytes) -> Parcel:
        """The parcel again; raises ``ValueError`` for anything else."""
        if len(packed) < _HEADER.size or not packed.startswith(_MAGIC):
            raise ValueError("not a packed parcel")
        _, length = _HEADER.unpack_from(packed)
        if length == 0xFFFFFFFF:
            return cls(packed[_HEADER.size :])
        end = _HEADER.size + length
        return cls(packed[end:], packed[_HEADER.size : end])
