"""Monday's page beside a DAG: only what needs a hand, bounded, and harmless when it is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from rich.console import Console

from tracker.cli import output
from tracker.desk.status import PAGE_LINES, Line, page, write_page
from tracker.postgres.schema import ROOT
from tracker.settings import Settings
from tracker.wiring import Installation

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
LINE = Line(
    municipality="0180",
    name="Stockholm",
    record_type="referrals",
    covered=("2024-01-01..2024-12-31",),
    deliveries=1,
    last_delivery=7,
    received_on=date(2026, 11, 20),
    extracted_on=None,
    outcome="held",
    rows=240,
    quarantined=0,
    unmapped=0.061,
    drift=("2024-12: 0 facts | 20 expected",),
    next_action="confirm or dismiss 7",
)


def test_only_what_needs_a_hand_is_a_row_of_three_cells() -> None:
    told = page([LINE, replace(LINE, municipality="0184", next_action="")], NOW)
    assert "As of 2026-11-23 06:00 UTC: 2 streams of 2 senders; 1 need a hand." in told
    rows = [line for line in told.splitlines() if line.startswith("| 0")]
    assert rows == [
        "| 0180 Stockholm, referrals | confirm or dismiss 7 "
        "| 7 held 2026-11-20; 6.1% unmapped; 2024-12: 0 facts / 20 expected |"
    ]


def test_a_page_without_work_has_no_table() -> None:
    assert "|" not in page([replace(LINE, next_action="")], NOW)


def test_a_long_page_ends_with_how_many_are_left() -> None:
    told = page([LINE] * (PAGE_LINES + 3), NOW)
    assert told.count("| 0180 ") == PAGE_LINES
    assert told.rstrip().endswith("3 more: `tracker status`")


@pytest.mark.parametrize("width", [80, 100, 130])
def test_no_number_and_no_next_action_is_lost_on_a_narrow_terminal(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "console", Console(width=width))
    columns = ("last_delivery", "municipality", "record_type", "outcome", "drift", "next_action")
    output.print_rows([LINE], columns, as_json=False, empty="", whole=("next_action",))
    shown = capsys.readouterr().out
    assert "0180" in shown
    assert "confirm or dismiss 7" in " ".join(shown.split())
    assert all(len(line) <= width for line in shown.splitlines())


SHOW = "import sys; sys.path.insert(0, sys.argv[1]); import housekeeping; print(housekeeping.made.doc_md)"


def test_mondays_page_stands_above_what_its_dag_does(tmp_path: Path) -> None:
    """Airflow's page needs of the installation that one file, where the tasks write it, and nothing else."""
    place = Installation(Settings.from_environment({"TRACKER_HOME": str(tmp_path)}), "")
    write_page(place, [LINE], NOW)
    assert {path.name for path in tmp_path.rglob("*")} == {"status", "status.md"}
    command = [sys.executable, "-c", SHOW, str(ROOT / "dags")]
    homes = {"TRACKER_HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")}
    environment = {**os.environ, **homes, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 0, told.stderr[-2000:]
    shown, _, rest = told.stdout.partition("### What this does")
    assert "| 0180 Stockholm, referrals | confirm or dismiss 7 |" in shown
    assert "docs/runbook.md" in rest
