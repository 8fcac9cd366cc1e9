"""The key figures on hand-made cases, one rule a case."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd
import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.projections.intervals import Z
from tracker.projections.key_figures import key_figures

BORN = date(2015, 1, 1)


def day(text: str) -> date | None:
    return None if text == "." else date.fromisoformat(text)


def investigation(child: str, opened: str, closed: str, **more: object) -> dict[str, object]:
    return {
        "fact_id": f"i-{child}-{opened}",
        "subject_id": child,
        "opened_on": day(opened),
        "closed_on": day(closed),
        **more,
    }


def intervention(child: str, decided: str, ended: str, granted: str = "yes") -> dict[str, object]:
    return {
        "fact_id": f"v-{child}-{decided}",
        "subject_id": child,
        "decided_on": day(decided),
        "ended_on": day(ended),
        "granted": granted,
    }


def classes(snapshot, municipality: str = "0180") -> dict[str, int]:
    frame = key_figures(snapshot).not_returned
    rows = frame[frame["municipality"] == municipality]
    names = ("not_returned", "returned", "too_recent", "not_delivered", "left_observation", "unaccompanied")
    return {name: int(rows[name].sum()) for name in names if rows[name].sum()}


# Investigations (opened closed) and interventions (decided ended granted) of one child, and what comes of it.
CASES = [
    ("2023-10-01 2024-02-01", "", {"not_returned": 1}),
    ("2023-10-01 2024-02-01; 2025-02-01 2025-03-01", "", {"returned": 1, "too_recent": 1}),
    ("2023-10-01 2024-02-01; 2025-02-02 2025-08-01", "", {"not_returned": 1}),
    ("2023-10-01 2024-02-01; 2024-02-01 2024-03-01", "", {"not_returned": 1}),  # the same day: one run
    ("2023-10-01 2024-07-01", "", {}),  # second half-year
    ("2023-10-01 2024-02-01; 2024-01-15 .", "", {}),  # another is open
    ("2023-10-01 2024-02-01", "2024-02-01 .", {}),  # an intervention runs
    ("2023-10-01 2024-02-01", "2024-02-01 2024-08-01", {}),  # and ended in the second half-year
    ("2023-10-01 2024-02-01", "2024-02-01 . no", {"not_returned": 1}),  # nothing was granted
    ("2023-10-01 2024-02-01", "2024-02-01 2024-05-31", {"not_returned": 1}),
    ("2023-10-01 2024-02-01; 2024-03-01 2024-04-01", "", {"returned": 1}),  # once a year, at the first
    ("2024-10-01 2025-02-01", "", {"too_recent": 1}),
    ("2024-10-01 2025-02-01; 2025-03-01 .", "", {"too_recent": 1}),
    ("2018-10-01 2019-02-01", "", {"not_delivered": 1}),
    ("2025-10-01 2026-01-10", "", {"too_recent": 1}),
]


@pytest.mark.parametrize(("investigations", "interventions", "expected"), CASES)
def test_who_returned(tmp_path, investigations, interventions, expected):
    snapshot = small_snapshot(
        tmp_path,
        investigations=[investigation("a", *text.split()) for text in investigations.split("; ")],
        interventions=[intervention("a", *text.split()) for text in interventions.split("; ") if text],
        children=[{"subject_id": "a", "birth_month": BORN}],
        coverage=covered("0180"),
    )
    assert classes(snapshot) == expected


LATER = {"record_type": "interventions", "covered_from": date(2024, 6, 1)}
ONLY_INVESTIGATIONS = [row for row in covered("0180") if row["record_type"] != "interventions"]
COVERAGE = [
    (covered("0180", interventions=date(2023, 12, 31)), {"too_recent": 1}),
    ([*ONLY_INVESTIGATIONS, LATER], {"not_delivered": 1}),
    (ONLY_INVESTIGATIONS, {"not_delivered": 1}),
    ([], {"not_delivered": 1}),
]


@pytest.mark.parametrize(("coverage", "expected"), COVERAGE)
def test_both_stages_must_be_covered_on_the_day_of_ending(tmp_path, coverage, expected):
    ended = [investigation("a", "2023-10-01", "2024-02-01")]
    assert classes(small_snapshot(tmp_path, investigations=ended, coverage=coverage)) == expected


def test_unaccompanied_and_lost_children_are_left_out_aloud(tmp_path):
    moved, died = {"moved_out_on": date(2024, 6, 1)}, {"died_on": date(2024, 2, 1)}
    snapshot = small_snapshot(
        tmp_path,
        referrals=[
            {"fact_id": "r", "subject_id": "a", "received_on": date(2023, 1, 1), "reasons": ["B_ENSAM"]}
        ],
        investigations=[
            investigation("a", "2023-10-01", "2024-02-01"),
            investigation("b", "2023-10-01", "2024-02-01", reasons=["V_FYS", "B_ENSAM"]),
            investigation("c", "2023-10-01", "2024-02-01"),
            investigation("d", "2023-10-01", "2024-02-01"),
        ],
        children=[{"subject_id": "c", **moved}, {"subject_id": "d", **died}],
        coverage=covered("0180"),
    )
    assert classes(snapshot) == {"unaccompanied": 2, "left_observation": 1, "not_returned": 1}


AGES = [
    (date(2011, 3, 1), "0-12"),  # 12 until March 2024
    (date(2011, 2, 1), "13-20"),
    (date(2003, 3, 1), "13-20"),
    (date(2003, 2, 1), "other"),
]


@pytest.mark.parametrize(("born", "expected"), AGES)
def test_age_on_the_day_of_ending(tmp_path, born, expected):
    snapshot = small_snapshot(
        tmp_path,
        investigations=[investigation("a", "2023-10-01", "2024-02-10")],
        children=[{"subject_id": "a", "birth_month": born}],
        coverage=covered("0180"),
    )
    assert set(key_figures(snapshot).not_returned["age_class"]) == {expected}


@pytest.mark.parametrize(("age", "expected"), [(12, "0-12"), (13, "13-20"), (None, "unknown")])
def test_age_as_last_stated_where_the_month_of_birth_is_unknown(tmp_path, age, expected):
    snapshot = small_snapshot(
        tmp_path,
        investigations=[investigation("a", "2023-10-01", "2024-02-10", age=age)],
        coverage=covered("0180"),
    )
    assert set(key_figures(snapshot).not_returned["age_class"]) == {expected}


def test_share_and_interval_by_municipality_and_together(tmp_path):
    """15 of 148 returned: the share of the others and its Wilson limits (Newcombe 1998), mirrored."""
    done = [investigation(f"c{n}", "2023-10-01", "2024-02-01") for n in range(148)]
    back = [investigation(f"c{n}", "2024-03-01", "2024-09-01") for n in range(15)]
    elsewhere = investigation("x", "2023-10-01", "2024-02-01", municipality="1480")
    snapshot = small_snapshot(
        tmp_path, investigations=[*done, *back, elsewhere], coverage=covered("0180", "1480")
    )
    figures = key_figures(snapshot)
    frame = figures.not_returned.set_index("municipality")
    row = frame.loc["0180"]
    assert (row["year"], row["key_figure_year"], row["closed"], row["denominator"]) == (2024, 2025, 148, 148)
    assert row["share_not_returned"] == pytest.approx(133 / 148)
    limits = (1 - row["share_not_returned_high"], 1 - row["share_not_returned_low"])
    assert [round(limit, 4) for limit in limits] == [0.0624, 0.1605]
    assert frame.loc["all", "denominator"] == 149 and frame.loc["1480", "share_not_returned"] == 1
    assert figures.stamp["disclosure"] == "not disclosure-controlled"


def test_no_share_says_why(tmp_path):
    snapshot = small_snapshot(
        tmp_path, investigations=[investigation("a", "2024-10-01", "2025-02-01")], coverage=covered("0180")
    )
    row = key_figures(snapshot).not_returned.iloc[0]
    assert row["status"] == "too_recent" and pd.isna(row["share_not_returned"])


def test_investigation_time_is_clustered_on_child(tmp_path):
    closed = [("a", 10), ("a", 20), ("b", 60), ("c", 90)]
    ends = {10: "2024-01-11", 20: "2024-01-21", 60: "2024-03-01", 90: "2024-03-31"}
    rows = [
        investigation(child, "2024-01-01", ends[days]) | {"fact_id": f"{child}{days}"}
        for child, days in closed
    ]
    still_open = investigation("d", "2024-01-01", ".")
    snapshot = small_snapshot(tmp_path, investigations=[*rows, still_open], coverage=covered("0180"))
    row = key_figures(snapshot).investigation_time.set_index("municipality").loc["0180"]
    assert (row["investigations"], row["children"], row["mean_days"], row["median_days"]) == (4, 3, 45, 40)
    residuals = (30 - 2 * 45, 60 - 45, 90 - 45)
    half = Z * math.sqrt(3 / 2 * sum(e * e for e in residuals) / 4**2)
    assert (row["mean_days_low"], row["mean_days_high"]) == (
        pytest.approx(45 - half),
        pytest.approx(45 + half),
    )


def test_a_year_not_covered_to_its_end_says_so(tmp_path):
    rows = [investigation("a", "2024-01-01", "2024-02-01"), investigation("b", "2025-01-01", "2025-02-01")]
    coverage = covered("0180", investigations=date(2025, 6, 30))
    found = key_figures(small_snapshot(tmp_path, investigations=rows, coverage=coverage)).investigation_time
    whole = found.set_index(["municipality", "year"])["covered_whole_year"]
    assert dict(whole) == {
        ("all", 2024): True,
        ("all", 2025): False,
        ("0180", 2024): True,
        ("0180", 2025): False,
    }


def test_nothing_closed_is_two_empty_tables(tmp_path):
    figures = key_figures(small_snapshot(tmp_path))
    assert figures.not_returned.empty and figures.investigation_time.empty
    assert {"status", "share_not_returned"} <= set(figures.not_returned.columns)
