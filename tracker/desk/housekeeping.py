"""The nightly and weekly chores: what ``dags/housekeeping.py`` calls. Each is one task, told in numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tracker.desk import retention
from tracker.desk.backup import make_backup, next_folder
from tracker.desk.restore import try_backup
from tracker.desk.retention import whole_backups, written_at
from tracker.desk.status import status, write_page
from tracker.desk.verification import verify_log
from tracker.domain.errors import CheckFailed
from tracker.postgres.event_log import PostgresLog
from tracker.wiring import Installation


def expire(place: Installation, *, dry_run: bool) -> list[str]:
    """Remove what is over its time, or only say so; lines to tell."""
    found = retention.due(place, datetime.now(UTC))
    if not dry_run:
        retention.remove(found)
    done = "due" if dry_run else "removed"
    return [
        "{what}: {number} {done}, {bytes} bytes, {waiting} wait".format(**one.told, done=done)
        for one in found
    ]


def verify(place: Installation) -> str:
    """Verify the whole log. Raises ``CheckFailed`` naming the first places that are not as recorded."""
    found = verify_log(place)
    if not found.holds:
        where = "; ".join(problem.what for problem in found.problems[:3])
        raise CheckFailed(
            f"{found.problem_count} things differ from what was recorded: {where}; "
            "see docs/runbook.md, «The log does not verify»"
        )
    return f"{found.events} events in {found.batches} batches are as recorded; {found.erased} erased"


BACK_UP_EVERY = timedelta(days=6, hours=12)
"""A week, for a chore that comes every night at one time."""


def backup_due(place: Installation) -> bool:
    """Whether the newest whole backup is a week old, or there is none; a log that never began needs none."""
    if not PostgresLog(place.url).position():
        return False
    made = [written_at(path) for path in whole_backups(place.settings.backups)]
    return not made or datetime.now(UTC) - max(made) >= BACK_UP_EVERY


def back_up_and_try(place: Installation) -> str:
    """Make a backup, restore it into a server of its own, verify it there, and drop that again."""
    now = datetime.now(UTC)
    made = make_backup(place, next_folder(place, now), now)
    stands = try_backup(place, made)
    return (
        f"{made.folder.name}: position {stands.contents.position}, {made.bytes} bytes; "
        f"restored and verified, {stands.erasures_replayed} erasures replayed"
    )


def status_page(place: Installation) -> str:
    """Monday's page, written where Airflow's page shows it; how many lines need a hand."""
    now = datetime.now(UTC)
    lines = status(place, now.date())
    write_page(place, lines, now)
    return f"{sum(bool(line.next_action) for line in lines)} of {len(lines)} lines need a hand"
