"""The embedded server: starts, stops, survives what machines do to it, and keeps its log clean."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres.binaries import SHARED, program
from tracker.postgres.embedded import EmbeddedServer, ServerState
from tracker.postgres.postmaster import is_running

CANARY = "19880320" + "9991"  # synthetic; stands for any value a client may send


@pytest.fixture(scope="module")
def server(open_directory: Path) -> Iterator[EmbeddedServer]:
    """A server of this module's own, which tests may stop and break."""
    server = EmbeddedServer(open_directory / "embedded" / "postgres")
    yield server
    server.stop()


@pytest.fixture
def running(server: EmbeddedServer) -> EmbeddedServer:
    server.start()
    return server


def answers(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def postmaster_pid(server: EmbeddedServer) -> int:
    return int((server.data / "postmaster.pid").read_text().split()[0])


def test_a_server_never_started_is_absent(open_directory: Path) -> None:
    absent = EmbeddedServer(open_directory / "nothing")
    assert absent.status() is ServerState.ABSENT
    absent.stop()
    with pytest.raises(DatabaseUnavailable, match="tracker db up"):
        _ = absent.url


def test_start_stop_and_start_again_keep_the_data_and_the_url(server: EmbeddedServer) -> None:
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE note (line text)")
    assert server.status() is ServerState.RUNNING
    pid = postmaster_pid(server)
    assert server.start() == url
    assert postmaster_pid(server) == pid
    server.stop()
    assert server.status() is ServerState.STOPPED
    server.stop()
    assert server.start() == url
    with psycopg.connect(url) as connection:
        connection.execute("SELECT * FROM note")


def test_the_server_is_postgresql_18_in_utf_8_and_utc(running: EmbeddedServer) -> None:
    with psycopg.connect(running.url) as connection:
        settings: dict[str, str] = dict(
            connection.execute("SELECT name, setting FROM pg_settings").fetchall()
        )
    assert settings["server_version"].startswith("18")
    assert (settings["server_encoding"], settings["TimeZone"]) == ("UTF8", "UTC")
    assert (settings["fsync"], settings["listen_addresses"]) == ("on", "127.0.0.1")


def test_password_and_data_are_private(running: EmbeddedServer) -> None:
    assert stat.S_IMODE(running.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((running.data / "tracker.password").stat().st_mode) == 0o600
    login, _, rest = running.url.partition("@")
    for wrong in (f"{login}x@{rest}", f"postgresql://postgres@{rest}"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong)


def test_a_crash_and_a_reused_process_id_do_not_keep_it_down(running: EmbeddedServer) -> None:
    with psycopg.connect(running.url) as connection:
        connection.execute("CREATE TABLE crash (line text)")
    pid = postmaster_pid(running)
    left_behind = (running.data / "postmaster.pid").read_text().split("\n", 1)
    os.kill(pid, signal.SIGKILL)
    while is_running(running.data):
        pass
    assert running.status() is ServerState.STOPPED
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:  # as after a reboot: the file names a process that lives, but is not the server
        (running.data / "postmaster.pid").write_text(f"{other.pid}\n{left_behind[1]}")
        assert running.status() is ServerState.STOPPED
        running.stop()
        assert other.poll() is None
        assert answers(running.start())
    finally:
        other.kill()
        other.wait()
    with psycopg.connect(running.url) as connection:
        connection.execute("SELECT * FROM crash")


def test_a_truncated_pid_file_does_not_keep_it_down(running: EmbeddedServer) -> None:
    running.stop()
    (running.data / "postmaster.pid").write_text("")
    assert answers(running.start())


def test_starts_at_once_start_one_server(open_directory: Path) -> None:
    directory = open_directory / "together" / "postgres"
    code = f"""
from pathlib import Path
from tracker.postgres.embedded import EmbeddedServer
print(EmbeddedServer(Path({str(directory)!r})).start())
"""
    with ThreadPoolExecutor(3) as pool:
        runs = pool.map(
            lambda _: subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ),
            range(3),
        )
        urls = {run.stdout.strip() for run in runs}
    server = EmbeddedServer(directory)
    assert urls == {server.url}
    assert answers(server.url)
    server.stop()


def test_a_taken_port_is_replaced(running: EmbeddedServer) -> None:
    running.stop()
    port = int((running.directory / "port").read_text())
    with socket.create_server(("127.0.0.1", port)):
        url = running.start()
        assert f":{port}/" not in url
        assert answers(url)


def test_an_interrupted_first_start_is_begun_again(open_directory: Path) -> None:
    server = EmbeddedServer(open_directory / "interrupted")
    (server.directory / "data.new" / "base").mkdir(parents=True)
    assert answers(server.start())
    assert not (server.directory / "data.new").exists()
    server.stop()


def copy_of(server: EmbeddedServer, directory: Path) -> EmbeddedServer:
    """A stopped copy, to be broken; quicker than making another."""
    server.stop()
    subprocess.run(["cp", "-a", server.directory, directory], check=True)
    return EmbeddedServer(directory)


def test_lost_data_are_not_answered_with_an_empty_database(
    running: EmbeddedServer, open_directory: Path
) -> None:
    server = copy_of(running, open_directory / "lost")
    shutil.rmtree(server.data)
    with pytest.raises(DatabaseUnavailable, match="missing"):
        server.start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(
    running: EmbeddedServer, open_directory: Path
) -> None:
    server = copy_of(running, open_directory / "broken")
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(DatabaseUnavailable, match="pg_control"):
        server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_a_home_the_account_cannot_enter_points_elsewhere() -> None:
    with tempfile.TemporaryDirectory() as private:  # mode 0700
        server = EmbeddedServer(Path(private) / "postgres")
        try:
            url = server.start()
            assert server.location.parent == SHARED
            assert answers(url)
            assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
            assert server.data.stat().st_uid != 0
            server.stop()
            assert EmbeddedServer(Path(private) / "postgres").start() == url
        finally:
            server.stop()
            if server.location.parent == SHARED:
                shutil.rmtree(server.location)


def test_the_log_holds_nothing_a_client_sent(running: EmbeddedServer) -> None:
    with psycopg.connect(running.url, autocommit=True) as connection:
        connection.execute("CREATE TEMP TABLE pair (line text PRIMARY KEY, CHECK (length(line) > 3))")
        connection.execute("INSERT INTO pair VALUES (%s)", [CANARY])
        statements = [
            ("INSERT INTO pair VALUES (%s)", [CANARY]),  # duplicate key: DETAIL quotes the key
            (f"INSERT INTO pair VALUES ('{CANARY}')", None),
            ("SELECT %s::uuid", [CANARY]),  # the first line of the error quotes its input
            (f"SELECT nothing_called_{CANARY}", None),
            (f"DO $$ BEGIN RAISE WARNING '{CANARY}'; END $$", None),
        ]
        for statement, parameters in statements:
            try:
                connection.execute(statement.encode(), parameters)
            except psycopg.Error:
                continue
        with pytest.raises(psycopg.Error), connection.cursor().copy("COPY pair FROM STDIN") as copy:
            copy.write(f"{CANARY}\n{CANARY}\t{CANARY}\n".encode())
    running.stop()  # flushes the log
    assert CANARY not in running.log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")
def test_programs_the_account_cannot_reach_are_copied() -> None:
    package = program("postgres").parents[2]
    code = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tracker.postgres.account import account_for
from tracker.postgres.binaries import programs_for
account = account_for(Path("/nonexistent"))
programs = programs_for(account)
print(programs, account.run([programs / "postgres", "--version"]).stdout)
"""
    before = set(SHARED.glob("programs-*"))
    with tempfile.TemporaryDirectory() as private:  # mode 0700, as an installation under /root is
        shutil.copytree(package / "pginstall18", Path(private) / package.name / "pginstall18")
        shutil.copytree(package.with_name(f"{package.name}.libs"), Path(private) / f"{package.name}.libs")
        (Path(private) / package.name / "__init__.py").touch()
        answer = subprocess.run(
            [sys.executable, "-c", code, private], capture_output=True, text=True, check=True
        )
    try:
        assert answer.stdout.startswith(f"{SHARED}/programs-")
        assert "(PostgreSQL) 18" in answer.stdout
    finally:
        for made in set(SHARED.glob("programs-*")) - before:
            shutil.rmtree(made)
