"""The log in memory: the oracle the PostgreSQL log is held against, and a log for small experiments."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.events import ChurningIds, Event, EventType, Kind
from tracker.record.decide import Change, Decision, Stream, count, decide, delivery_body
from tracker.record.log import HOLD_SHARE, Head, Receipt, Registration
from tracker.record.stage import StagedDelivery


class MemoryLog:
    """An ``EventLog`` in one process; nothing survives it."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._ids: list[ChurningIds] = []
        self._streams: dict[tuple[str, str], Stream] = defaultdict(Stream)
        self._numbers: dict[tuple[str, bytes], int] = {}
        self._receipts: dict[int, Receipt] = {}

    def register(self, municipality: str, file_name: str, digest: bytes, size: int) -> Registration:
        """See ``EventLog.register``."""
        number = self._numbers.setdefault((municipality, digest), len(self._numbers) + 1)
        known = self._receipts.get(number)
        return Registration(number, known.state if known else DeliveryState.RECEIVED)

    def load(
        self, delivery_no: int, staged: StagedDelivery, *, hold_share: float = HOLD_SHARE, retry: bool = False
    ) -> Receipt:
        """See ``EventLog.load``."""
        before = self._receipts.get(delivery_no)
        if before and before.state is DeliveryState.LOADED and not retry:
            return before
        stream = self._streams[staged.note.municipality, staged.note.record_type]
        decision = decide(staged, stream, delivery_no)
        held = decision.share() > hold_share
        receipt = _receipt(delivery_no, before.attempt + 1 if before else 1, decision, held)
        if not held:
            receipt = self._append(staged, stream, decision, receipt, before)
        self._receipts[delivery_no] = receipt
        return receipt

    def events(self, after: int = 0, up_to: int | None = None) -> Iterator[Event]:
        """See ``EventLog.events``."""
        return iter(self._events[after:up_to])

    def churning_ids(self, up_to: int | None = None) -> Iterator[ChurningIds]:
        """See ``EventLog.churning_ids``."""
        return iter([told for told in self._ids if up_to is None or told.position <= up_to])

    def heads(self, municipality: str, record_type: str) -> Mapping[tuple[str, str], Head]:
        """See ``EventLog.heads``."""
        return dict(self._streams[municipality, record_type].heads)

    def _append(
        self,
        staged: StagedDelivery,
        stream: Stream,
        decision: Decision,
        receipt: Receipt,
        before: Receipt | None,
    ) -> Receipt:
        first = len(self._events) + 1
        for change in decision.changes:
            event = self._event(staged, change, receipt.delivery_no)
            self._events.append(event)
            stream.heads[change.fact_id, change.type] = _head(event, change)
        self._events.append(self._delivery_recorded(staged, receipt, before))
        last, day = len(self._events), staged.note.extracted_on
        self._ids += [ChurningIds(last, fact, day, ids) for fact, ids in staged.churning_ids]
        precedence = (day, receipt.delivery_no)
        stream.statements.update(dict.fromkeys(decision.restated, precedence))
        if staged.note.full:
            stream.full.append((precedence, staged.note.period))
        return replace(receipt, first_position=first, last_position=last)

    def _event(self, staged: StagedDelivery, change: Change, delivery_no: int) -> Event:
        return Event(
            position=len(self._events) + 1,
            type=EventType(change.type),
            kind=change.kind,
            subject_id=change.subject_id,
            municipality=staged.note.municipality,
            record_type=staged.note.record_type,
            fact_id=change.fact_id,
            version=change.version,
            replaces=change.replaces,
            occurred_on=change.occurred_on,
            delivery_no=delivery_no,
            row_no=change.row_no,
            body=json.loads(change.body),
        )

    def _delivery_recorded(self, staged: StagedDelivery, receipt: Receipt, before: Receipt | None) -> Event:
        return Event(
            position=len(self._events) + 1,
            type=EventType.DELIVERY_RECORDED,
            kind=Kind.RECORDED,
            subject_id=None,
            municipality=staged.note.municipality,
            record_type=staged.note.record_type,
            fact_id=f"{receipt.delivery_no:032x}",
            version=receipt.attempt,
            replaces=before.last_position if before else None,
            occurred_on=staged.note.extracted_on,
            delivery_no=receipt.delivery_no,
            row_no=None,
            body=json.loads(delivery_body(staged, receipt.outcomes)),
        )


def _head(event: Event, change: Change) -> Head:
    return Head(
        fact_id=event.fact_id,
        type=event.type,
        version=event.version,
        position=event.position,
        live=event.kind is not Kind.RETRACTED,
        subject_id=event.subject_id,
        occurred_on=event.occurred_on,
        content=change.content,
    )


def _receipt(delivery_no: int, attempt: int, decision: Decision, held: bool) -> Receipt:
    outcomes, rules = (dict.fromkeys(Outcome, 0), {}) if held else count(decision.outcomes)
    state = DeliveryState.HELD if held else DeliveryState.LOADED
    return Receipt(delivery_no, attempt, state, outcomes, rules, decision.retracted, decision.covered)
