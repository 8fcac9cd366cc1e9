"""Events: what happened to a child, and when we were told. The log holds nothing else.

An event carries the delivered wording in its body; codes come when timelines are built. ``occurred_on``
is the day it happened (None: not delivered); ``position`` is when it was recorded, in commit order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """Every kind of event in the log."""

    REFERRAL_RECEIVED = "ReferralReceived"
    REFERRAL_CONCLUDED = "ReferralConcluded"  # the preliminary assessment ended in an action
    INVESTIGATION_OPENED = "InvestigationOpened"
    INVESTIGATION_CLOSED = "InvestigationClosed"
    DECISION_MADE = "DecisionMade"
    INTERVENTION_STARTED = "InterventionStarted"
    INTERVENTION_ENDED = "InterventionEnded"
    FOLLOW_UP_HELD = "FollowUpHeld"
    OPEN_SUPPORT_STARTED = "OpenSupportStarted"
    OPEN_SUPPORT_ENDED = "OpenSupportEnded"
    OPEN_SUPPORT_COUNTED = "OpenSupportCounted"  # aggregate, no child
    CHILD_FACT_RECORDED = "ChildFactRecorded"
    MUNICIPALITY_FACT_RECORDED = "MunicipalityFactRecorded"
    SUBJECTS_LINKED = "SubjectsLinked"
    SUBJECTS_UNLINKED = "SubjectsUnlinked"
    DELIVERY_RECORDED = "DeliveryRecorded"  # what a delivery covered; gives coverage as of a position
    SUBJECT_ERASED = "SubjectErased"  # which positions were erased and why; nothing of whom
    MUNICIPALITY_ERASED = "MunicipalityErased"


class Kind(StrEnum):
    """How an event relates to what was known: first version, next version, or withdrawal."""

    RECORDED = "recorded"
    CORRECTED = "corrected"
    RETRACTED = "retracted"


@dataclass(frozen=True)
class Event:
    """One event of the log.

    ``fact_id`` names the delivered fact (32 hex digits); fact and type together name the event,
    ``version`` counts from 1, ``replaces`` is the position of the version before. A retraction has an
    empty body. Live as of position P: recorded or corrected at or before P, and replaced by nothing
    at or before P.
    """

    position: int
    type: EventType
    kind: Kind
    subject_id: str | None
    municipality: str
    record_type: str
    fact_id: str
    version: int
    replaces: int | None
    occurred_on: date | None
    delivery_no: int
    row_no: int | None
    body: Mapping[str, Any]


LINKING_IDS = ("case_id", "referral_id", "referral_ids", "investigation_id", "intervention_id")
"""Fields by which rows name other rows, or are named; ``referral_ids`` holds several."""


@dataclass(frozen=True)
class ChurningIds:
    """The ids one row of an export gave its fact, where these mean something in that day's export alone.

    ``ids`` is by field: keyed hashes as in an event's body. Known from ``position`` on, where the delivery
    was recorded; ``extracted_on`` is the day of the export.
    """

    position: int
    fact_id: str
    extracted_on: date
    ids: Mapping[str, str | Sequence[str]]
