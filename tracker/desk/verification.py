"""Anchoring and verifying the log of an installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tracker.postgres.verification import head, log_view
from tracker.pseudonymise.signing import SignatureCheck, Signer
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
