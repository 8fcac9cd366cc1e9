"""An inbox elsewhere, at any address fsspec knows, mirrored into the local one before it is looked at."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from tracker.domain.errors import InboxUnavailable
from tracker.intake.inbox import passed_over
from tracker.intake.privacy_guard import safe_text

SEEN = ".mirrored.json"
"""What was mirrored already, in the local inbox: path there → what told its content apart."""


def mirror(url: str, inbox: Path) -> list[str]:
    """Copy what is new or changed under ``url``/<municipality>/ into ``inbox``; the paths copied.

    Each file appears whole. Nothing is ever written or removed at the address. Raises InboxUnavailable
    when it cannot be listed or read; what was copied by then stays.
    """
    inbox.mkdir(parents=True, exist_ok=True)
    note = inbox / SEEN
    seen: dict[str, str] = json.loads(note.read_text("utf-8")) if note.exists() else {}
    copied = []
    try:
        system, root = url_to_fs(url)
        for path, told in _files(system, root):
            if seen.get(path) != told:
                _copy(system, f"{root}/{path}", inbox / path)
                copied.append(path)
                seen[path] = told
    except (OSError, ImportError, ValueError) as error:
        raise InboxUnavailable(
            f"the inbox at {fsspec.utils.stringify_path(url).partition('?')[0]} cannot be read "
            f"({type(error).__name__}); check TRACKER_INBOX_URL and its credentials; nothing is lost"
        ) from None
    finally:
        note.write_text(json.dumps(seen), "utf-8")
    return [safe_text(path) for path in copied]


def _files(system: Any, root: str) -> Iterator[tuple[str, str]]:
    """Files two levels down, as <municipality>/<name>, with what changes when they do."""
    found = system.find(root, maxdepth=2, detail=True)
    for full, info in sorted(found.items()):
        path = PurePosixPath(full).relative_to(PurePosixPath(root))
        if info["type"] == "file" and len(path.parts) == 2 and not any(map(passed_over, path.parts)):
            yield str(path), f"{info.get('size')} {system.ukey(full)}"


def _copy(system: Any, source: str, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with (
        system.open(source, "rb") as remote,
        NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part", delete=False) as part,
    ):
        shutil.copyfileobj(remote, part)
    Path(part.name).replace(target)
