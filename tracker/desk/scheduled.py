"""The scheduled day: what the DAGs call. Each function is one task: safe to run again, told in numbers.

What goes in and out are delivery numbers, positions, counts and paths of our own; never a file name of a
sender's, never a row.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from tracker.desk import erasure, intake_desk, verification
from tracker.desk.feedback import send_feedback
from tracker.domain.delivery import DeliveryState, Outcome
from tracker.domain.errors import InboxUnavailable, NotFound
from tracker.intake.remote_inbox import mirror
from tracker.intake.settling import settled
from tracker.pipeline import load
from tracker.postgres import reading
from tracker.postgres.erasure import PostgresErasures
from tracker.postgres.event_log import PostgresLog
from tracker.wiring import Installation


@dataclass(frozen=True)
class Waiting:
    """Deliveries to load, and how many things in the inbox could not be taken in."""

    numbers: list[int]
    problems: list[str]


@dataclass(frozen=True)
class Loaded:
    """What became of one delivery."""

    delivery_no: int
    municipality: str
    state: str
    appended: int
    corrected: int
    retracted: int
    quarantined: int


def take_in(place: Installation, municipality: str | None = None) -> Waiting:
    """Take in what has settled in the inbox; the deliveries that wait, neighbours of different senders.

    Deliveries an earlier run took in and did not load are among them, and new ones that were
    turned away, whose senders are to be told. At most ``MOST`` in one run; the others are for the next.
    Raises InboxUnavailable.
    """
    settings = place.settings
    problems: list[str] = []
    if settings.inbox_url:
        problems += mirror(settings.inbox_url, settings.inbox, lambda: time.sleep(settings.settle_seconds))
    if not settings.inbox.is_dir():
        raise InboxUnavailable(
            f"the inbox {settings.inbox} is gone; mount it or set TRACKER_INBOX. Nothing is lost: the next "
            "run takes in what waits there"
        )
    found = intake_desk.find(settings.inbox, PostgresErasures(place.url).withdrawn())
    problems += found.problems
    files = [file for file in found.files if municipality in (None, file.municipality)]
    ready = settled(files, lambda: time.sleep(settings.settle_seconds))
    before = {delivery.delivery_no for delivery in reading.deliveries(place.url)}
    intake_desk.take_in(ready, place, lambda step: None, problems.append)
    waiting: dict[str, list[int]] = defaultdict(list)
    for delivery in reading.deliveries(place.url):
        wanted = delivery.state is DeliveryState.RECEIVED or delivery.delivery_no not in before
        if wanted and municipality in (None, delivery.municipality):
            waiting[delivery.municipality].append(delivery.delivery_no)
    return Waiting(_in_turns(waiting.values())[:MOST], problems)


MOST = 500
"""Deliveries in one run: Airflow maps a task over 1,024 at most (core.max_map_length)."""


def _in_turns(queues: Iterable[Sequence[int]]) -> list[int]:
    """The first of every queue, then the second of every queue, and so on."""
    turns = zip_longest(*queues)
    return [number for number in chain.from_iterable(turns) if number is not None]


def preview(place: Installation, municipality: str | None = None) -> list[intake_desk.Line]:
    """What loading the inbox would do; nothing is kept."""
    found = intake_desk.find(place.settings.inbox, PostgresErasures(place.url).withdrawn())
    chosen = [file for file in found.files if municipality in (None, file.municipality)]
    return [intake_desk.look(file, place, lambda step: None) for file in chosen]


def load_in_turn(place: Installation, delivery_no: int) -> Loaded | None:
    """Load a delivery and write its sender's workbook; None when an earlier one of the sender's waits.

    A delivery that is in already is only told. What is wrong with a file is an outcome; only what keeps
    every file from being loaded (database, store, keys) is raised.
    """
    mine = next(iter(reading.deliveries(place.url, delivery_no)), None)
    if mine is None:
        raise NotFound(f"there is no delivery {delivery_no}; see: tracker deliveries")
    if mine.state is DeliveryState.RECEIVED:
        first = reading.first_waiting(place.url, mine.municipality)
        if first is not None and first < delivery_no:
            return None
        load(intake_desk.taken(mine), place.tools()())
    send_feedback([delivery_no], place, lambda step: None)
    return _told(reading.deliveries(place.url, delivery_no)[0])


def _told(delivery: reading.DeliveryRecord) -> Loaded:
    outcomes = delivery.outcomes or {}
    return Loaded(
        delivery.delivery_no,
        delivery.municipality,
        delivery.state.value,
        outcomes.get(Outcome.APPENDED, 0),
        outcomes.get(Outcome.CORRECTED, 0),
        delivery.retractions,
        outcomes.get(Outcome.QUARANTINED, 0),
    )


def news(place: Installation, numbers: Sequence[int]) -> dict[str, int]:
    """Where the log stands, and what these deliveries changed in it; its new head is anchored.

    Stored files that name an erased child again are removed.
    """
    erasure.forget_redelivered(place)
    verification.anchor(place)
    chosen = set(numbers)
    loaded = [_told(d) for d in reading.deliveries(place.url) if d.delivery_no in chosen]
    return {
        "position": PostgresLog(place.url).position(),
        "deliveries": sum(one.state == DeliveryState.LOADED for one in loaded),
        "rejected": sum(one.state == DeliveryState.REJECTED for one in loaded),
        "held": sum(one.state == DeliveryState.HELD for one in loaded),
        "appended": sum(one.appended for one in loaded),
        "corrected": sum(one.corrected for one in loaded),
        "retracted": sum(one.retracted for one in loaded),
    }
