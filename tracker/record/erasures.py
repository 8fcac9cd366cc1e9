"""The ledger of erasures, outside the database: what a restored log must be made to forget again.

It holds keyed hashes of identities, never an identity and no subject id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tracker.record.sealed_file import Checks, SealedFile, Signs, Tampered

FILE = "erasures.jsonl"
PURPOSE = "tracker erasure v1"


class Scope(StrEnum):
    """What an entry is about."""

    SUBJECT = "subject"
    MUNICIPALITY = "municipality"
    REGISTERED_AGAIN = "registered_again"  # a municipality that withdrew may deliver again


@dataclass(frozen=True)
class ErasedId:
    """One identity of an erased child: 32 bytes of keyed hash in hex, and how many keys are nested in it."""

    id_hmac: str
    key_version: int
    kind: str


@dataclass(frozen=True)
class LedgerEntry:
    """One erasure as carried out. ``at`` is ISO text; ``position`` is the erasure event's in its log."""

    erasure_id: str
    scope: Scope
    municipality: str
    reason: str
    legal_basis: str
    requested_by: str
    approved_by: str
    at: str
    position: int = 0
    events: int = 0
    ids: Sequence[ErasedId] = ()


class ErasureLedger:
    """The ledger of an installation, in ``erasures.jsonl`` beside the anchors."""

    def __init__(self, folder: Path) -> None:
        self.file = SealedFile(folder / FILE, PURPOSE)

    def add(self, entry: LedgerEntry, signs: Signs) -> None:
        """Add an entry, on disk when this returns."""
        self.file.add(asdict(entry), signs)

    def entries(self, checks: Checks) -> list[LedgerEntry]:
        """Each erasure once, oldest first; raises ``Tampered`` for a line that was changed.

        An entry is written before the database commits: one whose commit failed is said again later.
        """
        found = {str(told.get("erasure_id")): told for told in self.file.entries(checks)}
        return [_entry(told) for told in found.values()]


def _entry(told: dict[str, object]) -> LedgerEntry:
    told = {name: value for name, value in told.items() if name != "previous"}
    try:
        given = told.pop("ids")
        assert isinstance(given, list)
        ids = tuple(ErasedId(**one) for one in given)
        scope = Scope(str(told.pop("scope")))
        return LedgerEntry(scope=scope, ids=ids, **told)  # type: ignore[arg-type]  # else raises
    except (KeyError, ValueError, TypeError, AssertionError):
        raise Tampered("an erasure is signed but says nothing this version of tracker knows") from None
