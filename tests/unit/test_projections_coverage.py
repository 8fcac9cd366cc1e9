from __future__ import annotations

from datetime import date

from tracker.projections.coverage import Covered, Declared, Run, Seen, coverage


def delivery(
    number: int, first: str, last: str, read: str, *, full: bool = True, record_type: str = "referrals"
) -> Declared:
    days = (date.fromisoformat(text) for text in (first, last, read))
    first_day, last_day, read_day = days
    return Declared(number, "0180", record_type, first_day, last_day, full, read_day)


def intervals(*deliveries: Declared) -> list[tuple[str, str, str]]:
    return [(str(i.first), str(i.last), str(i.extracted_on)) for i in coverage(deliveries)]


def test_only_full_deliveries_cover() -> None:
    assert intervals(delivery(1, "2023-01-01", "2023-12-31", "2024-02-01", full=False)) == []


def test_nothing_is_covered_after_the_day_of_extraction() -> None:
    early = delivery(1, "2023-01-01", "2023-12-31", "2023-06-30")
    assert intervals(early) == [("2023-01-01", "2023-06-30", "2023-06-30")]


def test_an_extract_read_before_its_period_covers_nothing() -> None:
    assert intervals(delivery(1, "2023-01-01", "2023-12-31", "2022-12-31")) == []


def test_the_later_extract_takes_over_its_days() -> None:
    year = delivery(1, "2023-01-01", "2023-12-31", "2024-01-15")
    again = delivery(2, "2023-04-01", "2023-06-30", "2024-03-01")
    assert intervals(again, year) == [
        ("2023-01-01", "2023-03-31", "2024-01-15"),
        ("2023-04-01", "2023-06-30", "2024-03-01"),
        ("2023-07-01", "2023-12-31", "2024-01-15"),
    ]


def test_neighbouring_days_of_one_extract_day_are_one_interval() -> None:
    one = delivery(1, "2023-01-01", "2023-06-30", "2024-01-15")
    two = delivery(2, "2023-07-01", "2023-12-31", "2024-01-15")
    assert intervals(one, two) == [("2023-01-01", "2023-12-31", "2024-01-15")]


def test_runs_are_where_every_record_type_is_covered() -> None:
    seen = Seen(
        [
            delivery(1, "2023-01-01", "2023-12-31", "2024-01-15"),
            delivery(2, "2024-01-01", "2024-12-31", "2025-01-15"),
            delivery(3, "2023-03-01", "2023-05-31", "2024-01-15", record_type="investigations"),
            delivery(4, "2024-02-01", "2024-12-31", "2025-01-15", record_type="investigations"),
        ]
    )
    assert seen.runs("0180", frozenset({"referrals"})) == [Run(date(2023, 1, 1), date(2024, 12, 31), True)]
    assert seen.runs("0180", frozenset({"referrals", "investigations"})) == [
        Run(date(2023, 3, 1), date(2023, 5, 31), False),
        Run(date(2024, 2, 1), date(2024, 12, 31), True),
    ]
    assert seen.runs("0180", frozenset({"follow_ups"})) == []


def test_rows_are_known_until_their_own_extract_or_the_first_gap() -> None:
    """The old year was last read in January: what became of its rows later is not known."""
    seen = Seen(
        [
            delivery(1, "2023-01-01", "2023-12-31", "2024-01-15"),
            delivery(2, "2024-01-01", "2024-12-31", "2025-01-15"),
        ]
    )
    assert [seen.known_to(i) for i in seen.intervals] == [date(2024, 1, 15), date(2024, 12, 31)]
    assert seen.last_read("0180", "referrals", date(2023, 5, 1), 99) == date(2024, 1, 15)
    assert seen.last_read("0180", "referrals", date(2022, 5, 1), 99) is None
    assert seen.last_read("0180", "referrals", date(2022, 5, 1), 2) == date(2025, 1, 15)


def test_intervals_are_in_order() -> None:
    made = coverage([delivery(1, "2023-01-01", "2023-01-31", "2024-01-15")])
    assert made == [
        Covered("0180", "referrals", date(2023, 1, 1), date(2023, 1, 31), date(2024, 1, 15), False)
    ]
