"""What an Airflow that was killed left running: the sessions of its services are noted, and ended.

Airflow's workers change their titles, and with them what the system shows of their environment, and each
task leads a process group of its own; but all stay in the session of the service that started them.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tracker.domain.errors import UsageError

SESSIONS = "sessions.json"
BOOT = Path("/proc/sys/kernel/random/boot_id")
ENDING_SECONDS = 10.0


@dataclass(frozen=True)
class _Process:
    """A process as ``/proc/<pid>/stat`` tells of it; ``began`` in clock ticks since the machine's start."""

    pid: int
    state: str
    session: int
    began: int


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold ``home`` as its only Airflow, with whatever an earlier one left running ended.

    A killed scheduler's workers wait for work for ever, and a killed ``tracker airflow`` leaves all of its
    services. Raises ``UsageError`` while another Airflow runs there.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _hold(handle, home)
        end_sessions(home)
        yield
    finally:
        os.close(handle)


def _hold(handle: int, home: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"Airflow runs in {home} already; stop it where it was started") from None


def note_session(home: Path, leader: int) -> None:
    """Note that the process ``leader``, which leads a session, is a service of this home."""
    process = _process(leader)
    if process is not None:  # else it ended at once, or the system has no /proc
        noted = _noted(home) | {leader: process.began}
        (home / SESSIONS).write_text(json.dumps({"boot": _boot(), "began": noted}), "utf-8")


def end_sessions(home: Path) -> None:
    """End all that is left of the sessions noted: asked first, killed after ``ENDING_SECONDS``."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in leftovers(home):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        until = time.monotonic() + ENDING_SECONDS
        while leftovers(home) and time.monotonic() < until:
            time.sleep(0.1)
    (home / SESSIONS).unlink(missing_ok=True)


def leftovers(home: Path) -> list[int]:
    """Processes of the sessions noted.

    While a session has a process its number is given to no new one: whoever leads it is ours, unless it
    began at another time than was noted.
    """
    noted = _noted(home)
    if not noted:
        return []
    running = [one for path in Path("/proc").glob("[0-9]*") if (one := _process(int(path.name)))]
    others = {one.pid for one in running if one.pid in noted and one.began != noted[one.pid]}
    ours = noted.keys() - others
    return [one.pid for one in running if one.session in ours and one.state != "Z"]


def _noted(home: Path) -> dict[int, int]:
    """Leaders of sessions and when they began; none of before the machine was started anew."""
    try:
        told = json.loads((home / SESSIONS).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {int(leader): began for leader, began in told["began"].items()} if told["boot"] == _boot() else {}


def _boot() -> str:
    return BOOT.read_text("ascii") if BOOT.exists() else ""


def _process(pid: int) -> _Process | None:
    try:
        told = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:  # gone
        return None
    fields = told.rpartition(")")[2].split()  # the name before it may hold anything; see proc(5)
    return _Process(pid, fields[0], int(fields[3]), int(fields[19]))
