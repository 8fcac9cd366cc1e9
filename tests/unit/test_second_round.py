"""The second round: sums of municipalities give what everyone at one place gives, or a sentence why not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.unit.test_flow_table import CODEBOOKS, PLACES, by_child, by_place, log, run, snapshot
from tracker.domain.errors import EstimateError, UsageError
from tracker.estimate.from_stays import columns_as_stays
from tracker.estimate.risk_sets import count, spells_as_stays
from tracker.estimate.robust import clustered, robust_expected_time, robust_occupation
from tracker.estimate.sealed_text import seal
from tracker.estimate.second_round import estimated
from tracker.projections.engines import collected
from tracker.projections.flow_clock import Clock
from tracker.projections.flow_counting import spells_on_clock
from tracker.projections.flow_files import read_flow_table
from tracker.projections.flow_stays import stays_on_clock
from tracker.projections.rules import Rules, Unit
from tracker.projections.snapshot import Snapshot, write_snapshot

__all__ = ["by_child", "by_place", "log"]

TIMES, HORIZONS, BY = (30.0, 90.0, 180.0), (180.0,), ("sex", "act_2025")
PERSON = ("subject_id", "municipality")


def everyone(by_place: Snapshot, clock: Clock, by: tuple[str, ...], horizon: int | None) -> pa.Table:
    with spells_on_clock(by_place, clock, by, Unit.CHILD_MUNICIPALITY, None) as (spells, _):
        return collected(stays_on_clock(spells, clock, by, person=PERSON, horizon=horizon))


def folders(by_place: Snapshot, tmp_path: Path, *options: object) -> list[Path]:
    for place in PLACES:
        run("export", by_place.folder, "--municipality", place, *options, "--out", tmp_path / place)
    run("merge", *(tmp_path / place for place in PLACES), "--out", tmp_path / "merged")
    return [tmp_path / f"{place}.json" for place in PLACES]


def second_round(by_place: Snapshot, tmp_path: Path, clock: str = "entry", *more: object) -> list[Path]:
    files = folders(by_place, tmp_path, "--clock", clock, "--by", ",".join(BY), "--horizon", 365)
    hazards = tmp_path / "hazards.json"
    run("hazards", tmp_path / "merged", "--times", "30,90,180", "--horizons", 180, *more, "--out", hazards)
    for place, file in zip(PLACES, files, strict=True):
        run("influence", by_place.folder, hazards, "--municipality", place, "--out", file)
    return files


@pytest.fixture(scope="module")
def done(by_place: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a merged flow table, its hazards and the sums of every municipality."""
    folder = tmp_path_factory.mktemp("done")
    second_round(by_place, folder)
    return folder


@pytest.fixture
def files(done: Path, tmp_path: Path) -> list[Path]:
    """The sums of every municipality, to be changed."""
    return [Path(shutil.copy(done / f"{place}.json", tmp_path)) for place in PLACES]


@pytest.mark.parametrize("clock", ["entry", "episode"])
def test_equals_everyone_at_one_place(by_place: Snapshot, tmp_path: Path, clock: str) -> None:
    files = second_round(by_place, tmp_path, clock)
    out = tmp_path / "robust"
    run("robust", tmp_path / "merged", tmp_path / "hazards.json", *files, "--out", out)
    stays = columns_as_stays(everyone(by_place, Clock(clock), BY, 365), BY, person=PERSON)
    fit = estimated(read_flow_table(tmp_path / "merged"))
    national = clustered(fit, stays, TIMES, HORIZONS)
    for name, expected in {
        "state-occupation": robust_occupation(fit, national),
        "expected-time-in-state": robust_expected_time(fit, national),
    }.items():
        found = pd.read_parquet(out / f"{name}.parquet")
        assert len(found) == len(expected.frame) >= 20
        for column in ("estimate", "std_error", "lower", "upper"):
            np.testing.assert_allclose(found[column], expected.frame[column], rtol=1e-12, atol=1e-15)
        assert found["std_error"].gt(0).sum() >= 10
        assert (out / f"{name}.csv").exists()
    told = json.loads((out / "second-round.json").read_text())
    assert list(told["municipalities"]) == list(PLACES)
    assert told["children"] == int(national.children.sum())
    metadata = pq.read_schema(out / "state-occupation.parquet").metadata
    assert json.loads(metadata[b"tracker_stamp"])["synthetic"] == "yes"


def test_municipalities_with_a_log_each(log: pa.Table, by_place: Snapshot, tmp_path: Path) -> None:
    """Nothing of one place is needed at another."""
    files = folders(by_place, tmp_path, "--clock", "entry")
    hazards = tmp_path / "hazards.json"
    for place in PLACES:
        own = tmp_path / "own" / place
        last = by_place.manifest.position
        kept = log.filter(pc.field("municipality") == place)
        write_snapshot(own, kept, CODEBOOKS, position=last, rules=Rules(unit=Unit.CHILD_MUNICIPALITY))
    run("hazards", tmp_path / "merged", "--times", 90, "--out", hazards)
    for place, file in zip(PLACES, files, strict=True):
        run("influence", tmp_path / "own" / place, hazards, "--municipality", place, "--out", file)
        assert "subject" not in file.read_text()
    run("robust", tmp_path / "merged", hazards, *files, "--out", tmp_path / "robust")
    found = pd.read_parquet(tmp_path / "robust" / "state-occupation.parquet")
    stays = columns_as_stays(everyone(by_place, Clock.ENTRY, (), None), person=PERSON)
    fit = estimated(read_flow_table(tmp_path / "merged"))
    expected = robust_occupation(fit, clustered(fit, stays, [90])).frame
    np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-12, atol=1e-15)


def test_curves_on_the_calendar_start_at_a_day(by_place: Snapshot, tmp_path: Path) -> None:
    files = folders(by_place, tmp_path, "--clock", "calendar")
    hazards = tmp_path / "hazards.json"
    merged = read_flow_table(tmp_path / "merged")
    day = int(merged.frame()["day"].median())
    run("hazards", tmp_path / "merged", "--since", day, "--times", day + 60, "--out", hazards)
    for place, file in zip(PLACES, files, strict=True):
        run("influence", by_place.folder, hazards, "--municipality", place, "--out", file)
    run("robust", tmp_path / "merged", hazards, *files, "--out", tmp_path / "robust")
    found = pd.read_parquet(tmp_path / "robust" / "state-occupation.parquet")
    stays = columns_as_stays(everyone(by_place, Clock.CALENDAR, (), None), person=PERSON)
    fit = estimated(merged, day)
    expected = robust_occupation(fit, clustered(fit, stays, [day + 60])).frame
    np.testing.assert_allclose(found["std_error"], expected["std_error"], rtol=1e-12, atol=1e-15)


def resealed(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changed by someone who knows how to make the checksum right."""
    told = json.loads(file.read_text())
    change(told)
    form = told.pop("format")
    del told["sha256"]
    file.write_text(seal(form, told))


def test_what_does_not_fit_is_refused(done: Path, files: list[Path], tmp_path: Path) -> None:
    merged, hazards = done / "merged", done / "hazards.json"

    def robust(*given: Path, of: Path = merged, by: Path = hazards) -> str:
        return run("robust", of, by, *given, "--out", tmp_path / "robust")

    with pytest.raises(UsageError, match="given more than once: 0102"):
        robust(*files, files[1])
    with pytest.raises(UsageError, match="missing of municipalities in the flow table: 0101, 0103"):
        robust(files[1])
    with pytest.raises(UsageError, match="hazards are of another flow table"):
        robust(*files, of=done / "0101")
    other = tmp_path / "other.json"
    run("hazards", merged, "--times", "30,91,180", "--out", other)
    with pytest.raises(UsageError, match="other hazards than these: 0101, 0102, 0103"):
        robust(*files, by=other)
    with pytest.raises(UsageError, match="There is no file"):
        robust(tmp_path / "nowhere.json")
    with pytest.raises(UsageError, match=r"hazards.json is not of the format tracker-municipal-influence/1"):
        robust(*files[1:], hazards)
    assert not (tmp_path / "robust").exists()
    (tmp_path / "robust").mkdir()
    (tmp_path / "robust" / "notes.txt").write_text("mine")
    with pytest.raises(Exception, match="is not a result of the second round"):
        robust(*files)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda told: told["sums"].update(squares=[0.0]), "is not as it was written"),
        (lambda told: told.update(municipality="0104"), "is not as it was written"),
        (lambda told: told.update(format="tracker-municipal-influence/2"), "not of the format"),
    ],
)
def test_a_file_that_was_changed_is_refused(
    done: Path, files: list[Path], change: Callable[[dict[str, Any]], object], why: str
) -> None:
    out = files[0].parent / "robust"
    told = json.loads(files[0].read_text())
    change(told)
    files[0].write_text(json.dumps(told))
    with pytest.raises(UsageError, match=why):
        run("robust", done / "merged", done / "hazards.json", *files, "--out", out)
    files[0].write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        run("robust", done / "merged", done / "hazards.json", *files, "--out", out)


def test_a_municipality_not_in_the_table_is_refused(done: Path, files: list[Path]) -> None:
    resealed(files[2], lambda told: told.update(municipality="0104"))
    with pytest.raises(UsageError, match="missing of municipalities in the flow table: 0103"):
        run("robust", done / "merged", done / "hazards.json", *files, "--out", files[0].parent / "robust")


def test_sums_over_other_children_than_were_counted_are_found_out(
    log: pa.Table, by_place: Snapshot, done: Path, files: list[Path], tmp_path: Path
) -> None:
    """One child is erased between the rounds; the position of the log is the same."""
    there = pc.field("municipality") == PLACES[0]
    referred = log.filter(there & (pc.field("event_type") == "ReferralReceived")).column("subject_id")
    child = referred.drop_null()[0].as_py()
    erased = log.filter(there & (pc.field("subject_id").is_null() | (pc.field("subject_id") != child)))
    own = snapshot(erased, tmp_path / "own", Unit.CHILD_MUNICIPALITY)
    moved = tmp_path / "own" / "manifest.json"
    told = json.loads(moved.read_text()) | {"position": by_place.manifest.position}
    moved.write_text(json.dumps(told))
    hazards = done / "hazards.json"
    run("influence", own.folder, hazards, "--municipality", PLACES[0], "--out", files[0])
    with pytest.raises(UsageError, match=r"do not add up to zero.*in stratum sex"):
        run("robust", done / "merged", hazards, *files, "--out", tmp_path / "robust")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda of: of.update(codebook="book-2"), "of another codebook than the snapshot: book-2 / "),
        (lambda of: of.update(chain="chain-2"), "of another chain"),
        (lambda of: of.update(rules="rules-2"), "of another rules"),
        (lambda of: of["sources"][0].update(position=7), "as of position 7, this snapshot is as of"),
        (lambda of: of["sources"][0].update(synthetic=False), "one is synthetic and the other is not"),
        (lambda of: of["sources"][0].update(municipalities=["0104"]), "0101 has no part in these hazards"),
    ],
)
def test_a_municipality_refuses_hazards_of_something_else(
    by_place: Snapshot,
    done: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], object],
    why: str,
) -> None:
    hazards, out = tmp_path / "hazards.json", tmp_path / "sums.json"
    shutil.copy(done / "hazards.json", hazards)
    resealed(hazards, lambda told: change(told["of"]))
    with pytest.raises(UsageError, match=why):
        run("influence", by_place.folder, hazards, "--municipality", "0101", "--out", out)
    assert not out.exists()


def test_what_hazards_cannot_be_made_of(by_place: Snapshot, by_child: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "hazards.json"
    run("export", by_child.folder, "--unit", "child", "--out", tmp_path / "linked")
    with pytest.raises(UsageError, match="unit child_municipality, which add up"):
        run("hazards", tmp_path / "linked", "--times", 90, "--out", out)
    run("export", by_place.folder, "--clock", "state", "--out", tmp_path / "state")
    with pytest.raises(EstimateError, match="On the clock of the state"):
        run("hazards", tmp_path / "state", "--times", 90, "--out", out)
    run("export", by_place.folder, "--out", tmp_path / "episode")
    with pytest.raises(EstimateError, match="at least one is needed"):
        run("hazards", tmp_path / "episode", "--out", out)
    with pytest.raises(UsageError, match="are not days"):
        run("hazards", tmp_path / "episode", "--times", "90 days", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize("shuffled", [False, True])
def test_stays_in_columns_are_the_stays_of_a_frame(by_place: Snapshot, shuffled: bool) -> None:
    rows = everyone(by_place, Clock.ENTRY, ("sex",), None)
    if shuffled:
        rows = rows.take(np.random.default_rng(1).permutation(rows.num_rows))
    frame = rows.to_pandas()
    frame["person"] = frame["subject_id"] + frame["municipality"]
    theirs = spells_as_stays(
        frame, subject="person", entered="entered_day", left="day", entered_step="entered_step",
        left_step="step", strata=["sex"],
    )  # fmt: skip
    ours = columns_as_stays(rows, ["sex"], person=PERSON)
    for name in ("stratum", "state", "entered", "left", "to"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    pairs = pd.DataFrame({"ours": ours.subject, "theirs": theirs.subject}).drop_duplicates()
    assert len(pairs) == pairs["ours"].nunique() == pairs["theirs"].nunique()
    np.testing.assert_array_equal(count(ours).at_risk, count(theirs).at_risk)
    none = columns_as_stays(rows.slice(0, 0), ["sex"], person=PERSON, states=ours.states)
    assert len(none) == len(none.strata) == 0
