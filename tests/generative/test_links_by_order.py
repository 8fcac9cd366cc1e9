"""Links between stages do not depend on the order in which deliveries arrive, though every id churns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.domain.delivery import DeliveryNote, PseudonymousClaims, Value
from tracker.domain.periods import Period
from tracker.domain.timeline import Link, LinkMethod
from tracker.harmonise.codebook import Codebooks
from tracker.intake.spec_files import load_specs
from tracker.projections.evolve_facts import live, read_facts
from tracker.projections.evolve_links import find_links
from tracker.projections.rules import Rules
from tracker.record.memory import MemoryLog
from tracker.record.stage import stage

CODEBOOKS, SPECS = Codebooks.load(), load_specs()
FIRST = date(2024, 1, 1)
IDS = ("referral_id", "investigation_id", "intervention_id", "case_id")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Export:
    """One record type as exported on a day. Rows: the child, days and ids as small numbers, wordings."""

    record_type: str
    day: int
    full: bool
    rows: Sequence[Row]


def claims(export: Export, municipality: str = "0180") -> PseudonymousClaims:
    """The export as pseudonymise hands it on: ids hashed with its day."""
    spec, day = SPECS[export.record_type], FIRST + timedelta(days=export.day)
    names = [column.name for column in spec.columns if any(column.name in row for row in export.rows)]
    cells = {name: [_cell(name, row.get(name), export.day) for row in export.rows] for name in names}
    return PseudonymousClaims(
        note=DeliveryNote(
            municipality=municipality,
            file_name="x.xlsx",
            record_type=export.record_type,
            period=Period(FIRST, FIRST + timedelta(days=20)),
            extracted_on=day,
            full=export.full,
            stable_ids=False,
        ),
        spec=spec,
        sheet="Blad1",
        row_numbers=list(range(2, len(export.rows) + 2)),
        subjects=[row["subject"] and str(UUID(int=row["subject"])) for row in export.rows],
        columns=cells,
    )


def _cell(name: str, value: Any, day: int) -> Value:
    if value is None or value == ():
        return None
    if name == "referral_ids":
        return tuple(_hashed("referral_id", one, day) for one in value)
    if name in IDS:
        return _hashed(name, value, day)
    return FIRST + timedelta(days=value) if name.endswith("_on") else str(value)


def _hashed(kind: str, number: int, day: int) -> str:
    return md5(f"{kind} {number} of day {day}".encode()).hexdigest()


def links_of(exports: Iterable[Export]) -> list[Link]:
    """The links after loading the exports in the order given."""
    log = MemoryLog()
    for export in exports:
        number = log.register("0180", "x.xlsx", repr(export).encode(), 1).delivery_no
        log.load(number, stage(claims(export)), hold_share=1.0)
    facts = read_facts(live(log.events()), CODEBOOKS, {})
    found = find_links(facts, CODEBOOKS, Rules(), log.churning_ids())
    return sorted(found, key=repr)


SUBJECT, NUMBER = st.sampled_from((1, 2, None)), st.sampled_from((None, 1, 2))
ROWS: Mapping[str, st.SearchStrategy[Row]] = {
    "referrals": st.fixed_dictionaries(
        {
            "subject": SUBJECT,
            "received_on": st.integers(0, 4),
            "action": st.sampled_from((None, "A1", "okänt")),
            "referral_id": NUMBER,
            "investigation_id": NUMBER,
            "case_id": NUMBER,
        }
    ),
    "investigations": st.fixed_dictionaries(
        {
            "subject": SUBJECT,
            "opened_on": st.integers(0, 4),
            "investigation_id": NUMBER,
            "referral_ids": st.sampled_from(((), (1,), (1, 2))),
            "case_id": NUMBER,
        }
    ),
    "interventions": st.fixed_dictionaries(
        {
            "subject": SUBJECT,
            "decided_on": st.integers(3, 7),
            "intervention_type": st.sampled_from(("kontaktperson", "placering")),
            "intervention_id": NUMBER,
            "investigation_id": NUMBER,
            "case_id": NUMBER,
        }
    ),
    "follow_ups": st.fixed_dictionaries(
        {"subject": SUBJECT, "held_on": st.integers(6, 8), "intervention_id": NUMBER}
    ),
}


@st.composite
def exports(draw: st.DrawFn) -> list[Export]:
    """What one municipality exported on up to four days: the same facts, by other ids, and other facts."""
    found = []
    for day in range(21, 21 + draw(st.integers(1, 4))):
        for record_type, rows in ROWS.items():
            if draw(st.integers(0, 3)):
                given = tuple(draw(st.lists(rows, min_size=1, max_size=3)))
                found.append(Export(record_type, day, draw(st.booleans()), given))
    return found


@settings(max_examples=150, deadline=None)
@given(exports(), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_change_links(given: list[Export], random: Any) -> None:
    shuffled = list(given)
    random.shuffle(shuffled)
    assert links_of(shuffled) == links_of(given)


REFERRAL = {"subject": 1, "received_on": 0, "action": "A1", "referral_id": 7, "investigation_id": 1}
FAR, NEAR = ({"subject": 1, "opened_on": day, "investigation_id": number} for day, number in ((9, 1), (3, 2)))


def test_an_export_that_says_nothing_new_still_tells_what_its_ids_mean() -> None:
    """The referral comes again with the investigations' export, unchanged but for its ids."""
    first = Export("referrals", 21, True, (REFERRAL,))
    again = Export("referrals", 22, True, (REFERRAL,))
    investigations = Export("investigations", 22, True, (FAR, NEAR))
    for order in ((first, again, investigations), (again, first, investigations)):
        (link,) = links_of(order)
        assert link.method is LinkMethod.EXPLICIT
    assert links_of((first, again, investigations)) == links_of((investigations, again, first))


def test_the_newest_export_that_shows_a_link_decides() -> None:
    old = [Export("referrals", 21, True, (REFERRAL,)), Export("investigations", 21, True, (FAR, NEAR))]
    renamed = {**REFERRAL, "investigation_id": 2}
    new = [Export("referrals", 22, True, (renamed,)), Export("investigations", 22, True, (FAR, NEAR))]
    without = [Export("referrals", 23, True, ({**REFERRAL, "investigation_id": 5},))]
    (far,), (near,) = links_of(old), links_of(old + new)
    assert far.to_id != near.to_id
    assert [near.method, near.candidates] == [LinkMethod.EXPLICIT, 1]
    assert links_of(new + old) == links_of(old + new) == links_of(without + new + old)


def test_a_reference_taken_back_is_no_link() -> None:
    both = [Export("referrals", 21, True, (REFERRAL,)), Export("investigations", 21, True, (FAR,))]
    blank = Export("referrals", 22, True, ({**REFERRAL, "investigation_id": None, "action": "okänt"},))
    assert [link.method for link in links_of(both)] == [LinkMethod.EXPLICIT]
    assert links_of([*both, blank]) == links_of([blank, *both]) == []
