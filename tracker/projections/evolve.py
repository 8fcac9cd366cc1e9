"""One child's timeline from its events, in memory: the rule in plain words, and ``tracker timeline``.

The set-wise projection (``snapshot``) computes the same for everyone at once; tests hold it to this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date

from tracker.domain.chain import Chain, default_chain
from tracker.domain.events import ChurningIds, Event
from tracker.domain.timeline import Entry, Spell, Timeline
from tracker.harmonise.codebook import Codebooks
from tracker.projections.coverage import Seen
from tracker.projections.evolve_facts import Fact, person, read_facts
from tracker.projections.evolve_links import find_links
from tracker.projections.evolve_spells import Life, find_spells
from tracker.projections.evolve_things import Thing, find_things
from tracker.projections.facts import ALL_FACTS, Code
from tracker.projections.rules import Rules, Unit


def evolve(
    subject_id: str,
    events: Sequence[Event],
    codebooks: Codebooks,
    seen: Seen,
    *,
    ids: Iterable[ChurningIds] = (),
    chain: Chain | None = None,
    rules: Rules | None = None,
) -> Timeline:
    """The timeline of one child from its live events (see ``evolve_facts.live``).

    All events count as this child's: those of its linked subjects are given with them. ``ids`` are those its
    facts had in exports whose ids churn. Spells are found only where the deliveries seen cover them in full.
    """
    chain, rules = chain or default_chain(), rules or Rules()
    mine = [_of(subject_id, event) for event in events]
    facts = read_facts(mine, codebooks, seen.systems)
    links = find_links(facts, codebooks, rules, ids)
    things = find_things(facts, links, chain, seen, codebooks)
    known = person(facts)
    return Timeline(
        subject_id,
        known.sex,
        known.birth_date,
        tuple(_entry(event, codebooks, seen.systems) for event in sorted(mine, key=_when)),
        tuple(links),
        _spells(_life(facts, things, known.born), seen, chain, rules),
    )


def _life(facts: Sequence[Fact], things: Sequence[Thing], born: date | None) -> Life:
    moves = tuple((f.municipality, f["known_on"]) for f in facts if _is(f, "moved_out"))
    died = min((f["known_on"] for f in facts if _is(f, "died")), default=None)
    return Life(tuple(things), moves, died, born)


def _spells(life: Life, seen: Seen, chain: Chain, rules: Rules) -> tuple[Spell, ...]:
    if rules.unit is Unit.CHILD:
        return find_spells(life, seen, chain, rules)
    places = sorted({thing.municipality for thing in life.things})
    return tuple(spell for place in places for spell in find_spells(life.within(place), seen, chain, rules))


def _is(fact: Fact, what: str) -> bool:
    return fact.record_type == "child_facts" and fact["fact"] == what


def _of(subject_id: str, event: Event) -> Event:
    return event if event.subject_id in (None, subject_id) else replace(event, subject_id=subject_id)


_CODES = {part.event_type: part.fields for facts in ALL_FACTS for part in (facts.opening, *facts.later)}


def _when(event: Event) -> tuple[date, int]:
    return event.occurred_on or date.max, event.position


def _entry(event: Event, codebooks: Codebooks, systems: Mapping[int, str]) -> Entry:
    system = systems.get(event.delivery_no, "")
    fields = _CODES.get(event.type, {})
    readings = {
        name: codebooks.read(
            field.codebook, str(event.body[name]), event.municipality, system, event.occurred_on
        )
        for name, field in fields.items()
        if isinstance(field, Code) and event.body.get(name) is not None
    }
    return Entry(
        event.position,
        event.type,
        event.occurred_on,
        event.municipality,
        event.record_type,
        event.fact_id,
        {name: reading.codes for name, reading in readings.items() if reading.codes},
        {name: reading.unmapped for name, reading in readings.items() if reading.unmapped},
        event.body,
    )
