"""SIGKILL for a load: its first process, a worker, a reader, or all of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.chaos.injuries import Injury
from tests.chaos.scene import Round
from tests.chaos.verdict import QUIET_SECONDS, is_quiet
from tests.e2e.ingesting import ATTEMPTED, Ingest, command_of
from tracker.domain.errors import TrackerError

READER = "tracker.intake.reading_process"
WORKERS = "multiprocessing.forkserver"


def first_process(round_: Round) -> Injury:
    """The first process alone: its workers and readers must not live on without it."""
    ingest, moment = _at_a_moment(round_)
    hit = ingest.process.poll() is None
    ingest.kill_first()
    problems = [] if is_quiet(ingest) else [f"processes lived on for {QUIET_SECONDS} s: {ingest.relatives()}"]
    ingest.kill()
    return Injury("loader: first process", moment, hit, problems)


def whole_group(round_: Round) -> Injury:
    """All its processes at once."""
    ingest, moment = _at_a_moment(round_)
    hit = ingest.process.poll() is None
    ingest.kill()
    return Injury("loader: whole group", moment, hit)


def worker(round_: Round) -> Injury:
    """One worker: the load ends with a sentence, or well if there was nothing left for that worker to do."""
    ingest, moment = _at_a_moment(round_)
    hit = _kill_one(ingest, round_, _workers)
    problems = ended_with_a_sentence(ingest, {TrackerError.exit_code, 0} if hit else {0})
    if ingest.process.returncode == 0 and (left := round_.left()):
        problems.append(f"it ended well and left {left} files")
    return Injury("loader: worker", moment, hit, problems)


def reading_child(round_: Round) -> Injury:
    """The process that parses one file, a few milliseconds old: the load goes on as if nothing had been."""
    return _reader("loader: reading child", round_, _reading_children)


def reading_server(round_: Round) -> Injury:
    """The process that forks those."""
    return _reader("loader: reading server", round_, _reading_servers)


def _reader(kind: str, round_: Round, find: Callable[[Ingest], list[int]]) -> Injury:
    """Its file is tried again and the load goes on; it is ended a little later, for the next injury."""
    ingest, moment = _at_a_moment(round_)
    hit = _kill_one(ingest, round_, find)
    ingest.wait_until(ATTEMPTED, round_.count(ATTEMPTED) + 2)
    if ingest.process.poll() is not None:
        return Injury(kind, moment, hit, ended_with_a_sentence(ingest, {0}))
    ingest.kill()
    return Injury(kind, moment, hit)


def ended_with_a_sentence(ingest: Ingest, codes: set[int]) -> list[str]:
    """What was wrong with how a load ended."""
    code, said = ingest.end()
    wrong = [] if code in codes else [f"it ended with {code}: {said[-500:]}"]
    return [*wrong, f"a traceback: {said[-500:]}"] if "Traceback" in said else wrong


def _at_a_moment(round_: Round) -> tuple[Ingest, str]:
    ingest = round_.ingest()
    return ingest, round_.wait_for_a_moment(ingest)


def _kill_one(ingest: Ingest, round_: Round, find: Callable[[Ingest], list[int]]) -> bool:
    """Kill one of the processes found; they may be few and short-lived. False when the load ended first."""
    while ingest.process.poll() is None:
        if found := find(ingest):
            with suppress(ProcessLookupError):
                os.kill(round_.rng.choice(found), signal.SIGKILL)
                return True
        time.sleep(0.001)
    return False


def _workers(ingest: Ingest) -> list[int]:
    servers = [pid for pid in _children(ingest.process.pid) if WORKERS in command_of(pid)]
    return [pid for one in servers for pid in _children(one)]


def _reading_servers(ingest: Ingest) -> list[int]:
    return [pid for one in _workers(ingest) for pid in _children(one) if READER in command_of(pid)]


def _reading_children(ingest: Ingest) -> list[int]:
    return [pid for one in _reading_servers(ingest) for pid in _children(one)]


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
