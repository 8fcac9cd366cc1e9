"""``python -m tests.scale.celery``: the DAGs on two Celery workers load what the command line loads.

Needs Airflow's Celery provider and ``redis`` beside the rest of the environment, and the program
``redis-server`` (or ``--redis PATH``). Everything lies in a temporary folder; nothing is left running.
The inbox is synthetic.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.airflow_api import Api
from tests.e2e.conftest import create_database, installed
from tests.e2e.ingesting import Ingest
from tests.e2e.log_content import Content, content, problems_of_accounting
from tests.ports import free_port
from tests.scale.worker import VARIABLE
from tracker.desk import airflow_services
from tracker.desk.airflow_services import Address
from tracker.postgres.databases import make_database
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.schema import upgrade
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.wiring import Installation

ROOT = Path(__file__).parents[2]
WORKERS = ("worker-1", "worker-2")
SEED = 11


@dataclass(frozen=True)
class Placed:
    """A loaded delivery: whose it was and which worker loaded it."""

    municipality: str
    worker: str


def main() -> None:
    """Load the tiny inbox under Celery and by the command line; exit 1 when they differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.celery", description=__doc__)
    parser.add_argument("--redis", default=shutil.which("redis-server"), help="path of redis-server")
    chosen = parser.parse_args()
    if not chosen.redis:
        sys.exit("redis-server is not in PATH; name it with --redis")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tracker-celery-"))
        home = Path(folder)
        home.chmod(0o711)
        server = EmbeddedServer(home / "postgres")
        stack.callback(server.stop)
        template = create_database(server.start(), "template0")
        upgrade(template)
        scheduled = installed(home / "scheduled", template)
        generate(home / "synthetic", Plan.tiny(), SEED, None)
        shutil.copytree(home / "synthetic" / "inbox", scheduled.settings.inbox)
        broker = stack.enter_context(redis(chosen.redis, home / "redis"))
        api = stack.enter_context(airflow(scheduled, broker))
        placed = load(api)
        by_hand = installed(home / "by-hand", _empty(server.url), scheduled.settings.keys)
        code, said = Ingest(by_hand, home / "synthetic" / "inbox").end()
        wrong = list(judge(placed, scheduled, by_hand))
        if code not in (0, 3):
            wrong.append(f"the command line ended with {code}: {said[-500:]}")
    tell(placed)
    if wrong:
        sys.exit("\n".join(wrong))
    print("the same log as the command line's, every row accounted for")


def _empty(server: str) -> str:
    url = create_database(server, "template0")
    upgrade(url)
    return url


@contextmanager
def redis(program: str, folder: Path) -> Iterator[str]:
    """A Redis on the loopback with a password, nothing kept on disk; its URL."""
    folder.mkdir()
    port, password = free_port(), secrets.token_hex(16)
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\ndir {folder}\n'
    with started([program, "-"], dict(os.environ), folder / "redis.log", settings):
        yield f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def airflow(place: Installation, broker: str) -> Iterator[Api]:
    """Airflow's services and two Celery workers on the installation, and a session at its API."""
    home, port = place.settings.home / "airflow", free_port()
    logs = home / "logs"
    logs.mkdir(parents=True)
    metadata = make_database(place.url, "airflow", secrets.token_urlsafe(32))
    env = airflow_services.environment(place.settings, place.url, metadata, ROOT / "dags", port)
    env |= {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": broker,
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{env['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "tests.scale.worker.name",
        "PYTHONPATH": str(ROOT),
        "TRACKER_SETTLE_SECONDS": "1",
    }
    program = [sys.executable, "-m", "airflow"]
    for step in (["db", "migrate"], ["pools", "set", airflow_services.LOADING_POOL, "4", "deliveries"]):
        with (logs / "setup.log").open("ab") as said:
            subprocess.run([*program, *step], env=env, stdout=said, stderr=said, check=True)
    with ExitStack() as stack:
        for service in airflow_services.SERVICES:
            stack.enter_context(started([*program, service], env, logs / f"{service}.log"))
        for name in WORKERS:
            command = [*program, "celery", "worker", "--celery-hostname", f"{name}@%h", "--skip-serve-logs"]
            log = logs / f"{name}.log"
            stack.enter_context(started([*command, "--pid", str(home / name)], env | {VARIABLE: name}, log))
        yield session(Address(f"http://127.0.0.1:{port}", "admin", "", logs), home)


def session(address: Address, home: Path) -> Api:
    """A session at the API, once it answers and the DAGs are known."""
    until = time.monotonic() + 300
    while True:
        try:
            password = json.loads((home / "password.json").read_text("utf-8"))["admin"]
            api = Api(Address(address.url, address.user, password, address.logs))
            if api.get("dags")["total_entries"] >= 2 and not api.get("importErrors")["total_entries"]:
                return api
        except (OSError, httpx.HTTPError, AssertionError) as error:
            last = error
        if time.monotonic() > until:
            raise TimeoutError(f"Airflow does not answer: {last}; see {address.logs}")
        time.sleep(1)


def load(api: Api) -> list[Placed]:
    """Trigger the ingestion, wait for it and for the snapshot; where each delivery was loaded.

    The schedule may have begun a run of its own before: then that one loads, and ours finds nothing left.
    """
    begun = time.monotonic()
    api.trigger("ingest_deliveries")
    told = api.wait_for_run("ingest_deliveries", 900)
    print(f"ingest_deliveries: {told['state']} after {time.monotonic() - begun:.0f} s")
    print(f"refresh_snapshot: {api.wait_for_run('refresh_snapshot')['state']}")
    return [placed for run in api.runs("ingest_deliveries") for placed in _placed(api, run["dag_run_id"])]


def _placed(api: Api, run: str) -> Iterator[Placed]:
    path = f"dags/ingest_deliveries/dagRuns/{run}/taskInstances?limit=1000"
    for task in api.get(path)["task_instances"]:
        if task["task_id"] == "load" and task["state"] == "success":
            yield Placed(task["rendered_map_index"].partition(" ")[0], task["hostname"])


def judge(placed: Sequence[Placed], scheduled: Installation, by_hand: Installation) -> Iterator[str]:
    """What is not as it should be."""
    if {one.worker for one in placed} != set(WORKERS):
        yield f"deliveries were loaded by {sorted({one.worker for one in placed})}"
    for name in WORKERS:
        if len({one.municipality for one in placed if one.worker == name}) < 2:
            yield f"{name} loaded deliveries of fewer than two municipalities"
    by_celery, by_command = content(scheduled.url), content(by_hand.url)
    for said, other in (("Celery", by_celery - by_command), ("the command line", by_command - by_celery)):
        if other:
            yield f"of {said} alone: {other.total()} children or unlinkable rows, with {_kinds(other)}"
    yield from problems_of_accounting(scheduled.url)


def _kinds(differing: Content) -> Counter[tuple[object, ...]]:
    """Municipality, record type, event type and kind of the events of what differs, counted."""
    return Counter(event[:4] for events in differing for event in events)


def tell(placed: Sequence[Placed]) -> None:
    """How many deliveries of each municipality each worker loaded."""
    for (municipality, worker), count in sorted(Counter((p.municipality, p.worker) for p in placed).items()):
        print(f"{municipality}  {worker}  {count} deliveries")


@contextmanager
def started(command: Sequence[str], env: dict[str, str], log: Path, told: str = "") -> Iterator[None]:
    """A program in a session of its own until the block ends; all its processes end with it."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            start_new_session=True,
            text=True,
        )
    assert process.stdin is not None
    process.stdin.write(told)
    process.stdin.close()
    try:
        yield
    finally:
        for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)


if __name__ == "__main__":
    main()
