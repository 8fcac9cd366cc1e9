"""Cohorts drawn from a few hand-made children: who is in, who is left out by which rule, what is followed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.domain.errors import UsageError
from tracker.estimate.origin import about_cohort
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import parse_cohort
from tracker.projections.rules import Unit

DAY0 = date(2024, 1, 1)


def day(number):
    return DAY0 + timedelta(days=number)


def child(name, *stays, exit="censored", until=700, episodes=None, **more):
    """Stays as (state, day entered); each is left for the next, the last at ``until`` by ``exit``."""
    rows, episode, since = [], 0, None
    for number, (state, entered) in enumerate(stays):
        begins = state == "referral" and (number == 0 or stays[number - 1][0] == "closed")
        if begins or number == 0:
            episode, since = episode + 1, entered
        last = number + 1 == len(stays)
        rows.append(
            {
                "subject_id": name,
                "episode": episode,
                "spell": number + 1,
                "state": state,
                "entered_on": day(entered),
                "entered_step": 0 if number == 0 else 1,
                "left_on": day(until if last else stays[number + 1][1]),
                "left_step": None if last and exit == "censored" else 1,
                "to_state": None if last else stays[number + 1][0],
                "exit": exit if last else "transition",
                "state_entered_on": day(entered),
                "episode_entered_on": day(since),
                **more,
            }
        )
    return rows


ANNA = child(
    "anna", ("referral", 10), ("investigation", 20), ("closed", 100), ("referral", 300), ("closed", 305)
)
BO = child("bo", ("referral", 0), ("closed", 0), sex="boy", age_at_entry=17)
CILLA = child(
    "cilla", ("investigation", 50), ("closed", 80), ("referral", 90), ("closed", 95), age_at_entry=None
)
DAN = child(
    "dan", ("referral", 400), ("investigation", 410), ("intervention", 500), exit="censored", sex="boy"
)
LATE = [
    row | {"entered_on": day(30), "subject_id": "late"} for row in child("late", ("referral", 5), until=40)
]
SPELLS = [*ANNA, *BO, *CILLA, *DAN, *LATE]
UNLINKABLE = [{"fact_id": str(n), "received_on": day(n)} for n in (-5, 5, 6)]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return small_snapshot(
        tmp_path_factory.mktemp("cohort"),
        spells=SPELLS,
        unlinkable_referrals=UNLINKABLE,
        coverage=covered("0180"),
        children=[{"subject_id": "anna", "birth_month": date(2017, 3, 1), "country_of_birth": "sweden"}],
        child_facts=[
            {
                "fact_id": "f1",
                "subject_id": "anna",
                "known_on": day(5),
                "fact": "diagnosis",
                "value": "early",
            },
            {
                "fact_id": "f2",
                "subject_id": "anna",
                "known_on": day(11),
                "fact": "diagnosis",
                "value": "later",
            },
        ],
        referrals=[
            {"fact_id": "r2", "subject_id": "anna", "received_on": day(10), "referrer": "police"},
            {"fact_id": "r1", "subject_id": "anna", "received_on": day(10), "referrer": "school"},
            {"fact_id": "r3", "subject_id": "bo", "received_on": day(0), "referrer": None},
            {"fact_id": "r4", "subject_id": "dan", "received_on": day(400), "reasons_status": "unmapped"},
        ],
        municipality_facts=[{"fact_id": "m", "size_class": "large", "year": 2023}],
    )


def drawn(snapshot, text):
    return draw(snapshot, parse_cohort("name: test\n" + text))


def told(cohort):
    """(child, entry, spell, state, day entered, day left, to) of each row."""
    return [
        (
            row.subject_id,
            row.entry,
            row.spell,
            row.state,
            (row.entered_on - row.origin_on).days,
            (row.left_on - row.origin_on).days,
            row.to_state if isinstance(row.to_state, str) else row.exit,
        )
        for row in cohort.pandas().itertuples()
    ]


def left_after(cohort, *columns):
    rows = cohort.attrition[["rule", *columns]].itertuples(index=False)
    return {row[0]: tuple(None if str(value) == "<NA>" else int(value) for value in row[1:]) for row in rows}


def test_first_referral_rule_by_rule(snapshot):
    cohort = drawn(snapshot, "entry: {event: first_referral, from: 2024-01-01, to: 2024-12-31}")
    assert left_after(cohort, "children", "entries", "stays", "rows") == {
        "unlinkable": (None, None, None, 2),
        "snapshot": (5, None, 15, None),
        "event": (5, 6, 15 - 2, None),
        "seen": (4, 5, 12, None),
        "window": (3, 4, 9, None),
        "first": (3, 3, 9, None),
        "study": (3, 3, 9, None),
    }
    assert cohort.attrition["children_left_out"].dropna().tolist() == [0, 1, 1, 0, 0]
    assert (cohort.children, cohort.entries, cohort.unlinkable, len(cohort)) == (3, 3, 2, 9)
    assert {row[0] for row in told(cohort)} == {"anna", "bo", "cilla"}
    assert [row[2] for row in told(cohort) if row[0] == "cilla"] == [3, 4]


def test_episodes_follow_each_other_without_overlap(snapshot):
    cohort = drawn(snapshot, "entry: {event: episode}\neligibility: {sex: girl}")
    assert [row for row in told(cohort) if row[0] == "anna"] == [
        ("anna", 1, 1, "referral", 0, 10, "investigation"),
        ("anna", 1, 2, "investigation", 10, 90, "closed"),
        ("anna", 1, 3, "closed", 90, 290, "referral"),
        ("anna", 2, 4, "referral", 0, 5, "closed"),
        ("anna", 2, 5, "closed", 5, 400, "censored"),
    ]


def test_a_next_entry_ignored_follows_through(snapshot):
    cohort = drawn(snapshot, "entry: {event: closed}\nexits: {next_entry: ignored}\neligibility: {sex: girl}")
    assert [row[1:4] for row in told(cohort) if row[0] == "anna"] == [
        (1, 3, "closed"),
        (1, 4, "referral"),
        (1, 5, "closed"),
        (2, 5, "closed"),
    ]


def test_the_horizon_cuts_and_censors_at_the_end_of_its_day(snapshot):
    cohort = drawn(snapshot, "entry: {event: first_referral, to: 2024-01-20}\nexits: {horizon_days: 90}")
    rows = cohort.pandas()
    assert [row[2:] for row in told(cohort) if row[0] == "anna"] == [
        (1, "referral", 0, 10, "investigation"),
        (2, "investigation", 10, 90, "closed"),
        (3, "closed", 90, 90, "censored"),
    ]
    cut = rows[(rows["subject_id"] == "anna") & (rows["spell"] == 3)].iloc[0]
    assert (cut["exit"], cut["left_step"] == cut["left_step"]) == ("censored", False)
    assert [row[2:] for row in told(cohort) if row[0] == "bo"] == [
        (1, "referral", 0, 0, "closed"),
        (2, "closed", 0, 90, "censored"),
    ]


def test_until_ends_with_an_event_and_censor_without(snapshot):
    until = drawn(snapshot, "entry: {event: first_referral}\nexits: {until: investigation}")
    assert [row[2:] for row in told(until) if row[0] == "dan"] == [(1, "referral", 0, 10, "investigation")]
    censored = drawn(snapshot, "entry: {event: first_referral}\nexits: {censor: investigation}")
    assert [row[2:] for row in told(censored) if row[0] == "dan"] == [(1, "referral", 0, 10, "censored")]


def test_the_last_day_of_the_calendar_ends_all(snapshot):
    cohort = drawn(snapshot, "entry: {event: first_referral, to: 2024-06-30}\nexits: {last_day: 2024-06-30}")
    assert max(cohort.pandas()["left_on"]) == date(2024, 6, 30)


def test_a_wash_out_needs_coverage_and_quiet(snapshot):
    cohort = drawn(snapshot, "entry: {event: episode, washout_days: 195}")
    assert left_after(cohort, "entries")["seen"] == (6,)
    assert left_after(cohort, "entries")["covered_before"] == (6,)
    kept = drawn(snapshot, "entry: {event: episode, washout_days: 199}").entries
    assert (cohort.entries, kept) == (5, 5)
    assert drawn(snapshot, "entry: {event: episode, washout_days: 200}").entries == 4
    assert drawn(snapshot, "entry: {event: episode, covered_days_before: 1462}").entries == 5
    assert drawn(snapshot, "entry: {event: episode, covered_days_before: 1512}").entries == 3
    assert drawn(snapshot, "entry: {event: episode, covered_days_before: 1461}").entries == 6


def test_unknown_age_meets_a_condition_only_where_named(snapshot):
    known = drawn(snapshot, "entry: {event: first_referral}\neligibility: {age: 0..16}")
    assert left_after(known, "children")["eligible: age"] == (2,)
    named = drawn(snapshot, "entry: {event: first_referral}\neligibility: {age: [0..16, unknown]}")
    assert left_after(named, "children")["eligible: age"] == (3,)


def test_an_exclusion_needs_all_its_conditions(snapshot):
    text = "entry: {event: first_referral}\nexclusions: [{name: boys of 17, where: {sex: boy, age: 17}}]"
    cohort = drawn(snapshot, text)
    assert left_after(cohort, "children_left_out")["excluded: boys of 17"] == (1,)
    assert "bo" not in set(cohort.pandas()["subject_id"])


COVARIATES = """
entry: {event: first_referral}
covariates:
  age_band: {source: age, cuts: [3, 7, 8, 13]}
  referrer:
  first_reason:
  diagnosis:
  country_of_birth:
  size_class:
  earlier: {source: earlier_episodes, cuts: [0, 1]}
  who: {source: sex, categories: {young women: girl}, rest: all others}
"""


def test_missing_values_are_levels_that_say_why(snapshot):
    first = drawn(snapshot, COVARIATES).pandas().groupby("subject_id").first()
    assert first["age_band"].to_dict() == {"anna": "7", "bo": "13+", "cilla": "unknown", "dan": "7"}
    assert first["referrer"].to_dict() == {
        "anna": "police",
        "bo": "unknown",
        "cilla": "no_referral",
        "dan": "school",
    }
    assert first["first_reason"].to_dict() == {
        "anna": "unknown",
        "bo": "unknown",
        "cilla": "no_referral",
        "dan": "unmapped",
    }
    assert first["diagnosis"].to_dict() == {"anna": "early"} | dict.fromkeys(
        ("bo", "cilla", "dan"), "none_recorded"
    )
    assert first["country_of_birth"]["bo"] == "unknown"
    assert set(first["size_class"]) == {"large"}
    assert first["earlier"].to_dict() == {"anna": "0", "bo": "0", "cilla": "1+", "dan": "0"}
    assert first["who"].to_dict()["anna"] == "young women" and first["who"].to_dict()["bo"] == "all others"


def test_what_nobody_in_a_municipality_has_was_not_delivered(tmp_path):
    snapshot = small_snapshot(tmp_path, spells=ANNA, coverage=covered("0180"))
    rows = drawn(
        snapshot, "entry: {event: first_referral}\ncovariates: {diagnosis: , size_class: , sex: }"
    ).pandas()
    assert rows.iloc[0][["diagnosis", "size_class", "sex"]].tolist() == [
        "not_delivered",
        "not_delivered",
        "girl",
    ]


def test_the_composition_counts_children_and_entries(snapshot):
    cohort = drawn(
        snapshot, "entry: {event: episode}\ncovariates: {sex: , age_band: {source: age, cuts: [0, 7]}}"
    )
    told_levels = cohort.composition.itertuples(index=False, name=None)
    assert list(told_levels) == [
        ("sex", "boy", 2, 2, 2 / 6),
        ("sex", "girl", 2, 4, 4 / 6),
        ("age_band", "7+", 3, 4, 4 / 6),
        ("age_band", "unknown", 1, 2, 2 / 6),
    ]
    assert cohort.levels("age_band") == ["7+", "unknown"]


def test_stays_are_broken_where_a_covariate_changes(snapshot):
    cohort = drawn(
        snapshot,
        "entry: {event: first_referral}\neligibility: {sex: girl, age: 0..17}\n"
        "covariates: {age_now: {source: age, at: time_varying, cuts: [0, 7, 8]}}",
    )
    rows = cohort.pandas()[["spell", "part", "entered_on", "entered_step", "left_on", "exit", "age_now"]]
    assert rows[rows["spell"] == 2].values.tolist() == [
        [2, 1, day(20), 1, date(2024, 2, 29), "censored", "0-6"],
        [2, 2, date(2024, 2, 29), 32767, day(100), "transition", "7"],
    ]
    assert rows[rows["spell"] == 5]["age_now"].tolist() == ["7", "8+"]
    assert left_after(cohort, "stays")["study"] == (5,)


def test_a_covariate_takes_the_place_of_the_stays_own(snapshot):
    rows = drawn(snapshot, "entry: {event: episode}\ncovariates: {municipality: , age_group: }").pandas()
    assert {"municipality", "stay_municipality", "age_group", "stay_age_group", "sex"} <= set(rows.columns)
    assert "stay_sex" not in rows.columns


def test_a_unit_of_child_and_municipality_is_followed_within_it(tmp_path):
    elsewhere = [row | {"municipality": "1480"} for row in ANNA]
    snapshot = small_snapshot(tmp_path, spells=[*ANNA, *elsewhere], coverage=covered("0180", "1480"))
    cohort = drawn(snapshot, "entry: {event: first_referral}")
    assert cohort.unit is Unit.CHILD_MUNICIPALITY
    assert (cohort.children, cohort.entries, len(cohort)) == (1, 2, 10)
    assert about_cohort(cohort, "entry").unit == "child_municipality"


def test_an_empty_cohort_is_a_result(snapshot, tmp_path):
    text = "entry: {event: first_referral, from: 2031-01-01}\ncovariates: {sex: }\nby: sex"
    cohort = drawn(snapshot, text)
    assert (cohort.children, cohort.entries, len(cohort)) == (0, 0, 0)
    assert "origin_on" in cohort.pandas().columns and len(cohort.composition) == 0
    nothing = drawn(small_snapshot(tmp_path), text)
    assert left_after(nothing, "children")["snapshot"] == (0,) and len(nothing) == 0


def test_unknown_states_are_refused_with_those_that_exist(snapshot):
    with pytest.raises(UsageError, match="do not exist: waiting; there are adult, closed"):
        drawn(snapshot, "entry: {event: state_entered, state: waiting}")


def test_the_same_declaration_draws_the_same_file(snapshot, tmp_path):
    spec = parse_cohort("name: test\n" + COVARIATES)
    first, second = draw(snapshot, spec, tmp_path / "a"), draw(snapshot, spec, tmp_path / "b")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["study_spells.parquet"]


def test_the_origin_of_estimates_names_cohort_and_position(snapshot):
    about = about_cohort(drawn(snapshot, "entry: {event: first_referral}"), "entry")
    assert about.cohort.startswith("test-") and about.position == 4711 and about.synthetic
