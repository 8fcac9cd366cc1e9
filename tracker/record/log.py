"""The event log as the rest of the system sees it; kept in memory or in PostgreSQL, the same rule in both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.events import ChurningIds, Event
from tracker.record.stage import StagedDelivery

HOLD_SHARE = 0.05
"""A full delivery that would retract more than this share of the facts it covers waits for a person."""

OLDER_EXTRACT = "older_extract"
"""Set-aside rule: a newer extract already covers what this row says."""


class FileTaken(NamedTuple):
    """A file to be registered: whose it is, what it is called, the SHA-256 of its parcel and its bytes."""

    municipality: str
    file_name: str
    digest: bytes
    size: int


@dataclass(frozen=True)
class Registration:
    """A file taken in: its delivery number and where it stands. ``state`` is RECEIVED until loaded."""

    delivery_no: int
    state: DeliveryState


@dataclass(frozen=True)
class Receipt:
    """What became of a delivery: every row read has one outcome.

    ``retractions`` counts facts withdrawn (or, when held, that would be) out of ``covered`` live
    facts in the period. Positions are None when nothing was appended.
    """

    delivery_no: int
    attempt: int
    state: DeliveryState
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)
    retractions: int = 0
    covered: int = 0
    first_position: int | None = None
    last_position: int | None = None

    @property
    def rows_read(self) -> int:
        """Rows accounted for."""
        return sum(self.outcomes.values())


@dataclass(frozen=True)
class Head:
    """The newest version of one event of one fact."""

    fact_id: str
    type: str
    version: int
    position: int
    live: bool
    subject_id: str | None
    occurred_on: date | None
    content: str


class EventLog(Protocol):
    """Append-only; position order is commit order."""

    def register(self, municipality: str, file_name: str, digest: bytes, size: int) -> Registration:
        """Give a file its delivery number; the same content again gives the same number."""

    def load(
        self,
        delivery_no: int,
        staged: StagedDelivery,
        *,
        hold_share: float = HOLD_SHARE,
        retry: bool = False,
    ) -> Receipt:
        """Decide and append in one transaction. A delivery already loaded is returned as it stands.

        ``hold_share`` of 1 confirms a held delivery. ``retry`` decides the whole file again after a
        spec or mapping was mended.
        """

    def events(self, after: int = 0, up_to: int | None = None) -> Iterator[Event]:
        """Events in position order, ``after < position <= up_to``."""

    def churning_ids(self, up_to: int | None = None) -> Iterator[ChurningIds]:
        """What exports whose ids churn called their facts, of deliveries recorded up to a position."""

    def heads(self, municipality: str, record_type: str) -> Mapping[tuple[str, str], Head]:
        """Live state: the newest version of each (fact, event type)."""
