"""What can go wrong, by who has to act on it; each kind has its own exit code on the command line."""

from typing import Self


class TrackerError(Exception):
    """Base of every error a user may see: one sentence that says what, where and what to do next.

    Messages never hold a value from a delivered row.
    """

    exit_code = 1


class UsageError(TrackerError):
    """The command or its arguments cannot be carried out as given."""

    exit_code = 2


class RejectedFile(TrackerError):
    """A delivered file cannot be read at all; the sender has to act.

    ``rule`` is the id of the broken file rule (``FILE-…``), ``remedy`` what the sender should do,
    both in the words of the feedback workbook.
    """

    exit_code = 3

    def __init__(self, rule: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Pickled whole: it may come from a worker process."""
        return type(self), (self.rule, str(self), self.remedy)


class DatabaseUnavailable(TrackerError):
    """The database cannot be reached, or went away; nothing half-done was left behind."""

    exit_code = 4


class StoreUnavailable(TrackerError):
    """The intake store takes no file: its disk is full, or it may not be written; nothing was taken in."""


class InboxUnavailable(TrackerError):
    """The inbox cannot be read: it is gone, or its address does not answer; nothing was taken in."""


class SchemaMismatch(TrackerError):
    """The database schema is older or newer than this software."""

    exit_code = 5


class KeyringError(TrackerError):
    """A key is missing, unreadable or does not fit the data."""

    exit_code = 6


class SnapshotError(TrackerError):
    """A snapshot is missing, damaged or of another format version."""

    exit_code = 7


class NoRoom(TrackerError):
    """What is asked for does not fit in the memory and on the disk there are; nothing half-done was left."""


class NotFound(TrackerError):
    """The delivery, subject, spelling or decision named does not exist."""

    exit_code = 8


class EstimateError(TrackerError):
    """An estimate cannot honestly be given: the data are impossible, or do not carry the method."""

    exit_code = 9


class CheckFailed(TrackerError):
    """What must always hold does not: a snapshot, a log or a backup differs from what it was made of."""

    exit_code = 10
