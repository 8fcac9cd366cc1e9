"""Files that cannot be written, because a disk is full or closed to us, as a sentence with what to do."""

from __future__ import annotations

import errno

from tracker.cli.output import errors, escape
from tracker.domain.errors import TrackerError
from tracker.intake.privacy_guard import safe_text

_ROOM = "Make room or name another folder, and run the same command again."
_CLOSED = "Name a folder this user may write to, or have it opened, and run the same command again."
_IN_THE_WAY = (
    "Something else is in the way there: name another folder or file, and run the same command again."
)

_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _CLOSED),
    **dict.fromkeys(
        (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ENAMETOOLONG), _IN_THE_WAY
    ),
}


def tell(error: OSError) -> int:
    """Say what could not be written, where, and what to do; returns the exit code.

    Any other error of the operating system is raised again.
    """
    if error.errno not in _REMEDIES:
        raise error
    where = f" {safe_text(str(error.filename))}" if error.filename else ""
    said = f"a file could not be written{where}: {error.strerror}"
    errors.print(f"[bold red]tracker:[/] {escape(said)}", highlight=False)
    errors.print(_REMEDIES[error.errno])
    return TrackerError.exit_code
