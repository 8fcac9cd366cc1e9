"""Random histories of a few synthetic children, crowded into few days: ties and overlaps are common."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa

from tracker.domain.codes import MappingDecision
from tracker.domain.events import ChurningIds, Event, EventType, Kind
from tracker.projections.coverage import Declared
from tracker.projections.events import LOG_SCHEMA

PLACES = ("0180", "1480")
FIRST = date(2025, 1, 15)
DAYS = 60
BIRTHS = (None, date(2015, 5, 5), date(2007, 2, 10), date(2007, 3, 1), date(2004, 2, 20), date(2004, 2, 29))
DECISIONS = (
    MappingDecision(1, "referral_action", "rörigt", ("A1",), municipality=PLACES[0]),
    MappingDecision(2, "referral_action", "rörigt", ("C1",), valid_from=date(2025, 2, 10)),
    MappingDecision(3, "referral_action", "särskilt", ("B1",), system="Procura"),
)
ACTIONS = ("A1", "A1", "A1", "B1", "C1", "C4", "C5", "rörigt", "särskilt", "okänt ord", "-", None)
_RECORD_TYPES = ("referrals", "investigations", "interventions", "follow_ups", "open_support", "child_facts")


@dataclass(frozen=True)
class History:
    """A log, what its deliveries declared, and who turned out to be the same child."""

    events: tuple[Event, ...]
    deliveries: tuple[Declared, ...]
    ids: tuple[ChurningIds, ...] = ()

    def table(self) -> pa.Table:
        """The log as the projections read it."""
        rows = [_row(event) for event in self.events]
        return pa.Table.from_pylist(rows, schema=LOG_SCHEMA)


def _row(event: Event) -> dict[str, Any]:
    row = dict(event.__dict__)
    return row | {"event_type": row.pop("type"), "body": json.dumps(event.body, ensure_ascii=False)}


def make_history(rng: random.Random, children: int, changes: bool = True) -> History:
    """A history of so many children; with ``changes`` some events are corrected or withdrawn."""
    deliveries = tuple(_deliveries(rng))
    drafts = [draft for n in range(children) for draft in _Child(rng, n, deliveries).events()]
    drafts += [draft for n in range(max(1, children // 4)) for draft in _unlinkable(rng, n, deliveries)]
    rng.shuffle(drafts)
    events = [_recorded(d) for d in deliveries] + drafts + list(_same_child(rng, children))
    numbered = [replace(event, position=n + 1) for n, event in enumerate(events)]
    every, ids = _churned(rng, [*numbered, *_changes(rng, numbered)] if changes else numbered)
    return History(tuple(every), deliveries, tuple(ids))


def subject(n: int) -> str:
    """The subject id of the n-th child."""
    return str(UUID(int=n + 1, version=4))


def _deliveries(rng: random.Random) -> Iterator[Declared]:
    number = 0
    whole = rng.random() < 0.5  # the first municipality then delivers everything in full
    for place in PLACES:
        for record_type in _RECORD_TYPES:
            for start in (-30, rng.randint(0, 20), rng.randint(20, DAYS)):
                number += 1
                first = FIRST + timedelta(days=start)
                everything = whole and place == PLACES[0]
                last = first + timedelta(days=150 if everything else rng.randint(20, 50))
                read = last + timedelta(days=rng.randint(-5, 20))
                yield Declared(
                    number, place, record_type, first, last, everything or rng.random() < 0.85, read,
                    rng.choice(("", "Procura", "Treva")), rng.random() < 0.5,
                )  # fmt: skip


def _recorded(d: Declared) -> Event:
    body = {
        "period_from": d.period_from.isoformat(),
        "period_to": d.period_to.isoformat(),
        "full": d.full,
        "extracted_on": d.extracted_on.isoformat(),
        "system": d.system,
        "not_opened_complete": d.not_opened_complete,
        "synthetic": True,
    }
    return Event(
        0, EventType.DELIVERY_RECORDED, Kind.RECORDED, None, d.municipality, d.record_type,
        f"{d.delivery_no:032x}", 1, None, None, d.delivery_no, None, body,
    )  # fmt: skip


class _Child:
    """Draws the events of one child."""

    def __init__(self, rng: random.Random, number: int, deliveries: tuple[Declared, ...]) -> None:
        self.rng, self.number, self.deliveries = rng, number, deliveries
        self.subject: str | None = subject(number)
        self.birth = rng.choice(BIRTHS)
        self.facts = 0

    def events(self) -> Iterator[Event]:
        draws = (
            self.referral,
            self.investigation,
            self.intervention,
            self.follow_up,
            self.support,
            self.fact,
        )
        for draw in draws:
            for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
                yield from draw(self.rng.choice(PLACES) if self.rng.random() < 0.3 else PLACES[0])

    def day(self) -> date:
        return FIRST + timedelta(days=self.rng.randint(0, DAYS))

    def later(self, day: date) -> date | None:
        return self.rng.choice((None, day, day, day + timedelta(days=self.rng.randint(0, 40))))

    def some_id(self, kind: str) -> str | None:
        """One of few ids, so that rows happen to name each other."""
        chosen = self.rng.choice(("", "", "1", "2"))
        return f"{kind}-{self.number}-{chosen}" if chosen else None

    def person(self, day: date) -> dict[str, Any]:
        rng = self.rng
        age = self.birth and day.year - self.birth.year - (rng.random() < 0.5)
        return {
            "sex": rng.choice((None, "girl", "boy", "?")),
            "birth_date": self.birth and rng.choice((None, self.birth.isoformat())),
            "age": rng.choice((None, age)),
        }

    def referral(self, place: str) -> Iterator[Event]:
        day, action = self.day(), self.rng.choice(ACTIONS)
        received = self.person(day) | {
            "referral_type": "report",
            "reasons": self.rng.choice((None, "B_KRIM", "Kriminalitet; något okänt", "?")),
            "referral_id": self.some_id("r"),
            "case_id": self.some_id("c"),
        }
        parts: list[tuple[EventType, date | None, dict[str, Any]]] = []
        if action:
            concluded = {"action": action, "investigation_id": self.some_id("i")}
            parts.append((EventType.REFERRAL_CONCLUDED, self.later(day), concluded))
        yield from self.fact_of("referrals", place, (EventType.REFERRAL_RECEIVED, day, received), parts)

    def investigation(self, place: str) -> Iterator[Event]:
        day = self.day()
        opened = self.person(day) | {
            "investigation_id": self.some_id("i"),
            "referral_ids": [i for i in (self.some_id("r"), self.some_id("r")) if i],
            "case_id": self.some_id("c"),
            "known_before": "yes",
        }
        parts: list[tuple[EventType, date | None, dict[str, Any]]] = []
        if self.rng.random() < 0.8:
            parts.append((EventType.INVESTIGATION_CLOSED, self.later(day), {"need": "support"}))
        yield from self.fact_of("investigations", place, (EventType.INVESTIGATION_OPENED, day, opened), parts)

    def intervention(self, place: str) -> Iterator[Event]:
        day = self.day()
        decided = self.person(day) | {
            "intervention_type": "x",
            "legal_basis": self.rng.choice((None, "sol", "lvu_2", "lvu_3", "lvu_6")),
            "granted": self.rng.choice((None, "yes", "yes", "no", "withdrawn", "?")),
            "intervention_id": self.some_id("v"),
            "investigation_id": self.some_id("i"),
            "case_id": self.some_id("c"),
        }
        started = self.rng.choice((self.later(day), day - timedelta(days=3)))
        ended = self.later(started or day)
        parts: list[tuple[EventType, date | None, dict[str, Any]]] = []
        parts += [(EventType.INTERVENTION_STARTED, started, {})] if started else []
        parts += [(EventType.INTERVENTION_ENDED, ended, {"end_reason": "?"})] if ended else []
        yield from self.fact_of("interventions", place, (EventType.DECISION_MADE, day, decided), parts)

    def follow_up(self, place: str) -> Iterator[Event]:
        held = {"intervention_id": self.some_id("v"), "result": "continued"}
        yield from self.fact_of("follow_ups", place, (EventType.FOLLOW_UP_HELD, self.day(), held), [])

    def support(self, place: str) -> Iterator[Event]:
        day = self.day()
        started = {"support_type": "x", "age": self.person(day)["age"]}
        ended = self.later(day)
        parts: list[tuple[EventType, date | None, dict[str, Any]]] = []
        parts += [(EventType.OPEN_SUPPORT_ENDED, ended, {"result": "ended"})] if ended else []
        yield from self.fact_of("open_support", place, (EventType.OPEN_SUPPORT_STARTED, day, started), parts)

    def fact(self, place: str) -> Iterator[Event]:
        if self.rng.random() < 0.5:
            return
        body = {"fact": self.rng.choice(("moved_out", "moved_out", "died", "moved_in"))}
        yield from self.fact_of("child_facts", place, (EventType.CHILD_FACT_RECORDED, self.day(), body), [])

    def fact_of(
        self,
        record_type: str,
        place: str,
        opening: tuple[EventType, date, dict[str, Any]],
        later: list[tuple[EventType, date | None, dict[str, Any]]],
    ) -> Iterator[Event]:
        self.facts += 1
        fact_id = UUID(int=(self.number + 1) * 1000 + self.facts + (0 if self.subject else 10**9)).hex
        mine = [d for d in self.deliveries if (d.municipality, d.record_type) == (place, record_type)]
        delivery = self.rng.choice(mine).delivery_no
        for event_type, day, body in (opening, *later):
            given = {name: value for name, value in body.items() if value is not None}
            yield Event(
                0, event_type, Kind.RECORDED, self.subject, place, record_type, fact_id, 1, None, day,
                delivery, 2, given,
            )  # fmt: skip


def _unlinkable(rng: random.Random, number: int, deliveries: tuple[Declared, ...]) -> Iterator[Event]:
    """Referrals without a child id, which may name the investigations of a child."""
    nobody = _Child(rng, number, deliveries)
    nobody.subject = None
    for _ in range(2):
        yield from nobody.referral(PLACES[0])


_IDS = ("referral_id", "referral_ids", "investigation_id", "intervention_id", "case_id")
_EXPORTS = tuple(FIRST + timedelta(days=200 + n) for n in range(3))


def _churned(rng: random.Random, events: list[Event]) -> tuple[list[Event], list[ChurningIds]]:
    """Some facts with ids of one export's day; what they, and others, were called in several exports."""
    churning = {e.fact_id for e in events if rng.random() < 0.3}
    named: dict[tuple[str, date], dict[str, Any]] = {}
    changed = []
    for event in events:
        ids = {name: event.body[name] for name in _IDS if name in event.body}
        if event.fact_id not in churning or not ids:
            changed.append(event)
            continue
        days = rng.sample(_EXPORTS, rng.randint(1, 3))
        for day in days:
            told = ids if rng.random() < 0.7 else {name: _renamed(rng, value) for name, value in ids.items()}
            named.setdefault((event.fact_id, day), {}).update(_on_day(told, day))
        standing = days[0] if rng.random() < 0.9 else _EXPORTS[0]
        changed.append(replace(event, body={**event.body, **_on_day(ids, standing)}))
    return changed, [_told(rng, len(events), *key, ids) for key, ids in named.items()]


def _renamed(rng: random.Random, value: str | list[str]) -> str | list[str]:
    several = [one[:-1] + rng.choice("12") for one in ([value] if isinstance(value, str) else value)]
    return several[0] if isinstance(value, str) else several


def _on_day(ids: dict[str, Any], day: date) -> dict[str, Any]:
    return {
        name: f"{value}@{day}" if isinstance(value, str) else [f"{one}@{day}" for one in value]
        for name, value in ids.items()
    }


def _told(rng: random.Random, last: int, fact_id: str, day: date, ids: dict[str, Any]) -> ChurningIds:
    return ChurningIds(rng.randint(1, last), fact_id, day, ids)


def _same_child(rng: random.Random, children: int) -> Iterator[Event]:
    for n in range(children // 3):
        one, other = subject(rng.randrange(children)), subject(rng.randrange(children))
        if one != other:
            kind = rng.choice(
                (EventType.SUBJECTS_LINKED, EventType.SUBJECTS_LINKED, EventType.SUBJECTS_UNLINKED)
            )
            yield Event(
                0, kind, Kind.RECORDED, one, PLACES[0], "child_facts", f"{n + 7 * 10**9:032x}", 1, None, None,
                1, None, {"other": other},
            )  # fmt: skip


def _changes(rng: random.Random, events: list[Event]) -> Iterator[Event]:
    """Corrections that move a day, and withdrawals of whole facts."""
    position = len(events)
    withdrawn = {event.fact_id for event in events if event.fact_id and rng.random() < 0.05}
    for event in events:
        if event.type in (
            EventType.DELIVERY_RECORDED,
            EventType.SUBJECTS_LINKED,
            EventType.SUBJECTS_UNLINKED,
        ):
            continue
        current = event
        if rng.random() < 0.15:
            position += 1
            day = event.occurred_on and event.occurred_on + timedelta(days=rng.randint(-2, 2))
            current = replace(event, position=position, kind=Kind.CORRECTED, version=2, occurred_on=day)
            current = replace(current, replaces=event.position)
            yield current
        if event.fact_id in withdrawn:
            position += 1
            yield replace(
                current, position=position, kind=Kind.RETRACTED, version=current.version + 1,
                replaces=current.position, body={},
            )  # fmt: skip
