"""The vault: which keyed hash of an identity is which random subject. It never sees an identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import uuid4

from tracker.domain.errors import KeyringError, NotFound
from tracker.pseudonymise.keyring import IdentityKeys
from tracker.pseudonymise.national_id import IdKind


class SubjectState(StrEnum):
    """Whether a subject may be written about."""

    LIVE = "live"
    ERASED = "erased"


class SubjectRef(NamedTuple):
    """A subject as UUID text; None with state erased for an identity that was erased."""

    subject_id: str | None
    state: SubjectState = SubjectState.LIVE


NO_SUBJECT = "the vault knows no such subject; it was erased, or never was"

ERASED = SubjectRef(None, SubjectState.ERASED)


class HashedId(NamedTuple):
    """An identity as the vault knows it: 32 bytes of keyed hash, and how far it reaches."""

    id_hmac: bytes
    kind: IdKind


class SubjectSource(Protocol):
    """Who gives identities their subjects: all that pseudonymising needs of a vault."""

    def subjects_for(self, ids: Sequence[HashedId], municipality: str) -> list[SubjectRef]:
        """The subject of each id, in order; see ``Vault.subjects_for``."""
        ...


class Vault(SubjectSource, Protocol):
    """Subjects by keyed hash, under the identity keys the vault was opened with.

    Every method raises ``KeyringError`` when those are not the keys the vault was filled with, or when
    its hashes have yet to be renewed for the newest one.
    """

    def subjects_for(self, ids: Sequence[HashedId], municipality: str) -> list[SubjectRef]:
        """The subject of each id, in order, made where there was none. Safe under concurrent callers.

        ``municipality`` is kept for local ids only: a number belongs to no municipality.
        """
        ...

    def lookup(self, ids: Sequence[HashedId]) -> list[SubjectRef | None]:
        """The subject of each id, in order; None where there is none. Nothing is made."""
        ...

    def erase(self, subject_id: str) -> None:
        """Forget a subject for ever, keeping its hash to know it by; raises ``NotFound``."""
        ...

    def rotate(self) -> int:
        """Renew every hash for the newest identity key and return how many; may be resumed at any time."""
        ...


def require_same_keys(known: Sequence[str], keys: IdentityKeys) -> None:
    """Raise ``KeyringError`` unless the fingerprints in the vault are the first of ``keys``."""
    if tuple(known) != keys.fingerprints[: len(known)]:
        raise KeyringError(
            "the identity keys are not the ones this database was filled with; put the right keys back"
        )


def require_renewed(version: int, keys: IdentityKeys) -> None:
    """Raise ``KeyringError`` unless the vault's hashes are of the newest key."""
    if version != keys.version:
        raise KeyringError(
            f"the vault is at version {version} of the identity key and the newest is {keys.version}; "
            "run: tracker key rotate"
        )


@dataclass
class _Contents:
    """What a vault in memory holds, whichever keys it is opened with."""

    known: tuple[str, ...]
    version: int
    subjects: dict[bytes, SubjectRef]


class MemoryVault:
    """A vault in memory: for tests and dry runs, and the oracle of the one in PostgreSQL."""

    def __init__(self, keys: IdentityKeys, contents: _Contents | None = None) -> None:
        self.keys = keys
        self._contents = contents or _Contents(keys.fingerprints, keys.version, {})

    def open_with(self, keys: IdentityKeys) -> MemoryVault:
        """The same vault under other keys, as another process would open it."""
        return MemoryVault(keys, self._contents)

    def subjects_for(self, ids: Sequence[HashedId], municipality: str) -> list[SubjectRef]:
        """As ``Vault.subjects_for``."""
        subjects = self._checked()
        return [subjects.setdefault(one.id_hmac, SubjectRef(str(uuid4()))) for one in ids]

    def lookup(self, ids: Sequence[HashedId]) -> list[SubjectRef | None]:
        """As ``Vault.lookup``."""
        subjects = self._checked()
        return [subjects.get(one.id_hmac) for one in ids]

    def erase(self, subject_id: str) -> None:
        """As ``Vault.erase``."""
        subjects = self._checked()
        hashes = [known for known, ref in subjects.items() if ref.subject_id == subject_id]
        if not hashes:
            raise NotFound(NO_SUBJECT)
        subjects[hashes[0]] = ERASED

    def rotate(self) -> int:
        """As ``Vault.rotate``."""
        contents = self._contents
        require_same_keys(contents.known, self.keys)
        if contents.version == self.keys.version:
            return 0
        renewed = {self.keys.renew(old, contents.version): ref for old, ref in contents.subjects.items()}
        contents.subjects = renewed
        contents.version, contents.known = self.keys.version, self.keys.fingerprints
        return len(renewed)

    def _checked(self) -> dict[bytes, SubjectRef]:
        require_same_keys(self._contents.known, self.keys)
        require_renewed(self._contents.version, self.keys)
        return self._contents.subjects
