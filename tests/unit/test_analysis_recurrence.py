"""Who comes back after closing, counted by hand; delayed entry, gaps, refusals; and a cohort nobody fits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.desk.analyses import analyse, analysis
from tracker.domain.errors import EstimateError
from tracker.estimate.planning import planned
from tracker.estimate.risk_sets import count
from tracker.estimate.waiting import WAITING, compared, incidence, waiting_stays
from tracker.projections.cohort import draw
from tracker.projections.cohort_reading import parse_cohort
from tracker.projections.cohort_spec import Which
from tracker.projections.snapshot import Snapshot
from tracker.projections.waits import first_passages

DAY0 = date(2024, 1, 1)
LAST = 730
PATHS = {
    "a": [("closed", 0), ("referral", 100), ("investigation", 110), ("closed", 200)],
    "b": [
        ("closed", 0),
        ("referral", 200),
        ("closed", 210),
        ("referral", 400),
        ("investigation", 420),
        ("closed", 500),
    ],
    "c": [("closed", 0), ("adult", 150)],
    "d": [("closed", 0), ("censored", 300)],
    "e": [("closed", 0)],
    "f": [("closed", 0), ("granted", 20)],
}
"""Days since the first closing; everyone was referred ten days before, and is observed to day 730."""


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


def spells(subject: str, path: list[tuple[str, int]], exit: str = "censored") -> list[dict[str, object]]:
    """A row for each stay; a last entry that is no state ends the one before."""
    moves = [("referral", -10), *path]
    final = moves.pop() if moves[-1][0] in ("adult", "censored", "coverage") else ("censored", LAST)
    ends = [*moves[1:], final]
    episode, begun, rows = 0, 0, []
    for number, ((state, entered), (into, left)) in enumerate(zip(moves, ends, strict=True)):
        if number == 0 or (moves[number - 1][0] == "closed"):
            episode, begun = episode + 1, entered
        unseen = into in ("censored", "coverage")
        rows.append(
            {
                "subject_id": subject,
                "episode": episode,
                "spell": number + 1,
                "state": state,
                "sex": "girl" if subject in "abc" else "boy",
                "entered_on": day(entered),
                "entered_step": 0 if number == 0 else 1,
                "left_on": day(left),
                "left_step": None if unseen else 1,
                "to_state": None if unseen else into,
                "exit": into if unseen else "absorbing" if into == "adult" else "transition",
                "state_entered_on": day(entered),
                "episode_entered_on": day(begun),
            }
        )
    return rows


def investigation(subject: str, opened: date, closed: date | None, number: int = 1) -> dict[str, object]:
    return {
        "fact_id": f"{subject}{number}",
        "subject_id": subject,
        "opened_on": opened,
        "closed_on": closed,
        "closed": closed is not None,
    }


INVESTIGATIONS = [
    investigation("x", date(2024, 1, 1), date(2024, 3, 1)),
    investigation("y", date(2023, 12, 1), date(2024, 2, 1)),
    investigation("y", date(2024, 9, 1), None, 2),
]
"""Two children whose investigations ended in the spring of 2024; one is investigated again."""


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    rows = [row for subject, path in PATHS.items() for row in spells(subject, path)]
    people = [{"subject_id": subject} for subject in [*PATHS, "x", "y"]]
    return small_snapshot(
        tmp_path / "snapshot",
        spells=rows,
        children=people,
        coverage=covered("0180"),
        investigations=INVESTIGATIONS,
    )


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "tables" / f"{name}.parquet")


def test_returns_counted_by_hand(snapshot: Snapshot, tmp_path: Path) -> None:
    """Six children; f's decision (day 20) and c's growing up (150) compete, d is censored on day 300.

    Re-referral: a on day 100 (1/6), b on day 200 when b, d and e are left (3/6 · 1/3). Repeat investigation:
    a on day 110 (1/6), b on day 420 when b and e are left (3/6 · 1/2).
    """
    folder = analyse(analysis("recurrence"), snapshot, tmp_path / "out").folder
    found = table(folder, "incidence").set_index(["event", "cause", "by"]).sort_index()
    for event, expected in {
        "re_referral": [1 / 6, 2 / 6, 2 / 6, 2 / 6],
        "repeat_investigation": [1 / 6, 1 / 6, 5 / 12, 5 / 12],
    }.items():
        mine = found.loc[(event, event)]
        mine = mine.loc[["6 months", "12 months", "18 months", "24 months"]]
        assert mine["estimate"].tolist() == pytest.approx(expected, abs=1e-12)
        assert (mine["waits"] == 6).all() and (mine["status"] == "value").all()
    assert found.loc[("re_referral", "decided_later", "6 months"), "estimate"] == pytest.approx(1 / 6)
    assert found.loc[("re_referral", "adult", "6 months"), "estimate"] == pytest.approx(1 / 6)
    year = found.loc[("re_referral", "re_referral", "12 months")]
    assert (year["at_risk"], year["ended"]) == (1, 2)


def test_mean_number_counted_by_hand(snapshot: Snapshot, tmp_path: Path) -> None:
    """Returns on day 100 (of 6), 200 (of 5 still observed) and 400 (of 4); one in six grew up on day 150."""
    folder = analyse(analysis("recurrence"), snapshot, tmp_path / "out").folder
    found = table(folder, "mean_number").set_index(["event", "by"])["estimate"]
    assert found["re_referral", "6 months"] == pytest.approx(1 / 6)
    assert found["re_referral", "12 months"] == pytest.approx(1 / 6 + 5 / 6 / 5)
    assert found["re_referral", "24 months"] == pytest.approx(1 / 6 + 5 / 6 / 5 + 5 / 6 / 4)
    assert found["repeat_investigation", "24 months"] == pytest.approx(1 / 6 + 5 / 6 / 4)


def test_the_key_figure_stands_beside(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = analyse(analysis("recurrence"), snapshot, tmp_path / "out").folder
    found = table(folder, "key_figure").set_index(["municipality", "year"])
    for municipality in ("all", "0180"):
        row = found.loc[(municipality, "2024")]
        assert (row["returned"], row["not_returned"], row["share_not_returned"]) == (1, 1, 0.5)


def test_by_group_with_tests_and_what_was_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = analyse(analysis("recurrence"), snapshot, tmp_path / "out", by=["sex"]).folder
    by_sex = table(folder, "incidence_by_group").query("event == cause and by == '12 months'")
    girls = by_sex[(by_sex["sex"] == "girl") & (by_sex["event"] == "re_referral")].iloc[0]
    assert (girls["waits"], girls["estimate"]) == (3, pytest.approx(2 / 3))
    tests = table(folder, "tests_by_group")
    assert (tests["test"] == "Gray's test").all()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "What could not be estimated" in page and "events are too few" in page


def test_after_every_closing_by_what_was_seen_before(snapshot: Snapshot, tmp_path: Path) -> None:
    folder = analyse(analysis("recurrence"), snapshot, tmp_path / "out").folder
    found = table(folder, "incidence_by_number").query("cause == 're_referral'")
    found = found.set_index(["episodes_before", "by"])
    assert found.loc[("0", "12 months"), "waits"] == 6
    assert found.loc[("1", "12 months"), ["waits", "estimate"]].tolist() == [2, pytest.approx(0.5)]
    assert found.loc[("2", "12 months"), "status"] == "too_recent"


def test_nobody_fits(snapshot: Snapshot, tmp_path: Path) -> None:
    declared = tmp_path / "nobody.yaml"
    declared.write_text(
        "name: nobody\nentry: {event: closed, which: first}\neligibility: {age: [19..20]}\n"
        "covariates: {sex: , age_group: }\n"
    )
    published = analyse(analysis("recurrence"), snapshot, tmp_path / "out", by=["sex"], cohort_file=declared)
    assert published.children == 0
    page = published.files[0].read_text(encoding="utf-8")
    assert "No closing fits the cohort" in page
    assert len(table(published.folder, "key_figure"))


def test_a_gap_in_deliveries_ends_a_wait_unseen(tmp_path: Path) -> None:
    before = spells("g", [("closed", 0), ("coverage", 50)])
    after = [{**row, "spell": 3} for row in spells("g", [("referral", 90)])[1:]]
    rows = small_snapshot(tmp_path, spells=[*before, *after], coverage=covered("0180"))
    cohort = draw(rows, parse_cohort("name: gap\nentry: {event: closed}\ncovariates: {sex: }"))
    waits = first_passages(cohort, "closed", {"re_referral": ("referral",)}, Which.FIRST)
    assert waits[["entered", "left"]].values.tolist() == [[0, 50]] and waits["to_state"].isna().all()


def waits(**more: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{n}" for n in range(12)],
            "entered": 0,
            "left": np.arange(5, 17),
            "to_state": ["back", "gone", None] * 4,
            "sex": ["girl", "boy"] * 6,
        }
    )
    return frame.assign(**more)


def test_delayed_entry_is_refused_by_gray_and_compared_otherwise() -> None:
    late = waits(entered=[0] * 10 + [9, 9])
    test, why = compared(count(waiting_stays(late, ("back", "gone"), ["sex"])), "back", ["sex"])
    assert test.name == "log-rank test" and "delayed entry" in why
    test, why = compared(count(waiting_stays(waits(), ("back", "gone"), ["sex"])), "back", ["sex"])
    assert (test.name, why) == ("Gray's test", "")


def test_a_cause_nobody_has_is_zero_and_not_missing() -> None:
    found = incidence(waiting_stays(waits(), ("back", "gone", "never"))).at([10])
    assert found.set_index("cause").loc["never", "estimate"] == 0


def test_plans_leave_out_what_cannot_be_estimated() -> None:
    level = ["x", "y", "z"] * 4
    stays = waiting_stays(
        waits(place=level, same="one"), ("back", "gone"), covariates=["place", "sex", "same"]
    )
    happened = stays.to == stays.states.index("back")
    with pytest.raises(EstimateError, match="No covariate has two levels"):
        planned(stays, happened, ["place", "same"])
    with pytest.raises(EstimateError, match="4 events are too few for 1 coefficient"):
        planned(waiting_stays(waits(), ("back", "gone"), covariates=["sex"]), happened, ["sex"])
    many = waiting_stays(pd.concat([waits(place=level)] * 5), ("back", "gone"), covariates=["place", "sex"])
    with pytest.raises(EstimateError, match="No covariate"):
        planned(many, many.to == many.states.index("back"), ["place"])
    plan = planned(many, many.to == many.states.index("back"), ["place", "sex"])
    assert plan.terms == ("sex",) and len(plan.stays) == 20
    assert plan.said[0] == "place y, z: 40 stays without an event are left out."
    assert WAITING in plan.stays.states
