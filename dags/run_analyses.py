"""DAG: every analysis on the newest snapshot, published into a dated folder that is never changed."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import (
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    dag,
    get_current_context,
    task,
)
from conventions import SNAPSHOT, TASKS, ZONE, document, settings


@dag(
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 5 1 * *", timezone=ZONE), assets=[SNAPSHOT]
    ),
    start_date=pendulum.datetime(2025, 7, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["tracker", "study"],
    params={
        "snapshot": Param(
            None,
            type=["null", "string"],
            title="Snapshot folder",
            description="Empty: the newest there is.",
        )
    },
)
def run_analyses() -> None:
    """Run every analysis in `analyses/` on the newest snapshot, each for itself.

    **When one is red**, the others are published all the same, but the folder stays open until it is mended
    and cleared. What is published is internal: it has not passed disclosure control.
    """

    @task.short_circuit(ignore_downstream_trigger_rules=True)
    def wanted() -> bool:
        """A new installation has no snapshot yet: nothing is run before the first."""
        from tracker.desk.analysis_runs import has_snapshot

        return bool(get_current_context()["params"]["snapshot"]) or has_snapshot(settings())

    @task
    def choose() -> dict[str, Any]:
        """The snapshot, the folder of this day and position, and the analyses there are."""
        from datetime import UTC, datetime
        from pathlib import Path

        from tracker.desk import analysis_runs as runs

        chosen = get_current_context()["params"]["snapshot"]
        snapshot = Path(chosen) if chosen else runs.newest_snapshot(settings())
        folder = runs.run_folder(settings(), snapshot, datetime.now(UTC).date())
        return {"snapshot": str(snapshot), "folder": str(folder), "names": runs.names()}

    @task
    def each(chosen: dict[str, Any]) -> list[str]:
        """The names to map over."""
        names: list[str] = chosen["names"]
        return names

    @task(map_index_template="{{ name }}")
    def analyse(name: str, chosen: dict[str, Any]) -> str:
        """One analysis; what it left lies in the folder of the run."""
        from pathlib import Path

        from tracker.desk.analysis_runs import analyse_into

        context: Any = get_current_context()
        context["name"] = name
        return analyse_into(name, Path(chosen["snapshot"]), Path(chosen["folder"])).name

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def close(chosen: dict[str, Any]) -> list[str]:
        """List what is there and take away the right to write. Names those that failed; see their logs."""
        from pathlib import Path

        from tracker.desk.analysis_runs import close as close_folder

        return close_folder(Path(chosen["folder"]), chosen["names"])

    chosen = choose()
    wanted() >> chosen
    analyse.partial(chosen=chosen).expand(name=each(chosen)) >> close(chosen)


document(run_analyses())
