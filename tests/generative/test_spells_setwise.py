"""The set-wise projection agrees with the plain one, for any history."""

from __future__ import annotations

import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.generative.histories import DECISIONS, History, make_history
from tracker.domain.chain import Chain, chain_from, default_chain
from tracker.domain.events import ChurningIds, Event
from tracker.domain.timeline import Spell
from tracker.harmonise.codebook import Codebooks
from tracker.projections.churning import ids_table
from tracker.projections.coverage import Seen
from tracker.projections.events import canonical_subjects
from tracker.projections.evolve import evolve
from tracker.projections.evolve_facts import Fact, live, person, read_facts
from tracker.projections.evolve_links import find_links
from tracker.projections.rules import Rules, Unit
from tracker.projections.snapshot import Snapshot, write_snapshot

CODEBOOKS = Codebooks.load(DECISIONS)


def of_one_child(events: Iterable[Event]) -> dict[str, list[Event]]:
    """The live events by the one id of their child."""
    standing = list(events)
    links = [(e.type, e.subject_id or "", e.body["other"]) for e in standing if e.type.startswith("Subjects")]
    canonical = canonical_subjects(links)
    children: dict[str, list[Event]] = defaultdict(list)
    for event in standing:
        if event.subject_id and not event.type.startswith("Subjects"):
            children[canonical.get(event.subject_id, event.subject_id)].append(event)
    return children


def expected(history: History, position: int | None, rules: Rules, chain: Chain) -> dict[str, list[Any]]:
    standing = live(history.events, position)
    seen = Seen(d for d in history.deliveries)
    children = of_one_child(standing)
    ids = [told for told in history.ids if position is None or told.position <= position]
    timelines = [
        evolve(child, mine, CODEBOOKS, seen, ids=ids, chain=chain, rules=rules)
        for child, mine in children.items()
    ]
    return {
        "spells": sorted(
            (t.subject_id, number, *spell_row(spell), t.sex)
            for t in timelines
            for number, spell in enumerate(t.spells, 1)
        ),
        "links": sorted(map(repr, links(facts_of(children, standing, seen), rules, ids))),
        "people": sorted(
            (t.subject_id, t.sex, t.birth_date and t.birth_date.replace(day=1)) for t in timelines
        ),
    }


def facts_of(children: dict[str, list[Event]], standing: list[Event], seen: Seen) -> list[Fact]:
    mine = {event.position: child for child, events in children.items() for event in events}
    facts = read_facts(standing, CODEBOOKS, seen.systems)
    return [Fact(**{**f.__dict__, "subject_id": mine.get(f.position)}) for f in facts]


def links(facts: list[Fact], rules: Rules, ids: list[ChurningIds]) -> Iterable[tuple[Any, ...]]:
    for link in find_links(facts, CODEBOOKS, rules, ids):
        yield str(link.kind), link.from_id, link.to_id, str(link.method), link.candidates


def spell_row(spell: Spell) -> tuple[Any, ...]:
    return (
        spell.municipality,
        spell.episode,
        spell.state,
        spell.entered_on,
        spell.entered_step,
        spell.left_on,
        spell.left_step,
        spell.to_state,
        str(spell.exit),
        spell.left_assumed,
        spell.legal_basis,
        spell.state_entered_on,
        spell.episode_entered_on,
    )


COLUMNS = (
    *("subject_id", "spell", "municipality", "episode", "state", "entered_on", "entered_step", "left_on"),
    *(
        "left_step",
        "to_state",
        "exit",
        "left_assumed",
        "legal_basis",
        "state_entered_on",
        "episode_entered_on",
        "sex",
    ),
)


def found(snapshot: Snapshot) -> dict[str, list[Any]]:
    def rows(table: str, columns: Iterable[str]) -> list[Any]:
        return [tuple(row[name] for name in columns) for row in snapshot.arrow(table).to_pylist()]

    return {
        "spells": rows("spells", COLUMNS),
        "links": sorted(map(repr, rows("links", ("kind", "from_id", "to_id", "method", "candidates")))),
        "people": rows("children", ("subject_id", "sex", "birth_month")),
    }


def agree(
    history: History, position: int | None = None, rules: Rules | None = None, chain: Chain | None = None
) -> Snapshot:
    rules, chain = rules or Rules(), chain or default_chain()
    folder = Path(tempfile.mkdtemp(), "snapshot")
    ids = ids_table(history.ids)
    write_snapshot(folder, history.table(), CODEBOOKS, ids=ids, position=position, rules=rules, chain=chain)
    snapshot = Snapshot.open(folder)
    setwise, plain = found(snapshot), expected(history, position, rules, chain)
    assert setwise["people"] == plain["people"]
    assert setwise["links"] == plain["links"]
    if rules.unit is Unit.CHILD:
        assert setwise["spells"] == plain["spells"]
    else:
        without_number = [sorted((s[0], *s[2:]) for s in side["spells"]) for side in (setwise, plain)]
        assert without_number[0] == without_number[1]
    return snapshot


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_for_a_few_children(rng: random.Random, children: int) -> None:
    agree(make_history(rng, children))


def test_for_a_thousand_children() -> None:
    exits: set[str] = set()
    for seed in range(3):
        snapshot = agree(make_history(random.Random(seed), 1000))
        exits |= set(snapshot.arrow("spells")["exit"].to_pylist())
    assert exits == {"transition", "censored", "absorbing", "moved", "coverage"}


def test_as_of_any_position() -> None:
    history = make_history(random.Random(7), 100)
    for share in (0.3, 0.7, 0.95):
        agree(history, position=int(len(history.events) * share))


def test_with_the_child_in_each_municipality_as_the_unit() -> None:
    agree(make_history(random.Random(8), 300), rules=Rules(unit=Unit.CHILD_MUNICIPALITY))


def test_with_a_gap_between_episodes() -> None:
    agree(make_history(random.Random(9), 300), rules=Rules(min_gap=12, opened_within=3))


OWN_CHAIN = chain_from(
    {
        "name": "with open support",
        "closed_leads_to": ["referral", "support", "care"],
        "states": [
            {
                "name": "referral",
                "rank": 1,
                "opened_by": "ReferralReceived",
                "closed_by": "ReferralConcluded",
                "leads_to": ["support", "closed"],
            },
            {
                "name": "support",
                "rank": 3,
                "opened_by": "OpenSupportStarted",
                "closed_by": "OpenSupportEnded",
                "leads_to": ["closed"],
            },
            {
                "name": "care",
                "rank": 7,
                "opened_by": "DecisionMade",
                "closed_by": "InterventionEnded",
                "leads_to": ["closed"],
                "adult_age": 20,
            },
        ],
    }
)


def test_on_a_chain_of_ones_own() -> None:
    snapshot = agree(make_history(random.Random(11), 300), chain=OWN_CHAIN)
    states = set(snapshot.arrow("spells")["state"].to_pylist())
    assert states == {"referral", "support", "care", "closed"}


def test_what_is_known_of_a_child_does_not_depend_on_order() -> None:
    history = make_history(random.Random(3), 1)
    facts = read_facts(live(history.events), CODEBOOKS, {})
    assert person(facts) == person(facts[::-1])
