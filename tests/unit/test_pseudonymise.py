"""Claims become pseudonymous: who is one child, which rows stop, and that no number is left anywhere.

All numbers are synthetic, from Skatteverket's test series (serials 980–999).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import stdnum.luhn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker.domain.delivery import Claims, DeliveryNote, PseudonymousClaims, Value
from tracker.domain.findings import Finding, Severity
from tracker.domain.periods import Period
from tracker.intake.spec_files import load_spec
from tracker.pseudonymise.columns import reference
from tracker.pseudonymise.keyring import Keyring
from tracker.pseudonymise.pseudonymise import pseudonymise
from tracker.pseudonymise.vault import MemoryVault

EXTRACTED = date(2026, 1, 15)


def number(born: date, serial: int, *, coordination: bool = False) -> str:
    nine = f"{born:%y%m}{born.day + (60 if coordination else 0):02d}{serial:03d}"
    return f"{born.year // 100}{nine}{stdnum.luhn.calc_check_digit(nine)}"


A = number(date(2015, 3, 31), 980)
B = number(date(2012, 8, 1), 985)
SAM = number(date(2014, 1, 9), 990, coordination=True)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("keyring") / "keys")


@pytest.fixture
def vault(keyring: Keyring) -> MemoryVault:
    return MemoryVault(keyring.identities)


def claims(
    columns: Mapping[str, Sequence[Value]],
    record_type: str = "referrals",
    quarantined: Mapping[int, tuple[Finding, ...]] | None = None,
    set_aside: Mapping[int, str] | None = None,
    **note: Any,
) -> Claims:
    """A delivery whose first data row is row 2 and whose columns are A, B, C …"""
    declared = {"municipality": "0180", "system": "Treva", **note}
    count = len(next(iter(columns.values())))
    return Claims(
        note=DeliveryNote(
            file_name="uttag.xlsx",
            record_type=record_type,
            period=Period(date(2025, 1, 1), date(2025, 12, 31)),
            extracted_on=EXTRACTED,
            **declared,
        ),
        spec=load_spec(record_type),
        sheet="Blad1",
        row_numbers=range(2, 2 + count),
        letters={name: "ABCDEFGH"[place] for place, name in enumerate(columns)},
        columns=columns,
        quarantined=quarantined or {},
        set_aside=set_aside or {},
    )


def rules(result: PseudonymousClaims, row: int) -> list[str]:
    return [finding.rule for finding in result.quarantined.get(row, ())]


def test_one_child_is_one_subject_however_written(keyring: Keyring, vault: MemoryVault) -> None:
    written: list[Value] = [A, f"{A[2:8]}-{A[8:]}", float(A), int(A[2:]), B, SAM]
    result = pseudonymise(claims({"child": written}), keyring, vault)
    subjects = result.subjects
    assert len(set(subjects[:4])) == 1
    assert len(set(subjects)) == 3
    assert all(UUID(subject or "").version == 4 for subject in subjects)
    assert not result.quarantined


def test_a_number_is_one_child_in_all_municipalities_and_a_local_id_is_not(
    keyring: Keyring, vault: MemoryVault
) -> None:
    def subjects(**note: Any) -> Sequence[str | None]:
        delivery = claims({"child": [A, "4711"]}, stable_child_ids=True, **note)
        return pseudonymise(delivery, keyring, vault).subjects

    here, again, there, elsewhere = (
        subjects(),
        subjects(),
        subjects(municipality="1480"),
        subjects(system="Procura"),
    )
    assert here == again
    assert here[0] == there[0] == elsewhere[0]
    assert len({here[1], there[1], elsewhere[1]}) == 3


def test_rows_without_an_id_are_kept_and_unlinkable(keyring: Keyring, vault: MemoryVault) -> None:
    result = pseudonymise(claims({"child": [None, " ", "-", A]}), keyring, vault)
    assert result.subjects[:3] == [None, None, None]
    assert not result.quarantined
    assert not result.findings


def test_a_file_without_the_column_is_unlinkable(keyring: Keyring, vault: MemoryVault) -> None:
    result = pseudonymise(claims({"received_on": [date(2025, 2, 3)] * 2}), keyring, vault)
    assert result.subjects == [None, None]


def test_words_in_the_id_column_name_nobody_and_are_remarked_once(
    keyring: Keyring, vault: MemoryVault
) -> None:
    result = pseudonymise(claims({"child": [A, "saknas", "okänd"]}), keyring, vault)
    assert result.subjects[1:] == [None, None]
    (finding,) = result.findings
    assert (finding.rule, finding.severity, finding.row, finding.count) == ("ID-202", Severity.WARNING, 3, 2)


def test_local_ids_not_declared_stable_are_unlinkable_and_it_is_said(
    keyring: Keyring, vault: MemoryVault
) -> None:
    result = pseudonymise(claims({"child": ["4711", "4712", A]}), keyring, vault)
    assert result.subjects[:2] == [None, None]
    assert result.subjects[2]
    (finding,) = result.findings
    assert (finding.rule, finding.row, finding.column, finding.count) == ("ID-201", 2, "A", 2)


def test_a_broken_id_stops_its_own_row(keyring: Keyring, vault: MemoryVault) -> None:
    result = pseudonymise(claims({"child": [A, "803200016", "1.98803E+11", A]}), keyring, vault)
    assert [rules(result, row) for row in range(4)] == [[], ["ID-101"], ["ID-102"], []]
    assert result.subjects == [result.subjects[0], None, None, result.subjects[0]]
    (finding,) = result.quarantined[1]
    assert (finding.sheet, finding.row, finding.column, finding.fields) == ("Blad1", 3, "A", ("child",))
    assert finding.found == "9 siffror"
    assert finding.remedy
    assert finding.expected


def test_stopped_rows_make_no_subject(keyring: Keyring, vault: MemoryVault) -> None:
    earlier = Finding("REF-101", Severity.ERROR, "…")
    delivery = claims({"child": [A, B]}, quarantined={0: (earlier,)}, set_aside={1: "sum_row"})
    result = pseudonymise(delivery, keyring, vault)
    assert result.subjects == [None, None]
    assert result.quarantined == {0: (earlier,)}
    assert result.set_aside == {1: "sum_row"}
    identities = keyring.identities
    assert not vault._contents.subjects, identities.version


def test_an_erased_child_is_set_aside(keyring: Keyring, vault: MemoryVault) -> None:
    subject = pseudonymise(claims({"child": [A, B]}), keyring, vault).subjects[0]
    vault.erase(subject or "")
    result = pseudonymise(claims({"child": [B, A, A]}), keyring, vault)
    assert result.set_aside == {1: "erased_subject", 2: "erased_subject"}
    assert result.subjects[1:] == [None, None]


def test_two_children_with_one_local_id_are_both_stopped(keyring: Keyring, vault: MemoryVault) -> None:
    delivery = claims(
        {
            "child": ["1", "1", "2", "2", "3", "3", "4"],
            "sex": ["Flicka", "Pojke", "F", "Flicka", None, "Pojke", "Pojke"],
            "birth_date": [None, None, None, None, date(2015, 1, 1), date(2016, 1, 1), None],
        },
        stable_child_ids=True,
    )
    result = pseudonymise(delivery, keyring, vault)
    stopped = [row for row in range(7) if rules(result, row) == ["ID-114"]]
    assert stopped == [0, 1, 4, 5]
    assert {result.quarantined[row][0].found for row in stopped} == {"olika kön", "olika födelsedatum"}
    assert result.subjects[2] == result.subjects[3] is not None


def test_birth_dates_are_filled_from_personal_numbers_only(keyring: Keyring, vault: MemoryVault) -> None:
    given_ = date(2015, 4, 1)
    columns: dict[str, Sequence[Value]] = {"child": [A, SAM, "17", None, A]}
    filled = pseudonymise(claims(columns), keyring, vault).columns["birth_date"]
    assert filled == [date(2015, 3, 31), None, None, None, date(2015, 3, 31)]
    columns["birth_date"] = [None, None, None, None, given_]
    filled = pseudonymise(claims(columns), keyring, vault).columns["birth_date"]
    assert filled == [date(2015, 3, 31), None, None, None, given_]
    other = pseudonymise(claims({"child": [A]}, "follow_ups"), keyring, vault)
    assert "birth_date" not in other.columns


def test_source_ids_of_one_kind_meet_across_record_types(keyring: Keyring, vault: MemoryVault) -> None:
    referrals = pseudonymise(
        claims({"child": [A, A], "referral_id": [17, "A2"], "investigation_id": ["U1", None]}), keyring, vault
    )
    investigations = pseudonymise(
        claims(
            {"child": [A], "investigation_id": [" U1 "], "referral_ids": [("17.0", "A2")]}, "investigations"
        ),
        keyring,
        vault,
    )
    assert investigations.columns["investigation_id"][0] == referrals.columns["investigation_id"][0]
    assert investigations.columns["referral_ids"][0] == tuple(referrals.columns["referral_id"])
    assert referrals.columns["investigation_id"][1] is None
    elsewhere = pseudonymise(claims({"referral_id": [17]}, municipality="1480"), keyring, vault)
    assert elsewhere.columns["referral_id"][0] != referrals.columns["referral_id"][0]
    assert len(str(referrals.columns["referral_id"][0])) == 32


@pytest.mark.parametrize(
    ("cell", "text"),
    [(123.0, "123"), (123, "123"), (" 123 ", "123"), ("123.0", "123"), ("A.0", "A.0"), (None, "")],
)
def test_references_are_read_alike(cell: Value, text: str) -> None:
    assert reference(cell) == text


def test_a_changed_number_links_two_subjects(keyring: Keyring, vault: MemoryVault) -> None:
    columns: dict[str, Sequence[Value]] = {
        "child": [A, A, A, B],
        "previous_child": [SAM, None, A, "803200016"],
    }
    result = pseudonymise(claims(columns, "child_facts"), keyring, vault)
    (sam,) = pseudonymise(claims({"child": [SAM]}), keyring, vault).subjects
    assert result.linked_subjects == {0: sam}
    assert rules(result, 3) == ["ID-101"]
    assert result.quarantined[3][0].column == "B"


def test_an_old_number_resolved_to_an_adult_is_remarked(keyring: Keyring, vault: MemoryVault) -> None:
    grown = number(date(1990, 1, 1), 980)
    (finding,) = pseudonymise(claims({"child": [grown, A]}), keyring, vault).findings
    assert (finding.rule, finding.count) == ("ID-203", 1)


def test_texts_go_no_further_and_a_number_in_one_stops_that_row(keyring: Keyring, vault: MemoryVault) -> None:
    delivery = claims(
        {
            "child": [A, A, A],
            "note": ["Ring mormor", f"Syskon {B[2:8]}-{B[8:]}", None],
            "referrer": ["Skola", "Polis", f"Moder {B}"],
        }
    )
    result = pseudonymise(delivery, keyring, vault)
    assert "note" not in result.columns
    assert [rules(result, row) for row in range(3)] == [[], ["ID-115"], ["ID-115"]]
    assert result.columns["referrer"] == ["Skola", "Polis", None]


def test_aggregates_have_no_child(keyring: Keyring, vault: MemoryVault) -> None:
    result = pseudonymise(
        claims({"month": [date(2025, 1, 1)], "started": [4]}, "open_support_counts"), keyring, vault
    )
    assert result.subjects == [None]
    assert result.columns == {"month": [date(2025, 1, 1)], "started": [4]}


wordings = st.one_of(
    st.sampled_from([A, B, SAM, A[2:], f"Barn {A}", f"{A[2:]}x", A[3:], f"{A}.0", "'" + B]),
    st.just(float(A)),
    st.none(),
)
ids = st.one_of(wordings, st.sampled_from([A + "0", date(2015, 3, 31), 1e300]))


@given(st.lists(st.tuples(ids, ids, wordings, wordings), min_size=1, max_size=6), st.booleans())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_number_is_left_in_anything_that_goes_on(
    keyring: Keyring, rows: list[tuple[Value, ...]], stable: bool
) -> None:
    names = ("child", "previous_child", "note", "fact")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    delivery = claims(columns, "child_facts", stable_child_ids=stable)
    result = pseudonymise(delivery, keyring, MemoryVault(keyring.identities))
    shown = repr(result) + repr(delivery)
    for digits in (A, B, SAM):
        assert digits not in shown
        assert digits[2:] not in shown
        assert f"{digits[2:8]}-{digits[8:]}" not in shown


def test_every_finding_is_whole(keyring: Keyring, vault: MemoryVault, tmp_path: Path) -> None:
    delivery = claims(
        {"child": ["saknas", "803200016", "x1", number(date(1990, 1, 1), 981)], "note": [None, A, None, None]}
    )
    result = pseudonymise(delivery, keyring, vault)
    findings = [*result.findings, *(one for several in result.quarantined.values() for one in several)]
    assert len({finding.rule for finding in findings}) == 5
    for finding in findings:
        assert finding.message.endswith(".")
        assert finding.remedy.endswith(".")
        assert finding.expected
        assert finding.row
