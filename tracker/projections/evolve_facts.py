"""One child's facts from its live events, in plain Python: events put together and wordings read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tracker.domain.codes import UNMAPPED
from tracker.domain.events import Event, Kind
from tracker.domain.periods import add_months
from tracker.harmonise.codebook import Codebooks
from tracker.projections.coding import code_of
from tracker.projections.facts import ALL_FACTS, DATE, TEXTS, Code, Facts, Field

_DAYS = {facts.record_type: facts.opening.day for facts in ALL_FACTS}


@dataclass(frozen=True)
class Fact:
    """One delivered fact: its ids, the days of its events, its codes and other values by field name.

    ``told`` names the days whose event exists, though the day itself may be unknown (None).
    """

    record_type: str
    fact_id: str
    subject_id: str | None
    municipality: str
    position: int
    delivery_no: int
    values: Mapping[str, Any]
    told: frozenset[str]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def day(self) -> date:
        """The day the row belongs to."""
        day: date = self.values[_DAYS[self.record_type]]
        return day


@dataclass(frozen=True)
class Person:
    """What all rows of a child say of it; the latest told goes first.

    ``latest_birth`` is the latest day of birth that every stated age agrees with.
    """

    sex: str | None
    birth_date: date | None
    latest_birth: date | None

    @property
    def born(self) -> date | None:
        """The birth date, or where none was delivered the latest possible one."""
        return self.birth_date or self.latest_birth


def live(events: Iterable[Event], position: int | None = None) -> list[Event]:
    """The events that stand as of ``position`` (None: the last), in log order."""
    known = sorted(
        (e for e in events if position is None or e.position <= position), key=lambda e: e.position
    )
    replaced = {event.replaces for event in known}
    return [e for e in known if e.kind is not Kind.RETRACTED and e.position not in replaced]


def read_facts(events: Sequence[Event], codebooks: Codebooks, systems: Mapping[int, str]) -> list[Fact]:
    """The facts the live events tell of. ``systems`` gives the case system of each delivery."""
    by_fact = {(event.fact_id, event.type): event for event in events}
    found = []
    for facts in ALL_FACTS:
        openings = [event for event in events if event.type is facts.opening.event_type]
        found += [_fact(opening, facts, by_fact, codebooks, systems) for opening in openings]
    return found


def _fact(
    opening: Event,
    facts: Facts,
    by_fact: Mapping[tuple[str, Any], Event],
    codebooks: Codebooks,
    systems: Mapping[int, str],
) -> Fact:
    values: dict[str, Any] = {}
    told = set()
    for part in (facts.opening, *facts.later):
        event = by_fact.get((opening.fact_id, part.event_type))
        told |= {part.day} if event else set()
        values[part.day] = event.occurred_on if event else None
        for name, field in part.fields.items():
            raw = event.body.get(name) if event else None
            values[name] = _value(raw, field, opening, codebooks, systems.get(opening.delivery_no, ""))
    return Fact(
        facts.record_type,
        opening.fact_id,
        opening.subject_id,
        opening.municipality,
        opening.position,
        opening.delivery_no,
        values,
        frozenset(told),
    )


def _value(raw: Any, field: Field, opening: Event, codebooks: Codebooks, system: str) -> Any:
    if isinstance(field, Code):
        if raw is None:
            return [] if field.several else None
        reading = codebooks.read(field.codebook, str(raw), opening.municipality, system, opening.occurred_on)
        return list(reading.codes) if field.several else code_of(reading)
    if field is DATE:
        return date.fromisoformat(raw) if raw else None
    return raw or [] if field is TEXTS else raw


def person(facts: Iterable[Fact]) -> Person:
    """What the facts of one child say of the child itself."""
    rows = sorted((f for f in facts if "sex" in f.values and f.subject_id), key=lambda f: f.position)
    sexes = [f["sex"] for f in rows if f["sex"] not in (None, UNMAPPED)]
    births = [f.values["birth_date"] for f in rows if f.values.get("birth_date")]
    bounds = [add_months(f.day, -12 * f["age"]) for f in rows if f["age"] is not None]
    return Person(sexes[-1] if sexes else None, births[-1] if births else None, min(bounds, default=None))
