"""What a flow table says of a few spells. Each case is readable as it stands.

Given: a line a spell, ``child state entered/step left/step to``; then the table, a line a cell,
``day/step state flow [to] × count``. ``end`` is the step after the last of a day.
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from tests.flow_tables import in_duckdb, lines, spells
from tracker.domain.errors import UsageError
from tracker.projections.engines import collected
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_pieces import Piece, birthdays, in_pieces
from tracker.projections.flow_table import flow_table


def told(given: pa.Table, clock: Clock, *strata: str, **options: object) -> list[str]:
    expression = flow_table(in_duckdb(given), clock, strata, **options)  # type: ignore[arg-type]  # the options of one call
    return lines(collected(expression), strata)


def expected(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


TWO_CHILDREN = """
    a referral      03-01/0 03-01/1 investigation
    a investigation 03-01/1 03-20/1 closed         episode_entered_on=03-01
    a closed        03-20/1 04-30                  episode_entered_on=03-01
    b referral      05-10/0 05-12/1 investigation
    b investigation 05-12/1 05-14/1 moved          episode_entered_on=05-10
"""


def test_since_the_first_referral_of_an_episode_which_ends_where_nothing_is_open() -> None:
    assert told(spells(TWO_CHILDREN), Clock.EPISODE) == expected("""
        0/0 referral entered × 2
        0/1 investigation entered × 1
        0/1 referral transition investigation × 1
        2/1 investigation entered × 1
        2/1 referral transition investigation × 1
        4/end investigation censored × 1
        19/1 investigation transition closed × 1
    """)


def test_since_the_state_was_entered_all_exits_of_a_day_are_tied() -> None:
    given = spells("""
        a referral 03-01/0 03-01/1 investigation
        b referral 03-05/2 03-07/3 investigation
        c referral 03-05/1 03-07/1 closed
        d referral 03-06/1 03-08
    """)
    assert told(given, Clock.STATE) == expected("""
        0/0 referral entered × 4
        0/1 referral transition investigation × 1
        2/1 referral transition closed × 1
        2/1 referral transition investigation × 1
        2/end referral censored × 1
    """)


def test_a_stay_first_seen_late_enters_late_on_the_clock_of_the_state() -> None:
    given = spells("a intervention 01-01/0 02-01/2 closed state_entered_on=2023-12-22")
    assert told(given, Clock.STATE) == expected("""
        10/0 intervention entered × 1
        41/1 intervention transition closed × 1
    """)


def test_since_entry_the_clock_goes_on_from_episode_to_episode() -> None:
    given = spells(
        """
        a referral 03-01/0 03-05/1 closed   origin_on=03-01
        a closed   03-05/1 03-11/1 referral origin_on=03-01
        a referral 03-11/1 03-31            origin_on=03-01 episode=2
        """,
        origin_on=pa.date32(),
    )
    assert told(given, Clock.ENTRY) == expected("""
        0/0 referral entered × 1
        4/1 closed entered × 1
        4/1 referral transition closed × 1
        10/1 closed transition referral × 1
        10/1 referral entered × 1
        30/end referral censored × 1
    """)


def test_by_age_and_by_calendar() -> None:
    given = spells("a referral 03-01/0 03-11/1 closed birth_month=2023-03-01", birth_month=pa.date32())
    assert told(given, Clock.AGE) == ["366/0 referral entered × 1", "376/1 referral transition closed × 1"]
    assert told(given, Clock.CALENDAR) == [
        "19783/0 referral entered × 1",
        "19793/1 referral transition closed × 1",
    ]


def test_moving_ends_observation_unless_it_is_asked_for_as_a_transition() -> None:
    given = spells("a referral 03-01/0 03-11/1 moved")
    assert told(given, Clock.EPISODE)[1] == "10/end referral censored × 1"
    told_otherwise = told(given, Clock.EPISODE, censored_by=("censored", "coverage"))
    assert told_otherwise[1] == "10/1 referral transition moved × 1"


def test_observation_ends_with_the_day_of_the_horizon() -> None:
    given = spells("""
        a referral      03-01/0 03-11/1 investigation
        a investigation 03-11/1 03-12/1 closed episode_entered_on=03-01
        b referral      03-01/0 03-12/1 closed
        c referral      03-15/0 03-20/1 closed episode_entered_on=03-01
        d referral      03-01/0 03-11
    """)
    assert told(given, Clock.EPISODE, horizon=10) == expected("""
        0/0 referral entered × 3
        10/1 investigation entered × 1
        10/1 referral transition investigation × 1
        10/end investigation censored × 1
        10/end referral censored × 2
    """)


def test_each_stratum_is_counted_by_itself() -> None:
    given = spells("""
        a referral 03-01/0 03-03/1 closed sex=girl
        b referral 03-01/0 03-03/1 closed sex=boy
        c referral 03-01/0 03-03/1 closed sex=girl
    """)
    assert told(given, Clock.EPISODE, "sex") == expected("""
        boy 0/0 referral entered × 1
        boy 2/1 referral transition closed × 1
        girl 0/0 referral entered × 2
        girl 2/1 referral transition closed × 2
    """)


def test_a_stay_is_broken_at_a_day_so_that_what_happens_on_it_is_of_the_later_piece() -> None:
    given = in_duckdb(
        spells("""
        a intervention 2025-06-21/0 2025-07-11/1 closed
        b intervention 2025-06-21/0 2025-06-30/1 closed
        c intervention 2025-07-01/0 2025-07-02/1 closed
        d intervention 2025-06-21/0 2025-07-01/1 closed
        """)
    )
    pieces = in_pieces(given, "act", "before", [Piece(date(2025, 7, 1), "since")])
    assert lines(collected(flow_table(pieces, Clock.STATE, ["act"])), ("act",)) == expected("""
        before 0/0 intervention entered × 3
        before 9/1 intervention transition closed × 1
        before 9/end intervention censored × 2
        since 0/0 intervention entered × 1
        since 1/1 intervention transition closed × 1
        since 9/end intervention entered × 2
        since 10/1 intervention transition closed × 1
        since 20/1 intervention transition closed × 1
    """)


def test_a_stay_is_broken_at_birthdays_and_left_whole_where_none_is_known() -> None:
    given = in_duckdb(
        spells(
            """
            a referral 03-01/0 05-10/1 closed birth_month=2018-05-01
            b referral 03-01/0 05-10/1 closed
            """,
            birth_month=pa.date32(),
        )
    )
    pieces = in_pieces(given, "age", "under 6", birthdays(given, [6, 13]))
    assert lines(collected(flow_table(pieces, Clock.EPISODE, ["age"])), ("age",)) == expected("""
        6 60/end referral entered × 1
        6 70/1 referral transition closed × 1
        None 0/0 referral entered × 1
        None 70/1 referral transition closed × 1
        under 6 0/0 referral entered × 1
        under 6 60/end referral censored × 1
    """)


def test_broken_twice_at_the_same_day_a_stay_has_no_piece_without_length() -> None:
    given = in_duckdb(spells("a referral 06-01/0 07-10/1 closed"))
    once = in_pieces(given, "one", "a", [Piece(date(2024, 7, 1), "b")])
    twice = in_pieces(once, "other", "a", [Piece(date(2024, 7, 1), "b")])
    strata = ("one", "other")
    assert lines(collected(flow_table(twice, Clock.EPISODE, strata)), strata) == expected("""
        a a 0/0 referral entered × 1
        a a 29/end referral censored × 1
        b b 29/end referral entered × 1
        b b 39/1 referral transition closed × 1
    """)


@pytest.mark.parametrize(
    ("clock", "strata", "why"),
    [
        (Clock.ENTRY, [], "since entry needs: origin_on"),
        (Clock.AGE, [], "since age needs: birth_month"),
        (Clock.STATE, ["diagnosis"], "needs: diagnosis"),
        (Clock.STATE, ["state"], "named otherwise than the columns of a flow table: state"),
        (Clock.STATE, ["sex", "sex"], "Strata are distinct"),
    ],
)
def test_spells_that_lack_what_is_asked_for(clock: Clock, strata: list[str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        flow_table(in_duckdb(spells("a referral 03-01/0 03-11/1 closed")), clock, strata)


@pytest.mark.parametrize(
    ("name", "days", "why"),
    [
        ("sex", [date(2025, 7, 1)], "a column «sex» already"),
        ("act", [], "Without a day"),
        ("act", [date(2025, 7, 1), date(2024, 7, 1)], "come in order"),
    ],
)
def test_stays_that_cannot_be_broken_so(name: str, days: list[date], why: str) -> None:
    given = in_duckdb(spells("a referral 03-01/0 03-11/1 closed"))
    with pytest.raises(UsageError, match=why):
        in_pieces(given, name, "before", [Piece(day, str(day)) for day in days])
