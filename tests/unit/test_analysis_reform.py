"""Before and after 1 July 2025: what is counted, who is left out and why, what is too recent, the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pyarrow as pa
import pytest

from tests import small_snapshots
from tests.small_snapshots import small_snapshot
from tracker.desk.analyses import analyse, analysis
from tracker.domain.errors import EstimateError
from tracker.domain.periods import add_months
from tracker.estimate.entry_cohorts import BEFORE, SINCE, compare_around, incidence_by_half_year
from tracker.estimate.results import About
from tracker.estimate.series_fits import SeriesFit, Unfitted, fit_series, otherwise
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import broken_down_by, parse_cohort
from tracker.projections.first_events import OUTCOMES, first_events
from tracker.projections.monthly_series import SERIES, Asked, Exposure, monthly_series, read_series
from tracker.projections.recording import recording

ACT = date(2025, 7, 1)
FIRST, LAST = date(2024, 1, 1), date(2026, 6, 30)
MONTHS = [add_months(FIRST, number) for number in range(30)]
NAMED = {one.name: one for one in SERIES}

SUPPORT = [
    ("fact_id", pa.string(), None),
    ("subject_id", pa.string(), None),
    ("municipality", pa.string(), "0180"),
    ("started_on", pa.date32(), None),
    ("sex", pa.string(), "girl"),
    ("age_group", pa.string(), "6-8"),
]
COUNTS = [
    ("fact_id", pa.string(), None),
    ("municipality", pa.string(), "0180"),
    ("month", pa.date32(), None),
    ("sex", pa.string(), "girl"),
    ("age_group", pa.string(), "6-8"),
    ("started", pa.int32(), 1),
]
FACTS = [
    ("year", pa.date32(), None) if name == "year" else (name, kind, default)
    for name, kind, default in small_snapshots.SCHEMAS["municipality_facts"]
]


def covers(place, *, complete=True, last=LAST, records=("referrals", "investigations", "interventions")):
    return [
        {
            "municipality": place,
            "record_type": record,
            "covered_from": FIRST,
            "covered_to": last,
            "extracted_on": date(2026, 9, 1),
            "not_opened_complete": complete,
        }
        for record in records
    ]


def monthly(place, column, numbers, **more):
    """So many rows in each month, on its days from the second on."""
    return [
        {"municipality": place, column: month + timedelta(days=1 + n % 25), **more}
        for month, number in zip(MONTHS, numbers, strict=True)
        for n in range(number)
    ]


def stays(name, *moves, until, **more):
    """Stays as (state, day entered), each left for the next; the last is under way on the day ``until``."""
    for n, (state, entered) in enumerate(moves):
        onward = n + 1 < len(moves)
        yield {
            "subject_id": name,
            "spell": n + 1,
            "state": state,
            "entered_on": FIRST + timedelta(days=entered),
            "entered_step": 0 if n == 0 else 1,
            "left_on": FIRST + timedelta(days=moves[n + 1][1] if onward else until),
            "left_step": 1 if onward else None,
            "to_state": moves[n + 1][0] if onward else None,
            "exit": "transition" if onward else "censored",
            "state_entered_on": FIRST + timedelta(days=entered),
            "episode_entered_on": FIRST + timedelta(days=moves[0][1]),
            **more,
        }


def episodes() -> Iterator[dict]:
    """One child a fortnight: referred, half of them investigated from day 10 to 100, every fourth granted."""
    until = (LAST - FIRST).days
    for n in range(52):
        start = (date(2024, 7, 1) - FIRST).days + 14 * n
        moves = [("referral", start)]
        moves += [("investigation", start + 10)] if n % 2 else []
        moves += [("granted", start + 100)] if n % 4 == 1 else []
        moves += [("closed", start + (130 if n % 4 == 1 else 100 if n % 2 else 5))]
        moves = [move for move in moves if move[1] <= until]
        sex = "girl" if n % 3 else "boy"
        yield from stays(f"c{n}", *moves, until=until, municipality="0180" if n % 5 else "0380", sex=sex)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    steady = [12 + n % 3 for n in range(30)]
    raised = [3 + n % 2 + (5 if month >= ACT else 0) for n, month in enumerate(MONTHS)]
    referrals = [
        *monthly("0180", "received_on", steady, flow_class="opened"),
        *monthly("0180", "received_on", steady, flow_class="not_opened", sex="boy"),
        *monthly("0180", "received_on", [2] * 30, flow_class="attached"),
        *monthly("0380", "received_on", [40] * 30, flow_class="opened"),
    ]
    tables = {
        "spells": list(episodes()),
        "referrals": [row | {"subject_id": "c1"} for row in referrals],
        "unlinkable_referrals": monthly("0180", "received_on", [1] * 30, flow_class="opened"),
        "investigations": monthly("0180", "opened_on", steady),
        "interventions": [
            *monthly("0180", "decided_on", [4] * 30, granted="yes", started_on=date(2025, 1, 15))[:40],
            *monthly("0380", "decided_on", [3] * 30, granted="yes"),
        ],
        "open_support": monthly("0180", "started_on", raised),
        "open_support_counts": [
            {"municipality": place, "month": month, "started": 9}
            for place in ("0180", "0580")
            for month in MONTHS
        ],
        "municipality_facts": [{"year": date(2023, 1, 1), "population_0_17": 20_000, "size_class": "large"}],
        "coverage": [
            *covers("0180"),
            *covers("0380", complete=False),
            *covers("0480", last=date(2025, 12, 31), records=("referrals",)),
            *covers("0180", records=("open_support",)),
            *covers("0580", records=("open_support_counts",)),
        ],
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, schema in (
            ("open_support", SUPPORT),
            ("open_support_counts", COUNTS),
            ("municipality_facts", FACTS),
        ):
            patch.setitem(small_snapshots.SCHEMAS, name, schema)
        return small_snapshot(tmp_path_factory.mktemp("snapshot"), **tables)


def series(snapshot, name, **asked):
    return monthly_series(read_series(snapshot, Asked(**asked)), NAMED[name])


def test_referrals_are_counted_where_completeness_is_declared_rows_without_a_child_too(snapshot):
    found = series(snapshot, "referrals")
    assert found.used == ["0180"]
    assert found.frame["count"].tolist() == [2 * (12 + n % 3) + 2 + 1 for n in range(30)]
    assert dict(found.places.loc[~found.places["used"], ["municipality", "why"]].values) == {
        "0380": "not-opened reports not declared complete",
        "0480": "not delivered in full in every month 2024-01–2026-06",
        "0580": "not delivered in full",
    }
    assert found.unit == "month and 10,000 children 0–17"
    assert found.frame["exposure"].iloc[0] == pytest.approx(2 * 31 / 30.4375)


def test_attached_referrals_are_in_no_share_of_those_opened(snapshot):
    found = series(snapshot, "opened_share").frame
    assert found["count"].tolist() == [12 + n % 3 + 1 for n in range(30)]
    assert found["of"].tolist() == [2 * (12 + n % 3) + 1 for n in range(30)]


def test_support_is_told_one_by_one_or_as_counts_never_both(snapshot):
    found = series(snapshot, "open_support")
    assert found.used == ["0180", "0580"] and found.unit == "month"
    assert found.frame["count"].iloc[0] == 3 + 9 and found.frame["count"].iloc[-1] == 4 + 5 + 9
    assert found.frame["exposure"].iloc[1] == pytest.approx(29 / 30.4375)
    both = series(snapshot, "all_support")
    assert both.used == ["0180"] and both.frame["period"].iloc[0] == pd.Timestamp("2024-04-01")


def test_groups_have_every_month_and_their_own_municipalities(snapshot):
    found = series(snapshot, "referrals", by=("sex",)).frame
    assert len(found) == 60 and found.groupby("sex")["count"].sum().to_dict() == {"boy": 390, "girl": 480}
    places = series(snapshot, "granted", by=("municipality",)).frame
    assert places.groupby("municipality")["count"].sum().to_dict() == {"0180": 40, "0380": 90}
    assert len(places) == 60 and (places["exposure"] <= 31 / 30.4375).all()


def test_the_window_and_levels_asked_for_are_kept(snapshot):
    found = series(snapshot, "referrals", where={"sex": ("boy",)})
    assert found.frame["count"].tolist() == [12 + n % 3 for n in range(30)]


def test_what_is_delivered_nowhere_is_not_delivered(snapshot):
    only = read_series(snapshot, Asked())
    undeclared = tuple(one for one in only.intervals if not one.not_opened_complete)
    source = replace(only, intervals=undeclared)
    found = fit_series(source, NAMED["referrals"])
    assert isinstance(found, Unfitted) and found.status == "not_delivered"
    assert "No municipality has delivered referrals in full, with not-opened reports declared" in found.why
    told = recording(source)
    assert told.summary[["municipalities", "declared", "share"]].values.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert told.both == 0


def test_who_declares_completeness_before_and_since(snapshot):
    told = recording(read_series(snapshot, Asked()))
    assert told.places.set_index("municipality").loc["0380"].tolist() == ["not declared", "not declared"]
    assert told.places.set_index("municipality").loc["0580"].tolist() == ["not delivered in full"] * 2
    assert told.summary["declared"].tolist() == [2, 2] and told.both == 2


def test_a_rise_in_support_is_found_and_other_ways_to_look_stand_beside(snapshot):
    source = read_series(snapshot, Asked())
    fit = fit_series(source, NAMED["open_support"])
    assert (
        isinstance(fit, SeriesFit)
        and fit.changed
        and fit.since["ratio"] == pytest.approx(17.5 / 12.5, abs=0.05)
    )
    others = otherwise(source, fit)
    assert others["per child, where their number is told"].frame["count"].iloc[0] == 3
    with pytest.raises(EstimateError, match="complete, in months on both sides of 2030"):
        series(snapshot, "referrals", break_on=date(2030, 1, 1))
    nobody = replace(source, population=source.population.iloc[:0])
    with pytest.raises(EstimateError, match="interventions and open_support or open_support_counts in full"):
        monthly_series(nobody, NAMED["all_support"], Exposure.CHILDREN)


COHORT = "name: x\nentry: {event: episode, which: each}\nexits: {horizon_days: 730}\ncovariates:\n  sex:\n"


def events(snapshot, start="", by=()):
    spec = parse_cohort(COHORT)
    cohort = draw(snapshot, broken_down_by(spec, by) if by else spec)
    return first_events(snapshot, cohort, [name for name in OUTCOMES if name != start], start)


def test_first_events_are_days_within_the_first_episode(snapshot):
    found = events(snapshot).frame.set_index("subject_id")
    c1 = found.loc["c1"]
    start = date(2024, 7, 15)
    assert c1["start_on"].date() == start and c1["stop"] == "closed" and bool(c1["complete"])
    days = [(c1[f"{name}_on"].date() - start).days for name in ("investigation", "granted", "closed")]
    assert days == [10, 100, 130] and pd.isna(c1["intervention_on"])
    assert pd.isna(found.loc["c2", "investigation_on"]) and not found.loc["c5", "complete"]
    assert found.loc["c51", "stop"] == "lost"  # still in investigation when deliveries end
    opened = events(snapshot, "investigation").frame.set_index("subject_id")
    assert (
        "c2" not in opened.index
        and (opened.loc["c1", "granted_on"] - opened.loc["c1", "start_on"]).days == 90
    )


def test_a_covariate_that_varies_with_time_breaks_no_event(snapshot):
    plain = events(snapshot).frame
    spec = parse_cohort(COHORT + "  half: {source: half_year, at: time_varying}\n")
    broken = first_events(snapshot, draw(snapshot, spec), list(OUTCOMES)).frame
    pd.testing.assert_frame_equal(broken, plain)


def test_half_years_say_what_is_known_too_recent_or_not_delivered(snapshot):
    found = events(snapshot)
    telling = found.frame[found.frame["complete"] & (found.frame["half_year"] != "2025-H1")]
    table = incidence_by_half_year(found, telling, About()).frame.set_index(["half_year", "outcome", "days"])
    early = found.frame[found.frame["complete"] & (found.frame["half_year"] == "2024-H2")]
    row = table.loc[("2024-H2", "investigation", 30)]
    assert (
        row["estimate"] == pytest.approx(early["investigation_on"].notna().mean())
        and row["status"] == "value"
    )
    assert table.loc[("2024-H2", "granted", 365), "estimate"] == pytest.approx(
        early["granted_on"].notna().mean()
    )
    assert table.loc[("2025-H1", "closed", 30), "status"] == "not_delivered"
    assert table.loc[("2026-H1", "closed", 30), "status"] == "too_recent"
    assert table.loc[("2025-H2", "closed", 180), "status"] == "value"
    assert table.loc[("2025-H2", "closed", 365), "status"] == "too_recent"
    assert table["estimate"].notna().eq(table["status"] == "value").all()


def test_what_happens_after_the_day_is_not_counted_as_before_it(snapshot):
    found = events(snapshot)
    compared = compare_around(found, found.frame, ACT, About(), ["closed", "investigation"])
    frame = compared.curves.frame
    counted = frame[frame["cause"] == "closed"].groupby("period")["events"].sum()
    rows = found.frame
    before = rows[rows["start_on"] < pd.Timestamp(ACT)]
    assert (
        counted[BEFORE] == (before["closed_on"] < pd.Timestamp(ACT)).sum() < before["closed_on"].notna().sum()
    )
    assert counted[SINCE] == rows.loc[rows["start_on"] >= pd.Timestamp(ACT), "closed_on"].notna().sum()
    tests = compared.tests.set_index(["outcome", "test"])
    assert tests.loc[("investigation", "Gray's test"), "p_value"] > 0.5  # every second, in both years
    assert {"Gray's test", "log-rank test"} == set(compared.tests["test"])
    read = compared.differences.set_index(["outcome", "days"]).loc[("investigation", 30)]
    assert read["difference"] == pytest.approx(read["estimate_since"] - read["estimate_before"])
    with pytest.raises(EstimateError, match="nobody came in the year before it or after it"):
        compare_around(found, found.frame, date(2030, 7, 1), About(), ["closed"])


@pytest.fixture(scope="module")
def cohort_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("cohort") / "cohort.yaml"
    path.write_text(COHORT, encoding="utf-8")
    return path


def test_the_report_states_what_the_break_in_recording_allows(snapshot, cohort_file, tmp_path):
    done = analyse(analysis("reform_2025"), snapshot, tmp_path, by=["sex"], cohort_file=cohort_file)
    page = done.files[0].read_text(encoding="utf-8")
    assert "declared by 2 of 3 municipalities (67 %) before that day" in page
    assert "1 municipalities deliver both in full" in page
    assert "Monthly series by group: referrals received" in page
    assert "entries are where not-opened reports were not declared complete" in page
    files = json.loads((done.folder / "analysis.json").read_text())["files"]
    assert {
        "tables/series_effects.csv",
        "tables/incidence_since_referral.csv",
        "figures/series_ratios.svg",
    } <= set(files)
    effects = pd.read_parquet(done.folder / "tables/series_effects.parquet").set_index(["series", "at"])
    assert effects.loc[("open_support", "all months since"), "ratio"] == pytest.approx(1.4, abs=0.05)
    assert set(effects["status"]) <= {"value", "not_estimated", "not_delivered"}


def test_series_are_not_broken_down_by_what_not_every_record_says(snapshot, cohort_file, tmp_path):
    done = analyse(analysis("reform_2025"), snapshot, tmp_path, by=["referrer"], cohort_file=cohort_file)
    assert "Monthly series are not broken down by referrer" in done.files[0].read_text(encoding="utf-8")


def test_an_empty_cohort_is_published_and_says_so(snapshot, tmp_path):
    empty = tmp_path / "none.yaml"
    empty.write_text("name: none\nentry: {event: episode, which: each, from: 2040-01-01}\n", encoding="utf-8")
    done = analyse(analysis("reform_2025"), snapshot, tmp_path / "out", by=["sex"], cohort_file=empty)
    page = done.files[0].read_text(encoding="utf-8")
    assert (
        done.children == 0
        and "No one entered." in page
        and "Not told, for lack of deliveries or months" in page
    )
    effects = pd.read_csv(done.folder / "tables/series_effects.csv", comment="#")
    assert set(effects["status"]) == {"not_delivered"} and effects["ratio"].isna().all()
