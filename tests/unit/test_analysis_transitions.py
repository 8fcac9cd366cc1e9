"""Where children are after a first referral, counted by hand; and a cohort nobody fits."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.small_snapshots import covered, small_snapshot
from tracker.desk.analyses import analyse, analysis
from tracker.estimate.intensities import intensities
from tracker.estimate.risk_sets import count, spells_as_stays
from tracker.projections.snapshot import Snapshot

DAY0 = date(2024, 1, 1)
PATHS = {
    "a": [("referral", 0), ("investigation", 10), ("closed", 110)],
    "b": [("referral", 0), ("investigation", 20), ("intervention", 120)],
    "c": [("referral", 0), ("closed", 14), ("referral", 300), ("closed", 310)],
    "d": [("referral", 0), ("closed", 5)],
}
LAST = 731
COHORT = """
name: two-years
entry: {event: first_referral}
exits: {horizon_days: 731}
covariates:
  sex:
"""


def spells(subject: str, path: list[tuple[str, int]]) -> list[dict[str, object]]:
    episode = np.cumsum([state == "referral" for state, _ in path])
    first = {e: day for (_, day), e in zip(reversed(path), reversed(episode), strict=True)}
    return [
        {
            "subject_id": subject,
            "episode": int(e),
            "spell": n + 1,
            "state": state,
            "sex": "girl" if subject in "ab" else "boy",
            "entered_on": DAY0 + timedelta(days=day),
            "entered_step": 0 if n == 0 else 1,
            "left_on": DAY0 + timedelta(days=path[n + 1][1] if n + 1 < len(path) else LAST + 10),
            "left_step": 1 if n + 1 < len(path) else None,
            "to_state": path[n + 1][0] if n + 1 < len(path) else None,
            "exit": "transition" if n + 1 < len(path) else "censored",
            "state_entered_on": DAY0 + timedelta(days=day),
            "episode_entered_on": DAY0 + timedelta(days=first[e]),
        }
        for n, ((state, day), e) in enumerate(zip(path, episode, strict=True))
    ]


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    rows = [row for subject, path in PATHS.items() for row in spells(subject, path)]
    people = [{"subject_id": subject} for subject in PATHS]
    return small_snapshot(tmp_path / "snapshot", spells=rows, children=people, coverage=covered("0180"))


def run(snapshot: Snapshot, out: Path, cohort: str = COHORT, by: tuple[str, ...] = ()) -> Path:
    declared = out / "cohort.yaml"
    out.mkdir(exist_ok=True)
    declared.write_text(cohort)
    return analyse(analysis("transitions"), snapshot, out, by=by, cohort_file=declared).folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "tables" / f"{name}.parquet")


def test_without_censoring_occupation_is_the_share_in_each_state(snapshot: Snapshot, tmp_path: Path) -> None:
    at = table(run(snapshot, tmp_path / "out"), "occupation_at").set_index(["months", "state"])["estimate"]
    shares = {
        (1, "investigation"): 0.5,
        (1, "closed"): 0.5,
        (6, "intervention"): 0.25,
        (12, "closed"): 0.75,
        (12, "referral"): 0.0,
        (24, "intervention"): 0.25,
    }
    assert {key: at[key] for key in shares} == pytest.approx(shares)


def test_expected_days_are_the_mean_of_the_days_spent(snapshot: Snapshot, tmp_path: Path) -> None:
    days = table(run(snapshot, tmp_path / "out"), "expected_days").set_index(["horizon", "state"])["estimate"]
    assert days[730, "referral"] == pytest.approx((10 + 20 + 14 + 10 + 5) / 4)
    assert days[365, "investigation"] == pytest.approx((100 + 100) / 4)
    assert days[730, "intervention"] == pytest.approx((730 - 120) / 4)


def test_by_group_each_is_for_itself(snapshot: Snapshot, tmp_path: Path) -> None:
    at = table(run(snapshot, tmp_path / "out", by=("sex",)), "occupation_at_by_group")
    year = at[at["months"] == 12].set_index(["sex", "state"])["estimate"]
    assert year["girl", "intervention"] == pytest.approx(0.5)
    assert year["boy", "closed"] == pytest.approx(1.0)


def test_nobody_in_the_cohort_is_a_result(snapshot: Snapshot, tmp_path: Path) -> None:
    nobody = COHORT.replace("{event: first_referral}", "{event: first_referral, from: 2030-01-01}")
    folder = run(snapshot, tmp_path / "out", nobody, by=("sex",))
    assert (folder / "report.html").exists()
    assert len(table(folder, "intensities")) == 0


def test_intensities_are_moves_by_time_spent() -> None:
    frame = pd.DataFrame(
        {
            "subject_id": ["a", "a", "b"],
            "state": ["x", "y", "x"],
            "to_state": ["y", None, "y"],
            "entered": [0.0, 5.0, 0.0],
            "left": [5.0, 25.0, 10.0],
        }
    )
    rates = intensities(count(spells_as_stays(frame)), [5.0], per=10.0).frame
    assert rates["events"].tolist() == [1.0, 1.0]
    assert rates["exposure"].tolist() == [10.0, 5.0]
    assert rates["estimate"].tolist() == [1.0, 2.0]
    # Garwood: an upper bound of 5.571643 for one event (R's poisson.test(1)$conf.int).
    assert rates["upper"].tolist() == pytest.approx([5.571643, 2 * 5.571643], rel=1e-6)
    assert rates["lower"].tolist() == pytest.approx([0.02531781, 2 * 0.02531781], rel=1e-6)
