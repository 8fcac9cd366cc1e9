"""The scripts under analyses/notebooks run as they stand, on a snapshot of the simulated process."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from matplotlib.image import imread

import tracker
from tests.process_snapshot import histories_of, plan_of, process_snapshot
from tracker.synth.parameters import Parameters

NOTEBOOKS = Path(tracker.__file__).parents[1] / "analyses" / "notebooks"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("process") / "snapshot"
    plan = plan_of(Parameters())
    process_snapshot(folder, histories_of(plan, 3_000, seed=8), plan)
    return folder


@pytest.mark.parametrize("script", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_script_runs_and_draws(
    script: Path,
    snapshot: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SNAPSHOT", str(snapshot))
    monkeypatch.setenv("FIGURES", str(tmp_path))
    runpy.run_path(str(script))
    said = script.read_text(encoding="utf-8")
    pictures = sorted(tmp_path.iterdir())
    assert len(pictures) >= 5
    for picture in pictures:
        if picture.suffix == ".png":
            assert imread(picture).std() > 0.02, picture.name
        else:
            assert picture.read_text(encoding="utf-8").startswith("<?xml")
    told = capsys.readouterr().out
    assert "SYNTHETIC DATA" in told and "nan" not in told.lower().split()
    assert said.count("# %% [markdown]") >= 3
