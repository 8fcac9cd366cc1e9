"""The process that parses delivered files makes no connection, and says so where that cannot be had."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import intake_corpus as corpus
from tracker.intake import no_network, sandbox
from tracker.intake.raw import Hints, Limits
from tracker.telling import LOGGER

TRY = """
import ctypes, socket, sys
from tracker.intake import no_network
library = ctypes.CDLL(None, use_errno=True)
assert getattr(no_network, sys.argv[1])(library) if sys.argv[1] != "cut_off" else no_network.cut_off()
ours, theirs = socket.socketpair()
theirs.send(b"still here")
assert ours.recv(99) == b"still here"
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5)
except OSError as refused:
    print(refused.errno)
"""
REFUSED = {"cut_off": "13", "_filtered": "13", "_own_network": "101", "_own_user_and_network": "101"}


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _tried(way: str, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TRY, way, str(port)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("way", REFUSED)
def test_no_connection_is_made_and_pairs_of_sockets_go_on_working(way: str, listening: int) -> None:
    told = _tried(way, listening)
    if "AssertionError" in told.stderr and way.startswith("_own"):
        pytest.skip("no namespaces here")
    assert told.stdout.strip() == REFUSED[way], told.stderr


def _sockets_refused(pid: int) -> bool:
    return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")


def test_the_reading_process_is_cut_off_and_reads_all_the_same() -> None:
    tables, _ = sandbox.ask("read", corpus.delivery(3), "uttag.xlsx", Limits(), Hints())
    assert len(tables) == 1
    assert _sockets_refused(sandbox._servers[os.getpid()].process.pid)
    with socket.socket():  # only that process
        pass


def test_where_it_cannot_be_cut_off_that_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    ours, theirs = socket.socketpair()
    server = object.__new__(sandbox._Server)
    server.control = ours
    LOGGER.addHandler(caplog.handler)
    before = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    try:
        server.hear()
        theirs.send(sandbox.NOT_CUT_OFF)
        server.hear()
        server.hear()
        theirs.close()
        server.hear()
    finally:
        LOGGER.setLevel(before)
        LOGGER.removeHandler(caplog.handler)
        ours.close()
    assert [record.getMessage() for record in caplog.records] == ["reading_not_cut_off"]


def test_the_filter_knows_its_own_machine_only() -> None:
    code = no_network._filter(*no_network._ARCHITECTURES["x86_64"])
    assert len(code) == 8 * 8 and code != no_network._filter(*no_network._ARCHITECTURES["aarch64"])
