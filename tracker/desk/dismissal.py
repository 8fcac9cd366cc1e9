"""Dismissing a held delivery: recorded with its reason, told to its sender, never tried again by itself.

Nothing of it was used, so nothing is undone. The same file sent again is the same delivery and stays
dismissed; a new export is judged for itself against the log. To think again, read it anew with
``intake_desk.retry`` and its number: it is held as before.
"""

from __future__ import annotations

from tracker.domain.delivery import DISMISSED
from tracker.domain.errors import NotFound, UsageError
from tracker.domain.findings import Finding, Severity
from tracker.intake.privacy_guard import safe_text
from tracker.postgres import dismissal, reading
from tracker.telling import tell
from tracker.wiring import Installation

REMEDY = "Gör om uttaget och leverera det på nytt, eller hör av er om leveransen ändå stämmer."


def dismiss(delivery_no: int, reason: str, place: Installation) -> None:
    """Decide against a held delivery.

    Raises ``NotFound`` for an unknown one, ``UsageError`` for one that is not held, and for a reason that
    is empty or holds an identity: it is kept, and the sender reads it.
    """
    if not reason.strip() or safe_text(reason) != reason:
        raise UsageError("a reason is needed, for the sender too; it may hold no identity")
    if not reading.deliveries(place.url, delivery_no):
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")
    message = f"Vi använder inte leveransen: {reason.strip()}"
    dismissal.dismiss(place.url, delivery_no, Finding(DISMISSED, Severity.FATAL, message, REMEDY))
    tell("dismiss", delivery=delivery_no)
