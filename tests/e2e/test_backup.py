"""A drill: loaded, backed up, a child erased, lost, restored on another server — and it is the log it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.canaries import number, ten, twelve
from tests.e2e.command import RUN, Answer, environment, tracker, tracker_here
from tests.e2e.conftest import NewInstallation, create_database
from tests.e2e.ingesting import wait_for
from tests.e2e.log_content import Content, content
from tests.e2e.searching import cells_of
from tracker.desk import erasure
from tracker.desk.backup import make_backup
from tracker.desk.backup_folder import DATABASE, FILES, STORE
from tracker.desk.erasure import Named
from tracker.desk.restore import open_backup, restore
from tracker.desk.verification import verify_log
from tracker.domain.delivery import Outcome
from tracker.domain.errors import CheckFailed, KeyringError, SchemaMismatch, UsageError
from tracker.postgres import reading
from tracker.postgres.accounting import problems_of_accounting
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close, connect, psycopg_connection
from tracker.postgres.officers import admit_officer
from tracker.postgres.restoring import alone
from tracker.postgres.schema import SchemaState, dump_schema, migrate, status, upgrade
from tracker.pseudonymise.operator_key import make_operator_key, open_key
from tracker.pseudonymise.signing import Signer
from tracker.record.erasures import ErasedId, ErasureLedger, LedgerEntry, Scope
from tracker.settings import Settings
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.wiring import Installation, open_installation

TODAY = date(2025, 3, 1)
NOW = datetime(2025, 3, 1, tzinfo=UTC)
ALMA = number(date(2010, 4, 5), 981)
BO = number(date(2011, 6, 7), 983)
WHY = ("begäran från vårdnadshavare", "GDPR art. 17.1 d")
HEADERS = "Personnummer;Inkom datum;Aktualiseringstyp;Aktualiserad av;Åtgärd;Åtgärdsdatum"
RARE = "Grannens systers hemliga anmälan"
SIDECAR = "record_type: referrals\nextracted_on: 2025-01-15\nsystem: Procura\n"


@dataclass(frozen=True)
class Lost:
    """An installation that was backed up, then changed; what it said, and where everything lies."""

    place: Installation
    backup: Path
    secret: Path
    after_erasure: Content
    traces: tuple[str, ...]


@pytest.fixture(scope="module")
def lost(new_installation: NewInstallation, open_directory: Path) -> Lost:
    base = open_directory / "backup"
    generate(base / "tiny", Plan.tiny(), 7, None)
    inbox = base / "tiny" / "inbox"
    for municipality, lines in {
        "0180": [
            f"{twelve(ALMA)};2024-03-04;Anmälan;{RARE};Utredning inleds;2024-03-04",
            f"{BO};2024-03-05;Anmälan;Skola;Utredning inleds;2024-03-05",
        ],
        "0184": [f"{ten(ALMA)};2024-05-04;Anmälan;Skola;Utredning inleds;2024-05-04"],
    }.items():
        (inbox / municipality).mkdir(exist_ok=True)
        file = inbox / municipality / "extra.csv"
        file.write_text("\n".join([HEADERS, *lines, ""]))
        file.with_suffix(".csv.yml").write_text(SIDECAR)
    place = new_installation(base / "home")
    assert run(place, "ingest", inbox).code == 0
    secret = base / "elsewhere.key"
    assert run(place, "backup", "key", "--out", secret).code == 0
    made = run(place, "backup", "--out", base / "monday", "--json")
    assert made.code == 0, made.stderr
    alma = erasure._subject(place, Named(ALMA), TODAY)
    for officer in ("anna", "bert"):
        admit_officer(place.url, officer, "synthetic")
    asked = erasure.request_subject(acting(place, "anna"), Named(ALMA), *WHY, TODAY)
    erasure.approve(acting(place, "bert"), asked, Named(ALMA), TODAY)
    for officer in ("anna", "bert"):
        close(acting(place, officer).url)
    after = content(place.url)
    late = base / "late" / "0180"
    late.mkdir(parents=True)
    (late / "late.csv").write_text(f"{HEADERS}\n{BO};2024-09-05;Anmälan;Skola;Utredning inleds;2024-09-05\n")
    (late / "late.csv.yml").write_text(SIDECAR)
    assert run(place, "ingest", late.parent).code == 0
    assert content(place.url) != after
    return Lost(place, base / "monday", secret, after, (alma, ALMA, ALMA[2:], twelve(ALMA), RARE))


def run(place: Installation, *arguments: str | Path) -> Answer:
    return tracker_here(environment(place), *arguments)


def acting(place: Installation, login: str) -> Installation:
    url = place.url.replace(place.url.partition("//")[2].partition("@")[0], f"{login}:synthetic")
    return Installation(place.settings, url)


def new_home(lost: Lost, folder: Path) -> dict[str, str]:
    """A new machine: keys and anchors are brought there, nothing else; the environment of commands on it."""
    home = folder / "home"
    home.mkdir(parents=True)
    shutil.copytree(lost.place.settings.keys, home / "keys")
    shutil.copytree(lost.place.settings.anchors, home / "anchors")
    environ = {**environment(lost.place), "TRACKER_HOME": str(home), "TRACKER_KEYS": str(home / "keys")}
    del environ["TRACKER_DATABASE_URL"]
    return environ


@pytest.fixture
def other_server(open_directory: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(open_directory / f"other-{request.node.name[:40]}" / "home" / "postgres")
    yield server
    if server.data.exists():
        close(server.url)
    server.stop()


def test_the_drill(lost: Lost, other_server: EmbeddedServer) -> None:
    home = other_server.directory.parent
    environ = new_home(lost, home.parent)
    said = tracker(environ, "restore", lost.backup, "--key", lost.secret, "--home", home)
    assert said.code == 0, said.stderr
    assert "1 erasures replayed" in said.stdout
    restored = open_installation(
        Settings.from_environment({"TRACKER_HOME": str(home), "TRACKER_DATABASE_URL": other_server.url})
    )
    assert content(restored.url) == lost.after_erasure
    assert problems_of_accounting(restored.url) == []
    assert verify_log(restored).holds
    assert traces_left(restored, lost.traces) == set()
    assert same_schema(restored.url, lost.place.url)
    again = tracker_here(
        {**environ, "TRACKER_DATABASE_URL": restored.url}, "ingest", lost.backup.parent / "late"
    )
    assert again.code == 0, again.stderr
    everything = reading.deliveries(restored.url)
    assert content(restored.url) == content(lost.place.url)
    assert len(everything) == len(reading.deliveries(lost.place.url))
    readded = home / "again" / "0184"
    readded.mkdir(parents=True)
    (readded / "alma.csv").write_text(
        f"{HEADERS}\n{ALMA};2024-07-07;Anmälan;Skola;Utredning inleds;2024-07-07\n"
    )
    (readded / "alma.csv.yml").write_text(SIDECAR)
    tracker_here({**environ, "TRACKER_DATABASE_URL": restored.url}, "ingest", readded.parent)
    last = reading.deliveries(restored.url)[-1]
    assert last.outcomes == {**dict.fromkeys(Outcome, 0), Outcome.SET_ASIDE: 1}
    assert traces_left(restored, lost.traces) == set()


def test_what_happens_is_told_one_event_a_line_without_a_value_of_a_row(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    place, log = new_installation(tmp_path / "told", lost.place.settings.keys), tmp_path / "log.jsonl"
    environ = environment(place, TRACKER_LOG="json", TRACKER_LOG_FILE=str(log))
    inbox = lost.backup.parent / "tiny" / "inbox" / "0180"
    assert tracker(environ, "ingest", inbox / "extra.csv").code == 0
    assert tracker(environ, "backup", "--out", tmp_path / "made").code == 0
    told = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [line["event"] for line in told] == ["load", "anchor", "backup"]
    assert (told[0]["municipality"], told[0]["state"], told[0]["rows"]) == ("0180", "loaded", 2)
    assert told[0]["position"] == told[1]["position"] == told[2]["position"] == 5
    text = log.read_text("utf-8")
    assert not [trace for trace in (*lost.traces, BO, "extra.csv", "Skola", "postgresql://") if trace in text]


def test_a_backup_is_checked_without_restoring(lost: Lost) -> None:
    outside = run(lost.place, "backup", "check", lost.backup, "--json")
    assert (outside.code, json.loads(outside.stdout)["opened"]) == (0, False)
    inside = run(lost.place, "backup", "check", lost.backup, "--key", lost.secret)
    assert inside.code == 0 and "read to its end" in inside.stdout, inside.stderr
    told = json.loads(outside.stdout)["contents"]
    assert told["stored_files"] == told["rows"]["intake.delivery"] > 10
    assert told["rows"]["record.event"] == told["position"] > 1000
    everything = b"".join((lost.backup / name).read_bytes() for name in FILES)
    assert ALMA.encode() not in everything and RARE.encode() not in everything


def damaged(lost: Lost, folder: Path, name: str, how: str) -> Path:
    copied = Path(shutil.copytree(lost.backup, folder / "backup"))
    content = (copied / name).read_bytes()
    if how == "flipped":
        content = content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]
    elif how == "cut":
        content = content[: len(content) // 2]
    (copied / name).write_bytes(content)
    if how == "gone":
        (copied / name).unlink()
    return copied


@pytest.mark.parametrize("name", [DATABASE, STORE])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_backup_is_refused_in_a_sentence(lost: Lost, tmp_path: Path, name: str, how: str) -> None:
    backup = damaged(lost, tmp_path, name, how)
    environ = new_home(lost, tmp_path / "new")
    checked = run(lost.place, "backup", "check", backup)
    restored = tracker_here(
        environ, "restore", backup, "--key", lost.secret, "--home", environ["TRACKER_HOME"]
    )
    for said in (checked, restored):
        assert said.code == CheckFailed.exit_code, said.stderr
        assert name in said.stderr and "Traceback" not in said.stderr
    assert not (Path(environ["TRACKER_HOME"]) / "postgres" / "port").exists(), "nothing was started for it"


def test_a_manifest_is_believed_only_under_our_signature(lost: Lost, tmp_path: Path) -> None:
    backup = Path(shutil.copytree(lost.backup, tmp_path / "backup"))
    told = json.loads((backup / "manifest.json").read_text())
    told["contents"]["position"] -= 1
    (backup / "manifest.json").write_text(json.dumps(told))
    said = run(lost.place, "backup", "check", backup)
    assert (said.code, "not signed by this installation" in said.stderr) == (CheckFailed.exit_code, True)
    (backup / "manifest.json").unlink()
    assert run(lost.place, "backup", "check", backup).code == 8


def test_the_wrong_secret_is_refused(lost: Lost, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    other = tmp_path / "other.key"
    make_operator_key(tmp_path / "keys", other)
    said = run(lost.place, "backup", "check", lost.backup, "--key", other)
    assert said.code == KeyringError.exit_code
    assert "sealed for the key" in said.stderr


def restored_into(lost: Lost, url: str, environ: dict[str, str], *options: str) -> Answer:
    return tracker_here(environ, "restore", lost.backup, "--key", lost.secret, "--to", url, *options)


def test_only_an_empty_database_is_restored_into(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    full = new_installation(tmp_path / "full")
    run(full, "ingest", lost.backup.parent / "late")
    before = content(full.url)
    said = restored_into(lost, full.url, new_home(lost, tmp_path / "new"))
    assert said.code == UsageError.exit_code
    assert "holds a log already" in said.stderr
    assert content(full.url) == before


def test_beside_a_living_log_its_anchors_are_not_taken(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    empty = new_installation(tmp_path / "empty")
    said = restored_into(lost, empty.url, environment(lost.place))
    assert said.code == UsageError.exit_code
    assert "still stands" in said.stderr
    assert verify_log(lost.place).holds


def test_without_the_ledger_nothing_opens(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    empty = new_installation(tmp_path / "empty")
    environ = new_home(lost, tmp_path / "new")
    anchors = Path(environ["TRACKER_HOME"]) / "anchors"
    (anchors / "heads.jsonl").rename(tmp_path / "heads.jsonl")
    said = restored_into(lost, empty.url, environ)
    assert said.code == CheckFailed.exit_code
    assert "nobody knows what was erased" in said.stderr
    (anchors / "heads.jsonl").write_text("")
    said = restored_into(lost, empty.url, environ)
    assert said.code == CheckFailed.exit_code
    assert "does not continue" in said.stderr
    assert reading.deliveries(empty.url) == []


def test_erasures_of_a_newer_key_are_not_passed_over(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    empty, environ = new_installation(tmp_path / "empty"), new_home(lost, tmp_path / "new")
    home = Path(environ["TRACKER_HOME"])
    newer = LedgerEntry(
        "7b0c7b7e-0000-4000-8000-000000000000",
        Scope.SUBJECT,
        "",
        *WHY,
        "anna",
        "bert",
        "2025-03-02",
        ids=(ErasedId("00" * 32, 2, "national"),),
    )
    ErasureLedger(home / "anchors").add(newer, Signer.open(home / "keys"))
    said = restored_into(lost, empty.url, environ)
    assert said.code == KeyringError.exit_code
    assert "identity key 2" in said.stderr


def test_other_keys_are_refused_before_anything_is_done(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    empty, environ = new_installation(tmp_path / "empty"), new_home(lost, tmp_path / "new")
    keys = Path(environ["TRACKER_KEYS"])
    (keys / "id.1.key").write_text("ab" * 32)
    said = restored_into(lost, empty.url, environ)
    assert said.code == KeyringError.exit_code
    assert "not those the backup was made with" in said.stderr


def test_with_every_ledger_lost_the_backups_own_is_taken_only_when_asked(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    empty, environ = new_installation(tmp_path / "empty"), new_home(lost, tmp_path / "new")
    shutil.rmtree(Path(environ["TRACKER_HOME"]) / "anchors")
    assert restored_into(lost, empty.url, environ).code == CheckFailed.exit_code
    said = restored_into(lost, empty.url, environ, "--ledger-of-backup")
    assert (said.code, "0 erasures replayed" in said.stdout) == (0, True), said.stderr


def test_an_interrupted_restore_stays_closed_and_begins_anew(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after each of its steps; every time closed, and the last run ends as if it were the first."""
    target, environ = new_installation(tmp_path / "empty"), new_home(lost, tmp_path / "new")
    for step in ("data", "stored files", "schema current", "replaying", "verifying"):
        restore_until(step, lost, target, environ)
        with pytest.raises(SchemaMismatch, match="run the same tracker restore again"):
            open_installation(target.settings)
        with pytest.raises(SchemaMismatch, match="run the same tracker restore again"):
            upgrade(target.url)
    said = restored_into(lost, target.url, environ)
    assert said.code == 0, said.stderr
    settings = Settings.from_environment({**environ, "TRACKER_DATABASE_URL": target.url})
    restored = open_installation(settings)
    assert content(restored.url) == lost.after_erasure
    assert verify_log(restored).holds
    assert traces_left(restored, lost.traces) == set()


def test_a_restore_killed_outright_begins_anew_and_two_at_once_are_refused(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    target, environ = new_installation(tmp_path / "empty"), new_home(lost, tmp_path / "new")
    close(target.url)
    arguments = ["restore", str(lost.backup), "--key", str(lost.secret), "--to", target.url]
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait_for(lambda: status(target.url).state is SchemaState.RESTORING, seconds=60)
    process.kill()
    process.wait()
    assert status(target.url).state is SchemaState.RESTORING
    with alone(target.url):
        said = restored_into(lost, target.url, environ)
        assert (said.code, "another restore is at work" in said.stderr) == (UsageError.exit_code, True)
    said = restored_into(lost, target.url, environ)
    assert said.code == 0, said.stderr
    assert content(target.url) == lost.after_erasure


class Died(BaseException):
    """A restore that stops here."""


def restore_until(step: str, lost: Lost, target: Installation, environ: dict[str, str]) -> None:
    settings = Settings.from_environment({**environ, "TRACKER_DATABASE_URL": target.url})

    def die(now: str) -> None:
        if now.startswith(step):
            raise Died

    source = open_backup(settings.keys, lost.backup, partial(open_key, lost.secret))
    with pytest.raises(Died):
        restore(Installation(settings, target.url), source, die)
    close(target.url)


def test_trying_a_backup_leaves_nothing_behind(
    lost: Lost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o711)
    anchors = {path.name: path.read_bytes() for path in lost.place.settings.anchors.iterdir()}
    said = run(lost.place, "backup", "try")
    assert said.code == 0, said.stderr
    assert "restored, verified and dropped" in said.stdout.replace("\n", " ")
    assert {path.name: path.read_bytes() for path in lost.place.settings.anchors.iterdir()} == anchors
    assert list(tmp_path.iterdir()) == []
    (kept,) = lost.place.settings.backups.iterdir()
    assert (kept / "manifest.json").exists()


def test_loading_goes_on_while_a_backup_is_made(
    lost: Lost, new_installation: NewInstallation, tmp_path: Path
) -> None:
    """What is loaded after the moment of the dump is in neither its rows nor its counts."""
    place = new_installation(tmp_path / "busy", lost.place.settings.keys)
    run(place, "ingest", lost.backup.parent / "tiny" / "inbox" / "0180" / "extra.csv")
    before = content(place.url)

    def meanwhile(step: str) -> None:
        if step == "stored files":
            assert run(place, "ingest", lost.backup.parent / "late").code == 0

    made = make_backup(place, tmp_path / "made", NOW, meanwhile)
    assert content(place.url) != before
    source = open_backup(place.settings.keys, made.folder, lambda seal: made.key)
    target = new_installation(tmp_path / "target", lost.place.settings.keys)
    shutil.copytree(place.settings.anchors, target.settings.anchors)
    told = restore(target, source)
    assert content(target.url) == before
    assert told.stored_files == 2


def test_a_backup_of_an_older_schema_is_upgraded_in_order_and_a_newer_one_refused(
    lost: Lost, new_installation: NewInstallation, own_server: EmbeddedServer, tmp_path: Path
) -> None:
    old = older_database(own_server.url)
    place = Installation(
        replace(lost.place.settings, store=tmp_path / "none", anchors=tmp_path / "anchors"), old
    )
    made = make_backup(place, tmp_path / "made", NOW)
    assert made.manifest.contents.revision == "0002"
    target = new_installation(tmp_path / "target", lost.place.settings.keys)
    source = open_backup(place.settings.keys, made.folder, lambda seal: made.key)
    restore(target, source)
    assert open_installation(target.settings) == target
    assert [delivery.file_name for delivery in reading.deliveries(target.url)] == ["old.xlsx"]
    newer = replace(source.manifest.contents, revision="9999")
    with pytest.raises(SchemaMismatch, match="install a newer tracker"):
        restore(target, replace(source, manifest=replace(source.manifest, contents=newer)))


def older_database(server: str) -> str:
    """A database of the schema before erasure, with a delivery in it."""
    url = create_database(server, "template0")
    with connect(url) as connection:
        migrate(connection, "0002")
        driver = psycopg_connection(connection)
        driver.execute("GRANT USAGE ON SCHEMA migration TO PUBLIC")
        driver.execute("GRANT SELECT ON migration.alembic_version TO PUBLIC")
        driver.execute("SET LOCAL ROLE tracker_recorder")
        driver.execute(
            "INSERT INTO intake.delivery (municipality, file_name, digest, size) "
            "VALUES ('0180', 'old.xlsx', sha256('x'), 1)"
        )
    close(url)
    return url


def traces_left(place: Installation, traces: tuple[str, ...]) -> set[str]:
    found = {trace for _, told in cells_of(place.url) for trace in traces if trace in told}
    store = place.tools()().store
    contents = [store.get(name) for name in store.names()]
    return found | {trace for held in contents for trace in traces if trace.encode() in held}


def same_schema(one: str, other: str) -> bool:
    return dump_schema(one) == dump_schema(other)
