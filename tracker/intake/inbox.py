"""Inbox: deliveries waiting as ``inbox/<municipality code>/<file>``, each with an optional sidecar beside it.

Whose a file is follows from the folder alone. Links are never followed, and everything that cannot be
taken in is shown with its reason instead of being passed over.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from unicodedata import normalize

from tracker.domain.errors import InboxUnavailable, RejectedFile
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


PIECE = 1 << 20


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
    """Everything that waits, in order of folder and file name; a folder closed to us is a problem of its own.

    ``registered`` are the municipalities that may deliver (code → name); all of Sweden's when None.
    Raises ``InboxUnavailable`` when the inbox itself cannot be listed.
    """
    known = municipalities() if registered is None else registered
    found: list[InboxFile] = []
    for entry in _top(inbox):
        if entry.is_dir(follow_symlinks=False):
            try:
                found += _folder(Path(entry.path), known)
            except OSError:
                found.append(_refused(entry.name, Path(entry.path), "FILE-074"))
        elif entry.is_symlink():
            found.append(_refused("", Path(entry.path), "FILE-071"))
        else:
            found.append(_refused("", Path(entry.path), "FILE-073"))
    return found


def read_parcel(file: InboxFile, limit: int | None = None) -> Parcel:
    """Content and sidecar of a waiting file, each read once and without following links.

    Raises ``RejectedFile`` for a file with a problem, one that has become a link or is gone since the scan,
    and one of more than ``limit`` bytes, which is not read.
    """
    if file.problem:
        raise RejectedFile(file.problem.rule, file.problem.message, file.problem.remedy)
    content = _read(file.path, limit)
    return Parcel(content, None if file.sidecar is None else _read(file.sidecar, limit))


def fingerprint(file: InboxFile) -> tuple[bytes, int]:
    """SHA-256 and size of a file too large to be read whole; raises ``RejectedFile`` as ``read_parcel``."""
    hashed, size = sha256(), 0
    with _opened(file.path) as content:
        while piece := content.read(PIECE):
            hashed.update(piece)
            size += len(piece)
    return hashed.digest(), size


def _top(inbox: Path) -> list[os.DirEntry[str]]:
    try:
        return _entries(inbox)
    except OSError as error:
        raise InboxUnavailable(
            f"the inbox {inbox} cannot be listed ({error.strerror}); mount it, open it to this account, or "
            "set TRACKER_INBOX. Nothing is lost: the next run takes in what waits there"
        ) from None


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


def _folder(folder: Path, known: Mapping[str, str]) -> list[InboxFile]:
    entries = _entries(folder)
    sidecars = _sidecars([entry.name for entry in entries])
    taken = set(sidecars.values())
    found = []
    for entry in entries:
        path = Path(entry.path)
        if folder.name not in known:
            found.append(_refused(folder.name, path, "FILE-070", found=f"”{safe_text(folder.name)}”"))
        elif not entry.is_file(follow_symlinks=False):
            found.append(_refused(folder.name, path, "FILE-071"))
        elif _owner_of(entry.name) is None:
            beside = sidecars.get(entry.name)
            found.append(InboxFile(folder.name, path, path.with_name(beside) if beside else None))
        elif entry.name not in taken:
            found.append(_refused(folder.name, path, "FILE-072"))
    return found


def _owner_of(name: str) -> str | None:
    """The name of the file a sidecar belongs to; None for what is no sidecar."""
    return next((name[: -len(e)] for e in SIDECAR_ENDINGS if name.lower().endswith(e)), None)


def _sidecars(names: Sequence[str]) -> dict[str, str]:
    """The sidecar of each file that has one: named just so, else the only one but for case and composition.

    ``é`` is one character or two, after the system that wrote the name; only one of them is on the keyboard.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if _owner_of(name) is None:
            files[_alike(name)].append(name)
    just_so, nearly = {}, {}
    for name in sorted(names):
        owner = _owner_of(name)
        candidates = [] if owner is None else files.get(_alike(owner), [])
        if owner in candidates:
            just_so[owner] = name
        elif len(candidates) == 1:
            nearly[candidates[0]] = name
    return nearly | just_so


def _alike(name: str) -> str:
    return normalize("NFC", name).casefold()


def _refused(folder: str, path: Path, rule: str, found: str = "") -> InboxFile:
    values = {"found": found or f"”{safe_text(path.name)}”"}
    return InboxFile(folder, path, problem=finding(rule, values))


def _read(path: Path, limit: int | None) -> bytes:
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if limit is not None and size > limit:
            raise rejection("FILE-002", {"found": _megabytes(size), "expected": _megabytes(limit)})
        return file.read(size)  # what is added from now on comes with the next run


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A plain file; the folder and the file itself are opened without following links."""
    shown = {"found": f"”{safe_text(path.name)}”"}
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise rejection("FILE-071", shown)
            yield file
    except OSError as error:  # its text quotes the name
        raise rejection("FILE-071" if error.errno in LINKS else "FILE-074", shown) from None


LINKS = {errno.ELOOP, errno.ENOTDIR, errno.ENXIO}
"""What opening says of a link, a link in place of the folder, and a socket."""
