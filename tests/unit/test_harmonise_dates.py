"""Cells as dates and numbers: every form municipalities write, and what is refused."""

from datetime import date, datetime

import pytest

from tracker.harmonise.dates import NOT_YET, Problem, end_words, read_date, read_end, read_month, read_year
from tracker.harmonise.numbers import read_decimal, read_integer, read_source_id, read_source_ids

FIRST_OF_MARCH = date(2023, 3, 1)


@pytest.mark.parametrize(
    "cell",
    [
        FIRST_OF_MARCH,
        datetime(2023, 3, 1, 13, 45),
        "2023-03-01",
        "2023-3-1",
        "2023-03-01 00:00:00",
        "2023-03-01T13:45:00Z",
        "2023/03/01",
        "20230301",
        20230301,
        20230301.0,
        "1/3 2023",
        "01/03 2023",
        "1/3-23",
        "1/3 -23",
        "1/3-2023",
        "01.03.2023",
        "1.3.2023",
        "1 mars 2023",
        "den 1 mars 2023",
        "1 Mar 2023",
        "1:a mars 2023",
        44986,
        44986.0,
        44986.625,
        "44986",
        " 2023–03–01 ",
    ],
)
def test_ways_of_writing_the_first_of_march(cell):
    assert read_date(cell) == FIRST_OF_MARCH


def test_excel_day_numbers_at_their_bounds():
    assert read_date(32874) == date(1990, 1, 1)
    assert read_date(60000) == date(2064, 4, 8)
    assert isinstance(read_date(60001), Problem)
    assert isinstance(read_date(19999), Problem)


@pytest.mark.parametrize(
    "cell", ["03/04/2023", "3-4-2023", "03/04/2023 00:00", "230304", "23-03-04", "3.4.23"]
)
def test_two_readings_are_one_too_many(cell):
    problem = read_date(cell)
    assert isinstance(problem, Problem)
    assert problem.kind == "ambiguous"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("13/04/2023", date(2023, 4, 13)),
        ("04/13/2023", date(2023, 4, 13)),
        ("03/03/2023", date(2023, 3, 3)),
    ],
)
def test_one_possible_reading_is_enough(cell, day):
    assert read_date(cell) == day


@pytest.mark.parametrize(
    "cell", ["2023-02-30", "31/4 2023", "2023-13-01", "2023-03", "i mars", "0000-01-01", True, None, "", 12.5,
             float("nan"), float("inf"), 9803, "19880320-0016"],
)  # fmt: skip
def test_what_is_no_date(cell):
    problem = read_date(cell)
    assert isinstance(problem, Problem)
    assert problem.kind == "unreadable"
    assert problem.expected and problem.found and problem.remedy


def test_a_problem_never_repeats_the_cell():
    problem = read_date("19880320-9816")
    assert isinstance(problem, Problem)
    assert problem.found == "99999999-9999"
    assert "1988" not in repr(problem)


def test_out_of_range():
    for cell in ("1889-03-01", "2203-03-01"):
        problem = read_date(cell)
        assert isinstance(problem, Problem)
        assert problem.kind == "out_of_range"
    assert isinstance(read_date("2024-01-02", latest=date(2024, 1, 1)), Problem)
    assert read_date("2024-01-01", latest=date(2024, 1, 1)) == date(2024, 1, 1)


@pytest.mark.parametrize("cell", ["2023-03", "202303", 202303, "2023/3", "mars 2023", "2023 mars", "Mar 2023",
                                  date(2023, 3, 17), "2023-03-17", 44986])  # fmt: skip
def test_months_are_their_first_day(cell):
    assert read_month(cell) == FIRST_OF_MARCH


@pytest.mark.parametrize("cell", ["2023-13", "0000-05", "vecka 9", 2023, None])
def test_what_is_no_month(cell):
    assert isinstance(read_month(cell), Problem)


@pytest.mark.parametrize("cell", [2023, 2023.0, "2023", date(2023, 5, 1)])
def test_years_are_their_first_day(cell):
    assert read_year(cell) == date(2023, 1, 1)


@pytest.mark.parametrize("cell", ["23", 1889, "2023/24", None, True])
def test_what_is_no_year(cell):
    assert isinstance(read_year(cell), Problem)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (12, 12),
        (12.0, 12),
        ("12", 12),
        ("12,0", 12),
        ("12 år", 12),
        ("−1", -1),
        ("1 234", 1234),
        ("1\xa0234 567", 1234567),
    ],
)
def test_whole_numbers(cell, number):
    read = read_integer(cell)
    assert read == number
    assert type(read) is int


@pytest.mark.parametrize("cell", ["tolv", "<5", "12,5", 12.5, True, None, "", date(2023, 1, 1), float("nan")])
def test_what_is_no_whole_number(cell):
    assert isinstance(read_integer(cell), Problem)


@pytest.mark.parametrize(
    ("cell", "number"), [("24,5", 24.5), ("24.5", 24.5), (24, 24.0), ("1 024,25", 1024.25)]
)
def test_decimals(cell, number):
    assert read_decimal(cell) == number


@pytest.mark.parametrize(
    ("cell", "text"), [("A-17 ", "A-17"), (17, "17"), (17.0, "17"), ("'0017", "0017"), (17.5, "17.5")]
)
def test_source_ids_are_text(cell, text):
    assert read_source_id(cell) == text


@pytest.mark.parametrize("cell", [1.98803e16, "1.98803E+11", "1,98803E+11", date(2023, 1, 1)])
def test_source_ids_a_spreadsheet_has_damaged(cell):
    problem = read_source_id(cell)
    assert isinstance(problem, Problem)
    assert problem.kind == "damaged"


def test_several_source_ids_keep_their_order_and_appear_once():
    assert read_source_ids("A-2; A-1,A-2") == ("A-2", "A-1")
    assert read_source_ids(12.0) == ("12",)
    assert isinstance(read_source_ids("A-1; 1E+11"), Problem)


@pytest.mark.parametrize(
    "cell",
    [
        "9999-12-31",
        "99991231",
        99991231.0,
        "9999-12-31 00:00:00",
        datetime(9999, 12, 31),
        "31.12.9999",
        "31/12/9999",
        " Tills  vidare ",
        "T.v.",
        "–",
        2958465.0,
        "2958465",
    ],
)
def test_what_stands_for_no_end_yet(cell):
    not_yet = end_words(["9999-12-31", "tills vidare", "t v", "-", "2958465"])
    problem = read_end(cell, not_yet=not_yet)
    assert isinstance(problem, Problem) and problem.kind == NOT_YET
    assert problem.found in not_yet


def test_an_end_that_is_not_listed_is_read_as_any_other_date():
    not_yet = end_words(["9999-12-31"])
    assert read_end("2023-03-01", not_yet=not_yet) == FIRST_OF_MARCH
    for cell, kind in [
        ("9998-12-31", "out_of_range"),
        ("2999-12-31", "out_of_range"),
        ("snart", "unreadable"),
    ]:
        problem = read_end(cell, not_yet=not_yet)
        assert isinstance(problem, Problem) and problem.kind == kind
