"""From referral to intervention and the two deadlines, counted by hand; and a cohort nobody fits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.desk.analyses import analyse, analysis
from tracker.domain.periods import add_months, investigation_due
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import read_cohort
from tracker.projections.deadlines import LONGEST, assessment_waits, by_due_day, investigation_waits, shares
from tracker.projections.snapshot import Snapshot

DAY0 = date(2024, 10, 31)
"""Four calendar months later is 28 February 2025: 120 days."""
LAST = 400
PATHS = {
    "a": [("referral", 0), ("investigation", 10), ("granted", 110), ("intervention", 130)],
    "b": [("referral", 0), ("investigation", 10), ("intervention", 60)],
    "c": [("referral", 0), ("closed", 14)],
    "d": [("referral", 0), ("investigation", 20), ("closed", 150)],
    "e": [("referral", 0)],
}
CENSORED = {"e": 40}
"""e is seen to day 40 only; the others to the end."""


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


def spells(subject: str) -> list[dict[str, object]]:
    path = PATHS[subject]
    ends = [*(entered for _, entered in path[1:]), CENSORED.get(subject, LAST)]
    return [
        {
            "subject_id": subject,
            "episode": 1,
            "spell": n + 1,
            "state": state,
            "sex": "girl" if subject in "ab" else "boy",
            "entered_on": day(entered),
            "entered_step": 0 if n == 0 else 1,
            "left_on": day(left),
            "left_step": 1 if n + 1 < len(path) else None,
            "to_state": path[n + 1][0] if n + 1 < len(path) else None,
            "exit": "transition" if n + 1 < len(path) else "censored",
            "state_entered_on": day(entered),
            "episode_entered_on": DAY0,
        }
        for n, ((state, entered), left) in enumerate(zip(path, ends, strict=True))
    ]


def report(
    fact: str, subject: str, received: int, concluded: int | None, action: str, **more: object
) -> dict[str, object]:
    classes = {"A1": "opened", "B1": "not_opened", "C1": "attached", "C5": "administrative", "": None}
    return {
        "fact_id": fact,
        "subject_id": subject,
        "received_on": day(received),
        "concluded_on": None if concluded is None else day(concluded),
        "action": action or None,
        "flow_class": classes[action],
        **more,
    }


REFERRALS = [
    report("1", "a", 0, 10, "A1"),
    report("2", "b", 0, 15, "A1"),
    report("3", "c", 0, 14, "B1"),
    report("4", "d", 0, 14, "A1", referral_type="application"),
    report("5", "d", 30, 31, "C1"),
    report("6", "b", 20, 60, "C5"),
    report("7", "e", 0, None, "", observed_until=day(40)),
    report("8", "e", 35, 36, "B1", observed_until=day(40)),
]
"""In the risk set: 1 and 3 in time, 2 late by a day, 7 undecided though due, 8 due after what is seen."""


def investigation(subject: str, opened: date, closed_on: date | None, **more: object) -> dict[str, object]:
    row = {"fact_id": f"i{subject}", "subject_id": subject, "opened_on": opened, "closed_on": closed_on}
    return {**row, "closed": closed_on is not None, **more}


OPENED = day(0)
INVESTIGATIONS = [
    investigation("a", OPENED, date(2025, 2, 28)),
    investigation("b", OPENED, date(2025, 3, 1)),
    investigation("c", day(1), date(2025, 3, 1)),
    investigation("d", day(1), None, closed=True),
    investigation("e", day(1), None, observed_until=day(40)),
]
"""Opened on 31 October, due on 28 February, and on 1 November, due on 1 March: 120 days each."""


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return small_snapshot(
        tmp_path / "snapshot",
        spells=[row for subject in PATHS for row in spells(subject)],
        children=[{"subject_id": subject} for subject in PATHS],
        coverage=covered("0180"),
        referrals=REFERRALS,
        investigations=INVESTIGATIONS,
    )


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "tables" / f"{name}.parquet")


def test_from_referral_and_investigation_counted_by_hand(snapshot: Snapshot, tmp_path: Path) -> None:
    """Of five waits from referral c closes on day 14 and e is last seen on day 40; b on 60, then a or d.

    Granted: b on day 60 of 3 left, 4/5 · 1/3; a on day 110 of 2, 4/5 · 2/3 · 1/2. Started: a on day 130.
    From investigation: b after 50 days, a after 100 (granted) or 120 (started), d closes after 130.
    """
    folder = analyse(analysis("time_to_intervention"), snapshot, tmp_path / "out").folder
    found = table(folder, "from_referral").set_index(["event", "cause", "by"])["estimate"]
    assert found["granted", "granted", "3 months"] == pytest.approx(4 / 15)
    assert found["granted", "granted", "4 months"] == pytest.approx(8 / 15)
    assert found["started", "started", "4 months"] == pytest.approx(4 / 15)
    assert found["started", "started", "6 months"] == pytest.approx(8 / 15)
    assert found["granted", "closed", "14 days"] == pytest.approx(1 / 5)
    since = table(folder, "from_investigation").set_index(["event", "cause", "by"])["estimate"]
    assert since["granted", "granted", "four calendar months"] == pytest.approx(2 / 3)
    assert since["started", "started", "four calendar months"] == pytest.approx(2 / 3)
    assert since["started", "started", "3 months"] == pytest.approx(1 / 3)


def test_fourteen_days_report_by_report(snapshot: Snapshot, tmp_path: Path) -> None:
    cohort = draw(snapshot, read_cohort(analysis("time_to_intervention").folder / "cohort.yaml"))
    waits = assessment_waits(cohort, snapshot)
    assert sorted(zip(waits["subject_id"], waits["status"], strict=True)) == [
        ("a", "within"),
        ("b", "late"),
        ("c", "within"),
        ("e", "late"),
        ("e", "too_recent"),
    ]
    share = shares(waits, []).iloc[0]
    assert (share["denominator"], share["share_within"], share["too_recent"]) == (4, 0.5, 1)
    folder = analyse(analysis("time_to_intervention"), snapshot, tmp_path / "out").folder
    done = table(folder, "assessments_days").set_index("by")
    assert done.loc["14 days", "ended"] == 3 and done.loc["14 days", "waits"] == 5


def test_four_calendar_months_are_not_120_days(snapshot: Snapshot) -> None:
    cohort = draw(snapshot, read_cohort(analysis("time_to_intervention").folder / "cohort.yaml"))
    waits = investigation_waits(cohort, snapshot)
    found = dict(zip(waits["subject_id"], waits["status"], strict=True))
    assert found == {"a": "within", "b": "late", "c": "within", "d": "no_date", "e": "too_recent"}


@pytest.mark.parametrize(
    "opened", [date(2024, 10, 31), date(2024, 7, 1), date(2025, 5, 1), date(2024, 2, 29)]
)
def test_the_due_day_is_the_same_on_the_scale_of_days(opened: date) -> None:
    due = (investigation_due(opened) - opened).days
    assert 120 <= due <= 123 and investigation_due(opened) == add_months(opened, 4)
    days = [0, 119, due, due + 1, 200]
    waits = pd.DataFrame({"since_on": pd.to_datetime([opened] * 5), "entered": 0, "left": days})
    aligned = by_due_day(waits)["left"].tolist()
    assert aligned[:4] == [0, 119, LONGEST, LONGEST + 1] and aligned == sorted(aligned)


def test_shares_are_clustered_on_child_and_empty_without_waits() -> None:
    waits = pd.DataFrame({"subject_id": ["x"] * 4 + ["y"] * 4, "status": ["within"] * 4 + ["late"] * 4})
    alone = waits.assign(subject_id=range(8))
    one, other = shares(waits, []).iloc[0], shares(alone, []).iloc[0]
    assert one["share_within"] == other["share_within"] == 0.5
    assert one["high"] - one["low"] > other["high"] - other["low"]
    assert shares(waits.iloc[:0], []).empty


def test_by_group_and_what_was_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    published = analyse(analysis("time_to_intervention"), snapshot, tmp_path / "out", by=["sex"])
    girls = table(published.folder, "from_referral_by_group").query("cause == event and by == '12 months'")
    assert girls[(girls["sex"] == "girl")]["estimate"].tolist() == [1.0, 1.0]
    page = published.files[0].read_text(encoding="utf-8")
    assert "What could not be estimated" in page and "From referral to granted, Cox" in page


def test_nobody_fits(snapshot: Snapshot, tmp_path: Path) -> None:
    declared = tmp_path / "nobody.yaml"
    declared.write_text(
        "name: nobody\nentry: {event: episode}\neligibility: {age: [19..20]}\n"
        "covariates: {sex: , age_group: }\n"
    )
    published = analyse(
        analysis("time_to_intervention"), snapshot, tmp_path / "out", by=["sex"], cohort_file=declared
    )
    assert published.children == 0
    assert "No episode fits the cohort" in published.files[0].read_text(encoding="utf-8")


def test_days_of_note_are_marked_beside_the_curve(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = analyse(analysis("time_to_intervention"), snapshot, tmp_path / "out").folder
    for name, said in (("assessments", "14 days"), ("from_investigation", "four months")):
        assert f">{said}<" in (folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
