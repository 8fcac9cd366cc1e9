"""The scheduled day meets what an inbox should not be: a clear outcome each, and the rest goes on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import psycopg
import pytest

from tests import intake_corpus as corpus
from tests.e2e import bad_inbox
from tests.e2e.conftest import NewInstallation
from tests.e2e.log_content import problems_of_accounting
from tracker import wiring
from tracker.desk import intake_desk, scheduled
from tracker.domain.errors import DatabaseUnavailable, InboxUnavailable, KeyringError, SchemaMismatch
from tracker.intake.inbox import scan
from tracker.postgres import reading
from tracker.postgres.schema import ROOT
from tracker.pseudonymise.keyring import Keyring
from tracker.wiring import Installation

GOOD = {"0114": 2, "0115": 3}
"""Senders of good files, and how many each."""

NOBODY = 65534


@pytest.fixture
def place(
    new_installation: NewInstallation, open_directory: Path, request: pytest.FixtureRequest
) -> Installation:
    """An installation with good files of two senders in its inbox."""
    made = new_installation(open_directory / f"scheduled-{request.node.name}"[:80])
    bad_inbox.build(made.settings.inbox, bad_inbox.good_cases())
    return replace(made, settings=replace(made.settings, settle_seconds=1))


def day(place: Installation) -> tuple[dict[str, str], list[str]]:
    """One run as the DAG makes it: what became of each file, and the problems told."""
    waiting = scheduled.take_in(place)
    left = list(waiting.numbers)
    while left:
        left = [number for number in left if scheduled.load_in_turn(place, number) is None]
    scheduled.news(place, waiting.numbers)
    known = reading.deliveries(place.url)
    return {f"{one.municipality}/{one.file_name}": one.state.value for one in known}, waiting.problems


def good_are_in(place: Installation, states: dict[str, str]) -> bool:
    """Whether every good file is loaded, its sender told, and all rows are accounted for."""
    loaded = {
        sender: sum(s == "loaded" for f, s in states.items() if f.startswith(sender)) for sender in GOOD
    }
    told = {path.name for path in place.settings.outbox.rglob("*.xlsx")}
    return loaded == GOOD and len(told) == len(states) and not problems_of_accounting(place.url)


# -- files -------------------------------------------------------------------------------------------


def test_a_file_that_goes_away_while_it_settles(place: Installation) -> None:
    going = place.settings.inbox / "0114/borta.csv"
    going.write_bytes(corpus.text_delivery())
    remover = threading.Timer(0.5, going.unlink)
    remover.start()
    states, problems = day(place)
    remover.join()
    assert (good_are_in(place, states), problems) == (True, [])
    assert "0114/borta.csv" not in states


def test_a_file_that_goes_away_before_it_is_read(place: Installation) -> None:
    going = place.settings.inbox / "0114/00 borta.csv"  # first of all: everything else comes after it
    going.write_bytes(corpus.text_delivery())
    found = intake_desk.find(place.settings.inbox)
    going.unlink()
    told: list[str] = []
    waiting = intake_desk.take_in(found.files, place, lambda step: None, told.append)
    assert len(waiting) == sum(GOOD.values())
    assert len(told) == 1 and "00 borta.csv" in told[0] and "togs bort" in told[0]


def test_links_and_names_that_lead_out_of_the_inbox(place: Installation) -> None:
    inbox = place.settings.inbox
    secret = inbox.parent / "secret.csv"
    secret.write_bytes(corpus.text_delivery())
    (inbox / "0114/länk.csv").symlink_to(secret)
    (inbox / "0114/uppåt.csv").symlink_to("../../secret.csv")
    (inbox / "0117").symlink_to(inbox.parent)
    (inbox / "0114/upp..%2F..%2Fsecret.csv").write_bytes(b"x")  # a name like any other
    states, problems = day(place)
    assert good_are_in(place, states)
    told = {name for name in ("länk.csv", "uppåt.csv", "0117") if any(name in said for said in problems)}
    assert told == {"länk.csv", "uppåt.csv", "0117"}
    assert states["0114/upp..%2F..%2Fsecret.csv"] == "rejected"
    assert len(states) == sum(GOOD.values()) + 1, "what the links lead to was not taken in"


def test_three_thousand_tiny_files_of_one_sender_do_not_keep_others_waiting(place: Installation) -> None:
    folder = place.settings.inbox / "0125"
    folder.mkdir()
    for number in range(3_000):
        (folder / f"{number:05d}.csv").write_bytes(b"%d" % number)
    waiting = scheduled.take_in(place)
    assert len(reading.deliveries(place.url)) == 3_000 + sum(GOOD.values())
    assert len(waiting.numbers) == scheduled.MOST < 1_024, (
        "more than Airflow maps over, and nothing would load"
    )
    senders = [reading.deliveries(place.url, number)[0].municipality for number in waiting.numbers[:8]]
    assert {sender: senders.count(sender) for sender in GOOD} == GOOD
    for number in waiting.numbers[:8]:
        assert scheduled.load_in_turn(place, number) is not None
    assert {scheduled.load_in_turn(place, waiting.numbers[0]).state} == {"loaded"}  # type: ignore[union-attr]  # it waits, as asserted
    again = scheduled.take_in(place)
    assert set(waiting.numbers[8:]) < set(again.numbers), "what was left is in the next run"


def test_a_file_of_two_gigabytes_is_turned_away_unread(place: Installation) -> None:
    big = place.settings.inbox / "0117/stor.csv"
    big.parent.mkdir()
    big.touch()
    os.truncate(big, 2 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    states, problems = day(place)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert good_are_in(place, states)
    assert states["0117/stor.csv"] == "rejected" and grown < 300
    assert any("2147 MB" in told for told in problems)
    (rejected,) = [d for d in reading.deliveries(place.url) if d.municipality == "0117"]
    assert rejected.rule == "FILE-002"
    assert rejected.digest.hex() not in set(place.tools()().store.names())
    assert day(place)[0] == states, "the next day it is known"


def test_files_of_one_name(place: Installation) -> None:
    """In two folders, in two cases, in two spellings of one letter: each is itself, with its own sidecar."""
    inbox, rows = place.settings.inbox, [bad_inbox.REFERRAL]
    names = ["0117/å.csv", normalize("NFD", "0117/å.csv"), "0117/Å.CSV", "0120/å.csv"]
    for n, name in enumerate(names):
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_bytes(corpus.text([*rows, *bad_inbox.referrals(2, 50 + 2 * n)]))
        (inbox / f"{name}.yml").write_text(bad_inbox.SIDECAR)
    states, problems = day(place)
    assert (good_are_in(place, states), problems) == (True, [])
    mine = [d for d in reading.deliveries(place.url) if d.municipality in ("0117", "0120")]
    assert [(d.state.value, d.rows_read) for d in mine] == [("loaded", 2)] * 4
    assert {(str(d.period_from), str(d.period_to)) for d in mine} == {("2024-01-01", "2024-12-31")}


@pytest.mark.parametrize("beside", ["Ås.csv.YML", normalize("NFD", "Ås.csv.yml"), "ås.CSV.yaml"])
def test_a_sidecar_belongs_to_its_file_however_its_name_is_written(tmp_path: Path, beside: str) -> None:
    (tmp_path / "0117").mkdir()
    for name in ("Ås.csv", beside):
        (tmp_path / "0117" / name).write_bytes(b"")
    (file,) = scan(tmp_path)
    assert (file.problem, file.sidecar) == (None, tmp_path / "0117" / beside)


# -- inboxes -----------------------------------------------------------------------------------------


def test_an_inbox_that_may_not_be_written(place: Installation) -> None:
    for path in sorted(place.settings.inbox.rglob("*"), reverse=True):
        path.chmod(0o444 if path.is_file() else 0o555)
    place.settings.inbox.chmod(0o555)
    before = {path: path.stat().st_mtime_ns for path in place.settings.inbox.rglob("*")}
    states, problems = day(place)
    assert (good_are_in(place, states), problems) == (True, [])
    assert {path: path.stat().st_mtime_ns for path in place.settings.inbox.rglob("*")} == before


def test_an_inbox_that_is_gone_and_comes_back(place: Installation) -> None:
    away = place.settings.inbox.rename(place.settings.home / "away")
    with pytest.raises(InboxUnavailable, match="TRACKER_INBOX"):
        scheduled.take_in(place)
    away.rename(place.settings.inbox)
    assert good_are_in(place, day(place)[0])


@contextmanager
def unprivileged() -> Iterator[None]:
    """As an account that owns nothing, where that is possible: root may read what is closed."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_closed_to_us_is_a_problem_of_its_own(place: Installation) -> None:
    inbox = place.settings.inbox
    (inbox / "0114").chmod(0o000)
    place.settings.home.chmod(0o711)
    with unprivileged():
        found = scan(inbox)
    (inbox / "0114").chmod(0o755)
    assert [file.problem.rule for file in found if file.problem] == ["FILE-074"]
    assert {file.municipality for file in found if not file.problem} == {"0115"}
    inbox.chmod(0o000)
    with unprivileged(), pytest.raises(InboxUnavailable, match="cannot be listed"):
        scan(inbox)


def test_a_folder_of_nobody(place: Installation) -> None:
    for folder in ("9999", "Stockholm", "0114 gammal"):
        (place.settings.inbox / folder).mkdir()
        (place.settings.inbox / folder / "akt.csv").write_bytes(corpus.text_delivery())
    states, problems = day(place)
    assert good_are_in(place, states)
    assert len(problems) == 3 and all("kommunregistret" in told for told in problems)


# -- secrets and schemas -----------------------------------------------------------------------------


def test_keys_that_are_missing(place: Installation) -> None:
    without = replace(place, settings=replace(place.settings, keys=place.settings.home / "nokeys"))
    with pytest.raises(KeyringError, match="tracker key new"):
        scheduled.take_in(without)
    assert reading.deliveries(place.url) == []
    assert good_are_in(place, day(place)[0])


def test_keys_of_another_installation(place: Installation) -> None:
    """Children would be strangers under other keys: refused before anything is read, and nothing changes."""
    day(place)
    bad_inbox.build(
        place.settings.inbox,
        [bad_inbox.Case("0117", "ny.csv", corpus.text([bad_inbox.REFERRAL, *bad_inbox.referrals(3, 0)]), {})],
    )
    (new,) = set(scheduled.take_in(place).numbers)
    other = replace(place, settings=replace(place.settings, keys=place.settings.home / "otherkeys"))
    Keyring.create(other.settings.keys)
    with pytest.raises(KeyringError):
        scheduled.load_in_turn(other, new)
    assert reading.deliveries(place.url, new)[0].state.value == "received"
    assert good_are_in(place, day(place)[0])


def test_a_wrong_password_of_the_database(place: Installation) -> None:
    login, _, rest = place.url.rpartition("@")
    url = f"{login.rpartition(':')[0]}:wrong@{rest}"
    with pytest.raises(DatabaseUnavailable, match="password") as refused:
        wiring.open_installation(replace(place.settings, database_url=url))
    assert "wrong" not in str(refused.value)
    assert good_are_in(place, day(place)[0])


@pytest.mark.parametrize(
    ("revision", "told"), [("0001", "run: tracker db upgrade"), ("9999", "install the newer")]
)
def test_a_schema_of_another_version(place: Installation, revision: str, told: str) -> None:
    with psycopg.connect(place.url, autocommit=True) as connection:
        (current,) = connection.execute("SELECT version_num FROM migration.alembic_version").fetchone() or (
            "",
        )
        connection.execute("UPDATE migration.alembic_version SET version_num = %s", [revision])
        with pytest.raises(SchemaMismatch, match=told):
            wiring.open_installation(replace(place.settings, database_url=place.url))
        connection.execute("UPDATE migration.alembic_version SET version_num = %s", [current])
    wiring.open_installation(replace(place.settings, database_url=place.url))


# -- parsing of the DAGs -----------------------------------------------------------------------------

HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "duckdb",
    "ibis",
    "lifelines",
    "scipy",
    "matplotlib",
    "statsmodels",
    "sqlglot",
}
PARSE = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
import airflow.sdk, pendulum
before = set(sys.modules)
importlib.import_module(sys.argv[2])
new = set(sys.modules) - before
print(len(before), len(new), *sorted({name.partition(".")[0] for name in new}))
"""


@pytest.mark.parametrize(
    "name", sorted(p.stem for p in (ROOT / "dags").glob("*.py") if p.stem != "conventions")
)
def test_a_dag_is_parsed_within_its_budget(name: str, tmp_path: Path) -> None:
    """Airflow parses it every half minute: beside Airflow's own modules a handful, none heavy."""
    command = [sys.executable, "-c", PARSE, str(ROOT / "dags"), name]
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert told.returncode == 0, told.stderr[-2000:]
    before, new, *modules = told.stdout.splitlines()[-1].split()  # before it, Airflow's own warnings
    assert set(modules).isdisjoint(HEAVY), f"{set(modules) & HEAVY} are imported at parse"
    assert int(new) < int(before) / 4, f"{new} modules beside Airflow's {before}"
