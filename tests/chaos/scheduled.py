"""Airflow's own processes killed during a scheduled load: a task's process, and the scheduler."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg

from tests.chaos.injuries import Injury
from tests.chaos.loaders import READER
from tests.chaos.scene import Round
from tests.chaos.verdict import QUIET_SECONDS, Verdict, compare
from tests.e2e.airflow_api import Api
from tests.e2e.ingesting import ATTEMPTED, command_of, of_session, wait_for
from tests.ports import free_port
from tracker.desk import airflow_services
from tracker.wiring import Installation

TASK = "airflow: task process"
SCHEDULER = "airflow: scheduler"
DAG = "ingest_deliveries"
DAGS = Path(__file__).parents[2] / "dags"
KEPT = ("conventions.py", "ingest_deliveries.py", ".airflowignore")

IMPATIENT = """\
[scheduler]
scheduler_heartbeat_sec = 2
scheduler_health_check_threshold = 10
orphaned_tasks_check_interval = 5
task_instance_heartbeat_timeout = 20
task_instance_heartbeat_timeout_detection_interval = 5
"""
"""What a production scheduler notices in five minutes, this one notices in seconds."""

EXECUTING = "airflow worker -- "
DONE = {"success", "skipped"}


def perform(round_: Round, names: Sequence[str]) -> tuple[list[Injury], Verdict]:
    """A scheduled load with these injuries, one more run, and the verdict."""
    with services(round_.place, round_.scene.folder / "dags") as (api, running):
        shutil.copytree(round_.scene.undisturbed.inbox, round_.place.settings.inbox, dirs_exist_ok=True)
        run = api.trigger(DAG)
        injuries = [_injure(name, round_, api, running) for name in names]
        states = [api.wait(DAG, run), api.wait(DAG, api.trigger(DAG))]
        problems = [f"a run ended as {state}" for state in states if state != "success"]
        api.wait_for_run(DAG)  # the schedule may have begun one meanwhile
        problems += [*_stuck(api), *_orphans(running[0].pid)]
    found = compare(round_.place, round_.scene.undisturbed)
    return injuries, Verdict(found.lost, found.doubled, [*problems, *found.problems])


@contextmanager
def services(place: Installation, dags: Path) -> Iterator[tuple[Api, list[subprocess.Popen[bytes]]]]:
    """Airflow's services on the round's database, with the DAG that loads."""
    home = place.settings.home / "airflow"
    for folder in (dags, home, place.settings.inbox):
        folder.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        if (DAGS / name).exists():
            shutil.copy(DAGS / name, dags)
    (home / "airflow.cfg").write_text(IMPATIENT)
    with (
        patch.dict(os.environ, {"TRACKER_SETTLE_SECONDS": "1"}),
        airflow_services.airflow(place.settings, place.url, dags, free_port(), lambda step: None) as (
            at,
            all_,
        ),
    ):
        assert isinstance(all_, list)
        with Api(at) as api:
            yield api, all_
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {airflow_services.DATABASE} WITH (FORCE)".encode())


def _injure(name: str, round_: Round, api: Api, running: list[subprocess.Popen[bytes]]) -> Injury:
    """Wait until a little more is loaded, then kill."""
    before, until = round_.count(ATTEMPTED), time.monotonic() + 60
    while round_.count(ATTEMPTED) < before + round_.rng.randint(1, 2) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(round_.rng.uniform(0, 1))
    kill = _kill_task if name == TASK else _kill_scheduler
    moment = f"{round_.count(ATTEMPTED)} of {round_.scene.undisturbed.files} attempted"
    return Injury(name, moment, kill(round_, running))


def _kill_task(round_: Round, running: list[subprocess.Popen[bytes]]) -> bool:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := _task_processes(running[0].pid):
            os.kill(round_.rng.choice(found), signal.SIGKILL)
            return True
        time.sleep(0.01)
    return False


def _kill_scheduler(round_: Round, running: list[subprocess.Popen[bytes]]) -> bool:
    """The scheduler alone; a little later what it left, as a service manager does, and a new one."""
    old = running[0]
    environment = dict(
        entry.split("=", 1) for entry in Path(f"/proc/{old.pid}/environ").read_text().split("\0") if entry
    )
    old.kill()
    old.wait()
    time.sleep(round_.rng.uniform(0, 2))
    os.killpg(old.pid, signal.SIGKILL)
    running[0] = airflow_services._start(
        "scheduler", environment, round_.place.settings.home / "airflow/logs"
    )
    return True


def _task_processes(scheduler: int) -> list[int]:
    """Processes that run a task: children of the executor's, which bear its name."""
    named = {pid: command_of(pid) for pid in of_session(scheduler)}
    return [pid for pid, name in named.items() if name.startswith(EXECUTING) and "LocalExecutor" not in name]


def _orphans(scheduler: int) -> list[str]:
    """Readers that live on without the task that started them."""

    def readers() -> list[int]:
        return [pid for pid in of_session(scheduler) if READER in command_of(pid)]

    return [] if wait_for(lambda: not readers(), QUIET_SECONDS) else [f"readers lived on: {readers()}"]


def _stuck(api: Api) -> list[str]:
    """Runs and tasks of Airflow that are not done."""
    wrong = []
    for run in api.runs(DAG):
        for (task, state), count in api.tasks(DAG, run["dag_run_id"]).items():
            if state not in DONE:
                wrong.append(f"{count} of task {task} are {state}")
    return wrong
