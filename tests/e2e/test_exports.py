"""Exports of a small SYNTHETIC inbox as a researcher asks for them, opened by the programs they are for."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from tests.conftest import _database
from tests.unit.test_exports import everything
from tracker.cli.main import app
from tracker.domain.errors import SnapshotError, TrackerError, UsageError
from tracker.estimate.occupation import aalen_johansen
from tracker.estimate.risk_sets import flow_counts
from tracker.postgres.engine import Role, StatementRefused, connect
from tracker.projections.flow_clock import END, Clock
from tracker.projections.flow_counting import build_flow_table
from tracker.projections.snapshot import Snapshot
from tracker.pseudonymise.keyring import Keyring
from tracker.publish.exports.tables import lists

Run = Callable[..., Result]
R = shutil.which("Rscript")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    with _database(postgres_server, migrated_template) as made:
        yield made


@pytest.fixture(scope="module")
def run(home: Path, url: str) -> Run:
    environment = {"TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": url, "COLUMNS": "200"}

    def command(*words: object) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words], env=environment)
        if isinstance(result.exception, TrackerError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return command


@pytest.fixture(scope="module")
def snapshot(run: Run, home: Path) -> Path:
    Keyring.create(home / "keys")
    run("synth", home, "--plan", "tiny", "--seed", 7)
    run("ingest", home / "inbox", "--workers", 1)
    run("snapshot", home / "snapshot")
    return home / "snapshot"


def entered(run: Run) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(run("exports", "--json").stdout)
    return listed


@pytest.fixture(scope="module")
def timeline(run: Run, snapshot: Path, home: Path) -> Path:
    wanted = ("--project", "nuso-1", "--form", "timeline", "--format", "csv.gz")
    run("export", snapshot, *wanted, "--out", home / "timeline")
    return home / "timeline"


def test_an_export_is_entered_in_the_ledger(run: Run, timeline: Path) -> None:
    told = json.loads((timeline / "manifest.json").read_text())
    (line,) = [line for line in entered(run) if line["project"] == "nuso-1"][:1]
    assert (line["form"], line["format"], line["exact_dates"]) == ("timeline", "csv.gz", False)
    assert line["persons"] == told["persons"] > 100
    assert line["rows"] == sum(told["rows"].values())
    assert line["position"] == told["snapshot"]["position"]
    assert line["exported_by"]


def test_exact_dates_need_a_reason_and_are_entered_with_it(run: Run, snapshot: Path, tmp_path: Path) -> None:
    wanted = (
        "export",
        snapshot,
        "--project",
        "p-2",
        "--form",
        "spells",
        "--format",
        "csv.gz",
        "--exact-dates",
    )
    for reason in ("", "   "):
        with pytest.raises(UsageError, match="reason"):
            run(*wanted, "--reason", reason, "--out", tmp_path / "x")
    with pytest.raises(UsageError, match="national id"):
        run(*wanted, "--reason", "barnet 20150331-9806", "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    run(*wanted, "--reason", "season of referrals", "--out", tmp_path / "x")
    line = entered(run)[-1]
    assert (line["project"], line["exact_dates"], line["reason"]) == ("p-2", True, "season of referrals")
    rows = pd.read_csv(tmp_path / "x" / "spells.csv.gz", parse_dates=["origin_on", "entered_on"])
    assert ((rows["entered_on"] - rows["origin_on"]).dt.days == rows["entered_day"]).all()


@pytest.mark.parametrize("role", [*Role, None])
def test_the_ledger_cannot_be_changed(timeline: Path, url: str, role: Role | None) -> None:
    for change in (
        "DELETE FROM publish.export",
        "TRUNCATE publish.export",
        "UPDATE publish.export SET rows = 0",
    ):
        with pytest.raises(StatementRefused) as refused, connect(url, role) as connection:
            connection.execute(text(change))
        assert refused.value.sqlstate in {"42501", "23001"}


def test_who_and_when_are_not_what_a_statement_says(timeline: Path, url: str) -> None:
    columns = (
        "project, form, format, exact_dates, reason, cohort, persons, rows, position, codebook, software"
    )
    insert = (
        f"INSERT INTO publish.export ({columns}, manifest_hash, exported_by, exported_at) VALUES "
        "('x', 'spells', 'dta', {}, '', '', 1, 1, 1, '', '', sha256(''), 'another', '1999-01-01') "
        "RETURNING exported_by, exported_at"
    )
    with connect(url, Role.PUBLISHER) as connection:
        who, when = connection.execute(text(insert.format("false"))).one()
    assert who != "another"
    assert when.year > 1999
    with pytest.raises(StatementRefused) as refused, connect(url, Role.PUBLISHER) as connection:
        connection.execute(text(insert.format("true")))
    assert refused.value.constraint == "exact_dates_need_a_reason"
    with pytest.raises(StatementRefused), connect(url, Role.READER) as connection:
        connection.execute(text(insert.format("false")))


def test_without_the_ledger_nothing_leaves(snapshot: Path, tmp_path: Path) -> None:
    words = ("export", snapshot, "--project", "p-1", "--form", "spells", "--out", tmp_path / "x")
    result = CliRunner().invoke(
        app, [str(word) for word in words], env={"TRACKER_HOME": str(tmp_path / "no")}
    )
    assert isinstance(result.exception, UsageError)
    assert "ledger" in str(result.exception)
    assert not (tmp_path / "x").exists()


def test_a_snapshot_older_than_an_erasure_or_of_another_log_is_refused(
    run: Run, snapshot: Path, tmp_path: Path
) -> None:
    for entry, value in (("erasures", 1), ("position", 10**9)):
        other = tmp_path / entry
        shutil.copytree(snapshot, other)
        told = json.loads((other / "manifest.json").read_text())
        (other / "manifest.json").write_text(json.dumps(told | {entry: value}))
        with pytest.raises(SnapshotError):
            run("export", other, "--project", "p-1", "--form", "spells", "--out", tmp_path / "x")


def test_two_projects_cannot_be_joined_and_one_keeps_its_ids(
    run: Run, snapshot: Path, timeline: Path, tmp_path: Path
) -> None:
    for project in ("nuso-1", "nuso-2"):
        wanted = ("--project", project, "--form", "spells", "--format", "parquet")
        run("export", snapshot, *wanted, "--out", tmp_path / project)
    events = pd.read_csv(timeline / "events.csv.gz", dtype=str)
    one, other = (pd.read_parquet(tmp_path / project / "spells.parquet") for project in ("nuso-1", "nuso-2"))
    assert set(one["id"]) <= set(events["id"])
    assert not {*one["id"], *one["child"]} & {*other["id"], *other["child"]}
    same_place = (
        one[["state", "entered_day", "left_day"]] == other[["state", "entered_day", "left_day"]]
    ).all(axis=1)
    assert same_place.mean() < 0.3  # the order of rows leads nowhere either


FORMS = ("spells", "msdata", "timeline", "eventlog", "meds", "flowtable")


@pytest.mark.parametrize("form", FORMS)
def test_no_canary_leaves(run: Run, snapshot: Path, tmp_path: Path, form: str) -> None:
    """Ids of the log, of facts and of case systems, and every date of a child."""
    read = Snapshot.open(snapshot)
    events = read.pandas("events")
    hashes = {found for body in events["body"] for found in re.findall(r"[0-9a-f]{32}", body)}
    canaries = {*events["subject_id"].dropna(), *events["fact_id"].dropna(), *hashes}
    dates = {str(day)[:10] for day in events["occurred_on"].dropna()}
    dates |= {found for body in events["body"] for found in re.findall(r"\d{4}-\d\d-\d\d", body)}
    wordings = {
        word for body in events["body"] for word in json.loads(body).values() if isinstance(word, str)
    }
    labels = {label for of in lists().values() for one in of for label in (one.label_sv, one.label_en)}
    formats = ("parquet",) if form == "meds" else ("parquet", "csv.gz", "xlsx")
    for fmt in formats:
        run("export", snapshot, "--project", "leak", "--form", form, "--format", fmt, "--out", tmp_path / fmt)
        (tmp_path / fmt / "manifest.json").unlink()  # hashes of files are no ids
        told = everything(tmp_path / fmt)
        found = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", told))
        assert not found & canaries
        assert not set(re.findall(r"(?<!as_of: )\d{4}-\d\d-\d\d", told)) & dates
        long = {word for word in wordings if len(word) > 25 and " " in word} - labels
        assert not [word for word in long if word in told]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fmt", ["parquet", "csv.gz"])
def test_pm4py_discovers_the_graph_of_the_event_log(
    run: Run, snapshot: Path, tmp_path: Path, fmt: str
) -> None:
    pm4py = pytest.importorskip("pm4py")
    run(
        "export", snapshot, "--project", "p-1", "--form", "eventlog", "--format", fmt, "--out", tmp_path / "x"
    )
    path = tmp_path / "x" / f"eventlog.{fmt}"
    log = pd.read_parquet(path) if fmt == "parquet" else pd.read_csv(path, parse_dates=["time:timestamp"])
    log["concept:name"] = log["concept:name"].astype(str)
    follows, starts, ends = pm4py.discover_dfg(log)
    events = read_events(snapshot)
    assert sum(starts.values()) == sum(ends.values()) == log["case:concept:name"].nunique()
    assert sum(follows.values()) == len(log) - log["case:concept:name"].nunique()
    received = Snapshot.open(snapshot).pandas("referrals")
    assert (log["concept:name"] == "ReferralReceived").sum() == len(received)
    assert ("ReferralReceived", "ReferralConcluded") in follows
    assert len(log) <= len(events)


def read_events(snapshot: Path) -> pd.DataFrame:
    return Snapshot.open(snapshot).pandas("events")


def ours(snapshot: Path) -> pd.DataFrame:
    """Our Aalen–Johansen on the clock of R's file: a column for each state."""
    table = build_flow_table(snapshot, clock=Clock.ENTRY)
    curves = aalen_johansen(flow_counts(table.frame())).curves().frame
    slot = np.where(curves["step"] == END, 63, curves["step"])
    return curves.assign(at=curves["time"] + slot / 64).pivot(index="at", columns="state", values="estimate")


IN_R = """
suppressMessages(library(survival)); setwd("{folder}")
{opening}
s <- summary(fit, times = c({times}))
write.csv(data.frame(at = s$time, s$pstate), "{out}", row.names = FALSE)
cat(fit$states)
"""


@pytest.mark.skipif(R is None, reason="Rscript is not installed")
def test_survfit_on_the_intervals_is_our_aalen_johansen(
    timeline: Path, snapshot: Path, tmp_path: Path
) -> None:
    opening = [
        line.strip() for line in (timeline / "README.txt").read_text().splitlines() if line[:4] == "    "
    ]
    mine = ours(snapshot)
    script = IN_R.format(
        folder=timeline,
        opening="\n".join(opening),
        times=", ".join(map(repr, map(float, mine.index))),
        out=tmp_path / "r.csv",
    )
    states = subprocess.run([R, "-e", script], capture_output=True, text=True, check=True).stdout.split()
    theirs = pd.read_csv(tmp_path / "r.csv").set_axis(["at", *states], axis=1).set_index("at")
    assert len(theirs) == len(mine) > 100
    assert np.abs(theirs[mine.columns].to_numpy() - mine.to_numpy()).max() < 1e-8


MSDATA_IN_R = """
suppressMessages(library(survival)); setwd("{folder}")
{opening}
b <- survfit(fit)
h <- data.frame(trans = rep(seq_along(b$strata), b$strata), at = b$time, H = b$cumhaz)
h$dH <- ave(h$H, h$trans, FUN = function(x) diff(c(0, x)))
write.csv(h, "{out}", row.names = FALSE); write.csv(tm, "{matrix}")
"""


@pytest.mark.skipif(R is None, reason="Rscript is not installed")
def test_coxph_on_the_msdata_has_the_hazards_of_our_aalen_johansen(
    run: Run, snapshot: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "msdata"
    run("export", snapshot, "--project", "p-1", "--form", "msdata", "--format", "csv.gz", "--out", folder)
    opening = [
        line.strip() for line in (folder / "README.txt").read_text().splitlines() if line[:4] == "    "
    ]
    opening = [
        line for line in opening if "mstate" not in line and "msfit" not in line
    ]  # not in Debian's R here
    script = MSDATA_IN_R.format(
        folder=folder, opening="\n".join(opening), out=tmp_path / "h.csv", matrix=tmp_path / "tm.csv"
    )
    subprocess.run([R, "-e", script], capture_output=True, text=True, check=True)
    matrix = pd.read_csv(tmp_path / "tm.csv", index_col=0)
    mine = ours(snapshot)
    hazards = pd.read_csv(tmp_path / "h.csv")
    way = {
        int(matrix.loc[a, b]): (a, b) for a in matrix for b in matrix if matrix.loc[a, b] == matrix.loc[a, b]
    }
    p = mine[list(matrix)].iloc[0].to_numpy()
    place = {name: number for number, name in enumerate(matrix)}
    for at, steps in hazards[hazards["dH"] > 0].groupby("at"):
        step = np.eye(len(place))
        for trans, dh in zip(steps["trans"], steps["dH"], strict=True):
            a, b = (place[name] for name in way[int(trans)])
            step[a, b] += dh
            step[a, a] -= dh
        p = p @ step
        np.testing.assert_allclose(p, mine.loc[at, list(matrix)], atol=1e-8)


def test_the_compressed_files_have_no_time_of_their_own(timeline: Path) -> None:
    assert (timeline / "events.csv.gz").read_bytes()[4:8] == b"\0\0\0\0"
    assert gzip.decompress((timeline / "events.csv.gz").read_bytes()).startswith(b"id,child,entry_month,day")
