"""Output files: whole or not there at all, under names that follow one pattern."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_NOT_SAFE = re.compile(r"[^a-z0-9]+")


def output_name(kind: str, position: int, suffix: str, *parts: str) -> str:
    """``tracker-<kind>[-<part>…]-p<position>.<suffix>``, in lower-case ASCII letters, digits and hyphens.

    ``kind`` says what it is (``flow``), ``parts`` what it is by (``age_group``); ``position`` is the log
    position it was counted at. Nothing in the name can be read as a path or an option.
    """
    words = [word for word in map(_slug, (kind, *parts)) if word]
    return f"tracker-{'-'.join(words)}-p{position}.{_slug(suffix)}"


def _slug(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return _NOT_SAFE.sub("-", ascii_text).strip("-")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a fresh path beside ``path``; when the block ends well it takes the place of ``path``.

    A reader sees the old file or the new one, never half of one; when the block raises, the old file
    stays as it was and nothing is left behind. The folder is made when missing. An error of the operating
    system names ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{uuid4().hex}.partial{path.suffix}")
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Ask for the bytes on disk before the rename, so that a crash cannot leave an empty file."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` as UTF-8 with ``\\n`` line ends, whole or not at all; return ``path``."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")
    return path
