"""Erasing a child or a municipality: two people, one function in the database, stored files, the ledger.

What is erased and what stays is told in ``docs/erasure.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

from tracker.desk.verification import anchor
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import NotFound, RejectedFile, UsageError
from tracker.harmonise.claims import claim
from tracker.intake.extract import extract
from tracker.intake.municipalities import municipalities
from tracker.intake.parcel import Parcel
from tracker.intake.privacy_guard import safe_text
from tracker.intake.sidecar import read_sidecar
from tracker.pipeline import Tools
from tracker.postgres import reading
from tracker.postgres.erasure import ListedFile, PostgresErasures
from tracker.postgres.vault import PostgresVault
from tracker.pseudonymise.keyring import IdentityKeys, kind_of
from tracker.pseudonymise.national_id import LocalId, NationalId, normalise
from tracker.pseudonymise.pseudonymise import rows_about_erased
from tracker.pseudonymise.signing import SignatureCheck, Signer
from tracker.pseudonymise.vault import HashedId
from tracker.record.erasures import LedgerEntry, Scope
from tracker.telling import tell
from tracker.wiring import Installation, keyring

Step = Callable[[str], None]
"""Told a few words as each thing is done."""


@dataclass(frozen=True)
class Named:
    """A child as an officer names it; a local id means something only within a municipality and system."""

    identity: str
    municipality: str = ""
    system: str = ""

    def __repr__(self) -> str:
        return "<Named>"


@dataclass(frozen=True)
class CarriedOut:
    """What an erasure did. ``deliveries`` are those whose stored file was removed."""

    position: int
    events: int
    deliveries: tuple[int, ...]


@dataclass(frozen=True)
class Replayed:
    """Ledger entries carried out again, those the database knew, and events erased."""

    replayed: int
    known: int
    events: int


def request_subject(place: Installation, named: Named, reason: str, legal_basis: str, today: date) -> int:
    """Ask for a child's erasure; returns the request's number.

    Raises ``UsageError`` for what is no identity, ``NotFound`` for a child nobody delivered.
    """
    subject = _subject(place, named, today)
    return PostgresErasures(place.url).request_subject(subject, _clean(reason), _clean(legal_basis))


def request_municipality(place: Installation, municipality: str, reason: str, legal_basis: str) -> int:
    """Ask for the withdrawal of a municipality; returns the request's number."""
    if municipality not in municipalities():
        raise UsageError(f"{safe_text(municipality)} is no municipality code; they have four digits")
    asked = PostgresErasures(place.url)
    return asked.request_municipality(municipality, _clean(reason), _clean(legal_basis))


def approve(
    place: Installation, request_no: int, named: Named | None, today: date, step: Step = lambda done: None
) -> CarriedOut:
    """Approve a request with another login than it was made with, and carry it out.

    The database first, with the ledger's entry on disk before it commits; then the stored files, which
    may be run again with ``finish`` when it was interrupted. ``named`` is given again for a child.
    """
    erasures = PostgresErasures(place.url)
    request = erasures.find(request_no)
    if request.scope is Scope.SUBJECT and named is None:
        raise UsageError("name the child again: who approves must mean the same one")
    subject = _subject(place, named, today) if named and request.scope is Scope.SUBJECT else None
    signer, ledger = Signer.open_or_make(place.settings.keys), place.erasure_ledger()
    entry = erasures.approve(request_no, subject, lambda entry: ledger.add(entry, signer))
    tell("erase", scope=entry.scope.value, position=entry.position, events=entry.events)
    step("events erased")
    anchor(place)
    return CarriedOut(entry.position, entry.events, tuple(finish(place, step)))


def finish(place: Installation, step: Step = lambda done: None) -> list[int]:
    """Remove the stored files that hold something erased; returns their deliveries. Safe to run again.

    Files the ledger of rows does not know of (rows in quarantine or set aside, deliveries held or rejected)
    are read and searched.
    """
    tools, erasures = place.tools()(), PostgresErasures(place.url)
    for delivery, rows in _search(place, tools, step):
        erasures.forget_rows(erasures.newest(), delivery.delivery_no, rows)
    return _remove(erasures, tools, erasures.files())


def forget_redelivered(place: Installation) -> list[int]:
    """After a load: remove stored files that name erased children again. Returns their deliveries.

    A file is kept while its delivery is held or rows of it wait for a mend, then until it expires. Files of
    a withdrawal that was interrupted are left for ``finish``: a login that loads cannot take them off the
    list.
    """
    erasures = PostgresErasures(place.url)
    mine = [file for file in erasures.files() if not file.open and not file.once]
    return _remove(erasures, place.tools()(), mine)


def register_again(place: Installation, municipality: str, reason: str, now: datetime) -> None:
    """Let a municipality that withdrew deliver again; what it had delivered stays erased.

    Files a withdrawal left when it was interrupted go first: the same ones may come again, rightly.
    """
    erasures = PostgresErasures(place.url)
    _remove(erasures, place.tools()(), [file for file in erasures.files() if file.once])
    entry_id, reason = str(uuid4()), _clean(reason)
    said = (municipality, reason, "", "", "", now.astimezone(UTC).isoformat(timespec="seconds"))
    entry = LedgerEntry(entry_id, Scope.REGISTERED_AGAIN, *said)
    signer, ledger = Signer.open_or_make(place.settings.keys), place.erasure_ledger()
    erasures.register_again(entry_id, municipality, reason, lambda: ledger.add(entry, signer))


def replay_erasures(place: Installation, step: Step = lambda done: None) -> Replayed:
    """Make a restored database forget again what the ledger outside says was erased; call it before it opens.

    Needs the schema current, the keys, a login that may take the owner's role, and the ledger in
    ``TRACKER_ANCHORS`` (raises ``Tampered`` for a changed one). First anchor the restored head with
    ``verification.anchor_restored``: replaying appends to the log. Safe to run again; what the database
    knows is left alone. Stored files are removed too, and the head is anchored at the end.
    """
    keys, erasures = keyring(place.settings).identities, PostgresErasures(place.url)
    PostgresVault(place.url, keys).rotate()  # hashes of a backup can be of an older key
    entries = _entries(place)
    known, events, replayed = erasures.known(), 0, 0
    for entry in entries:
        if entry.erasure_id not in known:
            events += _replay(erasures, entry, keys)
            replayed += 1
            step(f"{entry.scope} of {entry.at}")
    if replayed:
        finish(place, step)
    anchor(place)
    tell("replay erasures", replayed=replayed, known=len(entries) - replayed, events=events)
    return Replayed(replayed, len(entries) - replayed, events)


def unknown_erasures(place: Installation) -> list[str]:
    """Ids of ledger entries the database does not know: it was restored, and must replay them."""
    known = PostgresErasures(place.url).known()
    return [entry.erasure_id for entry in _entries(place) if entry.erasure_id not in known]


def _replay(erasures: PostgresErasures, entry: LedgerEntry, keys: IdentityKeys) -> int:
    if entry.scope is Scope.REGISTERED_AGAIN:
        with suppress(UsageError):  # nothing to take back where the withdrawal is not known
            erasures.register_again(entry.erasure_id, entry.municipality, entry.reason, lambda: None)
        return 0
    hashes = [keys.renew(bytes.fromhex(one.id_hmac), one.key_version) for one in entry.ids]
    return erasures.replay(entry, hashes, keys.version)


def _entries(place: Installation) -> list[LedgerEntry]:
    ledger = place.erasure_ledger()
    if not ledger.file.path.exists():
        return []
    return ledger.entries(SignatureCheck.open(place.settings.keys))


def _subject(place: Installation, named: Named, today: date) -> str:
    keys = keyring(place.settings).identities
    identity = normalise(named.identity, today)
    if not isinstance(identity, NationalId | LocalId):
        raise UsageError("what was given is no usable identity; nothing was done")
    if isinstance(identity, LocalId) and not (named.municipality and named.system):
        raise UsageError("an id of a case system needs --municipality and --system to mean a child")
    hashed = HashedId(keys.hash(identity, named.municipality, named.system), kind_of(identity))
    (found,) = PostgresVault(place.url, keys).lookup([hashed])
    if found is None:
        raise NotFound("no such child was delivered; nothing was done")
    if found.subject_id is None:
        raise UsageError("the child is erased already; see: tracker erase list")
    return found.subject_id


def _clean(text: str) -> str:
    """A reason stays for ever, so nothing in it may name a child."""
    if not text.strip() or safe_text(text) != text:
        raise UsageError("a reason and a legal basis are needed, and may hold no identity")
    return text.strip()


def _search(
    place: Installation, tools: Tools, step: Step
) -> Iterator[tuple[reading.DeliveryRecord, list[int]]]:
    """Deliveries whose stored file holds rows about erased children that the ledger cannot tell of."""
    listed = PostgresErasures(place.url).files()
    seen = {file.delivery_no for file in listed}
    numbers = {file.delivery_no for file in listed if file.erasure_id}
    everything = reading.deliveries(place.url)
    concerned = {one.municipality for one in everything if one.delivery_no in numbers}
    for delivery in everything:
        if delivery.delivery_no in seen or not _untold(delivery) or delivery.digest.hex() not in tools.store:
            continue
        rows = _rows_about_erased(delivery, tools)
        if rows or (rows is None and delivery.municipality in concerned):
            yield delivery, rows or []
        step(f"searched delivery {delivery.delivery_no}")


def _untold(delivery: reading.DeliveryRecord) -> bool:
    """What was only received is loaded first: its rows are set aside then, and its file removed."""
    outcomes = delivery.outcomes or {}
    stopped = outcomes.get(Outcome.QUARANTINED, 0) + outcomes.get(Outcome.SET_ASIDE, 0)
    return delivery.state in (DeliveryState.HELD, DeliveryState.REJECTED) or stopped > 0


def _rows_about_erased(delivery: reading.DeliveryRecord, tools: Tools) -> list[int] | None:
    """Numbers of the rows; None for a file that cannot be read, and so may hold anything."""
    parcel = Parcel.unpack(tools.store.get(delivery.digest.hex()))
    try:
        sidecar = None if parcel.sidecar is None else read_sidecar(parcel.sidecar)
        names = (delivery.file_name, parcel.content, delivery.municipality, sidecar)
        return rows_about_erased(claim(extract(*names, limits=tools.limits)), tools.keyring, tools.vault)
    except RejectedFile:
        return None


def _remove(erasures: PostgresErasures, tools: Tools, files: Iterable[ListedFile]) -> list[int]:
    removed = []
    for file in files:
        if tools.store.delete(file.digest.hex()):
            removed.append(file.delivery_no)
        if file.once:
            erasures.file_is_gone(file.delivery_no)
    return removed
