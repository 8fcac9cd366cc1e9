"""Drift of an installation: what each sender delivers against its own past and its peers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from tracker.desk.timelines import declared
from tracker.harmonise.codebook import Codebooks
from tracker.intake.spec_files import load_specs
from tracker.postgres.event_log import PostgresLog
from tracker.postgres.volumes import Delivered, facts_by_month, wordings_by_delivery
from tracker.projections.coverage import Declared, Seen
from tracker.projections.drift import Drift, Months, Sender, Share, unmapped_drift, volume_drift
from tracker.wiring import Installation


def drift(place: Installation) -> list[Drift]:
    """What differs now, by sender; the rule is told in ``projections.drift``.

    Volumes are of months delivered in full alone: where nothing says that a file is whole, its number of
    facts says nothing.
    """
    return [*volume_drift(volumes(place)), *unmapped_drift(unmapped_shares(place))]


def volumes(place: Installation) -> dict[Sender, Months]:
    """Facts a month, for the months each sender delivered in full."""
    opening = [spec.events[0].type for spec in load_specs().values()]
    counted = facts_by_month(place.url, opening)
    told = declared(place.url, PostgresLog(place.url).position())
    return {
        sender: {month: counted.get(sender, {}).get(month, 0) for month in months}
        for sender, months in _months(told).items()
    }


def _months(told: Iterable[Declared]) -> dict[Sender, list[date]]:
    seen = Seen(told)
    senders = {(one.municipality, one.record_type) for one in seen.intervals}
    return {
        (municipality, record_type): [
            month
            for run in seen.runs(municipality, frozenset({record_type}))
            for month in whole_months(run.first, run.last)
        ]
        for municipality, record_type in senders
    }


def whole_months(first: date, last: date) -> Iterator[date]:
    """First days of the months that lie wholly between two days, both included."""
    month = first if first.day == 1 else _next(first)
    while _next(month) - timedelta(days=1) <= last:
        yield month
        month = _next(month)


def _next(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def unmapped_shares(place: Installation) -> dict[Sender, list[Share]]:
    """Coded cells and unmapped ones, by sender, delivery and field; deliveries in order of extraction."""
    codebooks = place.codebooks()
    shares: dict[Sender, dict[tuple[int, str], Share]] = {}
    for said in wordings_by_delivery(place.url):
        of_sender = shares.setdefault((said.municipality, said.record_type), {})
        key = said.delivery_no, said.field
        before = of_sender.get(key, Share(*key, 0, 0))
        unmapped = said.rows if _is_unmapped(said, codebooks) else 0
        of_sender[key] = replace(before, cells=before.cells + said.rows, unmapped=before.unmapped + unmapped)
    return {sender: list(each.values()) for sender, each in shares.items()}


def _is_unmapped(said: Delivered, codebooks: Codebooks) -> bool:
    read = codebooks.read(said.codebook, said.wording, said.municipality, said.system, said.extracted_on)
    return bool(read.unmapped)
