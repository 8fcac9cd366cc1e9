"""The scheduled day for real: Airflow loads an inbox by its own processes, as the command line would."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import canary_inbox, searching
from tests.e2e.airflow_api import Api
from tests.e2e.canaries import Canaries
from tests.e2e.command import environment, tracker_here
from tests.e2e.conftest import NewInstallation
from tests.e2e.ingesting import Ingest
from tests.e2e.log_content import content, problems_of_accounting
from tests.ports import free_port
from tracker.desk.airflow_services import DATABASE, airflow
from tracker.desk.analyses import available
from tracker.domain.delivery import DeliveryState
from tracker.postgres import reading
from tracker.postgres.event_log import PostgresLog
from tracker.projections.snapshot import Snapshot
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.wiring import Installation

DAGS = Path(__file__).parents[2] / "dags"
SLOW = "1489/02_utredningar_2024-2025_syntetisk.xlsx"
BROKEN = "0180/trasig fil.xlsx"


@pytest.fixture(scope="module")
def birds() -> Canaries:
    return Canaries()


@pytest.fixture(scope="module")
def inbox(open_directory: Path, birds: Canaries) -> Path:
    """SYNTHETIC deliveries of three municipalities, corrected ones among them, a broken one, and canaries."""
    generate(open_directory / "airflow", Plan.tiny(), 11, None)
    made = open_directory / "airflow" / "inbox"
    (made / BROKEN).write_bytes(random.Random(11).randbytes(5000))
    canary_inbox.add_some(made, birds)
    return made


@pytest.fixture(scope="module")
def place(new_installation: NewInstallation, open_directory: Path) -> Installation:
    return new_installation(open_directory / "scheduled")


@pytest.fixture(scope="module")
def api(place: Installation) -> Iterator[Api]:
    place.settings.inbox.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TRACKER_SETTLE_SECONDS", "3")
        up = airflow(place.settings, place.url, DAGS, free_port(), lambda step: None)
        with up as (address, _), Api(address) as session:
            yield session


@contextmanager
def being_written(source: Path, target: Path) -> Iterator[None]:
    """A sender's slow copy: a little more of the file every half second, the rest in the end."""
    whole, done = source.read_bytes(), threading.Event()

    def write() -> None:
        with target.open("wb") as file:
            for byte in whole[: len(whole) // 2]:
                file.write(bytes([byte]))
                file.flush()
                if done.wait(0.5):
                    break
            file.seek(0)
            file.write(whole)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


@pytest.fixture(scope="module")
def loaded(api: Api, inbox: Path, place: Installation) -> Api:
    """Two runs: one while a file is still being written, one when it is whole and another came again."""
    later = shutil.ignore_patterns(Path(SLOW).name)
    shutil.copytree(inbox, place.settings.inbox, dirs_exist_ok=True, symlinks=True, ignore=later)
    with being_written(inbox / SLOW, place.settings.inbox / SLOW):
        assert api.wait("ingest_deliveries", api.trigger("ingest_deliveries")) == "success"
    seen = {delivery.file_name for delivery in reading.deliveries(place.url)}
    assert Path(SLOW).name not in seen
    first = next(path for path in sorted((inbox / "1762").iterdir()) if path.suffix != ".yml")
    again = place.settings.inbox / "1762" / f"samma igen{first.suffix}"
    shutil.copy(first, again)
    shutil.copy(f"{first}.yml", f"{again}.yml")
    assert api.wait("ingest_deliveries", api.trigger("ingest_deliveries")) == "success"
    return api


def test_the_dags_are_read_without_an_error(api: Api) -> None:
    assert api.get("importErrors")["total_entries"] == 0
    named = {dag["dag_id"] for dag in api.get("dags")["dags"]}
    assert {"ingest_deliveries", "refresh_snapshot", "run_analyses", "housekeeping"} == named
    for dag in named:
        assert api.get(f"dags/{dag}/details")["doc_md"]
        for task in api.get(f"dags/{dag}/tasks")["tasks"]:
            assert task["doc_md"] and "\n  " not in task["doc_md"], (
                f"{dag} {task['task_id']}: indented is code"
            )


def test_the_graph_of_assets_joins_the_dags(api: Api) -> None:
    """Airflow's own query for it fails with psycopg unless DAGs are kept compressed."""
    told = api.ui("dependencies")
    names = {node["id"]: node["label"] for node in told["nodes"]}
    assert {(names[edge["source_id"]], names[edge["target_id"]]) for edge in told["edges"]} == {
        ("ingest_deliveries", "tracker://event-log"),
        ("tracker://event-log", "refresh_snapshot"),
        ("refresh_snapshot", "tracker://snapshot"),
        ("tracker://snapshot", "run_analyses"),
    }


def test_the_log_is_that_of_the_command_line(
    loaded: Api, inbox: Path, place: Installation, new_installation: NewInstallation, open_directory: Path
) -> None:
    by_hand = new_installation(open_directory / "by-hand", place.settings.keys)
    without = shutil.copytree(
        inbox,
        open_directory / "without",
        symlinks=True,
        ignore=lambda d, names: [n for n in names if n.startswith(Path(SLOW).name)],
    )
    for one in (without, inbox):
        code, said = Ingest(by_hand, one).end()
        assert code in (0, 3), said
    assert content(place.url) == content(by_hand.url)
    assert problems_of_accounting(place.url) == []


def test_a_broken_file_is_an_outcome_with_a_workbook(loaded: Api, place: Installation) -> None:
    broken = [d for d in reading.deliveries(place.url) if d.file_name == Path(BROKEN).name]
    assert [d.state for d in broken] == [DeliveryState.REJECTED]
    assert (place.settings.outbox / "0180" / f"aterkoppling-{broken[0].delivery_no:05d}.xlsx").exists()
    assert "failed" not in {run["state"] for run in loaded.runs("ingest_deliveries")}


def test_the_same_content_again_is_no_delivery(loaded: Api, place: Installation) -> None:
    assert not [d for d in reading.deliveries(place.url) if d.file_name.startswith("samma igen")]


def test_the_snapshot_follows_the_log(loaded: Api, place: Installation) -> None:
    assert loaded.wait_for_run("refresh_snapshot")["state"] == "success"
    end = PostgresLog(place.url).position()
    snapshot = Snapshot.open(place.settings.snapshots / f"{end:012d}")
    assert snapshot.manifest.position == end
    assert snapshot.arrow("spells").num_rows > 0
    told = loaded.get("assets/events?order_by=-timestamp")["asset_events"]
    assert any(event["extra"].get("position") == end for event in told)


def test_nothing_of_a_row_travels_between_tasks(loaded: Api) -> None:
    """Numbers, states and paths of our own: no file name, no wording."""
    for run in loaded.runs("ingest_deliveries"):
        entries = loaded.get(
            f"dags/ingest_deliveries/dagRuns/{run['dag_run_id']}/taskInstances/~/xcomEntries"
        )
        assert "syntetisk" not in json.dumps(entries["xcom_entries"], ensure_ascii=False).lower()


def test_the_analyses_follow_the_snapshot(loaded: Api, place: Installation) -> None:
    """The first run that a snapshot woke; the monthly one begins with Airflow and finds none."""
    woken = [run for run in loaded.runs("run_analyses") if run["run_type"] == "asset_triggered"]
    assert loaded.wait("run_analyses", woken[0]["dag_run_id"]) == "success"
    first = min(place.settings.releases.iterdir(), key=lambda path: path.name)
    assert {"contents.json", *(one.name for one in available())} == {path.name for path in first.iterdir()}


# -- canaries: national ids planted in the inbox -------------------------------------------------------


def test_no_number_is_in_airflows_database(loaded: Api, place: Installation, birds: Canaries) -> None:
    """XComs, rendered fields, task instances, the audit log: every cell of every table."""
    database = f"{place.url.rpartition('/')[0]}/{DATABASE}"
    tables = {name for name, _ in searching.cells_of(database)}
    assert {f"public.{name}" for name in ("xcom", "rendered_task_instance_fields", "task_instance")} <= tables
    assert searching.in_database(database, birds) == {}
    assert searching.in_database(place.url, birds) == {}


def test_no_number_is_in_what_the_schedule_left(
    loaded: Api, place: Installation, birds: Canaries, open_directory: Path
) -> None:
    """Airflow's logs, the outbox, snapshots, the store; and the page, a backup and an export made then."""
    loaded.wait_for_run("refresh_snapshot")
    home, run = place.settings.home, environment(place)
    snapshot = place.settings.snapshots / f"{PostgresLog(place.url).position():012d}"
    export = ("export", snapshot, "--project", "canary-1", "--form", "timeline")
    for command in (
        ("status", "--xlsx", home / "monday.xlsx"),
        ("backup", "key", "--out", home / "operator.key"),
        ("backup", "--out", home / "backups" / "now"),
        (*export, "--out", home / "export"),
    ):
        answer = tracker_here(run, *command)
        assert answer.code == 0, answer.stderr
        assert birds.in_text(answer.stdout + answer.stderr) == set()
    kept = [path for path in home.iterdir() if path.is_dir() and path.name not in ("inbox", "releases")]
    assert {"airflow", "backups", "export", "outbox", "snapshots", "status", "store"} <= {
        p.name for p in kept
    }
    closed = [path.parent for path in place.settings.releases.glob("*/contents.json")]
    assert closed, "the newest may still be written"
    kept += closed
    assert {str(folder): searching.in_folder(folder, birds) for folder in kept} == {str(f): {} for f in kept}
    assert searching.in_content((home / "monday.xlsx").read_bytes(), birds) == set()
    logs = list((home / "airflow" / "logs" / "tasks").rglob("*.log"))
    assert sum("dag_id=ingest_deliveries" in str(path) for path in logs) > 30
    planted = set(birds.places.values()) | set(birds.texts.values())
    assert planted == set().union(*searching.in_folder(open_directory / "airflow", birds).values())
