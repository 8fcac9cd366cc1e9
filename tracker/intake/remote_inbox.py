"""An inbox elsewhere, at any address fsspec knows, mirrored into the local one before it is looked at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any

from fsspec.core import url_to_fs

from tracker.domain.errors import InboxUnavailable
from tracker.intake.inbox import PIECE, passed_over
from tracker.intake.privacy_guard import safe_text

SEEN = ".mirrored.json"
"""What was mirrored already, in the local inbox: path there → what told its content apart."""

Listing = dict[str, tuple[str, Any]]
"""By <municipality>/<name>: what changes when the file does, and its size if the address tells it."""


def mirror(url: str, inbox: Path, pause: Callable[[], None]) -> list[str]:
    """Copy what is new or changed under ``url``/<municipality>/ into ``inbox``; a sentence for each file that
    could not be copied, which the next run tries again.

    Each file appears whole, and only when it looks the same before and after ``pause`` and is as long as
    it was said to be: one still being written there would stand still here. Nothing is ever written or
    removed at the address. Raises InboxUnavailable when it is not there (an object store's prefix is there
    when something lies under it), cannot be listed, or the local inbox cannot be written.
    """
    system, root = _reached(url)
    seen = _noted(inbox)
    new = {path: told for path, told in _listed(system, root, url).items() if seen.get(path) != told[0]}
    if not new:
        return []
    pause()
    still = _listed(system, root, url)
    problems = []
    try:
        for path, (told, size) in new.items():
            if still.get(path) == (told, size):
                if _copied(system, f"{root}/{path}", inbox / path, size):
                    seen[path] = told
                else:
                    problems.append(
                        f"{safe_text(path)} could not be copied from the inbox's address this time"
                    )
    except OSError as error:
        raise _not_ours(inbox, error) from None
    finally:
        _note(inbox, seen)
    return problems


def _reached(url: str) -> tuple[Any, str]:
    try:
        system, root = url_to_fs(url, use_listings_cache=False)
    except (OSError, ImportError, ValueError) as error:
        raise _unreachable(url, error) from None
    return system, root.rstrip("/")


def _listed(system: Any, root: str, url: str) -> Listing:
    """Files two levels down, as <municipality>/<name>; whatever points out of there is none."""
    try:
        found = system.find(root, maxdepth=2, detail=True)  # what it cannot list, it leaves out
        if not found and not system.exists(root):
            raise FileNotFoundError(root)
        return {
            str(path): (_told(info), info.get("size"))
            for full, info in sorted(found.items())
            if info["type"] == "file" and not info.get("islink") and (path := _inside(full, root)) is not None
        }
    except (OSError, ValueError) as error:
        raise _unreachable(url, error) from None


UNTELLING = {"time", "atime", "nlink", "mode", "uid", "gid"}
"""What a listing says of a file that changes when it is only read, or handed to another owner."""


def _told(info: Mapping[str, Any]) -> str:
    """All that tells a file's content apart, from the listing: asking anew would be a call a file."""
    said = sorted((name, str(value)) for name, value in info.items() if name not in UNTELLING)
    return sha256(repr(said).encode()).hexdigest()


def _inside(full: str, root: str) -> PurePosixPath | None:
    """The path under the root when it is a folder and a name there, both plain; else None."""
    path = PurePosixPath(full.removeprefix(root).lstrip("/"))
    plain = full.startswith(f"{root}/") and len(path.parts) == 2 and "\0" not in full
    return path if plain and not any(map(passed_over, path.parts)) else None


def _copied(system: Any, source: str, target: Path, size: int | None) -> bool:
    """Copy a file whole; False when it cannot be read so, and nothing of it is here then.

    Raises what the local disk raises.
    """
    target.parent.mkdir(exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part", delete=False) as part:
        try:
            for piece in _pieces(system, source):
                part.write(piece)
            part.flush()
            whole = size is None or part.tell() == size
            if whole:
                Path(part.name).replace(target)
        except _GoneThere:
            whole = False
        finally:
            Path(part.name).unlink(missing_ok=True)
    return whole


class _GoneThere(Exception):
    """The address stopped giving a file's bytes."""


def _pieces(system: Any, source: str) -> Iterator[bytes]:
    """A file's bytes; an error of the address is told apart from one of the local disk."""
    try:
        with system.open(source, "rb") as remote:
            while piece := remote.read(PIECE):
                yield piece
    except (OSError, ValueError) as error:
        raise _GoneThere from error


def _noted(inbox: Path) -> dict[str, str]:
    """What was mirrored before; nothing without a note that can be read: all is copied again, harmlessly."""
    try:
        inbox.mkdir(parents=True, exist_ok=True)
        noted = json.loads((inbox / SEEN).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _not_ours(inbox, error) from None
    except ValueError:
        return {}
    return noted if isinstance(noted, dict) else {}


def _note(inbox: Path, seen: dict[str, str]) -> None:
    part = inbox / f"{SEEN}.part"
    with suppress(OSError):  # then all of it is copied again by the next run
        part.write_text(json.dumps(seen), "utf-8")
        part.replace(inbox / SEEN)


def shown(url: str) -> str:
    """The address without what may be secret: login, password, token."""
    protocol, _, rest = url.partition("?")[0].rpartition("://")
    return f"{protocol}://{rest.rpartition('@')[2]}"


def _not_ours(inbox: Path, error: OSError) -> InboxUnavailable:
    return InboxUnavailable(
        f"the local inbox {inbox} cannot be written ({error.strerror}); make room, open it to this account, "
        "or set TRACKER_INBOX; nothing is lost"
    )


def _unreachable(url: str, error: Exception) -> InboxUnavailable:
    return InboxUnavailable(
        f"the inbox at {shown(url)} cannot be read ({type(error).__name__}); check TRACKER_INBOX_URL and its "
        "credentials; nothing is lost"
    )
