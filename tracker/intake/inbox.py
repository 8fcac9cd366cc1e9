"""Inbox: deliveries waiting as ``inbox/<municipality code>/<file>``, each with an optional sidecar beside it.

Whose a file is follows from the folder alone. Links are never followed, and everything that cannot be
taken in is shown with its reason instead of being passed over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracker.domain.errors import RejectedFile
from tracker.domain.findings import Finding
from tracker.intake.file_rules import finding, rejection
from tracker.intake.municipalities import municipalities
from tracker.intake.parcel import Parcel
from tracker.intake.privacy_guard import safe_text

SIDECAR_ENDINGS = (".yml", ".yaml")
"""A sidecar is named as its file with one of these after."""

_PASSED_OVER_STARTS = ("~$", ".")  # Excel's lock files, hidden files
_PASSED_OVER_ENDS = (".part", ".tmp", ".crdownload", ".filepart")  # still being copied
_PASSED_OVER_NAMES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class InboxFile:
    """A file waiting in the inbox; ``problem`` says why it cannot be taken in (None: it can).

    ``municipality`` is the folder's name, also when it is no municipality.
    """

    municipality: str
    path: Path
    sidecar: Path | None = None
    problem: Finding | None = None

    @property
    def name(self) -> str:
        """The file's own name, a national id in it hidden."""
        return safe_text(self.path.name)


def scan(inbox: Path, registered: Mapping[str, str] | None = None) -> list[InboxFile]:
    """Everything that waits, in order of folder and file name.

    ``registered`` are the municipalities that may deliver (code → name); all of Sweden's when None.
    """
    known = municipalities() if registered is None else registered
    found: list[InboxFile] = []
    for entry in _entries(inbox):
        if entry.is_dir(follow_symlinks=False):
            found += _folder(Path(entry.path), known)
        elif entry.is_symlink():
            found.append(_refused("", Path(entry.path), "FILE-071"))
        else:
            found.append(_refused("", Path(entry.path), "FILE-073"))
    return found


def read_parcel(file: InboxFile) -> Parcel:
    """Content and sidecar of a waiting file, each read once and without following links.

    Raises ``RejectedFile`` for a file with a problem, or one that has become a link since the scan.
    """
    if file.problem:
        raise RejectedFile(file.problem.rule, file.problem.message, file.problem.remedy)
    content = _read(file.path)
    return Parcel(content, None if file.sidecar is None else _read(file.sidecar))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((e for e in entries if not passed_over(e.name)), key=lambda e: e.name)


def passed_over(name: str) -> bool:
    """Whether a name is no delivery: hidden, a lock file, or still being copied."""
    lower = name.lower()
    return (
        lower.startswith(_PASSED_OVER_STARTS)
        or lower.endswith(_PASSED_OVER_ENDS)
        or lower in _PASSED_OVER_NAMES
    )


def _folder(folder: Path, known: Mapping[str, str]) -> Iterator[InboxFile]:
    entries = _entries(folder)
    names = {entry.name for entry in entries}
    for entry in entries:
        path = Path(entry.path)
        owner = _owner_of(entry.name)
        if folder.name not in known:
            yield _refused(folder.name, path, "FILE-070", found=f"”{safe_text(folder.name)}”")
        elif not entry.is_file(follow_symlinks=False):
            yield _refused(folder.name, path, "FILE-071")
        elif owner is None:
            yield InboxFile(folder.name, path, _sidecar_of(path, names))
        elif owner not in names:
            yield _refused(folder.name, path, "FILE-072")


def _owner_of(name: str) -> str | None:
    """The name of the file a sidecar belongs to; None for what is no sidecar."""
    return next((name.removesuffix(e) for e in SIDECAR_ENDINGS if name.lower().endswith(e)), None)


def _sidecar_of(path: Path, names: set[str]) -> Path | None:
    present = (
        path.with_name(path.name + ending) for ending in SIDECAR_ENDINGS if path.name + ending in names
    )
    return next(present, None)


def _refused(folder: str, path: Path, rule: str, found: str = "") -> InboxFile:
    values = {"found": found or f"”{safe_text(path.name)}”"}
    return InboxFile(folder, path, problem=finding(rule, values))


def _read(path: Path) -> bytes:
    """The bytes of a plain file; the folder and the file itself are opened without following links."""
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError:  # its text quotes the name
        raise rejection("FILE-071", {"found": f"”{safe_text(path.name)}”"}) from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise rejection("FILE-071", {"found": f"”{safe_text(path.name)}”"})
        return file.read()
