"""Settling: a file that is still being written is left in the inbox until it stands still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tracker.intake.inbox import InboxFile

Mark = tuple[int, int, int]
"""Size, time of change in nanoseconds, and inode: what changes when a file is written or replaced."""


def settled(files: Sequence[InboxFile], pause: Callable[[], object]) -> list[InboxFile]:
    """Those of ``files`` that look the same before and after ``pause``, their sidecars too.

    A file that is gone by then is not among them. A writer that stops for longer than the pause cannot be
    told from one that is done: senders should write beside the inbox and rename, or use ``.part``.
    """
    before = [_marks(file) for file in files]
    pause()
    return [file for file, mark in zip(files, before, strict=True) if mark and mark == _marks(file)]


def _marks(file: InboxFile) -> tuple[Mark, ...]:
    """Empty when one of them is gone."""
    try:
        return tuple(_mark(path) for path in (file.path, file.sidecar) if path is not None)
    except OSError:
        return ()


def _mark(path: Path) -> Mark:
    seen = path.stat(follow_symlinks=False)
    return seen.st_size, seen.st_mtime_ns, seen.st_ino
