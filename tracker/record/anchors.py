"""Anchors: heads of the log as they were, signed, in a file outside the database.

What lies under an anchor cannot change unseen: its header hash covers every batch before it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from tracker.record.commitments import Header
from tracker.record.sealed_file import Checks, SealedFile, Signs, Tampered

FILE = "heads.jsonl"
PURPOSE = "tracker anchor v1"


class AnchorKind(StrEnum):
    """Why a head was anchored."""

    HEAD = "head"
    RESTORED = "restored"  # the log was put back to this head; anchors of later batches hold no more


@dataclass(frozen=True)
class Anchor:
    """One head: its batch, the position it ends at, its hash (64 hex digits), when it was anchored."""

    batch_no: int
    position: int
    header_hash: str
    anchored_at: str
    kind: AnchorKind = AnchorKind.HEAD


class Anchors:
    """The anchors of an installation, in ``heads.jsonl`` in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.file = SealedFile(folder / FILE, PURPOSE)

    def standing(self, checks: Checks) -> list[Anchor]:
        """Anchors that hold, oldest first; raises ``Tampered`` for a line that was changed."""
        holding: list[Anchor] = []
        for told in self.file.entries(checks):
            anchor = _anchor(told)
            if anchor.kind is AnchorKind.RESTORED:
                holding = [one for one in holding if one.batch_no < anchor.batch_no]
            holding.append(anchor)
        return holding

    def add(self, head: Header, now: datetime, signs: Signs, kind: AnchorKind = AnchorKind.HEAD) -> Anchor:
        """Anchor a head."""
        anchored_at = now.isoformat(timespec="seconds")
        anchor = Anchor(head.batch_no, head.last_position, head.header_hash.hex(), anchored_at, kind)
        self.file.add(asdict(anchor), signs)
        return anchor


def _anchor(told: dict[str, object]) -> Anchor:
    try:
        return Anchor(
            batch_no=int(str(told["batch_no"])),
            position=int(str(told["position"])),
            header_hash=str(told["header_hash"]),
            anchored_at=str(told["anchored_at"]),
            kind=AnchorKind(str(told["kind"])),
        )
    except (KeyError, ValueError):
        raise Tampered("an anchor is signed but says nothing this version of tracker knows") from None
