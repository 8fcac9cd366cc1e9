"""A task in a process of its own, watched: how long, how much processor, how much memory at most.

Memory is the sum of proportional set sizes (``/proc/<pid>/smaps_rollup``: shared pages counted once) of the
task's process and all below it, sampled five times a second; a peak between two samples is not seen. The
server's, whose every process maps the shared buffers, is read ten times more seldom: the kernel walks all
pages for an answer, and at five a second that took a twentieth of both processors from what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

INTERVAL, SELDOM = 0.2, 10
"""Seconds between samples, and one in how many reads the server's memory: more would disturb the measured."""

PATIENCE = 5
"""Seconds an interrupted task is given to end."""

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """Of one process tree: peak memory in MB, processor seconds as last seen of each process."""

    root: int
    peak: float = 0.0
    processor: dict[int, float] = field(default_factory=dict)

    def sample_memory(self) -> None:
        """Look once at what is held."""
        self.peak = max(self.peak, sum(map(_memory, _tree(self.root))))

    def sample_processor(self) -> None:
        """Look once at what was spent."""
        spent = ((pid, _processor(pid)) for pid in _tree(self.root))
        self.processor.update((pid, seconds) for pid, seconds in spent if seconds is not None)


@dataclass(frozen=True)
class Watched:
    """What a task answered, and what it and the server beside it used (MB, processor seconds)."""

    answer: dict[str, Any]
    peak: float
    processor: float
    server_peak: float
    server_processor: float

    @property
    def seconds(self) -> float:
        """Seconds the task took, as it answered."""
        return float(self.answer["seconds"])


def run(task: str, server: int | None, **arguments: str | int) -> Watched:
    """Run ``python -m tests.bench.tasks TASK`` and watch it, and the PostgreSQL whose postmaster is given."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        command = [sys.executable, "-m", "tests.bench.tasks", task, answer.name, json.dumps(arguments)]
        process = subprocess.Popen(command)
        own, beside = Usage(process.pid), Usage(server or 0)
        before = _seconds(beside)
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(own, beside, stop))
        watcher.start()
        try:
            code = process.wait()
        finally:
            stop.set()
            watcher.join()
            _ended(process)
        if code:
            raise SystemExit(f"the task {task} failed")
        told = json.load(answer)
    # A backend that was there before counts only what it did since.
    server_seconds = sum(s - before.get(pid, 0.0) for pid, s in beside.processor.items())
    return Watched(told, own.peak, sum(own.processor.values()), beside.peak, server_seconds)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """An interrupt reaches the task too, which then tidies up; one that does not end is killed."""
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _watch(own: Usage, beside: Usage, stop: threading.Event) -> None:
    for look in count(1):
        if stop.wait(INTERVAL):
            return
        own.sample_memory()
        own.sample_processor()
        if beside.root:
            beside.sample_processor()
        if beside.root and look % SELDOM == 0:
            beside.sample_memory()


def _seconds(usage: Usage) -> dict[int, float]:
    if usage.root:
        usage.sample_processor()
    return dict(usage.processor)


def _tree(root: int) -> Iterator[int]:
    yield root
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _memory(pid: int) -> float:
    with suppress(OSError), Path(f"/proc/{pid}/smaps_rollup").open() as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1000
    return 0.0


def _processor(pid: int) -> float | None:
    """Processor seconds of a process; None once it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    return None
