"""The reading process: forks children, which parse files under limits and send back tables or a rule.

Runs as ``python -m tracker.intake.reading_process FD``; see ``sandbox`` for the other side. A child's death
(abort, kill, limit) harms nobody. It makes no connection of its own: the server cuts itself off from the
network, and its children with it.

A child may read several files, of one sender: a process that has just been forked takes twice as long over
one, for all its memory is new to it. What a hostile file could do to its child it does to its own sender.
"""

from __future__ import annotations

import codecs
import gc
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tracker.intake import wire, workbook
from tracker.intake.no_network import cut_off
from tracker.intake.raw import Hints, Limits, Problem, RawTable, Unreadable
from tracker.intake.sniff import NAMES, Kind, expected_kind, extension, sniff
from tracker.intake.text_file import read_text

_CODECS = ("cp437", "cp1252", "utf-8-sig", "utf-16")

NOT_CUT_OFF = b"-"
"""Told once over the control socket where this process can still use the network."""

LENGTHS = struct.Struct("<IQ")
"""Lengths of the JSON request and of the file's content, which follow it."""

ANSWER = struct.Struct("<Q?")
"""Length of the answer, which follows, and whether the child will read another file."""

MOST_FILES = 16
"""Files one child reads, at most."""

_MOST_MEMORY = 200_000  # kilobytes it may have held: what it does not give back is not kept by idle children


@dataclass(frozen=True)
class Request:
    """What to read and how far one may go."""

    task: str
    file_name: str
    limits: Limits
    hints: Hints


Read = tuple[list[RawTable], list[Problem]]


def read(request: Request, content: bytes) -> Read:
    """The tables of a delivered file, whatever its kind; raises ``Unreadable``."""
    kind = sniff(content, request.file_name)
    if kind is Kind.XLSX:
        tables, problems = workbook.read_xlsx(content, request.limits)
    elif kind is Kind.XLS:
        tables, problems = workbook.read_xls(content)
    else:
        tables, problems = read_text(content, request.limits, request.hints)
    if kind is not expected_kind(request.file_name):
        values = {"extension": extension(request.file_name), "found": NAMES[kind]}
        problems = [Problem("FILE-005", values), *problems]
    return tables, problems


def parse_unchecked(_: Request, content: bytes) -> Read:
    """The workbook without the zip check: what would happen if a hostile file got past it."""
    return workbook.parse_workbook(content, {}), []


TASKS: dict[str, Callable[[Request, bytes], Read]] = {"read": read, "parse_unchecked": parse_unchecked}


def main(control_fd: int) -> None:
    """Serve until the other side closes the control socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    for name in _CODECS:
        codecs.lookup(name)  # loaded once here, not in every child
    gc.disable()  # children are short-lived, and would otherwise walk millions of cells
    control = socket.socket(fileno=control_fd)
    if not cut_off():
        control.send(NOT_CUT_OFF)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            return
        if os.fork() == 0:
            control.close()
            _child(descriptors[0])
        os.close(descriptors[0])


def _child(descriptor: int) -> None:
    """Answers requests and never returns; any failure is an exit without an answer."""
    code = 1
    try:
        with socket.socket(fileno=descriptor) as connection:
            files = 1
            while _answer(connection, last=files == MOST_FILES):
                files += 1
        code = 0
    finally:
        os._exit(code)


def _answer(connection: socket.socket, *, last: bool) -> bool:
    """Answers a request and tells whether there may be another; the end of them ends the process."""
    request_length, content_length = LENGTHS.unpack(_receive(connection, LENGTHS.size))
    request = _request(json.loads(_receive(connection, request_length)))
    content = bytes(_receive(connection, content_length))
    _limit(request.limits)
    blocks = _result(request, content)
    more = not last and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= _MOST_MEMORY
    for block in (ANSWER.pack(sum(map(len, blocks)), more), *blocks):
        connection.sendall(block)
    signal.alarm(0)
    return more


def _result(request: Request, content: bytes) -> list[bytes]:
    try:
        return wire.encode(*TASKS[request.task](request, content))
    except Unreadable as reason:
        return wire.encode_rejection(reason.rule, dict(reason.values))


def _request(fields: dict[str, Any]) -> Request:
    limits, hints = Limits(**fields["limits"]), Hints(**fields["hints"])
    return Request(fields["task"], fields["file_name"], limits, hints)


def _receive(connection: socket.socket, length: int) -> bytearray:
    buffer = bytearray(length)
    view = memoryview(buffer)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            raise EOFError
        view = view[count:]
    return buffer


def _limit(limits: Limits) -> None:
    """Memory, processor and wall-clock limits of one file; no files written, no core dumped (identities)."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    most = limits.cpu_seconds * MOST_FILES
    seconds = int(time.process_time()) + limits.cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (min(seconds, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(limits.wall_seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
