"""Airflow on this machine: its services, on a database of their own, started and stopped together."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tracker.desk.airflow_leftovers import end_sessions, note_session
from tracker.domain.errors import DatabaseUnavailable, UsageError
from tracker.postgres.databases import make_database
from tracker.settings import Settings

DATABASE = "airflow"
SERVICES = ("scheduler", "dag-processor", "triggerer", "api-server")
BEFORE_SCHEDULER = ("api-server", "dag-processor", "triggerer")
"""Tasks talk to the API server: a scheduler that begins before it answers starts tasks that fail."""

OPTIONS = {"scheduler": ("--skip-serve-logs",), "triggerer": ("--skip-serve-logs",)}
"""No log servers: they would listen on every address, and all logs lie on this disk."""

PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
LOADING_POOL = "tracker_loading"
OPERATORS = ("AIRFLOW__METRICS__", "AIRFLOW__SMTP__", "AIRFLOW_CONN_")
"""What an operator sets beside ours: where metrics and mail go. All else of another Airflow stays out."""

STARTING_SECONDS = 180.0
STOPPING_SECONDS = 20.0


@dataclass(frozen=True)
class Address:
    """Where Airflow answers, and how to log in."""

    url: str
    user: str
    password: str
    logs: Path


@contextmanager
def airflow(
    settings: Settings, database_url: str, dags: Path, port: int, step: Callable[[str], None]
) -> Iterator[tuple[Address, Sequence[subprocess.Popen[bytes]]]]:
    """Airflow's services, running until the block ends; what they say goes to ``TRACKER_HOME/airflow/logs``.

    Raises ``UsageError`` when Airflow is not installed, ``DatabaseUnavailable`` when it does not come up.
    """
    home = settings.home / "airflow"
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True, mode=0o700)
    step("database of Airflow")
    metadata = make_database(database_url, DATABASE, _kept(home / "secrets.json")["database"])
    env = environment(settings, database_url, metadata, dags, port)
    _run(["db", "migrate"], env, logs)
    _run(
        ["pools", "set", LOADING_POOL, str(settings.workers), "deliveries loading beside each other"],
        env,
        logs,
    )
    running: dict[str, subprocess.Popen[bytes]] = {}
    address = f"http://127.0.0.1:{port}"
    given: list[subprocess.Popen[bytes]] = []
    try:
        for service in BEFORE_SCHEDULER:
            step(service)
            running[service] = _start(service, env, logs)
        _wait_until_healthy(address, PARTS[:1], running, logs)
        step("scheduler")
        running["scheduler"] = _start("scheduler", env, logs)
        _wait_until_healthy(address, PARTS, running, logs)
        given += [running[service] for service in SERVICES]
        yield Address(address, "admin", _password(home), logs), given
    finally:
        _stop(given or list(running.values()))
        end_sessions(home)


def environment(
    settings: Settings, database_url: str, metadata: str, dags: Path, port: int
) -> dict[str, str]:
    """The environment of every Airflow process: loopback only, no examples, no usage data sent."""
    home = settings.home / "airflow"
    url = metadata.replace("postgresql://", "postgresql+psycopg://", 1)
    kept = _kept(home / "secrets.json")
    # Compressed DAGs: of others Airflow 3.3 asks what hangs on what by a query that psycopg's types make
    # PostgreSQL refuse (json #> varchar), and the graph of assets stays empty.
    options = {
        ("database", "sql_alchemy_conn"): url,
        ("database", "sql_alchemy_conn_async"): url,
        ("core", "dags_folder"): str(dags.absolute()),
        ("core", "load_examples"): "False",
        ("core", "executor"): "LocalExecutor",
        ("core", "parallelism"): str(settings.workers + 2),
        ("core", "execution_api_server_url"): f"http://127.0.0.1:{port}/execution/",
        ("core", "simple_auth_manager_users"): "admin:admin",
        ("core", "simple_auth_manager_passwords_file"): str(home / "password.json"),
        ("core", "dags_are_paused_at_creation"): "False",
        ("core", "compress_serialized_dags"): "True",
        ("api", "host"): "127.0.0.1",
        ("api", "port"): str(port),
        ("api", "workers"): "1",
        ("api", "base_url"): f"http://127.0.0.1:{port}",
        ("usage_data_collection", "enabled"): "False",
        ("dag_processor", "refresh_interval"): "15",
        ("logging", "base_log_folder"): str(home / "logs" / "tasks"),
        ("api_auth", "jwt_secret"): kept["jwt"],
        ("api", "secret_key"): kept["session"],
        ("core", "fernet_key"): kept["fernet"],
    }
    named = {f"AIRFLOW__{section}__{option}".upper(): value for (section, option), value in options.items()}
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIRFLOW") or name.startswith(OPERATORS)
    }
    return inherited | named | _tracker(settings, database_url) | {"AIRFLOW_HOME": str(home)}


def _tracker(settings: Settings, database_url: str) -> dict[str, str]:
    """The settings as the tasks read them; the embedded server is named, so that no task starts it."""
    places = (
        *("home", "inbox", "outbox", "store", "keys"),
        *("anchors", "snapshots", "releases", "backups"),
    )
    return {f"TRACKER_{name.upper()}": str(getattr(settings, name)) for name in places} | {
        "TRACKER_DATABASE_URL": database_url
    }


def _kept(path: Path) -> dict[str, str]:
    """Secrets all processes share; made once, readable by their owner only."""
    if not path.exists():
        made = {name: secrets.token_urlsafe(32) for name in ("jwt", "session", "database")}
        made["fernet"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(made, file)
    kept: dict[str, str] = json.loads(path.read_text("utf-8"))
    return kept


def _program() -> Path:
    program = Path(sys.executable).with_name("airflow")
    if not program.exists():
        raise UsageError("Airflow is not installed here; install it with: make airflow")
    return program


def _run(arguments: Sequence[str], env: Mapping[str, str], logs: Path) -> None:
    log = logs / "setup.log"
    with log.open("ab") as said:
        done = subprocess.run(
            [_program(), *arguments],
            env=dict(env),
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode:
        raise DatabaseUnavailable(f"airflow {arguments[0]} {arguments[1]} failed; what it said is in {log}")


def _start(service: str, env: Mapping[str, str], logs: Path) -> subprocess.Popen[bytes]:
    with (logs / f"{service}.log").open("ab") as said:
        started = subprocess.Popen(
            [_program(), service, *OPTIONS.get(service, ())],
            env=dict(env),
            stdout=said,
            stderr=said,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    note_session(Path(env["AIRFLOW_HOME"]), started.pid)
    return started


def _wait_until_healthy(
    address: str, parts: Sequence[str], running: Mapping[str, subprocess.Popen[bytes]], logs: Path
) -> None:
    until = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < until:
        for service, process in running.items():
            if process.poll() is not None:
                raise DatabaseUnavailable(f"Airflow's {service} stopped; what it said is in {logs}")
        if _healthy(address, parts):
            return
        time.sleep(0.5)
    raise DatabaseUnavailable(f"Airflow does not answer at {address}; what it said is in {logs}")


def _healthy(address: str, parts: Sequence[str]) -> bool:
    try:
        with urlopen(f"{address}/api/v2/monitor/health", timeout=5) as answer:
            told = json.load(answer)
    except (URLError, OSError, ValueError):
        return False
    return all(told[part]["status"] == "healthy" for part in parts)


def _password(home: Path) -> str:
    return str(json.loads((home / "password.json").read_text("utf-8"))["admin"])


def _stop(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask the services to end, and after a while make them: each with the processes it started."""
    for process in running:
        _signal(process, signal.SIGTERM)
    until = time.monotonic() + STOPPING_SECONDS
    for process in running:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
