"""The stage tables: codes, ages and what is filled in, from hand-written events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generative.histories import History
from tracker.domain.codes import MappingDecision
from tracker.domain.events import Event, EventType, Kind
from tracker.harmonise.codebook import Codebooks
from tracker.projections.facts import ALL_FACTS, ASSESSMENTS, Code
from tracker.projections.snapshot import Snapshot, write_snapshot

SPECS = Path(__file__).parents[2] / "tracker" / "intake" / "specs"
CHILD = "00000000-0000-4000-8000-000000000001"
E = EventType
Make = Callable[..., Snapshot]


def event(type_: EventType, fact: int, day: str | None, **body: Any) -> Event:
    on = date.fromisoformat(day) if day else None
    return Event(0, type_, Kind.RECORDED, CHILD, "0180", "", f"{fact:032x}", 1, None, on, 1, None, body)


def delivery(number: int, record_type: str, **body: Any) -> Event:
    made = event(E.DELIVERY_RECORDED, 900 + number, None, **body)
    return replace(made, subject_id=None, record_type=record_type, delivery_no=number)


def full_year(number: int, year: int, read: str, **body: Any) -> Event:
    period = {"period_from": f"{year}-01-01", "period_to": f"{year}-12-31"}
    return delivery(number, "referrals", full=True, extracted_on=read, **period, **body)


@pytest.fixture
def snapshot(tmp_path: Path) -> Make:
    def make(*events: Event, decisions: tuple[MappingDecision, ...] = ()) -> Snapshot:
        log = tuple(replace(event, position=n) for n, event in enumerate(events, 1))
        write_snapshot(tmp_path / "s", History(log, ()).table(), Codebooks.load(decisions))
        return Snapshot.open(tmp_path / "s")

    return make


def rows(made: Snapshot, table: str, *columns: str) -> list[Any]:
    found = [tuple(row[name] for name in columns) for row in made.arrow(table).to_pylist()]
    return found if len(columns) > 1 else [row[0] for row in found]


def test_a_cell_is_given_not_given_unmapped_or_partly_unmapped(snapshot: Make) -> None:
    cells = {1: "Kriminalitet", 2: None, 3: "xyzzy", 4: "Kriminalitet; xyzzy", 5: "-"}
    made = snapshot(
        *(
            event(E.REFERRAL_RECEIVED, n, f"2024-01-0{n}", **({"reasons": cell} if cell else {}))
            for n, cell in cells.items()
        )
    )
    assert rows(made, "referrals", "reasons", "reasons_status") == [
        (["B_KRIM"], "given"),
        ([], "not_given"),
        ([], "unmapped"),
        (["B_KRIM"], "partly_unmapped"),
        ([], "not_given"),
    ]


def test_an_action_has_its_meaning_for_the_flow(snapshot: Make) -> None:
    actions = ["A1", "B1", "C1", "C4", "C5", "xyzzy"]
    events = [event(E.REFERRAL_RECEIVED, n, f"2024-01-0{n}") for n in range(1, 8)]
    events += [event(E.REFERRAL_CONCLUDED, n, None, action=action) for n, action in enumerate(actions, 1)]
    assert rows(snapshot(*events), "referrals", "flow_class") == [
        *("opened", "not_opened", "attached", "referred_elsewhere", "administrative", "unmapped", None)
    ]


def test_a_decision_may_hold_for_one_system_from_one_day(snapshot: Make) -> None:
    decisions = (
        MappingDecision(1, "referral_type", "xyzzy", ("report",), valid_from=date(2024, 2, 1)),
        MappingDecision(2, "referral_type", "plugh", ("application",), system="Procura"),
    )
    made = snapshot(
        delivery(1, "referrals", system="Procura"),
        delivery(2, "referrals", system="Treva"),
        event(E.REFERRAL_RECEIVED, 1, "2024-01-31", referral_type="Xyzzy"),
        event(E.REFERRAL_RECEIVED, 2, "2024-02-01", referral_type="XYZZY"),
        event(E.REFERRAL_RECEIVED, 3, "2024-03-01", referral_type="plugh"),
        replace(event(E.REFERRAL_RECEIVED, 4, "2024-04-01", referral_type="plugh"), delivery_no=2),
        decisions=decisions,
    )
    assert rows(made, "referrals", "referral_type") == ["unmapped", "report", "application", "unmapped"]


def test_sex_and_age_come_from_the_child_where_the_row_is_silent(snapshot: Make) -> None:
    made = snapshot(
        event(E.REFERRAL_RECEIVED, 1, "2024-03-01", sex="Flicka", birth_date="2016-02-29"),
        event(E.INVESTIGATION_OPENED, 2, "2024-02-28"),
    )
    assert rows(made, "investigations", "sex", "age", "age_group") == [("girl", 7, "6-8")]
    assert rows(made, "referrals", "age") == [8]
    assert rows(made, "children", "birth_month", "referrals", "investigations") == [(date(2016, 2, 1), 1, 1)]


def test_the_unborn_and_the_ageless_have_groups(snapshot: Make) -> None:
    made = snapshot(
        event(E.REFERRAL_RECEIVED, 1, "2024-03-01", age=-1),
        replace(event(E.REFERRAL_RECEIVED, 2, "2024-03-02"), subject_id=None),
    )
    assert rows(made, "referrals", "age", "age_group") == [(-1, "unborn")]
    assert rows(made, "unlinkable_referrals", "age", "age_group") == [(None, "unknown")]


def test_a_row_without_a_child_is_in_no_spell_and_links_only_by_id(snapshot: Make) -> None:
    nobody = replace(event(E.REFERRAL_RECEIVED, 1, "2024-03-01", referral_id="y"), subject_id=None)
    made = snapshot(
        full_year(1, 2024, "2025-01-01"),
        nobody,
        event(E.INVESTIGATION_OPENED, 2, "2024-03-01", referral_ids=["y"]),
    )
    assert rows(made, "unlinkable_referrals", "link_method") == ["explicit"]
    assert made.arrow("referrals").num_rows == made.arrow("spells").num_rows == 0
    assert rows(made, "children", "referrals") == [0]


def test_what_is_known_and_until_when(snapshot: Make) -> None:
    made = snapshot(
        full_year(1, 2023, "2024-01-15", not_opened_complete=True),
        full_year(2, 2024, "2025-01-15"),
        event(E.REFERRAL_RECEIVED, 1, "2022-12-31"),
        event(E.REFERRAL_RECEIVED, 2, "2023-12-31"),
        event(E.REFERRAL_RECEIVED, 3, "2024-01-01"),
    )
    assert rows(made, "referrals", "observed_until", "not_opened_complete") == [
        (None, False),
        (date(2024, 1, 15), True),
        (date(2024, 12, 31), False),
    ]
    assert rows(made, "coverage", "covered_from", "covered_to", "extracted_on", "not_opened_complete") == [
        (date(2023, 1, 1), date(2024, 12, 31), date(2025, 1, 15), False)
    ]


def test_a_size_class_comes_from_the_population_where_none_is_stated(snapshot: Make) -> None:
    sizes = {1: 20000, 2: 20001, 3: 40001, 4: 100001}
    made = snapshot(
        *(
            replace(event(E.MUNICIPALITY_FACT_RECORDED, n, f"202{n}-01-01", population=size), subject_id=None)
            for n, size in sizes.items()
        )
    )
    assert rows(made, "municipality_facts", "size_class") == ["small", "medium", "medium_large", "large"]


def test_linked_subjects_are_one_child_until_unlinked(snapshot: Make) -> None:
    other = "00000000-0000-4000-8000-000000000002"
    link = event(E.SUBJECTS_LINKED, 7, None, other=other)
    referrals = [event(E.REFERRAL_RECEIVED, 1, "2024-01-01")]
    referrals.append(replace(event(E.REFERRAL_RECEIVED, 2, "2024-01-02"), subject_id=other))
    assert rows(snapshot(*referrals, link), "children", "subject_id") == [CHILD]
    undone = event(E.SUBJECTS_UNLINKED, 8, None, other=other)
    assert rows(snapshot(*referrals, link, undone), "children", "subject_id") == [CHILD, other]


@pytest.mark.parametrize("facts", ALL_FACTS, ids=lambda facts: facts.record_type)
def test_every_field_is_delivered_by_its_event_and_read_by_its_codebook(facts: Any) -> None:
    spec = yaml.safe_load((SPECS / f"{facts.record_type}.yaml").read_text(encoding="utf-8"))
    bodies = {declared["type"]: set(declared["body"]) for declared in spec["events"]}
    columns = {column.get("name"): column for column in spec["columns"]}
    for part in (facts.opening, *facts.later):
        assert set(part.fields) <= bodies[part.event_type]
        for name, field in part.fields.items():
            if isinstance(field, Code) and columns.get(name, {}).get("codebook"):
                assert columns[name]["codebook"] == field.codebook


def test_items_of_an_investigation_are_coded_unmapped_or_not_given(snapshot: Make) -> None:
    made = snapshot(
        *(event(E.INVESTIGATION_OPENED, n, f"2024-01-0{n}") for n in (1, 2, 3)),
        event(E.INVESTIGATION_CLOSED, 1, "2024-03-01", need="Stöd", r01="Ja, allvarlig", r30="Nej", p7="Ja"),
        event(E.INVESTIGATION_CLOSED, 2, "2024-03-02", r01="xyzzy", child_talks="Ja", guardian_talks="Två"),
        event(E.INVESTIGATION_CLOSED, 3, "2024-03-03", need="Stöd"),
    )
    assert rows(made, "investigations", "need", "closed") == [
        ("support", True),
        (None, True),
        ("support", True),
    ]
    assert rows(made, "assessments", "fact_id", "closed_on", "r01", "r02", "r30", "p7") == [
        (f"{1:032x}", date(2024, 3, 1), "serious", None, "no", "yes"),
        (f"{2:032x}", date(2024, 3, 2), "unmapped", None, None, None),
    ]
    assert rows(made, "assessments", "subject_id", "municipality", "child_talks", "guardian_talks")[1] == (
        *(CHILD, "0180"),
        *("yes", "two"),
    )


def test_items_follow_decisions_for_one_municipality_system_and_day(snapshot: Make) -> None:
    decisions = (
        MappingDecision(1, "risk_factor_value", "xyzzy", ("serious",), municipality="0180", system="Treva"),
        MappingDecision(2, "risk_factor_value", "plugh", ("no",), valid_from=date(2024, 4, 1)),
    )
    said = {"r01": "Xyzzy", "r02": "plugh", "r03": "Nej"}
    elsewhere = replace(event(E.INVESTIGATION_CLOSED, 2, "2024-04-01", **said), municipality="1480")
    made = snapshot(
        delivery(1, "investigations", system="Treva"),
        event(E.INVESTIGATION_OPENED, 1, "2024-01-01"),
        replace(event(E.INVESTIGATION_OPENED, 2, "2024-01-01"), municipality="1480"),
        event(E.INVESTIGATION_CLOSED, 1, "2024-03-31", **said),
        elsewhere,
        event(E.INVESTIGATION_OPENED, 3, "2024-01-01"),
        event(E.INVESTIGATION_CLOSED, 3, None, **said),
        decisions=decisions,
    )
    assert sorted(rows(made, "assessments", "fact_id", "r01", "r02", "r03")) == [
        (f"{1:032x}", "serious", "unmapped", "no"),
        (f"{2:032x}", "unmapped", "no", "no"),
        (f"{3:032x}", "serious", "no", "no"),
    ]


def test_the_snapshot_holds_every_item_an_investigation_may_have() -> None:
    spec = yaml.safe_load((SPECS / "investigations.yaml").read_text(encoding="utf-8"))
    (closed,) = [one for one in spec["events"] if one["type"] == E.INVESTIGATION_CLOSED]
    assert ["need", "outcome", *sorted(ASSESSMENTS.codes)] == ["need", "outcome", *sorted(closed["body"][2:])]
    books = {column.get("name"): column.get("codebook") for column in spec["columns"]}
    assert {name: field.codebook for name, field in ASSESSMENTS.codes.items()} == {
        name: books[name] for name in ASSESSMENTS.codes
    }
