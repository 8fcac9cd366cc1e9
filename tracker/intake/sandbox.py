"""Sandbox: reads a delivered file in a process of its own, so that no file can harm the one that asks.

One lean server process (``reading_process``) is started per process that asks, on first use; it forks a
child per file. Works from worker processes and threads. Nothing of the file touches a disk.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict

from tracker.domain.errors import RejectedFile
from tracker.intake import wire
from tracker.intake.file_rules import rejection
from tracker.intake.raw import Hints, Limits, Problem, RawTable
from tracker.intake.reading_process import LENGTHS, NOT_CUT_OFF
from tracker.telling import tell

_GRACE = 5.0  # seconds beyond the child's own clock
_lock = threading.Lock()
_servers: dict[int, _Server] = {}


class _Server:
    """The server process and the socket over which requests are handed to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "tracker.intake.reading_process", str(theirs.fileno())]
        devnull = subprocess.DEVNULL  # a dying parser may print; cells must not reach a terminal or log
        self.process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=devnull, stdout=devnull, stderr=devnull
        )
        theirs.close()
        self.control = ours

    def hear(self) -> None:
        """Tell, once, if it could not cut itself off from the network."""
        try:
            said = self.control.recv(1, socket.MSG_DONTWAIT)
        except OSError:  # nothing said, or it has gone away
            return
        if said == NOT_CUT_OFF:
            tell("reading_not_cut_off")

    def stop(self) -> None:
        self.hear()
        self.control.close()
        self.process.wait()


def read_sheets(
    content: bytes, file_name: str, limits: Limits | None = None, hints: Hints | None = None
) -> tuple[list[RawTable], list[Problem]]:
    """The tables of a delivered file and what was remarkable; raises ``RejectedFile``, whatever the file."""
    limits = limits or Limits()
    if len(content) > limits.file_size:
        found, expected = f"{len(content) / 1e6:.0f} MB", f"{limits.file_size / 1e6:.0f} MB"
        raise rejection("FILE-002", {"found": found, "expected": expected})
    return ask("read", content, file_name, limits, hints or Hints())


def ask(
    task: str, content: bytes, file_name: str, limits: Limits, hints: Hints
) -> tuple[list[RawTable], list[Problem]]:
    """Carry out one task of the reading process; a child that dies twice or falls silent is FILE-014."""
    begun = time.monotonic()
    try:
        try:
            answer = wire.decode(_exchange(task, content, file_name, limits, hints))
        except (ValueError, OSError):
            if time.monotonic() - begun > limits.cpu_seconds:
                raise
            # It did not use up its time: it may have been killed from outside, through no fault of the file.
            answer = wire.decode(_exchange(task, content, file_name, limits, hints))
    except (ValueError, OSError) as error:
        raise _gave_up(limits) from error
    if "rule" in answer:
        raise rejection(answer["rule"], answer["values"])
    return answer["tables"], answer["problems"]


def _gave_up(limits: Limits) -> RejectedFile:
    return rejection("FILE-014", {"memory": limits.memory // 1_000_000, "seconds": limits.cpu_seconds})


def _exchange(task: str, content: bytes, file_name: str, limits: Limits, hints: Hints) -> bytes:
    fields = {"task": task, "file_name": file_name, "limits": asdict(limits), "hints": asdict(hints)}
    request = json.dumps(fields).encode()
    with _connect() as connection:
        connection.settimeout(limits.wall_seconds + _GRACE)
        connection.sendall(LENGTHS.pack(len(request), len(content)) + request)
        connection.sendall(content)
        with connection.makefile("rb") as answer:
            return answer.read()


def _connect() -> socket.socket:
    """A fresh connection to a fresh child; a server that has gone away is started again."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            server = _server()
            server.hear()
            socket.send_fds(server.control, [b"."], [theirs.fileno()])
        except OSError:
            stop()
            socket.send_fds(_server().control, [b"."], [theirs.fileno()])
    return ours


def _server() -> _Server:
    """This process's server; a forked worker does not use its parent's."""
    with _lock:
        if os.getpid() not in _servers:
            _servers[os.getpid()] = _Server()
        return _servers[os.getpid()]


def stop() -> None:
    """Stop this process's server, if there is one; the next reading starts another."""
    with _lock:
        server = _servers.pop(os.getpid(), None)
    if server:
        server.stop()


atexit.register(stop)
