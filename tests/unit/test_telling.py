"""Events told one a line: what a machine reads, and never a value of a row."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracker.domain.errors import DatabaseUnavailable, UsageError
from tracker.settings import Settings
from tracker.telling import LogForm, Timed, set_up, tell


@pytest.fixture(autouse=True)
def silent_again() -> Iterator[None]:
    yield
    set_up(LogForm.OFF)


def told(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_an_event_is_a_line_of_json(tmp_path: Path) -> None:
    set_up(LogForm.JSON, tmp_path / "log" / "tracker.jsonl")
    tell("load", delivery=12, municipality="0180", state="loaded", position=None)
    with Timed("backup", position=7) as timed:
        timed.facts["bytes"] = 99
    first, second = told(tmp_path / "log" / "tracker.jsonl")
    assert {name: first[name] for name in ("event", "delivery", "municipality", "state")} == {
        **{"event": "load", "delivery": 12},
        **{"municipality": "0180", "state": "loaded"},
    }
    assert set(first) == {"time", "event", "process", "delivery", "municipality", "state"}
    assert (second["event"], second["position"], second["bytes"]) == ("backup", 7, 99)
    assert second["seconds"] >= 0  # type: ignore[operator]  # told as JSON


def test_a_failure_is_told_by_its_kind_alone(tmp_path: Path) -> None:
    set_up(LogForm.JSON, tmp_path / "x")
    with pytest.raises(DatabaseUnavailable), Timed("load", delivery=3):
        raise DatabaseUnavailable("quoting 20100405-9810")
    (line,) = told(tmp_path / "x")
    assert (line["event"], line["error"], line["delivery"]) == ("load failed", "DatabaseUnavailable", 3)
    assert "20100405" not in (tmp_path / "x").read_text()


def test_as_text_to_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    set_up(LogForm.TEXT)
    tell("anchor", batch=2, position=40)
    assert err.getvalue().endswith(" anchor batch=2 position=40\n")


def test_off_is_silent_and_setting_up_twice_tells_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(LogForm.OFF)
    tell("anchor", batch=1)
    assert capsys.readouterr() == ("", "")
    for _ in range(3):
        set_up(LogForm.JSON, tmp_path / "x")
    tell("anchor", batch=1)
    assert len(told(tmp_path / "x")) == 1


def test_the_setting_is_one_of_three() -> None:
    settings = Settings.from_environment({"TRACKER_LOG": "json", "TRACKER_LOG_FILE": "/var/log/t.jsonl"})
    assert (settings.log, settings.log_file) == (LogForm.JSON, Path("/var/log/t.jsonl"))
    assert (Settings.from_environment({}).log, Settings.from_environment({}).log_file) == (LogForm.OFF, None)
    with pytest.raises(UsageError, match="one of off, text, json"):
        Settings.from_environment({"TRACKER_LOG": "loud"})
