"""DAG: the log's newest position becomes a snapshot with its flow summary, checked."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task
from conventions import EVENT_LOG, SNAPSHOT, TASKS, document, installation


@dag(
    schedule=[EVENT_LOG],
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["tracker", "operate"],
    params={
        "as_of": Param(
            None,
            type=["null", "string"],
            title="As of",
            description="A position (1234), a day (2026-03-31) or a time; empty: the end of the log.",
        )
    },
)
def refresh_snapshot() -> None:
    """Write the snapshot of the newest position, and its flow summary, and check both against the log.

    Many updates of the log become one snapshot. **When `check` is red**, do not publish from this snapshot:
    it says what differs; see docs/runbook.md, «The check of a snapshot failed».
    """

    @task
    def snapshot() -> dict[str, Any]:
        """One snapshot a position; made again only when the codebook changed."""
        from tracker.desk.refresh import refresh

        made = refresh(installation(), get_current_context()["params"]["as_of"])
        return {"position": made.position, "folder": str(made.folder)}

    @task
    def flow(made: dict[str, Any]) -> list[str]:
        """The flow summary beside the snapshot: tables, picture, page."""
        from pathlib import Path

        from tracker.desk.refresh import write_flow_of

        return [str(path) for path in write_flow_of(Path(made["folder"]))]

    @task
    def check(made: dict[str, Any]) -> None:
        """Row accounting, and the replay of a sample of children against the snapshot; drift is told."""
        from pathlib import Path

        from tracker.desk.refresh import check as hold

        for line in hold(installation(), Path(made["folder"])):
            print(line)

    @task(outlets=[SNAPSHOT])
    def announce(made: dict[str, Any], *, outlet_events: Any = None) -> None:
        """Wake the analyses: the asset carries the position and the folder."""
        outlet_events[SNAPSHOT].extra = made

    @task
    def status_page() -> None:
        """What needs a hand: shown with the documentation of `housekeeping`."""
        from tracker.desk.housekeeping import status_page as write

        print(write(installation()))

    made = snapshot()
    [flow(made), check(made)] >> announce(made)
    made >> status_page()


document(refresh_snapshot())
