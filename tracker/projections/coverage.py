"""Coverage: which days of which record type a municipality has delivered in full, and read when.

Only deliveries declared full count. Each covered day belongs to the latest extract that holds it (by
day of extraction, then delivery number); neighbouring days of like extracts form one interval.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from itertools import pairwise

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Declared:
    """What one delivery declared of itself (the body of its DeliveryRecorded event)."""

    delivery_no: int
    municipality: str
    record_type: str
    period_from: date
    period_to: date
    full: bool
    extracted_on: date
    system: str = ""
    not_opened_complete: bool = False


@dataclass(frozen=True, order=True)
class Covered:
    """Days ``first`` to ``last`` (both included) whose rows were last read in full on ``extracted_on``."""

    municipality: str
    record_type: str
    first: date
    last: date
    extracted_on: date
    not_opened_complete: bool


def coverage(deliveries: Iterable[Declared]) -> list[Covered]:
    """Non-overlapping intervals by municipality and record type, in order.

    No interval reaches beyond the day its extract was read.
    """
    full = [d for d in deliveries if d.full and d.period_from <= min(d.period_to, d.extracted_on)]
    groups = defaultdict(list)
    for delivery in full:
        groups[delivery.municipality, delivery.record_type].append(delivery)
    return [interval for key in sorted(groups) for interval in _merged(groups[key])]


def _merged(deliveries: list[Declared]) -> Iterator[Covered]:
    current: Covered | None = None
    for piece in _pieces(deliveries):
        if current and piece.first == current.last + _DAY and _alike(piece, current):
            current = _until(current, piece.last)
            continue
        if current:
            yield current
        current = piece
    if current:
        yield current


def _pieces(deliveries: list[Declared]) -> Iterator[Covered]:
    """The stretches between all starts and ends, each given to the delivery that goes before others."""
    cuts = sorted({d.period_from for d in deliveries} | {_last(d) + _DAY for d in deliveries})
    for first, following in pairwise(cuts):
        holding = [d for d in deliveries if d.period_from <= first <= _last(d)]
        if holding:
            best = max(holding, key=lambda d: (d.extracted_on, d.delivery_no))
            yield Covered(
                best.municipality,
                best.record_type,
                first,
                following - _DAY,
                best.extracted_on,
                best.not_opened_complete,
            )


def _last(delivery: Declared) -> date:
    return min(delivery.period_to, delivery.extracted_on)


def _alike(one: Covered, other: Covered) -> bool:
    return (one.extracted_on, one.not_opened_complete) == (other.extracted_on, other.not_opened_complete)


def _until(interval: Covered, last: date) -> Covered:
    return Covered(
        interval.municipality,
        interval.record_type,
        interval.first,
        last,
        interval.extracted_on,
        interval.not_opened_complete,
    )


@dataclass(frozen=True, order=True)
class Run:
    """Days ``first`` to ``last`` covered without a gap; ``final`` when nothing is covered afterwards."""

    first: date
    last: date
    final: bool


class Seen:
    """What a set of deliveries lets one see: covered stretches, and until when a row was last read."""

    def __init__(self, deliveries: Iterable[Declared] = ()) -> None:
        self.deliveries = {delivery.delivery_no: delivery for delivery in deliveries}
        self.intervals = coverage(self.deliveries.values())
        self.systems = {number: delivery.system for number, delivery in self.deliveries.items()}
        self._by_place: dict[tuple[str, str], list[Covered]] = defaultdict(list)
        for interval in self.intervals:
            self._by_place[interval.municipality, interval.record_type].append(interval)
        self._runs: dict[tuple[str, frozenset[str]], list[Run]] = {}

    def runs(self, municipality: str, record_types: frozenset[str]) -> list[Run]:
        """Stretches in which every one of the record types is covered, in order."""
        key = municipality, record_types
        if key not in self._runs:
            spans = [_joined(self._by_place[municipality, name]) for name in sorted(record_types)]
            stretches = reduce(_intersection, spans)
            self._runs[key] = [Run(*stretch, stretch == stretches[-1]) for stretch in stretches]
        return self._runs[key]

    def known_to(self, interval: Covered) -> date:
        """The last day for which full deliveries tell what became of the rows of an interval.

        Not after the interval's own extract, nor after the first gap in coverage.
        """
        stretches = self.runs(interval.municipality, frozenset({interval.record_type}))
        return min(interval.extracted_on, next(r.last for r in stretches if interval.first <= r.last))

    def last_read(self, municipality: str, record_type: str, day: date, delivery_no: int) -> date | None:
        """When a row of that day was last read: in full, or by the delivery that told of it.

        None when no delivery says.
        """
        intervals = self._by_place.get((municipality, record_type), ())
        days = [i.extracted_on for i in intervals if i.first <= day <= i.last]
        delivery = self.deliveries.get(delivery_no)
        return max([*days, delivery.extracted_on] if delivery else days, default=None)


def _joined(intervals: Iterable[Covered]) -> list[tuple[date, date]]:
    joined: list[tuple[date, date]] = []
    for interval in intervals:
        if joined and interval.first <= joined[-1][1] + _DAY:
            joined[-1] = (joined[-1][0], interval.last)
        else:
            joined.append((interval.first, interval.last))
    return joined


def _intersection(some: list[tuple[date, date]], others: list[tuple[date, date]]) -> list[tuple[date, date]]:
    pairs = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return sorted((first, last) for first, last in pairs if first <= last)
