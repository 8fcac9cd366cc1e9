"""Clocks that jump, by Debian's libfaketime: the load's own, and that of PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.injuries import Injury
from tests.chaos.scene import Round
from tests.chaos.servers import bring_up
from tracker.postgres.account import account_for
from tracker.postgres.binaries import programs_for
from tracker.postgres.embedded import EmbeddedServer

MISSING = "libfaketime is not installed; on Debian: apt-get install faketime"


def library() -> Path | None:
    """The shared library that shifts a process's clock."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def of_the_load(round_: Round) -> Injury:
    """The load's machine is days away from the database's; it is killed, and goes on another."""
    kind, at = "clock: of the load", library()
    if at is None:
        return Injury(kind, "", False, skipped=MISSING)
    shift = _days(round_)
    ingest = round_.ingest(**_shifted(at, shift))
    moment = round_.wait_for_a_moment(ingest)
    ingest.kill()
    return Injury(kind, f"{shift}, {moment}", True)


def of_the_server(round_: Round) -> Injury:
    """PostgreSQL's clock jumps while nothing runs: what is recorded later may bear an earlier time."""
    kind, at = "clock: of the server", library()
    if at is None:
        return Injury(kind, "", False, skipped=MISSING)
    shift = _days(round_)
    with _server_at(round_.scene.server, at, shift):
        ingest = round_.ingest()
        moment = round_.wait_for_a_moment(ingest)
        ingest.kill()
    return Injury(kind, f"{shift}, {moment}", True)


def _days(round_: Round) -> str:
    return f"{round_.rng.choice([-40, -3, -1, 1, 3, 40])}d"


def _shifted(at: Path, shift: str) -> dict[str, str]:
    shift = shift if shift.startswith("-") else f"+{shift}"
    return {"LD_PRELOAD": str(at), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


@contextmanager
def _server_at(server: EmbeddedServer, at: Path, shift: str) -> Iterator[None]:
    """The server started anew with its clock shifted; with the right one afterwards."""
    account = account_for(server.data)
    server.stop()
    subprocess.run(
        [
            programs_for(account) / "pg_ctl",
            "start",
            f"--pgdata={server.data}",
            f"--log={server.log}",
            "--wait",
        ],
        user=account.uid,
        group=account.gid,
        extra_groups=None if account.uid is None else [],
        cwd="/",
        env={"LC_ALL": "C", "TZ": "UTC", **_shifted(at, shift)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    try:
        yield
    finally:
        server.stop()
        bring_up(server)
