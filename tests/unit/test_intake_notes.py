"""Sidecars, file names and dates: what a delivery covers."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime

import pytest

from tracker.domain.delivery import Cell
from tracker.domain.errors import RejectedFile, UsageError
from tracker.domain.periods import Period
from tracker.domain.spec import CellType
from tracker.intake.aliases import read_aliases
from tracker.intake.dates_seen import days_seen, span
from tracker.intake.period_names import period_in
from tracker.intake.privacy_guard import safe_text, shown_header
from tracker.intake.sidecar import Sidecar, read_sidecar
from tracker.intake.systems import load_systems, profile

WHOLE = """
record_type: referrals
period_from: 2023-01-01
period_to: "2023-12-31"
full: true
extracted_on: 2024-01-15
system: Treva
not_opened_complete: true
stable_ids: false
stable_child_ids: true
synthetic: true
"""


def test_a_whole_sidecar() -> None:
    assert read_sidecar(WHOLE.encode()) == Sidecar(
        "referrals",
        Period(date(2023, 1, 1), date(2023, 12, 31)),
        True,
        date(2024, 1, 15),
        "Treva",
        True,
        False,
        True,
        True,
    )


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"full:\n", b"\xef\xbb\xbfsystem:\n"])
def test_an_empty_sidecar_declares_nothing(content: bytes) -> None:
    assert read_sidecar(content) == Sidecar()


@pytest.mark.parametrize(
    ("content", "rule", "word"),
    [
        (b"ful: true", "FILE-061", "ful"),
        (b"full: 'yes please'", "FILE-062", "full"),
        (b"full: 1", "FILE-062", "true eller false"),
        (b"period_from: 2023-13-01\nperiod_to: 2023-12-31", "FILE-062", "period_from"),
        (b"period_from: 2023-01-01", "FILE-062", "period_to"),
        (b"period_from: 2024-01-01\nperiod_to: 2023-01-01", "FILE-062", "period_to"),
        (b"extracted_on: i januari", "FILE-062", "extracted_on"),
        (b"extracted_on: 9999-12-31", "FILE-062", "1950"),
        (b"record_type: referral", "FILE-062", "referrals"),
        (b"system: [a]", "FILE-062", "system"),
        (b"- a\n- b", "FILE-060", "namn: v"),
        (b"a: [", "FILE-060", "YAML"),
        (b"!!python/object/apply:os.system [id]", "FILE-060", "YAML"),
        (b"x" * 70_000, "FILE-060", "70000"),
        (b"\x00\x00\x00", "FILE-060", "YAML"),
    ],
)
def test_a_sidecar_that_cannot_be_trusted_is_refused(content: bytes, rule: str, word: str) -> None:
    with pytest.raises(RejectedFile) as refused:
        read_sidecar(content)
    assert refused.value.rule == rule and word in str(refused.value)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Aktualiseringar 2023.xlsx", "2023-01-01", "2023-12-31"),
        ("akt_2023_v2.csv", "2023-01-01", "2023-12-31"),
        ("helår 2023.xlsx", "2023-01-01", "2023-12-31"),
        ("2023-01--2023-12.xlsx", "2023-01-01", "2023-12-31"),
        ("uttag 202301-202312.csv", "2023-01-01", "2023-12-31"),
        ("20230101-20230630.csv", "2023-01-01", "2023-06-30"),
        ("2023-01-01_2023-06-30.csv", "2023-01-01", "2023-06-30"),
        ("2023-01-01 till 2023-06-30.csv", "2023-01-01", "2023-06-30"),
        ("2022-2024 utredningar.xlsx", "2022-01-01", "2024-12-31"),
        ("kv1 2024.xlsx", "2024-01-01", "2024-03-31"),
        ("insatser 2024 Q4.xlsx", "2024-10-01", "2024-12-31"),
        ("kvartal 2 2024.xlsx", "2024-04-01", "2024-06-30"),
        ("T1 2024.xlsx", "2024-01-01", "2024-04-30"),
        ("2024_T3.xlsx", "2024-09-01", "2024-12-31"),
        ("halvår 2 2023.xlsx", "2023-07-01", "2023-12-31"),
        ("H1-2023.xlsx", "2023-01-01", "2023-06-30"),
        ("uppföljning 2024-02.xlsx", "2024-02-01", "2024-02-29"),
        ("0180_2023.xlsx", "2023-01-01", "2023-12-31"),
    ],
)
def test_periods_in_file_names(name: str, first: str, last: str) -> None:
    assert period_in(name) == Period(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "name",
    [
        "uttag.xlsx",
        "export_20240115.csv",
        "export 2024-01-15.csv",
        "1480.xlsx",
        "12023.csv",
        "20231301-20231401.csv",
    ],
)
def test_what_is_no_period_is_none(name: str) -> None:
    assert period_in(name) is None


@pytest.mark.parametrize(
    ("cell", "kind", "day"),
    [
        (date(2023, 3, 1), CellType.DATE, "2023-03-01"),
        (datetime(2023, 3, 1, 10), CellType.DATE, "2023-03-01"),
        ("2023-03-01", CellType.DATE, "2023-03-01"),
        ("2023-03-01 00:00:00", CellType.DATE, "2023-03-01"),
        ("20230301", CellType.DATE, "2023-03-01"),
        ("1/3 2023", CellType.DATE, "2023-03-01"),
        ("01.03.2023", CellType.DATE, "2023-03-01"),
        (44986, CellType.DATE, "2023-03-01"),
        (20230301, CellType.DATE, "2023-03-01"),
        ("2023-03", CellType.MONTH, "2023-03-31"),
        (202303, CellType.MONTH, "2023-03-31"),
        (date(2023, 3, 1), CellType.MONTH, "2023-03-31"),
        (2023, CellType.YEAR, "2023-12-31"),
        ("2023", CellType.YEAR, "2023-12-31"),
    ],
)
def test_days_are_read_leniently(cell: Cell, kind: CellType, day: str) -> None:
    assert days_seen([cell, cell], kind) == Counter({date.fromisoformat(day): 2})


@pytest.mark.parametrize(
    "cell",
    [None, "", "okänt", "2023-02-30", "9999-12-31", date(9999, 12, 31), True, "2023-03", 12, -5.5, "1/3"],
)
def test_what_is_no_day_is_passed_over(cell: Cell) -> None:
    assert not days_seen([cell], CellType.DATE)


def test_lonely_days_at_the_ends_are_left_out() -> None:
    year = Counter({date(2023, month, 1): 30 for month in range(1, 13)})
    odd = Counter({date(1923, 1, 1): 1, date(2099, 1, 1): 2})
    assert span(year + odd) == Period(date(2023, 1, 1), date(2023, 12, 1))
    assert span(Counter({date(2020, 1, 1): 5, date(2023, 1, 1): 5})) == Period(
        date(2020, 1, 1), date(2023, 1, 1)
    )
    assert span(Counter()) is None


def test_systems_are_known_whatever_the_case() -> None:
    assert [system.name for system in load_systems().values()] == ["Procura", "Treva", "Lifebook", "Viskan"]
    found = profile(" lifebook ")
    assert found is not None and found.stable_child_ids and profile("other") is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"kommun;header\n", "columns"),
        (b"municipality,record_type,header,field\n0180,referrals,X,nope\n", "line 2"),
        (b"municipality,record_type,header,field\n0180,nope,X,child\n", "line 2"),
    ],
)
def test_faulty_aliases_are_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_aliases(content)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("akt 150331-9814.csv", "akt ###########.csv"),
        ("201503319814.csv", "############.csv"),
        ("uttag 202301-202312.csv", "uttag 202301-202312.csv"),
        ("20230101-20231231.csv", "20230101-20231231.csv"),
        ("2023-01-01--2023-12-31.csv", "2023-01-01--2023-12-31.csv"),
        ("2024 2015_03_31_9814.csv", "2024 ###############.csv"),
        ("201503319814_150331 9814", "############_###########"),
    ],
)
def test_national_ids_in_file_names_are_hidden(name: str, shown: str) -> None:
    assert safe_text(name) == shown


def test_headers_that_may_be_data_are_not_shown() -> None:
    assert shown_header("20150331-9814") == "(12 siffror)"
    assert shown_header("Kön (1=flicka, 2=pojke)") == "Kön (1=flicka, 2=pojke)"
    assert len(shown_header("x" * 500)) == 61
