"""What a killed Airflow left running is ended, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tracker.desk.airflow_leftovers import SESSIONS, alone, end_sessions, leftovers, note_session
from tracker.domain.errors import UsageError

Start = Callable[..., subprocess.Popen[bytes]]
SLEEP = "import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEP}"
PARENT = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], preexec_fn=os.setpgrp, env={{}})
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes in sessions of their own, noted in a home or not; ends them at last."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(home: Path | None, code: str = SLEEP) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True))
        if home is not None:
            home.mkdir(exist_ok=True)
            note_session(home, running[-1].pid)
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def test_only_what_was_started_in_this_home_is_ended(start: Start, tmp_path: Path) -> None:
    left, elsewhere, other = start(tmp_path / "a"), start(tmp_path / "ab"), start(None)
    with alone(tmp_path / "a"):
        assert left.wait(5) != 0
        again = start(tmp_path / "a")
        end_sessions(tmp_path / "a")
        assert again.wait(5) != 0
    assert elsewhere.poll() is None and other.poll() is None


def test_what_a_killed_service_had_started_is_found_by_its_session(start: Start, tmp_path: Path) -> None:
    """As Airflow's tasks do it: another process group, another environment, the parent gone."""
    service = start(tmp_path, PARENT)
    child = int(line_of(service))
    service.kill()
    service.wait()
    assert leftovers(tmp_path) == [child]
    end_sessions(tmp_path)
    with suppress(FileNotFoundError):  # or nobody has asked yet how it ended
        assert Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"


def test_what_does_not_end_when_asked_is_killed(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.desk.airflow_leftovers.ENDING_SECONDS", 0.2)
    deaf = start(tmp_path, DEAF)
    assert line_of(deaf) == "up"
    with alone(tmp_path):
        assert deaf.wait(5) == -9


def test_a_number_given_to_another_since_is_left_alone(start: Start, tmp_path: Path) -> None:
    other = start(tmp_path)
    noted = json.loads((tmp_path / SESSIONS).read_text())
    noted["began"][str(other.pid)] -= 1
    (tmp_path / SESSIONS).write_text(json.dumps(noted))
    assert leftovers(tmp_path) == []
    note_session(tmp_path, other.pid)
    assert leftovers(tmp_path) == [other.pid]
    (tmp_path / SESSIONS).write_text(json.dumps({**noted, "boot": "before the machine was started anew"}))
    assert leftovers(tmp_path) == []
    end_sessions(tmp_path)
    assert other.poll() is None


def test_a_second_airflow_in_a_home_is_refused_and_ends_nothing(start: Start, tmp_path: Path) -> None:
    with alone(tmp_path):
        living = start(tmp_path)
        with pytest.raises(UsageError, match=r"runs in .* already"), alone(tmp_path):
            pass
        assert living.poll() is None
    with alone(tmp_path):
        assert living.wait(5) != 0
