"""What the flow summary counts, told as small tables: rows of a snapshot, and the rows that come out.

Every case is one municipality (0180) delivered in full until the end of 2025, unless it says otherwise.
``.`` is an empty cell.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.domain.errors import UsageError
from tracker.domain.periods import Period
from tracker.projections.flow_summary import FlowSummary, flow_summary


def cell(text: str, name: str) -> object:
    if text == ".":
        return None
    if name.endswith(("_on", "_until")):
        return date.fromisoformat(text)
    if name == "reasons":
        return text.split("+")
    if name in ("not_opened_complete", "closed"):
        return text == "yes"
    return int(text) if name in ("entered_step", "episode", "spell", "age", "year", "count") else text


def table(text: str) -> list[dict[str, object]]:
    header, *lines = (line.split() for line in text.strip().splitlines() if line.strip())
    return [{name: cell(value, name) for name, value in zip(header, line, strict=True)} for line in lines]


def told(summary: FlowSummary, unit: str, step: str, block: str = "linkable", **group: str) -> dict[str, int]:
    """Counts by class, those above zero."""
    rows = chosen(summary, unit, step, block, **group)
    return {name: count for name, count in zip(rows["class"], rows["count"], strict=True) if count}


def chosen(summary: FlowSummary, unit: str, step: str, block: str = "linkable", **group: str) -> pd.DataFrame:
    frame = summary.table
    keep = (frame["unit"] == unit) & (frame["step"] == step) & (frame["block"] == block)
    for name in summary.by:
        keep &= frame[name] == group.get(name, "all")
    return frame[keep]


def one(
    summary: FlowSummary, unit: str, step: str, name: str, block: str = "linkable", **group: str
) -> pd.Series:
    rows = chosen(summary, unit, step, block, **group)
    return rows[rows["class"] == name].iloc[0]


REFERRALS = """
fact_id subject_id received_on concluded_on flow_class         investigation_id
r1      a          2025-01-01  2025-01-10   opened             i1
r2      a          2025-01-20  2025-01-20   attached           i1
r3      b          2025-01-01  2025-01-15   not_opened         .
r4      b          2025-02-01  2025-02-16   not_opened         .
r5      c          2025-01-01  2025-01-03   referred_elsewhere .
r6      c          2025-03-01  2025-03-02   administrative     .
r7      d          2025-01-01  2025-01-05   unmapped           .
r8      d          2025-10-01  .            .                  .
r9      e          2025-12-20  .            .                  .
r10     e          2025-01-01  2025-01-15   opened             i2
r11     f          2025-01-01  2025-01-04   opened             i3
r12     f          2025-01-02  2025-01-04   opened             i3
r13     g          2025-01-02  2025-01-04   opened             .
r14     h          2025-05-01  2025-05-02   opened             i4
r15     k          2025-05-01  2025-05-02   opened             i5
r16     l          2025-10-01  2025-10-02   opened             i6
"""

INVESTIGATIONS = """
fact_id subject_id opened_on  closed_on  closed need
i1      a          2025-01-10 2025-05-10 yes    support
i2      e          2025-01-15 2025-05-16 yes    none
i3      f          2025-01-04 2025-03-01 yes    protection
i4      h          2025-05-02 .          no     .
i5      k          2025-05-02 2025-06-02 yes    .
i6      l          2025-10-02 .          no     .
"""

INTERVENTIONS = """
fact_id subject_id decided_on granted started_on investigation_id
v1      a          2025-05-10 no      .          i1
v2      a          2025-05-12 yes     2025-06-01 i1
v3      f          2025-03-01 yes     .          i3
"""

FOLLOW_UPS = """
fact_id subject_id held_on    intervention_id
u1      a          2025-09-01 v2
u2      a          2025-11-01 v2
"""


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> FlowSummary:
    snapshot = small_snapshot(
        tmp_path_factory.mktemp("flow"),
        referrals=table(REFERRALS),
        investigations=table(INVESTIGATIONS),
        interventions=table(INTERVENTIONS),
        follow_ups=table(FOLLOW_UPS),
        coverage=covered("0180"),
    )
    return flow_summary(snapshot)


def test_every_referral_is_in_one_class(summary):
    assert told(summary, "referrals", "received") == {"received": 16}
    assert told(summary, "referrals", "investigation") == {
        "opened": 8,
        "attached": 1,
        "not_opened": 2,
        "referred_elsewhere": 1,
        "administrative": 1,
        "unmapped": 1,
        "open": 1,  # r8: day 14 has been observed
        "too_recent": 1,  # r9: it has not
    }


def test_opening_share_leaves_out_what_is_not_an_outcome(summary):
    row = one(summary, "referrals", "investigation", "opened")
    assert (row["numerator_step"], row["denominator_step"]) == (8, 12)
    assert row["share_step"] == row["share_start"] == pytest.approx(8 / 12)
    assert row["status_step"] == row["status_start"] == "value"


def test_children_count_once_in_a_class(summary):
    assert told(summary, "children", "received") == {"received": 10}
    row = one(summary, "children", "investigation", "opened")
    assert (row["count"], row["denominator_step"]) == (7, 9)  # d has no referral with a known outcome


def test_need_among_the_investigations_opened(summary):
    assert told(summary, "investigations", "investigation") == {"opened": 6}
    expected = {"yes": 2, "no": 1, "open": 1, "too_recent": 1, "not_delivered": 1}  # i4, i6, i5
    assert told(summary, "investigations", "need") == expected
    assert one(summary, "investigations", "need", "yes")["share_step"] == pytest.approx(2 / 3)


def test_need_in_referrals_counts_each_and_names_the_unlinked(summary):
    expected = {"yes": 3, "no": 1, "open": 1, "too_recent": 1, "not_delivered": 1, "not_linked": 1}
    assert told(summary, "referrals", "need") == expected


def test_later_steps(summary):
    assert told(summary, "investigations", "granted") == {"yes": 2}  # i1 by its second decision
    assert told(summary, "investigations", "started") == {"yes": 1, "no": 1}  # v3, three months on
    assert told(summary, "investigations", "followed_up") == {"yes": 1}


def test_share_of_the_start_counts_those_sorted_out_on_the_way(summary):
    row = one(summary, "investigations", "followed_up", "yes")
    assert (row["numerator_start"], row["denominator_start"]) == (1, 3)  # i2 no need, i3 not started
    row = one(summary, "referrals", "followed_up", "yes")
    assert (row["numerator_start"], row["denominator_start"]) == (1, 8)


def test_14_day_clock_starts_on_day_0_and_is_due_on_day_14(summary):
    expected = {"within": 10, "late": 2, "too_recent": 1, "unmapped": 1, "not_in_risk_set": 2}
    assert told(summary, "referrals", "clock_14_days") == expected
    assert one(summary, "referrals", "clock_14_days", "within")["denominator_step"] == 12


def test_four_month_clock(summary):
    expected = {"within": 3, "late": 2, "too_recent": 1}  # i2 a day late, i4 still open
    assert told(summary, "investigations", "clock_4_months") == expected


MEDIANS = [
    (("referrals", "received", "received"), (2, 14)),
    (("referrals", "investigation", "not_opened"), (14.5, 2)),
    (("investigations", "need", "yes"), (88, 2)),
    (("investigations", "granted", "yes"), (89, 2)),
    (("investigations", "started", "yes"), (20, 1)),
    (("investigations", "followed_up", "yes"), (92, 1)),
]


@pytest.mark.parametrize(("place", "expected"), MEDIANS)
def test_median_days_among_completed(summary, place, expected):
    row = one(summary, *place)
    assert (row["median_days_among_completed"], row["completed"]) == expected


def test_unknown_classes_have_a_count_and_no_share(summary):
    row = one(summary, "referrals", "investigation", "open")
    assert row["count"] == 1 and pd.isna(row["share_step"])
    assert (row["status"], row["status_step"]) == ("value", "not_applicable")


def test_the_picture_adds_up(summary):
    counts = {node: count for node, _, count in summary.links.nodes}
    into: dict[str, int] = {}
    out: dict[str, int] = {}
    for source, target, count in summary.links.edges:
        into[target] = into.get(target, 0) + count
        out[source] = out.get(source, 0) + count
    assert counts["received.received"] == 16
    assert all(counts[node] == count for node, count in (*into.items(), *out.items()))
    assert sorted(node for column in summary.links.columns() for node, _, _ in column) == sorted(counts)


def test_the_stamp_says_what_was_counted(summary):
    stamp = summary.stamp
    assert (stamp["position"], stamp["codebook"], stamp["synthetic"]) == ("4711", "codebook-1", "yes")
    assert stamp["disclosure"] == "not disclosure-controlled"
    assert stamp["definition"].startswith("flow-summary/")


FOUR_MONTHS = [
    ("2024-10-31", "2025-02-28", "within"),
    ("2024-10-31", "2025-03-01", "late"),
    ("2023-10-31", "2024-02-29", "within"),
    ("2025-01-01", "2025-05-01", "within"),  # 120 days later
    ("2025-03-01", "2025-07-01", "within"),  # 122 days later
    ("2025-03-01", "2025-07-02", "late"),
]


@pytest.mark.parametrize(("opened", "closed", "expected"), FOUR_MONTHS)
def test_four_calendar_months_never_120_days(tmp_path, opened, closed, expected):
    opened_on, closed_on = date.fromisoformat(opened), date.fromisoformat(closed)
    snapshot = small_snapshot(
        tmp_path,
        referrals=[
            {
                "fact_id": "r",
                "subject_id": "a",
                "received_on": opened_on,
                "concluded_on": opened_on,
                "flow_class": "opened",
                "investigation_id": "i",
            }
        ],
        investigations=[
            {
                "fact_id": "i",
                "subject_id": "a",
                "opened_on": opened_on,
                "closed_on": closed_on,
                "need": "none",
            }
        ],
        coverage=covered("0180"),
    )
    assert told(flow_summary(snapshot), "investigations", "clock_4_months") == {expected: 1}


ONE_OPENED = """
fact_id subject_id received_on concluded_on flow_class investigation_id
r       a          2025-01-01  2025-01-02   opened     i
"""

# need, closed, coverage of interventions until, decision (granted, decided, started), follow-up → path
PATHS = [
    ("support 2025-03-01 2025-12-31 . . . .", "no . ."),
    ("support 2025-12-10 2025-12-31 . . . .", "too_recent . ."),
    ("support 2025-03-01 2025-02-01 . . . .", "too_recent . ."),
    ("support 2019-03-01 2025-02-01 . . . .", "not_delivered . ."),
    ("support .          2025-12-31 . . . .", "open . ."),
    ("support 2025-03-01 2025-12-31 unmapped  2025-03-01 . .", "unmapped . ."),
    ("support 2025-03-01 2025-12-31 withdrawn 2025-03-01 . .", "no . ."),
    ("support 2025-03-01 2025-12-31 .         2025-03-01 . .", "not_delivered . ."),
    ("support 2025-03-01 2025-12-31 .         2025-03-01 2025-03-02 .", "yes yes no"),
    ("support 2025-03-01 2025-12-31 yes       2025-03-01 2025-08-01 .", "yes yes too_recent"),
    ("support 2025-03-01 2025-12-31 yes       2025-03-01 2025-03-02 2025-04-01", "yes yes yes"),
    ("none    2025-03-01 2025-12-31 yes       2025-03-01 2025-03-02 .", "outside_chain . ."),
]


@pytest.mark.parametrize(("given", "expected"), PATHS)
def test_how_far_an_investigation_came(tmp_path, given, expected):
    need, closed, until, granted, decided, started, held = (None if x == "." else x for x in given.split())
    day = lambda text: text and date.fromisoformat(text)  # noqa: E731 - short for the rows below
    intervention = {
        "fact_id": "v",
        "subject_id": "a",
        "decided_on": day(decided),
        "granted": granted,
        "started_on": day(started),
        "investigation_id": "i",
    }
    snapshot = small_snapshot(
        tmp_path,
        referrals=table(ONE_OPENED),
        investigations=[
            {
                "fact_id": "i",
                "subject_id": "a",
                "opened_on": date(2025, 1, 2),
                "closed_on": day(closed),
                "need": need,
            }
        ],
        interventions=[intervention] if decided else [],
        follow_ups=[{"fact_id": "u", "held_on": day(held), "intervention_id": "v"}] if held else [],
        coverage=covered("0180", interventions=date.fromisoformat(until)),
    )
    result = flow_summary(snapshot)
    classes = [told(result, "investigations", step) for step in ("granted", "started", "followed_up")]
    assert " ".join(next(iter(c), ".") for c in classes) == expected


def test_not_started_is_not_delivered_where_starts_never_are(tmp_path):
    snapshot = small_snapshot(
        tmp_path,
        referrals=table(ONE_OPENED),
        investigations=[table(INVESTIGATIONS)[0] | {"fact_id": "i"}],
        interventions=[
            {"fact_id": "v", "decided_on": date(2025, 2, 1), "granted": "yes", "investigation_id": "i"}
        ],
        coverage=covered("0180"),
    )
    assert told(flow_summary(snapshot), "investigations", "started") == {"not_delivered": 1}


NO_ACTION = [
    ("2025-01-01", "2025-12-31", "2025-01-20", "opened"),  # the investigation linked to it says so
    ("2025-01-01", "2025-12-31", "2024-12-20", "attached"),
    ("2025-12-18", "2025-12-31", None, "too_recent"),
    ("2025-12-17", "2025-12-31", None, "open"),
    ("2025-01-01", None, None, "not_delivered"),
]


@pytest.mark.parametrize(("received", "until", "opened", "expected"), NO_ACTION)
def test_a_referral_without_action(tmp_path, received, until, opened, expected):
    other = {"fact_id": "s", "subject_id": "b", "received_on": date(2020, 1, 1), "flow_class": "not_opened"}
    referral = {
        "fact_id": "r",
        "subject_id": "a",
        "received_on": date.fromisoformat(received),
        "observed_until": until and date.fromisoformat(until),
        "investigation_id": "i" if opened else None,
    }
    investigations = (
        [{"fact_id": "i", "subject_id": "a", "opened_on": date.fromisoformat(opened)}] if opened else []
    )
    snapshot = small_snapshot(
        tmp_path, referrals=[other, referral], investigations=investigations, coverage=covered("0180")
    )
    result = flow_summary(snapshot, where="year=" + received[:4])
    assert told(result, "referrals", "investigation") == {expected: 1}


def test_a_municipality_that_never_delivers_actions_is_not_open(tmp_path):
    snapshot = small_snapshot(
        tmp_path,
        referrals=[{"fact_id": "r", "subject_id": "a", "received_on": date(2025, 1, 1)}],
        coverage=covered("0180"),
    )
    assert told(flow_summary(snapshot), "referrals", "investigation") == {"not_delivered": 1}


INCOMPLETE = """
fact_id subject_id municipality received_on concluded_on flow_class not_opened_complete
r1      a          0180         2025-01-01  2025-01-10   opened     yes
r2      b          0180         2025-01-01  2025-01-10   not_opened yes
r3      c          1480         2025-01-01  2025-01-10   opened     no
r4      d          1480         2025-01-01  2025-01-10   opened     no
"""


def test_opening_shares_need_not_opened_to_be_complete(tmp_path):
    snapshot = small_snapshot(tmp_path, referrals=table(INCOMPLETE), coverage=covered("0180", "1480"))
    result = flow_summary(snapshot, by="municipality")
    whole = one(result, "referrals", "investigation", "opened")
    assert (whole["count"], whole["numerator_step"], whole["denominator_step"]) == (3, 1, 2)
    incomplete = one(result, "referrals", "investigation", "opened", municipality="1480")
    assert (incomplete["count"], incomplete["status_step"]) == (2, "not_delivered")
    assert pd.isna(incomplete["share_step"]) and incomplete["denominator_step"] == 0
    assert one(result, "referrals", "investigation", "opened", municipality="0180")["share_step"] == 0.5


def test_rows_without_child_id_are_a_block_of_their_own(tmp_path):
    rows = [row | {"subject_id": None} for row in table(REFERRALS)]
    result = flow_summary(small_snapshot(tmp_path, unlinkable_referrals=rows, coverage=covered("0180")))
    row = one(result, "referrals", "investigation", "opened", "unlinkable")
    assert (row["count"], row["denominator_step"]) == (8, 12)
    assert row["interval_method"].startswith("wilson, rows without child id")
    assert (round(row["share_step_low"], 4), round(row["share_step_high"], 4)) == (0.3906, 0.8619)
    later = one(result, "investigations", "need", "yes", "unlinkable")
    assert pd.isna(later["count"]) and later["status"] == "not_applicable"
    assert told(result, "referrals", "received") == {}
    assert ("investigation.opened", "need.unlinkable", 8) in result.links.edges


EXPLICIT = """
fact_id subject_id received_on concluded_on flow_class investigation_id link_method
r1      a          2025-01-01  2025-01-10   opened     i1               explicit
r2      b          2025-01-01  2025-01-10   opened     i2               nearest
"""


def test_explicit_links_only(tmp_path):
    investigations = [
        {
            "fact_id": f,
            "subject_id": s,
            "opened_on": date(2025, 1, 10),
            "closed_on": date(2025, 2, 1),
            "need": "none",
        }
        for f, s in (("i1", "a"), ("i2", "b"))
    ]
    snapshot = small_snapshot(
        tmp_path, referrals=table(EXPLICIT), investigations=investigations, coverage=covered("0180")
    )
    assert told(flow_summary(snapshot), "referrals", "need") == {"no": 2}
    explicit = flow_summary(snapshot, links="explicit")
    assert told(explicit, "referrals", "need") == {"no": 1, "not_linked": 1}
    assert told(explicit, "investigations", "need") == {"no": 1}
    assert explicit.stamp["links"] == "explicit"


RETURNS = """
subject_id episode spell state    entered_on entered_step left_on    to_state exit       episode_entered_on
a          1       1     referral 2024-01-01 0            2024-01-10 closed   transition 2024-01-01
a          1       2     closed   2024-01-10 1            2025-01-09 referral transition 2024-01-01
b          1       1     referral 2024-01-01 0            2024-01-10 closed   transition 2024-01-01
b          1       2     closed   2024-01-10 1            2025-01-10 referral transition 2024-01-01
c          1       1     referral 2024-01-01 0            2024-01-10 closed   transition 2024-01-01
c          1       2     closed   2024-01-10 1            2025-12-31 .        censored   2024-01-01
d          1       1     referral 2024-01-01 0            2025-12-31 .        censored   2024-01-01
e          1       1     referral 2025-01-01 0            2025-01-10 closed   transition 2025-01-01
e          1       2     closed   2025-01-10 1            2025-02-01 referral transition 2025-01-01
f          1       1     referral 2024-01-01 0            2024-01-10 closed   transition 2024-01-01
f          1       2     closed   2024-01-10 1            2024-03-01 adult    absorbing  2024-01-01
g          1       1     referral 2024-01-01 0            2024-01-09 moved    moved      2024-01-01
h          2       1     referral 2024-05-01 0            2024-05-10 closed   transition 2024-05-01
h          2       2     closed   2024-05-10 1            2025-12-31 .        censored   2024-05-01
"""


def test_returned_within_365_days_of_the_last_closing(tmp_path):
    received = {"e": date(2025, 1, 1)}
    children = "abcdefghi"
    snapshot = small_snapshot(
        tmp_path,
        referrals=[
            {"fact_id": f"r{c}", "subject_id": c, "received_on": received.get(c, date(2024, 1, 1))}
            for c in children
        ],
        spells=table(RETURNS),
        coverage=covered("0180"),
    )
    result = flow_summary(snapshot)
    assert told(result, "children", "returned") == {
        "yes": 1,  # a, on day 365 (2024 is a leap year)
        "no": 2,  # b on day 366; c never, observed throughout
        "open": 1,  # d
        "too_recent": 1,  # e came back, but the window was not observed to its end
        "left_observation": 2,  # f turned 18, g moved
        "not_delivered": 2,  # h: only a later case seen; i: no timeline
    }
    row = one(result, "children", "returned", "yes")
    assert (row["share_step"], row["denominator_step"]) == (pytest.approx(1 / 3), 3)
    assert row["median_days_among_completed"] == 365
    assert told(flow_summary(snapshot, horizon_days=366), "children", "returned")["yes"] == 2


GROUPS = """
fact_id subject_id municipality sex  age_group referral_type reasons      reasons_status  referrer received_on
r1      a          0180         girl 6-8       report        V_FYS+O_PSYK given           school   2025-06-30
r2      a          0180         girl 6-8       application   V_FYS        partly_unmapped police   2025-07-01
r3      b          1480         boy  0-2       report        .            unmapped        .        2024-01-01
r4      c          1480         .    .         report        .            not_given       school   2024-01-01
"""

BY = [
    ("sex", {"girl": 2, "boy": 1, "not_given": 1}),
    ("age_group", {"6-8": 2, "0-2": 1, "unknown": 1}),
    ("municipality", {"0180": 2, "1480": 2}),
    ("size_class", {"large": 2, "unknown": 2}),
    ("referral_type", {"report": 3, "application": 1}),
    ("reason", {"V_FYS": 2, "O_PSYK": 1, "unmapped": 2, "not_given": 1}),
    ("referrer", {"school": 2, "police": 1, "not_given": 1}),
    ("year", {"2024": 2, "2025": 2}),
    ("act", {"before": 3, "after": 1}),
]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    facts = [
        {"municipality": "0180", "year": 2023, "size_class": "medium_large"},
        {"municipality": "0180", "year": 2024, "size_class": "large"},
    ]
    return small_snapshot(
        tmp_path_factory.mktemp("groups"),
        referrals=table(GROUPS),
        municipality_facts=facts,
        coverage=covered("0180", "1480"),
    )


@pytest.mark.parametrize(("by", "expected"), BY)
def test_by_each_variable(grouped, by, expected):
    result = flow_summary(grouped, by=by)
    counts = {group: told(result, "referrals", "received", **{by: group})["received"] for group in expected}
    assert counts == expected
    assert told(result, "referrals", "received") == {"received": 4}  # the total counts a referral once
    assert set(result.table[by]) == {"all", *expected}


@pytest.mark.parametrize(("by", "expected"), BY)
def test_where_each_variable(grouped, by, expected):
    for value, count in expected.items():
        assert told(flow_summary(grouped, where={by: value}), "referrals", "received") == {"received": count}


def test_by_several_gives_totals_of_each_leading_part(grouped):
    result = flow_summary(grouped, by="sex,year")
    rows = chosen(result, "referrals", "received", sex="girl", year="all")
    assert list(rows["count"]) == [2]
    combinations = set(zip(result.table["sex"], result.table["year"], strict=True))
    leaves = {("girl", "2025"), ("boy", "2024"), ("not_given", "2024")}
    assert combinations == leaves | {(sex, "all") for sex, _ in leaves} | {("all", "all")}


def test_where_the_same_variable_twice_accepts_either(grouped):
    result = flow_summary(grouped, where="sex=girl,sex=boy,year=2025")
    assert told(result, "referrals", "received") == {"received": 2}
    assert "sex=girl|boy" in result.stamp["cohort"]


def test_only_referrals_received_in_the_entry_period(grouped):
    result = flow_summary(grouped, entry=Period(date(2024, 1, 1), date(2025, 6, 30)))
    assert told(result, "referrals", "received") == {"received": 3}
    assert "2024-01-01..2025-06-30" in result.stamp["cohort"]


@pytest.mark.parametrize("by", ["", "municipality", "reason,sex"])
def test_an_empty_cohort_is_a_valid_result(grouped, by):
    result = flow_summary(grouped, by=by, where="municipality=0114")
    rows = result.table
    assert set(rows["count"].dropna()) == {0}
    assert set(rows["status_step"]) == {"not_applicable"}
    assert not rows.empty


def test_a_where_value_is_a_value_never_sql(grouped):
    result = flow_summary(grouped, where={"sex": "girl' OR '1'='1"})
    assert told(result, "referrals", "received") == {}


@pytest.mark.parametrize(
    "arguments",
    [{"by": "colour"}, {"where": "colour=red"}, {"where": "sex"}, {"links": "some"}, {"horizon_days": 0}],
)
def test_unknown_choices_are_named(grouped, arguments):
    with pytest.raises(UsageError, match=r"choose among|variable=value|at least 1"):
        flow_summary(grouped, **arguments)


def test_a_folder_is_opened_as_a_snapshot(grouped):
    assert told(flow_summary(str(grouped.folder)), "referrals", "received") == {"received": 4}
    assert told(flow_summary(Path(grouped.folder)), "referrals", "received") == {"received": 4}
