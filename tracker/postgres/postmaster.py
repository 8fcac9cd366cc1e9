"""Whether a PostgreSQL server runs on a data directory, judged by its ``postmaster.pid``.

After a crash or a reboot the file stays behind, and its process id may by then belong to any other
process: the id counts only while that process was started for this very directory.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tracker.domain.errors import DatabaseUnavailable


def is_running(data: Path) -> bool:
    """Whether a server process is alive for ``data``; it may still be starting or recovering."""
    lines = read_lines(data / "postmaster.pid")
    return bool(lines) and lines[0].strip().isdecimal() and _serves(int(lines[0]), str(data))


def is_ready(data: Path) -> bool:
    """Whether the server takes sessions: line 8 of ``postmaster.pid``, as pg_ctl reads it."""
    lines = read_lines(data / "postmaster.pid")
    return len(lines) > 7 and lines[7].strip() == "ready"


def read_lines(path: Path) -> list[str]:
    """Lines of a file of the server; none when it is missing."""
    try:
        return path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError:
        raise DatabaseUnavailable(f"the server in {path.parent} belongs to another user") from None


def _serves(pid: int, data: str) -> bool:
    """Whether the command line of the process names the data directory."""
    if Path("/proc/self").exists():
        try:
            return data in Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
        except OSError:
            return False
    command = ["ps", "-ww", "-o", "args=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return f" {data} " in f"{answer.strip()} "
