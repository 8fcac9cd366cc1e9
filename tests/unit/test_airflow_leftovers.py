"""What a killed Airflow left running is ended, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracker.desk.airflow_leftovers import MARK, alone, leftovers
from tracker.domain.errors import UsageError

Start = Callable[..., subprocess.Popen[bytes]]
SLEEP = "import time; time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); {SLEEP}"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes in sessions of their own, with the mark of a home or without; ends them at last."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(home: Path | None, code: str = SLEEP) -> subprocess.Popen[bytes]:
        env = {**os.environ, **({MARK: str(home)} if home else {})}
        command = [sys.executable, "-c", code]
        running.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, start_new_session=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def seen(home: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while process.pid not in leftovers(home) and time.monotonic() < until:
        time.sleep(0.02)
    assert process.pid in leftovers(home)


def test_only_what_was_started_in_this_home_is_ended(start: Start, tmp_path: Path) -> None:
    left, elsewhere, other = start(tmp_path / "a"), start(tmp_path / "ab"), start(None)
    seen(tmp_path / "a", left)
    with alone(tmp_path / "a"):
        assert left.wait(5) != 0
        again = start(tmp_path / "a")
        seen(tmp_path / "a", again)
    assert again.wait(5) != 0, "nor does it leave anything itself"
    assert elsewhere.poll() is None and other.poll() is None


def test_what_does_not_end_when_asked_is_killed(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.desk.airflow_leftovers.ENDING_SECONDS", 0.2)
    deaf = start(tmp_path, DEAF)
    assert deaf.stdout is not None and deaf.stdout.readline() == b"up\n"
    with alone(tmp_path):
        assert deaf.wait(5) == -9


def test_a_second_airflow_in_a_home_is_refused_and_ends_nothing(start: Start, tmp_path: Path) -> None:
    with alone(tmp_path):
        living = start(tmp_path)
        seen(tmp_path, living)
        with pytest.raises(UsageError, match=r"runs in .* already"), alone(tmp_path):
            pass
        assert living.poll() is None
    with alone(tmp_path):
        pass


def test_the_mark_goes_when_airflow_is_interrupted(start: Start, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), alone(tmp_path):
        left = start(tmp_path)
        seen(tmp_path, left)
        raise KeyboardInterrupt
    assert left.wait(5) != 0
