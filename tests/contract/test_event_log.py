"""One contract, two logs: what is appended in memory is appended in PostgreSQL, for any history."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from tests.log_histories import Delivery, Row, claims, histories
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.events import Event, EventType
from tracker.postgres.engine import Role, connect
from tracker.postgres.event_log import PostgresLog
from tracker.record.log import EventLog, Receipt
from tracker.record.memory import MemoryLog
from tracker.record.stage import stage

SLOW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NEVER_HOLD = 1.0


@pytest.fixture
def emptied(database: str) -> Callable[[], PostgresLog]:
    """A log emptied for each generated history: a new stream of a municipality never used before."""
    return lambda: PostgresLog(database)


_municipality = iter(range(10_000, 99_999))


def load_all(log: EventLog, deliveries: Iterable[Delivery], municipality: str) -> list[Receipt]:
    """Deliver in the order given; every delivery is a file of its own."""
    receipts = []
    for delivery in deliveries:
        digest = sha256(repr(delivery).encode()).digest()
        registered = log.register(municipality, "x.xlsx", digest, 1)
        staged = stage(claims(delivery, municipality))
        receipts.append(log.load(registered.delivery_no, staged, hold_share=NEVER_HOLD))
    return receipts


def essence(events: Iterable[Event], municipality: str) -> list[tuple[Any, ...]]:
    """Events without what two logs may differ in: absolute positions and delivery numbers."""
    mine = [e for e in events if e.municipality == municipality]
    order = {event.position: i for i, event in enumerate(mine)}
    return [
        (e.type, e.kind, e.subject_id, e.record_type, e.version, e.occurred_on, e.row_no, dict(e.body))
        + (None if e.replaces is None else order[e.replaces],)
        + ((e.fact_id,) if e.type is not EventType.DELIVERY_RECORDED else ())
        for e in mine
    ]


def churning_ids(log: EventLog, before: int = 0, up_to: int | None = None) -> list[tuple[int, str, str, str]]:
    """What exports whose ids churn called their facts, by the place in the log where it was told."""
    told = [row for row in log.churning_ids(up_to) if row.position > before]
    return sorted(
        (r.position - before, r.fact_id, str(r.extracted_on), repr(sorted(r.ids.items()))) for r in told
    )


def final(log: EventLog, municipality: str) -> list[tuple[Any, ...]]:
    """What stands live at the end, whatever happened on the way."""
    heads = log.heads(municipality, "investigations").values()
    return sorted((h.fact_id, h.type, h.subject_id, h.occurred_on, h.content) for h in heads if h.live)


@SLOW
@given(st.booleans().flatmap(lambda stable: histories(stable=stable)))
def test_memory_and_postgres_append_the_same_events(
    emptied: Callable[[], PostgresLog], history: list[Delivery]
) -> None:
    municipality = str(next(_municipality))
    memory, postgres = MemoryLog(), emptied()
    before = postgres.position()
    in_memory = load_all(memory, history, municipality)
    in_postgres = load_all(postgres, history, municipality)
    assert essence(postgres.events(before), municipality) == essence(memory.events(), municipality)
    assert [(r.state, r.outcomes, r.set_aside, r.retractions, r.covered) for r in in_postgres] == [
        (r.state, r.outcomes, r.set_aside, r.retractions, r.covered) for r in in_memory
    ]
    assert final(postgres, municipality) == final(memory, municipality)
    assert churning_ids(postgres, before) == churning_ids(memory)
    half = len(list(memory.events())) // 2
    assert churning_ids(postgres, before, before + half) == churning_ids(memory, up_to=half)


@settings(max_examples=300, deadline=None)
@given(st.booleans().flatmap(lambda stable: histories(stable=stable)), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_change_what_stands(history: list[Delivery], random: Any) -> None:
    history = [d for d in history if not any(row.broken for row in d.rows)]
    shuffled = list(history)
    random.shuffle(shuffled)
    here, there = MemoryLog(), MemoryLog()
    load_all(here, history, "0180")
    load_all(there, shuffled, "0180")
    assert final(here, "0180") == final(there, "0180")


@settings(max_examples=200, deadline=None)
@given(st.booleans().flatmap(lambda stable: histories(stable=stable)))
def test_delivering_again_under_a_new_name_changes_nothing(history: list[Delivery]) -> None:
    log = MemoryLog()
    load_all(log, history, "0180")
    stands, events = final(log, "0180"), len(list(log.events()))
    newest = max(history, key=lambda d: d.extracted)
    number = log.register("0180", "again.xlsx", b"0" * 32, 1).delivery_no
    receipt = log.load(number, newest.staged(), hold_share=NEVER_HOLD)
    assert final(log, "0180") == stands
    changed = [e for e in list(log.events())[events:] if e.type is not EventType.DELIVERY_RECORDED]
    assert changed == []
    assert receipt.outcomes[Outcome.APPENDED] == receipt.outcomes[Outcome.CORRECTED] == 0


@SLOW
@given(histories(stable=True))
def test_replaying_the_log_gives_the_live_heads(
    emptied: Callable[[], PostgresLog], history: list[Delivery]
) -> None:
    municipality, log = str(next(_municipality)), emptied()
    load_all(log, history, municipality)
    live = log.heads(municipality, "investigations")
    with connect(log.url, Role.PROJECTOR) as connection:
        connection.execute(text("SELECT projection.refold()"))
    assert log.heads(municipality, "investigations") == live


def test_the_same_file_twice_is_one_delivery(database: str) -> None:
    delivery = Delivery((Row(1, 0, None, "stöd", None),), extracted=10, full=True)
    for log in (MemoryLog(), PostgresLog(database)):
        first, second = load_all(log, [delivery, delivery], "0180")
        assert first == second
        assert first.state is DeliveryState.LOADED
        assert first.outcomes[Outcome.APPENDED] == 1


def test_a_full_delivery_that_would_retract_too_much_waits(database: str) -> None:
    rows = tuple(Row(i, i % 4, None, None, None) for i in range(1, 11))
    for log in (MemoryLog(), PostgresLog(database)):
        load_all(log, [Delivery(rows, extracted=10, full=True)], "0180")
        number = log.register("0180", "y.xlsx", b"y" * 32, 1).delivery_no
        fewer = Delivery(rows[:8], extracted=11, full=True).staged()
        held = log.load(number, fewer)
        assert (held.state, held.retractions, held.covered) == (DeliveryState.HELD, 2, 10)
        assert len(final(log, "0180")) == 10
        confirmed = log.load(number, fewer, hold_share=1.0)
        assert (confirmed.state, confirmed.attempt) == (DeliveryState.LOADED, 2)
        assert len(final(log, "0180")) == 8


def test_a_quarantined_row_retracts_nothing_of_its_child() -> None:
    good = (Row(1, 0, None, None, None), Row(2, 1, None, None, None))
    broken = (Row(1, 3, None, None, None, broken=True), good[1])
    log = MemoryLog()
    load_all(log, [Delivery(good, 10, True), Delivery(broken, 11, True)], "0180")
    assert len(final(log, "0180")) == 2


def test_a_row_counts_once_by_its_strongest_outcome() -> None:
    opened = (Row(1, 0, None, None, None),)
    closed = (Row(1, 0, 5, "stöd", None),)
    reopened = (Row(1, 0, None, None, None),)
    log = MemoryLog()
    receipts = load_all(
        log, [Delivery(opened, 10, False), Delivery(closed, 11, False), Delivery(reopened, 12, False)], "0180"
    )
    outcomes = [next(o for o, n in r.outcomes.items() if n) for r in receipts]
    assert outcomes == [Outcome.APPENDED, Outcome.APPENDED, Outcome.CORRECTED]
