"""DAG: files in the inbox become events in the log, sender by sender."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import (
    CronTriggerTimetable,
    Param,
    PokeReturnValue,
    TriggerRule,
    dag,
    get_current_context,
    task,
)
from conventions import EVENT_LOG, LOADING_POOL, TASKS, ZONE, document, installation


@dag(
    schedule=CronTriggerTimetable("*/10 * * * *", timezone=ZONE),
    start_date=pendulum.datetime(2025, 7, 1, tz=ZONE),
    catchup=False,
    max_active_runs=1,
    default_args=TASKS,
    tags=["tracker", "operate"],
    params={
        "municipality": Param(
            None,
            type=["null", "string"],
            pattern="^[0-9]{4}$",
            title="Only this municipality",
            description="Its four digits, such as 0180; empty: all.",
        ),
        "dry_run": Param(
            False, type="boolean", title="Dry run", description="Say what would load; keep nothing."
        ),
    },
)
def ingest_deliveries() -> None:
    """Take in what has settled in the inbox, load each delivery, say what is new.

    **When a file is bad**, the run stays green: the delivery ends as *rejected* or *held*, its sender's
    workbook lies in the outbox, and `tracker deliveries` lists it. A held one waits for
    `tracker confirm NUMBER`.

    **When this is red**, the database, the store or the inbox was away longer than the retries last.
    Mend it and clear the failed tasks, or wait for the next run: nothing is lost or doubled.
    """

    @task.short_circuit(ignore_downstream_trigger_rules=True)
    def wanted() -> bool:
        """A dry run ends here: it looks at the inbox, tells the log what would happen, and keeps nothing."""
        from tracker.desk.scheduled import preview

        asked = get_current_context()["params"]
        if asked["dry_run"]:
            for line in preview(installation(), asked["municipality"]):
                print(f"{line.municipality}: {line.state}, {line.rows} rows, {line.appended} new")
        return not asked["dry_run"]

    @task
    def take_in() -> list[int]:
        """Store and number what has settled. Numbers of the deliveries that wait, senders in turn.

        What could not be taken in stands in this log with what to do. A file still being written is left
        for the next run.
        """
        from tracker.desk.scheduled import take_in as take_in_settled

        waiting = take_in_settled(installation(), get_current_context()["params"]["municipality"])
        for problem in waiting.problems:
            print(problem)
        return waiting.numbers

    @task.sensor(
        mode="reschedule",
        poke_interval=10,
        timeout=timedelta(hours=1).total_seconds(),
        pool=LOADING_POOL,
        map_index_template="{{ told }}",
    )
    def load(delivery_no: int) -> PokeReturnValue:
        """Load one delivery and write its sender's workbook.

        It waits, without holding a slot, while an earlier one of the same sender waits. **Red** means the
        database or the store was away: clear it when they are back.
        """
        from tracker.desk.scheduled import load_in_turn

        done = load_in_turn(installation(), delivery_no)
        context: Any = get_current_context()
        context["told"] = f"{done.municipality} · {delivery_no} · {done.state}" if done else str(delivery_no)
        return PokeReturnValue(done is not None, asdict(done) if done else None)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def news(numbers: list[int]) -> dict[str, int]:
        """What these deliveries changed, and where the log stands."""
        from tracker.desk.scheduled import news as told

        return told(installation(), numbers)

    @task.short_circuit
    def anything_new(told: dict[str, int]) -> bool:
        """Nothing new: nobody downstream is woken."""
        return told["appended"] + told["corrected"] + told["retracted"] > 0

    @task(outlets=[EVENT_LOG])
    def announce(told: dict[str, int], *, outlet_events: Any = None) -> None:
        """Wake what follows the log: the asset carries position and counts."""
        outlet_events[EVENT_LOG].extra = told

    numbers = take_in()
    told = news(numbers)
    wanted() >> numbers
    load.expand(delivery_no=numbers) >> told
    anything_new(told) >> announce(told)


document(ingest_deliveries())
