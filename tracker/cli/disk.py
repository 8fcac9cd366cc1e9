"""Files that cannot be written, because a disk is full or closed to us, as a sentence with what to do."""

from __future__ import annotations

import errno

from tracker.cli.output import errors, escape
from tracker.domain.errors import TrackerError
from tracker.intake.privacy_guard import safe_text

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
"""No room, over quota, over the file limit, a read-only file system, not allowed."""


def tell(error: OSError) -> int:
    """Say what could not be written; returns the exit code. Any other error is raised again."""
    if error.errno not in UNWRITABLE:
        raise error
    where = f" {safe_text(str(error.filename))}" if error.filename else ""
    said = f"a file could not be written{where}: {error.strerror}"
    errors.print(f"[bold red]tracker:[/] {escape(said)}", highlight=False)
    errors.print("Make room or name another folder, and run the same command again.")
    return TrackerError.exit_code
