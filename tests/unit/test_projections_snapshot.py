from __future__ import annotations

import json
import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.generative.histories import make_history
from tests.national_log import write_national_log
from tracker.domain.errors import SnapshotError
from tracker.harmonise.codebook import Codebooks
from tracker.projections.snapshot import Snapshot, write_snapshot


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    write_national_log(path, 5000)
    return path


@pytest.fixture(scope="module")
def codebooks() -> Codebooks:
    return Codebooks.load()


@pytest.fixture(scope="module")
def snapshot(log: Path, codebooks: Codebooks, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("snapshot") / "all"
    write_snapshot(folder, log, codebooks)
    return Snapshot.open(folder)


def count(query: str, log: Path) -> int:
    found = duckdb.connect().execute(query.replace("LOG", f"'{log}'")).fetchall()
    return int(found[0][0])


def test_every_live_fact_is_a_row(snapshot: Snapshot, log: Path) -> None:
    facts = "SELECT count(DISTINCT fact_id) FROM LOG WHERE event_type = '{}'"
    assert snapshot.arrow("referrals").num_rows == count(facts.format("ReferralReceived"), log)
    assert snapshot.arrow("investigations").num_rows == count(facts.format("InvestigationOpened"), log)
    assert snapshot.arrow("interventions").num_rows == count(facts.format("DecisionMade"), log)


def test_replaced_events_are_gone(snapshot: Snapshot, log: Path) -> None:
    alive = count(
        "SELECT count(*) FROM LOG WHERE position NOT IN (SELECT replaces FROM LOG WHERE replaces > 0)", log
    )
    assert snapshot.arrow("events").num_rows == alive


def test_the_same_log_gives_the_same_files(
    snapshot: Snapshot, log: Path, codebooks: Codebooks, tmp_path: Path
) -> None:
    again = write_snapshot(tmp_path / "again", log, codebooks)
    assert again == snapshot.manifest


def test_batches_give_the_same_files_as_the_file(
    snapshot: Snapshot, log: Path, codebooks: Codebooks, tmp_path: Path
) -> None:
    batches = pq.read_table(log).to_batches(max_chunksize=700)
    assert write_snapshot(tmp_path / "streamed", batches, codebooks) == snapshot.manifest


def test_a_table_gives_the_same_files_as_the_file(
    snapshot: Snapshot, log: Path, codebooks: Codebooks, tmp_path: Path
) -> None:
    assert write_snapshot(tmp_path / "table", pq.read_table(log), codebooks) == snapshot.manifest


def test_an_empty_log_gives_empty_tables(codebooks: Codebooks, tmp_path: Path) -> None:
    no_batches: list[pa.RecordBatch] = []
    manifest = write_snapshot(tmp_path / "empty", no_batches, codebooks)
    assert manifest.position == 0
    assert {described["rows"] for described in manifest.tables.values()} == {0}


def test_as_of_a_position_later_events_do_not_exist(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "early", log, codebooks, position=2500)
    early = Snapshot.open(tmp_path / "early").arrow("events")
    assert max(early.column("position").to_pylist()) <= 2500
    alive = (
        "SELECT count(*) FROM LOG WHERE position <= 2500 AND position NOT IN "
        "(SELECT replaces FROM LOG WHERE replaces > 0 AND position <= 2500)"
    )
    assert early.num_rows == count(alive, log)


def test_writing_again_replaces_the_snapshot(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", log, codebooks, position=100)
    write_snapshot(tmp_path / "s", log, codebooks, position=200)
    assert Snapshot.open(tmp_path / "s").manifest.position == 200
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_folder_of_something_else_is_left_alone(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SnapshotError, match="not a snapshot"):
        write_snapshot(tmp_path, log, codebooks, position=10)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_a_killed_process_left_is_cleared_away(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    (tmp_path / ".s-abandoned" / "work").mkdir(parents=True)
    write_snapshot(tmp_path / "s", log, codebooks, position=100)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_when_it_fails_the_earlier_snapshot_stays(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", log, codebooks, position=100)

    def stop(step: str) -> None:
        if step == "spells":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_snapshot(tmp_path / "s", log, codebooks, position=200, progress=stop)
    assert Snapshot.open(tmp_path / "s").manifest.position == 100
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_transitions_the_chain_does_not_declare_are_told(tmp_path: Path, codebooks: Codebooks) -> None:
    history = make_history(random.Random(1), 200)
    manifest = write_snapshot(tmp_path / "s", history.table(), codebooks)
    assert manifest.unexpected_transitions["referral → intervention"] > 0
    assert "referral → investigation" not in manifest.unexpected_transitions


def test_a_damaged_file_is_told(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", log, codebooks, position=100)
    path = tmp_path / "s" / "referrals.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match="not as it was written"):
        Snapshot.open(tmp_path / "s")


def test_another_format_is_told(log: Path, codebooks: Codebooks, tmp_path: Path) -> None:
    write_snapshot(tmp_path / "s", log, codebooks, position=100)
    manifest = tmp_path / "s" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": "tracker-snapshot/0"}))
    with pytest.raises(SnapshotError, match="format"):
        Snapshot.open(tmp_path / "s")


def test_no_snapshot_there(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match=r"no manifest\.json"):
        Snapshot.open(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ibis 12 on DuckDB 2 and pandas 3.1
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_tables_are_readable_in_every_way(snapshot: Snapshot) -> None:
    rows = snapshot.arrow("referrals").num_rows
    assert len(snapshot.pandas("referrals")) == rows
    assert snapshot.duckdb().execute("SELECT count(*) FROM referrals").fetchone() == (rows,)
    assert snapshot.ibis().table("referrals").count().execute() == rows
    with pytest.raises(SnapshotError, match="no table"):
        snapshot.arrow("nothing")
