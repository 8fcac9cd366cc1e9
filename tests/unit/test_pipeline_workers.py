"""A loading worker that dies at an awkward moment ends the run in a sentence."""

from __future__ import annotations

import errno
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NoReturn

import pytest

from tracker.pipeline import TakenIn, Tools, WorkerDied, load_all


def no_tools() -> Tools:
    raise AssertionError("no worker is started")


def test_a_worker_that_dies_while_others_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard library then hands pipes on that it has closed already."""

    def closed(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", closed)
    with pytest.raises(WorkerDied, match="run the same command again"):
        list(load_all([TakenIn(1, "0180", "a.csv", b"", 1)], no_tools, 2))


def test_what_else_the_system_refuses_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(ProcessPoolExecutor, "submit", full)
    with pytest.raises(OSError, match="temporarily"):
        list(load_all([TakenIn(1, "0180", "a.csv", b"", 1)], no_tools, 2))
