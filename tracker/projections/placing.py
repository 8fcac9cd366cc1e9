"""A folder that appears whole or not at all, however the writing ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker.domain.errors import SnapshotError


@contextmanager
def placed_whole(out: Path, mark: str, what: str = "a snapshot") -> Iterator[tuple[Path, Path]]:
    """Yields a folder to fill and one to work in; the filled one becomes ``out`` when all went well.

    An earlier folder at ``out`` is replaced if it holds the file ``mark``; raises SnapshotError when it
    is something else than ``what`` is written. What killed processes left beside it is cleared away. An
    error of the operating system while writing names ``out``, not the folder of the moment.
    """
    if out.exists() and any(out.iterdir()) and not Path(out, mark).exists():
        raise SnapshotError(f"{out} exists and is not {what}; choose another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}-"
    _clear_abandoned(out.parent, prefix)
    with (
        _naming(out, out.parent / prefix),
        tempfile.TemporaryDirectory(prefix=prefix, dir=out.parent) as folder,
        _claimed(Path(folder)),
    ):
        made, work = Path(folder, "made"), Path(folder, "work")
        made.mkdir()
        work.mkdir()
        yield made, work
        if out.exists():
            out.rename(Path(folder, "earlier"))
        made.rename(out)


@contextmanager
def _naming(out: Path, inside: Path) -> Iterator[None]:
    """Errors of the operating system that name nothing, or a path that begins ``inside``, name ``out``."""
    try:
        yield
    except OSError as error:
        if error.errno is None or not str(error.filename or inside).startswith(str(inside)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(out)) from error


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Holds a lock on the folder for as long as this process is at work in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _clear_abandoned(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            with _claimed(folder):
                shutil.rmtree(folder)
        except BlockingIOError:  # another process is writing the same snapshot
            continue
