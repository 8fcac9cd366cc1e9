from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.generative.histories import History
from tracker.domain.codes import MappingDecision
from tracker.domain.events import Event, EventType, Kind
from tracker.harmonise.codebook import Codebooks
from tracker.projections.diff import Diff, diff
from tracker.projections.snapshot import Snapshot, write_snapshot

CHILD, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
E = EventType


def event(position: int, type_: EventType, fact: int, day: date | None, **body: Any) -> Event:
    record_types = {"Ref": "referrals", "Inv": "investigations", "Sub": "child_facts", "Del": "referrals"}
    return Event(
        position,
        type_,
        Kind.RECORDED,
        None if type_ is E.DELIVERY_RECORDED else CHILD,
        "0180",
        record_types[type_[:3]],
        f"{fact:032x}",
        1,
        None,
        day,
        1,
        None,
        body,
    )


LOG = (
    event(1, E.REFERRAL_RECEIVED, 1, date(2024, 1, 1), referral_type="Anmälan", referrer="Kyrkorådet"),
    event(2, E.REFERRAL_CONCLUDED, 1, date(2024, 1, 9), action="A1"),
    event(3, E.INVESTIGATION_OPENED, 2, date(2024, 1, 9)),
    event(4, E.REFERRAL_RECEIVED, 3, date(2024, 2, 1), referral_type="Anmälan", referrer="Kyrkorådet"),
    event(
        5,
        E.DELIVERY_RECORDED,
        4,
        None,
        period_from="2024-01-01",
        period_to="2024-03-31",
        full=True,
        extracted_on="2024-04-10",
    ),
)


@pytest.fixture
def changes(tmp_path: Path) -> Any:
    def compare(later: tuple[Event, ...] = (), decisions: tuple[MappingDecision, ...] = ()) -> Diff:
        write_snapshot(tmp_path / "a", History(LOG, ()).table(), Codebooks.load())
        write_snapshot(tmp_path / "b", History(LOG + later, ()).table(), Codebooks.load(decisions))
        return diff(Snapshot.open(tmp_path / "a"), Snapshot.open(tmp_path / "b"))

    return compare


def test_nothing_changed(changes: Any) -> None:
    found = changes()
    assert set(found.counts().values()) == {0}
    assert found.versions == {}


def test_new_corrected_and_withdrawn_events(changes: Any) -> None:
    corrected = replace(
        LOG[2], position=6, kind=Kind.CORRECTED, version=2, replaces=3, occurred_on=date(2024, 1, 12)
    )
    withdrawn = replace(LOG[3], position=7, kind=Kind.RETRACTED, version=2, replaces=4, body={})
    found = changes((corrected, withdrawn, event(8, E.REFERRAL_RECEIVED, 9, date(2024, 3, 1))))
    assert found.events.to_pylist() == [
        {
            "municipality": "0180",
            "record_type": "investigations",
            "event_type": "InvestigationOpened",
            "change": "corrected",
            "events": 1,
        },
        {
            "municipality": "0180",
            "record_type": "referrals",
            "event_type": "ReferralReceived",
            "change": "new",
            "events": 1,
        },
        {
            "municipality": "0180",
            "record_type": "referrals",
            "event_type": "ReferralReceived",
            "change": "withdrawn",
            "events": 1,
        },
    ]
    assert found.versions == {"position": ("5", "8")}


def test_a_new_mapping_shows_the_wordings_it_moved(changes: Any) -> None:
    decision = MappingDecision(1, "referrer", "kyrkorådet", ("school",))
    found = changes(decisions=(decision,))
    assert found.wordings.to_pylist() == [
        {
            "record_type": "referrals",
            "field": "referrer",
            "wording": "Kyrkorådet",
            "municipality": "0180",
            "was": "unmapped",
            "now": "school",
            "rows": 2,
        }
    ]
    assert found.counts()["new"] == 0
    assert list(found.versions) == ["codebook"]


def test_items_of_an_investigation_that_are_read_differently(tmp_path: Path) -> None:
    closed = event(6, E.INVESTIGATION_CLOSED, 2, date(2024, 4, 1), r01="Xyzzy", r02="Nej", p1="Xyzzy")
    log = History((*LOG, closed), ()).table()
    write_snapshot(tmp_path / "a", log, Codebooks.load())
    decision = MappingDecision(1, "risk_factor_value", "xyzzy", ("serious",))
    write_snapshot(tmp_path / "b", log, Codebooks.load((decision,)))
    found = diff(Snapshot.open(tmp_path / "a"), Snapshot.open(tmp_path / "b")).wordings.to_pylist()
    assert [(row["field"], row["wording"], row["was"], row["now"], row["rows"]) for row in found] == [
        ("r01", "Xyzzy", "unmapped", "serious", 1)
    ]


def test_a_link_that_became_explicit(changes: Any) -> None:
    told = {"action": "A1", "investigation_id": "i1"}
    named = replace(LOG[1], position=6, kind=Kind.CORRECTED, version=2, replaces=2, body=told)
    opened = replace(
        LOG[2], position=7, kind=Kind.CORRECTED, version=2, replaces=3, body={"investigation_id": "i1"}
    )
    found = changes((named, opened))
    assert found.links.to_pylist() == [
        {
            "kind": "referral_investigation",
            "was": "nearest",
            "now": "explicit",
            "led_elsewhere": 0,
            "links": 1,
        }
    ]


def test_coverage_that_grew(changes: Any) -> None:
    more = event(
        6,
        E.DELIVERY_RECORDED,
        5,
        None,
        period_from="2024-04-01",
        period_to="2024-06-30",
        full=True,
        extracted_on="2024-07-10",
    )
    found = changes((replace(more, delivery_no=2),))
    rows = [(r["change"], r["covered_from"], r["covered_to"]) for r in found.coverage.to_pylist()]
    assert rows == [
        ("ended", date(2024, 1, 1), date(2024, 3, 31)),
        ("new", date(2024, 1, 1), date(2024, 6, 30)),
    ]


def test_two_subjects_turn_out_to_be_one_child(changes: Any) -> None:
    linked = replace(event(6, E.SUBJECTS_LINKED, 7, None, other=CHILD), subject_id=OTHER)
    assert changes((linked,)).counts()["other_child"] == 0  # the smaller id is the one already used
    earlier = "00000000-0000-4000-8000-000000000000"
    assert changes((replace(linked, subject_id=earlier),)).counts()["other_child"] == 4
