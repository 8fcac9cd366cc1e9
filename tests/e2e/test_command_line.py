"""The command line as its users type it, over a small SYNTHETIC inbox and a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from tracker.cli.main import app
from tracker.domain.errors import NotFound, SnapshotError, TrackerError, UsageError
from tracker.pseudonymise.keyring import Keyring

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    from tests.conftest import _database

    with _database(postgres_server, migrated_template) as made:
        yield made


@pytest.fixture(scope="module")
def run(home: Path, url: str) -> Run:
    """Run a command in this process; an error of ours is raised as it is."""
    environment = {"TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": url, "COLUMNS": "160"}

    def command(*words: object, stdin: str = "", code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], input=stdin, env=environment)
        if isinstance(result.exception, TrackerError):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return command


@pytest.fixture(scope="module")
def loaded(run: Run, home: Path) -> Path:
    """The small inbox, loaded, and a snapshot of it."""
    Keyring.create(home / "keys")
    run("synth", home, "--plan", "tiny", "--seed", 7)
    run("ingest", home / "inbox", "--workers", 1)
    run("snapshot", home / "snapshot")
    return home / "snapshot"


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_every_command_explains_itself(run: Run) -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]  # all have one of both
    for name in [*names, *(group.name or "" for group in app.registered_groups)]:
        assert "Usage" in run(name, "--help").output


def test_a_second_ingest_loads_nothing_and_a_dry_run_keeps_nothing(
    run: Run, loaded: Path, home: Path
) -> None:
    before = as_json(run("deliveries", "--json"))
    assert as_json(run("ingest", home / "inbox", "--workers", 1, "--json")) == []
    looked = as_json(run("ingest", home / "inbox", "--dry-run", "--json"))
    assert {line["state"] for line in looked} <= {"would load", "held"}
    assert as_json(run("deliveries", "--json")) == before
    assert {line["state"] for line in before} == {"loaded"}


def test_each_sender_has_a_workbook_in_the_outbox(loaded: Path, home: Path, run: Run) -> None:
    numbers = {line["no"]: line["municipality"] for line in as_json(run("deliveries", "--json"))}
    for number, municipality in numbers.items():
        assert (home / "outbox" / municipality / f"aterkoppling-{number:05d}.xlsx").exists()
    out = home / "again.xlsx"
    run("feedback", 1, "--out", out, "--snapshot", loaded)
    with pd.ExcelFile(out, engine="calamine") as workbook:
        assert "Ert flöde" in workbook.sheet_names


def test_quarantined_rows_are_listed_without_values_and_can_be_retried(run: Run, loaded: Path) -> None:
    rows = as_json(run("quarantine", "list", "--json"))
    assert rows
    assert {"rule", "row", "column", "message", "remedy"} <= rows[0].keys()
    number = rows[0]["no"]
    assert "still in quarantine" in run("quarantine", "retry", number).output
    assert [row for row in as_json(run("quarantine", "list", "--json")) if row["no"] == number]


def test_the_steward_gives_a_spelling_its_meaning_and_takes_it_back(run: Run, loaded: Path) -> None:
    unknown = [
        row for row in as_json(run("codes", "unmapped", "--json")) if row["codebook"] == "referral_reason"
    ]
    spelling = unknown[0]["spelling"]
    moved = as_json(run("codes", "impact", "referral_reason", spelling, "B_SKOLA", "--json"))
    assert {row["reason"] for row in moved} >= {"B_SKOLA"}
    run("codes", "accept", "referral_reason", spelling, "B_SKOLA", "--by", "test")
    left = [row["spelling"] for row in as_json(run("codes", "unmapped", "referral_reason", "--json"))]
    assert spelling not in left
    run("codes", "undo", 1, "--by", "test")
    again = [row["spelling"] for row in as_json(run("codes", "unmapped", "referral_reason", "--json"))]
    assert spelling in again
    assert [d["undoes"] for d in as_json(run("codes", "decisions", "--json"))] == [None, 1]
    assert run("codes", "suggest", "referral_reason", "skolfrånvaro").output
    with pytest.raises(NotFound, match="NO_CODE"):
        run("codes", "accept", "referral_reason", spelling, "NO_CODE")


def test_a_child_is_found_by_subject_and_by_identity_on_standard_input(
    run: Run, loaded: Path, home: Path
) -> None:
    children = pd.read_parquet(home / "truth" / "children.parquet")
    number = next(n for n in children["number"] if isinstance(n, str) and len(n) == 12)
    subject = pd.read_parquet(loaded / "children.parquet")["subject_id"].iloc[0]
    assert as_json(run("timeline", subject, "--json"))["entries"]
    for known in children["number"].dropna().astype(str).head(40):
        try:
            found = as_json(run("timeline", "--lookup", "--json", stdin=known + "\n"))
        except NotFound as error:
            assert known not in str(error)
            continue
        assert found["subject_id"]
        break
    else:
        pytest.fail("none of the first forty children was found")
    with pytest.raises(UsageError) as refused:
        run("timeline", "--lookup", stdin=number[:-1] + "\n")
    assert number[:-1] not in str(refused.value)


def test_snapshots_of_two_positions_differ_by_what_came_between(run: Run, loaded: Path, home: Path) -> None:
    position = json.loads((loaded / "manifest.json").read_text())["position"]
    run("snapshot", home / "earlier", "--as-of", position // 2)
    told = as_json(run("diff", home / "earlier", loaded, "--json"))
    assert told["counts"]["new"] > 0
    assert told["versions"]["position"] == [str(position // 2), str(position)]
    with pytest.raises(UsageError, match="not reached"):
        run("snapshot", home / "later", "--as-of", position + 10_000)
    with pytest.raises(UsageError, match="neither a position"):
        run("snapshot", home / "later", "--as-of", "yesterday")


def test_a_snapshot_may_follow_children_within_each_municipality(run: Run, loaded: Path, home: Path) -> None:
    position = json.loads((loaded / "manifest.json").read_text())["position"]
    run("snapshot", home / "by-place", "--unit", "child-municipality", "--as-of", str(position))
    of_child, by_place = (
        json.loads((folder / "manifest.json").read_text()) for folder in (loaded, home / "by-place")
    )
    assert of_child["rules"] != by_place["rules"]
    assert of_child["position"] == by_place["position"]
    assert by_place["tables"]["spells"]["rows"] >= of_child["tables"]["spells"]["rows"]
    run("flow-table", "export", home / "by-place", "--out", home / "table")


@pytest.mark.parametrize("by", ["", "sex", "age_group,act", "municipality", "reason", "referrer,year"])
def test_a_flow_summary_in_every_form(run: Run, loaded: Path, tmp_path: Path, by: str) -> None:
    formats = [word for name in ("csv", "xlsx", "parquet", "json") for word in ("--format", name)]
    run("flow", loaded, "--by", by, "--picture", "--out", tmp_path, *formats)
    suffixes = sorted(path.suffix for path in tmp_path.iterdir())
    assert suffixes == [".csv", ".html", ".json", ".json", ".parquet", ".svg", ".xlsx"]
    for path in tmp_path.iterdir():
        if path.suffix in {".html", ".svg", ".json", ".csv"}:
            assert "not disclosure-controlled" in path.read_text(encoding="utf-8")
    shown = run("flow", loaded, "--by", by, "--links", "explicit")
    assert "Sorteringskedjan" in shown.output


def test_pathways_and_key_figures_are_written(run: Run, loaded: Path, tmp_path: Path) -> None:
    run("pathways", loaded, "--out", tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".graphml", ".xlsx"}
    assert as_json(run("figures", loaded, "--json")).keys() == {"stamp", "not-returned", "investigation-time"}


def test_a_specification_can_be_handed_to_a_municipality(run: Run, tmp_path: Path) -> None:
    assert "Aktualiseringar" in run("spec", "referrals").output
    run("spec", "--out", tmp_path)
    assert len(list(tmp_path.glob("*.md"))) == 8


def test_wrong_use_is_a_sentence(run: Run, loaded: Path, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError):
        run("flow", tmp_path)
    with pytest.raises(UsageError, match="choose among"):
        run("flow", loaded, "--by", "shoe_size")
    with pytest.raises(UsageError, match="does not exist"):
        run("ingest", tmp_path / "nowhere")
    with pytest.raises(NotFound):
        run("deliveries", 999)
    with pytest.raises(UsageError, match="only a held one"):
        run("confirm", 1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["deliveries", "999"], 8, "there is no delivery 999"),
        (["flow", "/nowhere"], 7, "nowhere"),
        (["flow"], 2, "Missing argument"),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(
    url: str, home: Path, words: list[str], code: int, said: str
) -> None:
    environment = {**os.environ, "TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": url}
    command = [sys.executable, "-c", "from tracker.cli import main; main()", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stderr


def test_a_database_that_is_away_is_said_so(home: Path) -> None:
    gone = {"TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": "postgresql://x:secret@127.0.0.1:1/x"}
    command = [sys.executable, "-c", "from tracker.cli import main; main()", "deliveries"]
    done = subprocess.run(command, env={**os.environ, **gone}, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "secret" not in done.stderr
