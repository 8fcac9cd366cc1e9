"""The embedded server: a real PostgreSQL 18 under the project's home, for one machine.

It listens on loopback TCP only, with SCRAM and a random password kept in the home (mode 0600): every
client speaks TCP (Airflow and ADBC among them), and a server without a Unix socket has no socket path
that is too long and no socket lock left behind by a crash. The superuser has no password and so cannot
log in; ``tracker`` owns its database and may create roles and databases, nothing more.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from tracker.domain.errors import DatabaseUnavailable
from tracker.postgres.account import Account, account_for
from tracker.postgres.binaries import SHARED, make_enterable, programs_for
from tracker.postgres.postmaster import is_ready, is_running, read_lines

LOGIN = "tracker"
"""Name of the login and of its database."""

PASSWORD = "tracker.password"
"""File in the data directory: it comes into being, moves and goes away with the login it opens."""

START_SECONDS = 300
"""How long a start may take; recovery after a crash counts."""

HOST_RULES = """\
# Written by tracker at every start. The superuser has no password, so only logins made here get in.
host all all 127.0.0.1/32 scram-sha-256
"""

SETTINGS = """\
# Written by tracker at every start; change it in tracker/postgres/embedded.py.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
port = {port}
password_encryption = 'scram-sha-256'
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'

shared_buffers = '256MB'
maintenance_work_mem = '256MB'
work_mem = '32MB'
temp_buffers = '64MB'
wal_buffers = '32MB'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
fsync = on
synchronous_commit = on

# The log must never repeat a value a client sent: no statements, no parameters, no details, and no
# errors of clients at all, because an error's first line can quote its input.
log_min_messages = 'log'
log_error_verbosity = 'terse'
log_min_error_statement = 'panic'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = 'none'
log_min_duration_statement = -1
"""


class ServerState(StrEnum):
    """What the embedded server is doing."""

    ABSENT = "absent"  # never started here
    STOPPED = "stopped"
    RUNNING = "running"


class EmbeddedServer:
    """The server whose home is ``directory``; every method may be called by several processes at once.

    As root the server runs as an unprivileged account. Where that account cannot reach ``directory``
    the data lie under ``/var/lib/tracker`` and the file ``location`` in ``directory`` says where.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()  # one spelling: the server is recognised by it

    def start(self) -> str:
        """Start the server unless it runs, creating it the first time; return its URL.

        Raises ``DatabaseUnavailable`` with the end of the server's log when it does not come up.
        """
        with self._lock():
            if not is_running(self.data):
                self._launch()
            self._wait_until_ready()
        return self.url

    def stop(self) -> None:
        """Stop the server cleanly, ending its sessions; nothing happens when it is not running."""
        if self.status() is not ServerState.RUNNING:
            return
        with self._lock():
            if is_running(self.data):
                options = ["--mode=fast", "--wait", "--timeout=120", f"--pgdata={self.data}"]
                self._run(account_for(self.data), "pg_ctl", "stop", *options)

    def status(self) -> ServerState:
        """Whether the server was ever created here, and whether it runs now."""
        if not self.data.exists():
            return ServerState.ABSENT
        return ServerState.RUNNING if is_running(self.data) else ServerState.STOPPED

    @property
    def url(self) -> str:
        """``postgresql://`` URL of the login ``tracker``, password included: for engines, not for print."""
        try:
            password = (self.data / PASSWORD).read_text()
            port = (self.directory / "port").read_text()
        except FileNotFoundError:
            raise DatabaseUnavailable(f"no server was started in {self.directory}: tracker db up") from None
        except PermissionError:
            raise DatabaseUnavailable(f"the server in {self.directory} belongs to another user") from None
        return f"postgresql://{LOGIN}:{password}@127.0.0.1:{port}/{LOGIN}"

    @property
    def location(self) -> Path:
        """Directory of the data and the log: the home itself, or where the home's ``location`` points."""
        pointer = self.directory / "location"
        return Path(pointer.read_text()) if pointer.exists() else self.directory

    @property
    def data(self) -> Path:
        """The PostgreSQL data directory."""
        return self.location / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.location / "log" / "server.log"

    # -- creating -----------------------------------------------------------------------------------

    def _create(self) -> None:
        """Make data directory, login and database; complete only when renamed into place."""
        draft = self.location / "data.new"
        if draft.exists():
            shutil.rmtree(draft)
        account = account_for(self.data)
        draft.mkdir(mode=0o700, parents=True)
        account.own(draft)
        options = [
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=reject",
            "--no-instructions",
        ]
        # C.UTF-8 of the server itself: the same order of text on every machine, whatever its libc.
        provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run(account, "initdb", *options, *provider, f"--pgdata={draft}")
        (draft / "pg_hba.conf").write_text(HOST_RULES)
        with (draft / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'tracker.conf'\n")
        self._create_login(account, draft)
        draft.rename(self.data)

    def _create_login(self, account: Account, data: Path) -> None:
        """Create login and database in single-user mode, so that no superuser ever needs to log in."""
        password = secrets.token_urlsafe(32)
        _write_private(data / PASSWORD, password)
        script = data / "login.sql"
        _write_private(
            script,
            f"CREATE ROLE {LOGIN} LOGIN CREATEROLE CREATEDB PASSWORD '{password}';\n"
            f"CREATE DATABASE {LOGIN} OWNER {LOGIN};\n",
        )
        account.own(script)
        (data / "tracker.conf").write_text(SETTINGS.format(port=5432))
        postgres = programs_for(account) / "postgres"
        result = account.run(["/bin/sh", "-c", f'"{postgres}" --single -D "{data}" postgres < "{script}"'])
        script.unlink()
        if result.returncode != 0 or "ERROR" in result.stdout:
            raise DatabaseUnavailable(f"the login of the embedded server could not be made in {data}")

    def _choose_location(self) -> None:
        """Point to a place the server's account reaches, when the home is not one."""
        pointer = self.directory / "location"
        if pointer.exists() or account_for(self.data).can_run(self.directory):
            return
        name = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        make_enterable(SHARED, SHARED / f"postgres-{name}")
        _write_whole(pointer, str(SHARED / f"postgres-{name}"))

    # -- starting -----------------------------------------------------------------------------------

    def _launch(self) -> None:
        self._choose_location()
        if not self.data.exists():
            self._refuse_lost_data()
            self._create()
        account = account_for(self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # stale, for nothing runs here
        for _ in range(3):
            self._prepare_log(account)
            self._configure(account)
            options = [f"--log={self.log}", "--wait", f"--timeout={START_SECONDS}"]
            result = account.run(
                [programs_for(account) / "pg_ctl", "start", f"--pgdata={self.data}", *options]
            )
            if result.returncode == 0:
                return
            if "could not bind" not in self._log_tail():
                break
            _write_whole(self.directory / "port", "0")  # another program took it since we looked
        raise DatabaseUnavailable(f"PostgreSQL did not start; its log {self.log} ends:\n{self._log_tail()}")

    def _refuse_lost_data(self) -> None:
        """A port without data means the data went away: never answer that with an empty database."""
        if (self.directory / "port").exists():
            raise DatabaseUnavailable(
                f"{self.directory} had a server whose data are missing from {self.data}; "
                f"put them back, or remove {self.directory} to begin with an empty database"
            )

    def _configure(self, account: Account) -> None:
        port = self._port()
        _write_whole(self.directory / "port", str(port))
        _write_whole(self.data / "tracker.conf", SETTINGS.format(port=port))
        account.own(self.data / "tracker.conf")

    def _port(self) -> int:
        """The remembered port if it is free, else a new one."""
        path = self.directory / "port"
        remembered = int(path.read_text()) if path.exists() else 0
        for port in (remembered, 0):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise DatabaseUnavailable("no free port on 127.0.0.1")

    def _prepare_log(self, account: Account) -> None:
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        account.own(self.log.parent)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and is_running(self.data):
            if is_ready(self.data):
                return
            time.sleep(0.05)
        raise DatabaseUnavailable(f"PostgreSQL is not ready; its log {self.log} ends:\n{self._log_tail()}")

    # -- helping ------------------------------------------------------------------------------------

    def _log_tail(self, count: int = 15) -> str:
        return "\n".join(read_lines(self.log)[-count:])

    def _run(self, account: Account, name: str, *options: str) -> None:
        result = account.run([programs_for(account) / name, *options])
        if result.returncode != 0:
            raise DatabaseUnavailable(f"{name} failed: {result.stdout.strip()[-2000:]}")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            handle = (self.directory / "lock").open("w")
        except PermissionError:
            raise DatabaseUnavailable(f"the server in {self.directory} belongs to another user") from None
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600)) as handle:
        handle.write(text)
