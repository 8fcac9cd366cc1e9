"""Anchoring and verifying the log of an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tracker.postgres.verification import head, log_view
from tracker.pseudonymise.signing import SignatureCheck, Signer, remove_older_secrets
from tracker.record.anchors import Anchor, AnchorKind
from tracker.record.sealed_file import Tampered
from tracker.record.verify import Problem, Verification, verify
from tracker.telling import tell
from tracker.wiring import Installation

Progress = Callable[[int, int], None]
"""Told the position reached and the last one."""


def anchor(place: Installation, now: datetime | None = None) -> Anchor | None:
    """Anchor the newest head of the log; None when it is anchored already, or the log is empty.

    Raises ``Tampered`` when the log no longer holds the head anchored last: signing a newer one would
    lend it a good name.
    """
    newest = head(place.url)
    last = _last(place)
    if last is not None:
        _require_held(place, last)
    if newest is None or (last is not None and last.batch_no == newest.batch_no):
        return None
    made = place.anchors().add(newest, now or datetime.now(UTC), Signer.open_or_make(place.settings.keys))
    tell("anchor", batch=made.batch_no, position=made.position)
    return made


def anchor_restored(place: Installation, now: datetime | None = None) -> Anchor:
    """Anchor the head a restored log ends at, and let go of the anchors of the batches it lost.

    For restoring alone: what the backup did not hold is gone, and this says so under signature. Raises
    ``Tampered`` for a log whose batches are not those that were anchored as far as it reaches.
    """
    newest = head(place.url)
    if newest is None:
        raise Tampered("the restored log is empty; there is no head to anchor")
    for standing in _standing(place):
        if standing.batch_no <= newest.batch_no:
            _require_held(place, standing)
    signer = Signer.open_or_make(place.settings.keys)
    return place.anchors().add(newest, now or datetime.now(UTC), signer, AnchorKind.RESTORED)


def rotate_signing(place: Installation) -> int:
    """Sign with a new key from now on; returns its version. What older ones signed still holds.

    Anchors and the ledger of erasures say so in a line each, after which nothing by an older key is
    accepted; then the older secrets are removed. Raises ``Tampered`` rather than lend a changed log or file
    a good name. Safe to run again when it was interrupted: that makes one key more.
    """
    last, ledger = _last(place), place.erasure_ledger()
    if last is not None:
        _require_held(place, last)
    if ledger.file.path.exists():
        ledger.entries(SignatureCheck.open(place.settings.keys))
    Signer.open_or_make(place.settings.keys)
    signer = Signer.rotate(place.settings.keys)
    for sealed in (place.anchors().file, ledger.file):
        if sealed.path.exists():
            sealed.turn(signer)
    remove_older_secrets(place.settings.keys)
    tell("rotate signing key", version=signer.version)
    return signer.version


def verify_log(place: Installation, progress: Progress = lambda position, last: None) -> Verification:
    """Check the whole log against its commitments and these against the anchors.

    An anchor file that does not hold is a problem like any other; the log is checked all the same.
    """
    try:
        anchors, broken = _standing(place), None
    except Tampered as error:
        anchors, broken = [], Problem(None, None, str(error))
    with log_view(place.url) as view:
        last, erasures = view.last_position(), view.erasures()
        found = verify(
            view.headers(), view.entries(), erasures, anchors, lambda position: progress(position, last)
        )
    if broken is None:
        return found
    count = found.problem_count + 1
    return replace(found, problems=(broken, *found.problems), problem_count=count)


def _last(place: Installation) -> Anchor | None:
    return max(_standing(place), key=lambda one: one.batch_no, default=None)


def _standing(place: Installation) -> list[Anchor]:
    anchors = place.anchors()
    return anchors.standing(SignatureCheck.open(place.settings.keys)) if anchors.file.path.exists() else []


def _require_held(place: Installation, anchored: Anchor) -> None:
    found = head(place.url, anchored.batch_no)
    if found is None or found.header_hash.hex() != anchored.header_hash:
        raise Tampered(
            f"the log does not hold batch {anchored.batch_no} as it was anchored at {anchored.anchored_at}; "
            "see: tracker verify"
        )
