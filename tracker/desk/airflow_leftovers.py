"""What an Airflow that was killed left running: its processes are known by a mark in their environment."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tracker.domain.errors import UsageError

MARK = "AIRFLOW_OF_TRACKER"
"""Names the home an Airflow was started in; every process it starts inherits it, and no other has it."""

ENDING_SECONDS = 10.0


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold ``home`` as its only Airflow; what an earlier one left running is ended before, the rest after.

    A killed scheduler's workers wait for work for ever, and a killed ``tracker airflow`` leaves all of its
    services. Raises ``UsageError`` while another Airflow runs there.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _hold(handle, home)
        end_leftovers(home)
        try:
            yield
        finally:
            end_leftovers(home)
    finally:
        os.close(handle)


def _hold(handle: int, home: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"Airflow runs in {home} already; stop it where it was started") from None


def end_leftovers(home: Path) -> None:
    """End every process with the mark of this home: asked first, killed after ``ENDING_SECONDS``."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in leftovers(home):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        until = time.monotonic() + ENDING_SECONDS
        while leftovers(home) and time.monotonic() < until:
            time.sleep(0.1)


def leftovers(home: Path) -> list[int]:
    """Processes with the mark of this home; none where the system has no ``/proc``."""
    mark = f"{MARK}={home.absolute()}".encode()
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _given(path)]


def _given(environ: Path) -> list[bytes]:
    try:
        return environ.read_bytes().split(b"\0")
    except OSError:  # somebody else's, or gone
        return []
