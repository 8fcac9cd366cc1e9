"""DAG: what is over its time goes, the log is verified, a backup is made and tried."""

from __future__ import annotations

import pendulum
from airflow.sdk import CronTriggerTimetable, Param, dag, get_current_context, task
from conventions import TASKS, ZONE, document, installation, show_status


@dag(
    schedule=CronTriggerTimetable("15 2 * * *", timezone=ZONE),
    start_date=pendulum.datetime(2025, 7, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["tracker", "operate"],
    params={
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Say what is over its time; remove nothing."
        ),
        "back_up_now": Param(
            False, type="boolean", title="Back up now", description="Whenever the last backup was made."
        ),
    },
)
def housekeeping() -> None:
    """Every night: remove what is over its time, verify the log, write what needs a hand. Weekly: back up.

    **When `expire` is red**, a disk or the database was away: clear it, or wait for the next night.

    **When `verify` is red**, the log is not what was recorded. Load and publish nothing more, and see
    docs/runbook.md, «The log does not verify».

    **When `back_up_and_try` is red**, this week has no backup yet; the log says whether it could not be made
    or not be restored. It is tried again every night; see docs/runbook.md, «Back up». Without a key to seal
    for, make one: `tracker backup key`. Copy TRACKER_BACKUPS elsewhere: this is one machine.
    """

    @task
    def expire() -> None:
        """Stored files, left-over parts, old snapshots and old backups; told in numbers."""
        from tracker.desk.housekeeping import expire as sweep

        for line in sweep(installation(), dry_run=get_current_context()["params"]["dry_run"]):
            print(line)

    @task
    def verify() -> None:
        """Every event, batch and head against what was committed to and anchored."""
        from tracker.desk.housekeeping import verify as hold

        print(hold(installation()))

    @task.short_circuit
    def backup_due() -> bool:
        """Once a week, or when asked: nothing is backed up otherwise."""
        from tracker.desk.housekeeping import backup_due as due

        return get_current_context()["params"]["back_up_now"] or due(installation())

    @task
    def back_up_and_try() -> None:
        """Back up into TRACKER_BACKUPS, restore that into a server of its own, verify it there, drop it.

        One task, because the backup's key is in memory only: the operator's secret is not on this machine.
        """
        from tracker.desk.housekeeping import back_up_and_try as both

        print(both(installation()))

    @task
    def status_page() -> None:
        """What needs a hand: shown with this DAG's documentation."""
        from tracker.desk.housekeeping import status_page as write

        print(write(installation()))

    expire()
    status_page()
    [verify(), backup_due()] >> back_up_and_try()


made = housekeeping()
document(made)
show_status(made)
