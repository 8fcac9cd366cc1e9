"""Commitments: leaves, Merkle roots and batch headers, recomputed apart from the database that made them.

The same rules as ``migrations/sql/record/{leaf,merkle_root,header_hash}.sql``, in Python: whoever can
change rows can change functions too. Hashes are SHA-256, trees are those of RFC 6962, numbers big-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import sha256

GENESIS = sha256(b"").digest()
"""Previous hash of the first batch."""

_HEADER = struct.Struct(">qqqi")
_MICROSECONDS = struct.Struct(">q")


@dataclass(frozen=True)
class Header:
    """A batch header as it stands in the database; ``recorded_at`` in microseconds since 1970, UTC."""

    batch_no: int
    first_position: int
    last_position: int
    delivery_no: int
    merkle_root: bytes
    previous_hash: bytes
    header_hash: bytes
    recorded_at: int | None

    def recomputed(self) -> bytes:
        """The hash its fields give; empty where a field is none a header can have."""
        if self.recorded_at is None:
            return b""
        numbers = _HEADER.pack(self.batch_no, self.first_position, self.last_position, self.delivery_no)
        told = _MICROSECONDS.pack(self.recorded_at)
        return sha256(numbers + self.merkle_root + self.previous_hash + told).digest()


def leaf(salt: bytes, envelope: str, content: bytes, body: str) -> bytes:
    """Salted commitment to one event; ``envelope`` is its fields in order, each closed by U+001F."""
    told = sha256(body.encode()).digest()
    return sha256(b"\x00" + salt + envelope.encode() + content + told).digest()


class MerkleTree:
    """The root over leaves given one by one, holding one node for each level: RFC 6962, section 2.1."""

    def __init__(self) -> None:
        self._nodes: list[tuple[int, bytes]] = []  # whole subtrees from left to right: (height, root)

    def add(self, node: bytes) -> None:
        """Append a leaf, hashed already."""
        height = 0
        while self._nodes and self._nodes[-1][0] == height:
            node = _inner(self._nodes.pop()[1], node)
            height += 1
        self._nodes.append((height, node))

    def root(self) -> bytes:
        """The root; empty without leaves."""
        if not self._nodes:
            return b""
        *left, (_, root) = self._nodes
        for _, node in reversed(left):
            root = _inner(node, root)
        return root


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
