"""Sandbox: reads a delivered file in a process of its own, so that no file can harm the one that asks.

One lean server process (``reading_process``) is started per process that asks, on first use; it forks a
child for a file, or for several of one sender, one after the other. Works from worker processes and threads.
Nothing of the file touches a disk.
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
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import repeat

from tracker.intake import wire
from tracker.intake.file_rules import rejection
from tracker.intake.raw import Hints, Limits, Problem, RawTable
from tracker.intake.reading_process import ANSWER, LENGTHS, NOT_CUT_OFF
from tracker.telling import tell

_GRACE = 5.0  # seconds beyond the child's own clock
_TRIES = 2
_lock = threading.Lock()
_servers: dict[int, _Server] = {}


@dataclass(frozen=True)
class _Child:
    """A connection to a child that waits for another file of its sender."""

    sender: str
    limits: Limits
    connection: socket.socket


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
        self.waiting: _Child | None = None

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
        self.keep(None)
        self.control.close()
        self.process.wait()

    def keep(self, child: _Child | None) -> None:
        """Let a child wait for another file, and the one that waited till now end."""
        with _lock:
            before, self.waiting = self.waiting, child
        if before is not None:
            before.connection.close()


def read_sheets(
    content: bytes,
    file_name: str,
    limits: Limits | None = None,
    hints: Hints | None = None,
    sender: str = "",
) -> tuple[list[RawTable], list[Problem]]:
    """The tables of a delivered file and what was remarkable; raises ``RejectedFile``, whatever the file.

    Files of one ``sender`` may be read by one process; where none is named, each has its own.
    """
    limits = limits or Limits()
    if len(content) > limits.file_size:
        found, expected = f"{len(content) / 1e6:.0f} MB", f"{limits.file_size / 1e6:.0f} MB"
        raise rejection("FILE-002", {"found": found, "expected": expected})
    return ask("read", content, file_name, limits, hints or Hints(), sender=sender)


def ask(
    task: str, content: bytes, file_name: str, limits: Limits, hints: Hints, *, sender: str = ""
) -> tuple[list[RawTable], list[Problem]]:
    """Carry out one task of the reading process; a child that dies twice or falls silent is FILE-014."""
    fields = {"task": task, "file_name": file_name, "limits": asdict(limits), "hints": asdict(hints)}
    request = json.dumps(fields).encode()
    answer, begun = None, time.monotonic()
    for child in (*_waiting(sender, limits), *repeat(None, _TRIES)):
        with suppress(ValueError, OSError):
            answer = wire.decode(_exchange(child or _fresh(sender, limits), request, content))
            break
        # One that did not use up its time may have been killed from outside, through no fault of the file.
        if time.monotonic() - begun > limits.cpu_seconds:
            break
    if answer is None:
        raise rejection("FILE-014", {"memory": limits.memory // 1_000_000, "seconds": limits.cpu_seconds})
    if "rule" in answer:
        raise rejection(answer["rule"], answer["values"])
    return answer["tables"], answer["problems"]


def _exchange(child: _Child, request: bytes, content: bytes) -> bytes:
    """Hand a file to a child and take its answer; then the child waits for its sender's next, or ends."""
    connection, goes_on = child.connection, False
    try:
        connection.settimeout(child.limits.wall_seconds + _GRACE)
        connection.sendall(LENGTHS.pack(len(request), len(content)) + request)
        connection.sendall(content)
        with connection.makefile("rb") as answer:
            length, goes_on = ANSWER.unpack(answer.read(ANSWER.size).ljust(ANSWER.size, b"\0"))
            return answer.read(length)
    finally:
        if goes_on and child.sender:
            _server().keep(child)
        else:
            connection.close()


def _waiting(sender: str, limits: Limits) -> list[_Child]:
    """The child that waits for a file of this sender, if there is one: it is given to one caller."""
    with _lock:
        server = _servers.get(os.getpid())
        child = server.waiting if server else None
        if server is None or child is None or (child.sender, child.limits) != (sender, limits):
            return []
        server.waiting = None
        return [child]


def _fresh(sender: str, limits: Limits) -> _Child:
    return _Child(sender, limits, _connect())


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
