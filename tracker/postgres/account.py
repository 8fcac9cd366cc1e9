"""Who the embedded server runs as: PostgreSQL refuses root, so root hands it to a system account."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracker.domain.errors import DatabaseUnavailable

NAME = "tracker-postgres"
"""System account made when root starts the server; its own, so that no other service reaches the data."""


@dataclass(frozen=True)
class Account:
    """An unprivileged user the server's programs run as; None for whoever we already are."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and return its result, output captured, never raising for it."""
        groups: list[int] | None = None if self.uid is None else []
        return subprocess.run(
            [str(part) for part in command],
            user=self.uid,
            group=self.gid,
            extra_groups=groups,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def can_run(self, path: Path) -> bool:
        """Whether this account may execute a program, or pass through a directory and all above it."""
        return self.run(["/usr/bin/env", "test", "-x", path]).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or directory to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """The account for the data directory: its owner when it exists, else ours, or the system account."""
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    return _system_account()


def _system_account() -> Account:
    for name in (NAME, "postgres", "nobody"):
        if name == NAME:
            _create(name)
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root and no unprivileged account was found; "
        f"create one with: useradd --system {NAME}"
    )


def _create(name: str) -> None:
    """Add the account if it is missing; where that cannot be done, the caller takes another."""
    useradd = shutil.which("useradd")
    try:
        pwd.getpwnam(name)
    except KeyError:
        if useradd:
            command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
            subprocess.run(command, capture_output=True, check=False)
