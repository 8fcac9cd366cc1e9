"""``tracker ingest`` in processes of its own, to be watched and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from tests.e2e.command import RUN, environment
from tracker.wiring import Installation

TAKEN_IN = "SELECT count(*) FROM intake.delivery"
ATTEMPTED = "SELECT count(DISTINCT delivery_no) FROM intake.attempt"


class Ingest:
    """An ingest under way, in a session of its own so that it dies with all its processes."""

    def __init__(self, place: Installation, inbox: Path, **settings: str) -> None:
        command = [sys.executable, "-c", RUN, "ingest", str(inbox)]
        self.url = place.url
        self.process = subprocess.Popen(
            command,
            env=environment(place, **settings),
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until(self, query: str, least: int) -> None:
        """Return when a count in the database has grown so far, or the process has ended."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET ROLE tracker_reader")
            while self.process.poll() is None:
                row = connection.execute(query.encode()).fetchone()
                if row and row[0] >= least:
                    return
                time.sleep(0.005)

    def kill_first(self) -> None:
        """SIGKILL for the first process alone."""
        self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        """SIGKILL for every process of it that is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def end(self) -> tuple[int, str]:
        """Wait for its end: exit code and what it printed. One that hangs is killed, and says so."""
        try:
            out, err = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL, "it hung for two minutes and was killed"
        return self.process.returncode, out + err

    def relatives(self) -> set[int]:
        """Process ids of its session that are still at work."""
        return of_session(self.process.pid)


def of_session(leader: int) -> set[int]:
    """Process ids of a session that are at work; the session's id is that of its first process."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended while we looked
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.add(int(entry.name))
    return found


def command_of(pid: int) -> str:
    """The command line of a process, '' when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    return ""


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether a condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
