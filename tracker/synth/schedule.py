"""Which files each sender delivers, of what period, read on which day, arriving in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tracker.domain.periods import Period, add_months
from tracker.synth.plan import Plan
from tracker.synth.senders import Sender

CHAIN = ("referrals", "investigations", "interventions", "follow_ups")


@dataclass(frozen=True)
class Consignment:
    """One file: ``arrival`` numbers the sender's deliveries in the order they are sent."""

    sender: Sender
    record_type: str
    period: Period
    extracted_on: date
    full: bool
    arrival: int


@dataclass(frozen=True)
class _Wave:
    period: Period
    extracted_on: date
    full: bool = True
    only: tuple[str, ...] = CHAIN


def consignments(plan: Plan, everyone: tuple[Sender, ...]) -> tuple[Consignment, ...]:
    """Every file of the plan, in the order the case systems were read (not the order of arrival)."""
    found = [c for sender in everyone for c in _of(plan, sender)]
    return tuple(sorted(found, key=lambda c: (c.extracted_on, c.sender.place.code)))


def _of(plan: Plan, sender: Sender) -> Iterator[Consignment]:
    waves = _waves(plan, sender)
    numbers = range(len(waves), 0, -1) if sender.schedule == "late" else range(1, len(waves) + 1)
    chain = CHAIN if sender.children != "none" else CHAIN[:1]
    for number, wave in zip(numbers, waves, strict=True):
        for record_type in chain:
            if record_type in wave.only:
                last = plan.window.last if record_type == "referrals" else wave.period.last
                period = Period(wave.period.first, min(last, wave.period.last))
                yield Consignment(
                    sender, record_type, period, wave.extracted_on, wave.full and sender.sidecar, number
                )
    for record_type in sender.extras:
        yield Consignment(
            sender,
            record_type,
            _whole(plan, record_type),
            waves[-1].extracted_on,
            sender.sidecar,
            numbers[-1],
        )


def _whole(plan: Plan, record_type: str) -> Period:
    first = plan.window.first
    return Period(date(first.year, 1, 1) if record_type == "municipality_facts" else first, plan.follow_to)


def _waves(plan: Plan, sender: Sender) -> tuple[_Wave, ...]:
    whole = Period(plan.window.first, plan.follow_to)
    middle = turn_of_year(plan)
    before, after = Period(whole.first, middle - timedelta(1)), Period(middle, whole.last)
    early = middle + timedelta(days=38 + sender.index)
    late = plan.last_extract - timedelta(days=sender.index % 9)
    again = Period(max(whole.first, add_months(middle, -12)), whole.last)
    first = _Wave(before, early)
    return {
        "once": (_Wave(whole, late),),
        "twice": (first, _Wave(again, late)),
        "whole": (first, _Wave(whole, late)),
        "late": (first, _Wave(whole, late)),
        "successive": (first, _Wave(after, late)),
        "addition": (
            first,
            _Wave(before, late - timedelta(5), full=False, only=CHAIN[:1]),
            _Wave(after, late),
        ),
    }[sender.schedule]


def turn_of_year(plan: Plan) -> date:
    """The half-year that splits the window into an early and a late wave, about two thirds in."""
    span = (plan.window.last - plan.window.first).days
    day = plan.window.first + timedelta(days=round(span * 0.68))
    return date(day.year, 1 if day.month <= 6 else 7, 1)
