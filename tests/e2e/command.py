"""The command line as an operator runs it, in a process of its own or, to save the start, in this one."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tracker.cli import main
from tracker.cli.output import console, errors
from tracker.wiring import Installation

RUN = "from tracker.cli import main; main()"


def environment(place: Installation, **more: str) -> dict[str, str]:
    """The environment of a command: the installation's settings, nothing of our own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    places = {"TRACKER_HOME": str(place.settings.home), "TRACKER_KEYS": str(place.settings.keys)}
    own = {**places, "TRACKER_DATABASE_URL": place.url, "TRACKER_WORKERS": "2"}
    return {**kept, **own, "COLUMNS": "400", **more}


@dataclass(frozen=True)
class Answer:
    """What a command said, and its exit code."""

    stdout: str
    stderr: str
    code: int


def tracker(environ: Mapping[str, str], *arguments: str | Path) -> Answer:
    """Run a command to its end in a process of its own, with the processes it starts."""
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    answer = subprocess.run(
        command, env=dict(environ), capture_output=True, text=True, check=False, timeout=120
    )
    return Answer(answer.stdout, answer.stderr, answer.returncode)


def tracker_here(environ: Mapping[str, str], *arguments: str | Path, typed: str = "") -> Answer:
    """Run a command in this process, with ``typed`` on its standard input."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    # A console takes COLUMNS when it is made, and these were made when the tests were collected.
    console.width = errors.width = int(environ["COLUMNS"])
    with (
        patch.dict(os.environ, environ, clear=True),
        patch.object(sys, "argv", ["tracker", *map(str, arguments)]),
        patch.object(sys, "stdin", io.StringIO(typed)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Answer(out.getvalue(), err.getvalue(), code)
