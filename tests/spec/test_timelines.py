"""What a child's events say of its way along the chain. Each case is readable as it stands.

Given: ``day  what  id  event  [at municipality]  [name=value …]``. Then: one line a spell,
``state  entered/step → left/step  next state``, where ``censored`` and ``coverage`` have no step.
Full deliveries of everything cover 2024 in municipality 0180 and 1480, read on 15 January 2025.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tracker.domain.events import Event, EventType, Kind
from tracker.domain.timeline import Timeline
from tracker.harmonise.codebook import Codebooks
from tracker.projections.coverage import Declared, Seen
from tracker.projections.evolve import evolve
from tracker.projections.rules import Rules, Unit

CODEBOOKS = Codebooks.load()
E = EventType
EVENTS = {
    ("referral", "received"): (E.REFERRAL_RECEIVED, "referrals"),
    ("referral", "concluded"): (E.REFERRAL_CONCLUDED, "referrals"),
    ("investigation", "opened"): (E.INVESTIGATION_OPENED, "investigations"),
    ("investigation", "closed"): (E.INVESTIGATION_CLOSED, "investigations"),
    ("intervention", "decided"): (E.DECISION_MADE, "interventions"),
    ("intervention", "started"): (E.INTERVENTION_STARTED, "interventions"),
    ("intervention", "ended"): (E.INTERVENTION_ENDED, "interventions"),
    ("follow_up", "held"): (E.FOLLOW_UP_HELD, "follow_ups"),
    ("child", "fact"): (E.CHILD_FACT_RECORDED, "child_facts"),
}
RECORD_TYPES = ("referrals", "investigations", "interventions", "follow_ups", "child_facts")


def deliveries(
    first: date = date(2024, 1, 1),
    last: date = date(2024, 12, 31),
    read: date = date(2025, 1, 15),
    record_types: tuple[str, ...] = RECORD_TYPES,
    number: int = 1,
) -> list[Declared]:
    return [
        Declared(number + n, place, record_type, first, last, True, read)
        for n, (place, record_type) in enumerate((p, r) for p in ("0180", "1480") for r in record_types)
    ]


def day(text: str) -> date | None:
    return None if text == "?" else date.fromisoformat(text)


def events(given: str) -> list[Event]:
    lines = [line.split() for line in given.strip().splitlines()]
    return [_event(position, words) for position, words in enumerate(lines, 1)]


def _event(position: int, words: list[str]) -> Event:
    on, thing, name, what, *rest = words
    event_type, record_type = EVENTS[thing, what]
    place = rest[rest.index("at") + 1] if "at" in rest else "0180"
    body: dict[str, Any] = dict(word.split("=") for word in rest if "=" in word)
    if "age" in body:
        body["age"] = int(body["age"])
    if "referral_ids" in body:
        body["referral_ids"] = body["referral_ids"].split(",")
    return Event(
        position, event_type, Kind.RECORDED, "child", place, record_type, f"{thing}-{name}", 1, None, day(on),
        0, None, body,
    )  # fmt: skip


def timeline(given: str, seen: list[Declared] | None = None, rules: Rules | None = None) -> Timeline:
    return evolve("child", events(given), CODEBOOKS, Seen(seen or deliveries()), rules=rules)


def spells(found: Timeline) -> list[str]:
    return [
        f"{s.state} {s.entered_on}/{s.entered_step} → {s.left_on}"
        + (f"/{s.left_step} {s.to_state}" if s.to_state else f" {s.exit}")
        + (" assumed" if s.left_assumed else "")
        for s in found.spells
    ]


def lines(then: str) -> list[str]:
    return [" ".join(line.split()) for line in then.strip().splitlines()]


CASES = {
    "the whole chain": (
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1
        2024-02-10 investigation i1 opened
        2024-05-20 investigation i1 closed need=support
        2024-05-20 intervention v1 decided granted=yes
        2024-06-03 intervention v1 started
        2024-09-30 intervention v1 ended
        """,
        """
        referral      2024-02-01/0 → 2024-02-10/1 investigation
        investigation 2024-02-10/1 → 2024-05-20/1 granted
        granted       2024-05-20/1 → 2024-06-03/1 intervention
        intervention  2024-06-03/1 → 2024-09-30/1 closed
        closed        2024-09-30/1 → 2024-12-31 censored
        """,
    ),
    "a referral decided the day it came stays for no time, but stays": (
        """
        2024-02-01 referral r1 received
        2024-02-01 referral r1 concluded action=B1
        2024-03-01 referral r2 received
        2024-03-01 referral r2 concluded action=A1
        2024-03-01 investigation i1 opened
        """,
        """
        referral      2024-02-01/0 → 2024-02-01/1 closed
        closed        2024-02-01/1 → 2024-03-01/1 referral
        referral      2024-03-01/1 → 2024-03-01/2 investigation
        investigation 2024-03-01/2 → 2024-12-31 censored
        """,
    ),
    "a new referral during an intervention is not a step back": (
        """
        2024-02-01 intervention v1 decided granted=yes
        2024-02-01 intervention v1 started
        2024-04-01 referral r1 received
        2024-04-09 referral r1 concluded action=B1
        2024-06-01 intervention v1 ended
        """,
        """
        granted      2024-02-01/0 → 2024-02-01/1 intervention
        intervention 2024-02-01/1 → 2024-06-01/1 closed
        closed       2024-06-01/1 → 2024-12-31 censored
        """,
    ),
    "what is still open underneath comes to light when the furthest stage closes": (
        """
        2024-02-01 investigation i1 opened
        2024-02-05 intervention v1 decided granted=yes
        2024-02-05 intervention v1 started
        2024-03-01 intervention v1 ended
        2024-04-01 investigation i1 closed need=none
        """,
        """
        investigation 2024-02-01/0 → 2024-02-05/1 granted
        granted       2024-02-05/1 → 2024-02-05/2 intervention
        intervention  2024-02-05/2 → 2024-03-01/1 investigation
        investigation 2024-03-01/1 → 2024-04-01/1 closed
        closed        2024-04-01/1 → 2024-12-31 censored
        """,
    ),
    "a referral attached to a running investigation is no stage of its own": (
        """
        2024-02-01 investigation i1 opened
        2024-03-01 referral r1 received
        2024-03-01 referral r1 concluded action=C1
        2024-04-01 investigation i1 closed need=none
        """,
        """
        investigation 2024-02-01/0 → 2024-04-01/1 closed
        closed        2024-04-01/1 → 2024-12-31 censored
        """,
    ),
    "concluded on an unknown day: the day of what it led to, and said to be assumed": (
        """
        2024-02-01 referral r1 received
        ?          referral r1 concluded action=A1
        2024-02-20 investigation i1 opened
        ?          investigation i1 closed need=support
        2024-05-01 intervention v1 decided granted=no
        """,
        """
        referral      2024-02-01/0 → 2024-02-20/1 investigation
        investigation 2024-02-20/1 → 2024-05-01/1 closed assumed
        closed        2024-05-01/1 → 2024-12-31 censored
        """,
    ),
    "concluded on an unknown day and led to nothing: the same day, and said to be assumed": (
        """
        2024-02-01 referral r1 received
        ?          referral r1 concluded action=B1
        """,
        """
        referral 2024-02-01/0 → 2024-02-01/1 closed assumed
        closed   2024-02-01/1 → 2024-12-31 censored
        """,
    ),
    "opened but no investigation to be found: lost sight of, not closed": (
        """
        2024-02-01 referral r1 received
        2024-02-09 referral r1 concluded action=A1
        """,
        """
        referral 2024-02-01/0 → 2024-02-09 censored
        """,
    ),
    "registered by mistake is no outcome": (
        """
        2024-02-01 referral r1 received
        2024-02-09 referral r1 concluded action=C5
        2024-05-01 referral r2 received
        2024-05-02 referral r2 concluded action=B1
        """,
        """
        referral 2024-02-01/0 → 2024-02-09 censored
        referral 2024-05-01/0 → 2024-05-02/1 closed
        closed   2024-05-02/1 → 2024-12-31 censored
        """,
    ),
    "eighteen ends a referral": (
        """
        2024-02-01 referral r1 received birth_date=2006-04-10
        """,
        """
        referral 2024-02-01/0 → 2024-04-10/1 adult
        """,
    ),
    "care because of the home ends at eighteen": (
        """
        2024-02-01 intervention v1 decided granted=yes legal_basis=lvu_2 birth_date=2006-04-10
        2024-02-01 intervention v1 started
        2024-08-01 intervention v1 ended
        """,
        """
        granted      2024-02-01/0 → 2024-02-01/1 intervention
        intervention 2024-02-01/1 → 2024-04-10/1 adult
        """,
    ),
    "care because of own behaviour goes on past eighteen; after it the child is too old to be closed": (
        """
        2024-02-01 intervention v1 decided granted=yes legal_basis=lvu_3 birth_date=2006-04-10
        2024-02-01 intervention v1 started
        2024-08-01 intervention v1 ended
        """,
        """
        granted      2024-02-01/0 → 2024-02-01/1 intervention
        intervention 2024-02-01/1 → 2024-08-01/1 closed
        closed       2024-08-01/1 → 2024-08-01/2 adult
        """,
    ),
    "with only ages stated, the latest birth they agree with decides": (
        """
        2024-02-01 referral r1 received age=17
        2024-02-09 referral r1 concluded action=B1
        """,
        """
        referral 2024-02-01/0 → 2024-02-09/1 closed
        closed   2024-02-09/1 → 2024-12-31 censored
        """,
    ),
    "moving out ends what is open there": (
        """
        2024-02-01 investigation i1 opened
        2024-03-01 child f1 fact fact=moved_out
        2024-04-01 investigation i1 closed need=none
        """,
        """
        investigation 2024-02-01/0 → 2024-03-01/1 moved
        """,
    ),
    "a child who moves is met again where it next appears": (
        """
        2024-02-01 investigation i1 opened
        2024-03-01 child f1 fact fact=moved_out
        2024-05-01 referral r1 received at 1480
        2024-05-05 referral r1 concluded action=B1 at 1480
        """,
        """
        investigation 2024-02-01/0 → 2024-03-01/1 moved
        referral      2024-05-01/0 → 2024-05-05/1 closed
        closed        2024-05-05/1 → 2024-12-31 censored
        """,
    ),
    "what is open in another municipality goes on": (
        """
        2024-02-01 investigation i1 opened
        2024-02-20 referral r1 received at 1480
        2024-03-01 child f1 fact fact=moved_out
        2024-03-10 referral r1 concluded action=B1 at 1480
        """,
        """
        investigation 2024-02-01/0 → 2024-03-01/1 referral
        referral      2024-03-01/1 → 2024-03-10/1 closed
        closed        2024-03-10/1 → 2024-12-31 censored
        """,
    ),
    "death ends everything": (
        """
        2024-02-01 intervention v1 decided granted=yes
        2024-02-01 intervention v1 started
        2024-03-01 child f1 fact fact=died
        2024-03-05 intervention v1 ended
        """,
        """
        granted      2024-02-01/0 → 2024-02-01/1 intervention
        intervention 2024-02-01/1 → 2024-03-01/1 dead
        """,
    ),
    "before the deliveries begin nothing is seen": (
        """
        2023-11-01 investigation i1 opened
        2024-02-01 investigation i1 closed need=none
        """,
        """
        investigation 2024-01-01/0 → 2024-02-01/1 closed
        closed        2024-02-01/1 → 2024-12-31 censored
        """,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_spells(case: str) -> None:
    given, then = CASES[case]
    assert spells(timeline(given)) == lines(then)


GAP = deliveries(last=date(2024, 3, 31)) + deliveries(first=date(2024, 6, 1), number=100)


def test_a_gap_in_the_deliveries_divides_the_observation() -> None:
    found = timeline("2024-02-01 investigation i1 opened\n2024-08-01 investigation i1 closed need=none", GAP)
    assert spells(found) == lines(
        """
        investigation 2024-02-01/0 → 2024-03-31 coverage
        investigation 2024-06-01/0 → 2024-08-01/1 closed
        closed        2024-08-01/1 → 2024-12-31 censored
        """
    )


def test_what_happens_in_the_gap_is_not_seen_to_happen() -> None:
    found = timeline("2024-02-01 investigation i1 opened\n2024-05-01 investigation i1 closed need=none", GAP)
    assert spells(found) == lines(
        """
        investigation 2024-02-01/0 → 2024-03-31 coverage
        closed        2024-06-01/0 → 2024-12-31 censored
        """
    )


def test_an_investigation_is_followed_only_where_interventions_are_delivered_too() -> None:
    seen = deliveries(record_types=("referrals", "investigations"))
    found = timeline(
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1
        2024-02-10 investigation i1 opened
        2024-05-20 investigation i1 closed need=none
        """,
        seen,
    )
    assert spells(found) == lines(
        """
        referral 2024-02-01/0 → 2024-02-10/1 investigation
        closed   2024-05-20/1 → 2024-12-31 censored
        """
    )


def test_a_thing_last_seen_open_is_open_until_it_was_last_read() -> None:
    """The first half-year was read on 10 July and never again: whether i1 closed later is not known."""
    seen = deliveries(last=date(2024, 6, 30), read=date(2024, 7, 10))
    seen += deliveries(first=date(2024, 7, 1), number=100)
    given = "2024-06-01 investigation i1 opened\n2024-11-01 intervention v1 decided granted=yes"
    assert spells(timeline(given, seen)) == lines(
        """
        investigation 2024-06-01/0 → 2024-07-10 censored
        granted       2024-11-01/0 → 2024-12-31 censored
        """
    )


def test_episodes_begin_when_nothing_is_open() -> None:
    given = """
        2024-02-01 referral r1 received
        2024-02-05 referral r1 concluded action=B1
        2024-02-10 referral r2 received
        2024-02-15 referral r2 concluded action=B1
        2024-09-01 referral r3 received
        """
    assert [s.episode for s in timeline(given).spells] == [1, 1, 2, 2, 3]
    assert [s.episode for s in timeline(given, rules=Rules(min_gap=30)).spells] == [1, 1, 1, 1, 2]


def test_each_municipality_for_itself() -> None:
    given = """
        2024-02-01 investigation i1 opened
        2024-03-01 referral r1 received at 1480
        2024-03-10 referral r1 concluded action=B1 at 1480
        2024-04-01 investigation i1 closed need=none
        """
    found = timeline(given, rules=Rules(unit=Unit.CHILD_MUNICIPALITY))
    assert [(s.municipality, s.state) for s in found.spells] == [
        ("0180", "investigation"),
        ("0180", "closed"),
        ("1480", "referral"),
        ("1480", "closed"),
    ]


LINKS = {
    "by the investigation's id": (
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1 investigation_id=x1
        2024-05-10 investigation i1 opened investigation_id=x1
        """,
        "referral-r1 investigation-i1 explicit",
    ),
    "by the referral's id": (
        """
        2024-02-01 referral r1 received referral_id=y1
        2024-02-10 investigation i1 opened referral_ids=y0,y1
        """,
        "referral-r1 investigation-i1 explicit",
    ),
    "an id of another municipality says nothing": (
        """
        2024-02-01 referral r1 received referral_id=y1
        2024-02-10 investigation i1 opened at 1480 referral_ids=y1
        """,
        "",
    ),
    "the same case, opened within the window, before a nearer one of another case": (
        """
        2024-02-01 referral r1 received case_id=c1
        2024-02-10 referral r1 concluded action=A1
        2024-02-05 investigation i1 opened case_id=c2
        2024-02-12 investigation i2 opened case_id=c1
        """,
        "referral-r1 investigation-i2 same_case",
    ),
    "the nearest opened within thirty days": (
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1
        2024-03-02 investigation i1 opened
        """,
        "referral-r1 investigation-i1 nearest",
    ),
    "not one opened on the thirty-first day": (
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1
        2024-03-03 investigation i1 opened
        """,
        "",
    ),
    "attached to the investigation open that day": (
        """
        2024-02-01 investigation i1 opened
        2024-03-01 referral r1 received
        2024-03-01 referral r1 concluded action=C1
        2024-03-05 investigation i2 opened
        """,
        "referral-r1 investigation-i1 nearest",
    ),
    "two equally near": (
        """
        2024-02-01 referral r1 received
        2024-02-10 referral r1 concluded action=A1
        2024-02-10 investigation i1 opened
        2024-02-10 investigation i2 opened
        """,
        "referral-r1 - ambiguous",
    ),
    "not opened means not opened, whatever happens next day": (
        """
        2024-02-01 referral r1 received
        2024-02-02 referral r1 concluded action=B1
        2024-02-03 investigation i1 opened
        """,
        "",
    ),
    "a decision within sixty days of the closing": (
        """
        2024-02-01 investigation i1 opened
        2024-03-01 investigation i1 closed
        2024-04-30 intervention v1 decided granted=yes
        """,
        "investigation-i1 intervention-v1 nearest",
    ),
    "a follow-up of the intervention under way": (
        """
        2024-02-01 intervention v1 decided granted=yes
        2024-02-05 intervention v1 started
        2024-02-20 intervention v2 decided granted=no
        2024-05-01 follow_up u1 held
        """,
        "intervention-v1 follow_up-u1 nearest",
    ),
}


@pytest.mark.parametrize("case", LINKS)
def test_links(case: str) -> None:
    given, then = LINKS[case]
    found = [f"{link.from_id or '-'} {link.to_id or '-'} {link.method}" for link in timeline(given).links]
    assert found == lines(then)
