"""A disk without room ends a command with a sentence and an exit code."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from errno import EFBIG
from pathlib import Path

import pytest

from tracker.cli import disk

RUN = "from tracker.cli.main import main; main()"


def _no_room() -> None:
    """A limit on file sizes stands for a full disk: the same error but for its number."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))


def test_a_command_says_what_it_could_not_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN, "spec", "--out", str(tmp_path / "docs")]
    told = subprocess.run(
        command, check=False, capture_output=True, text=True, preexec_fn=_no_room, timeout=120
    )
    assert told.returncode == 1
    assert "could not be written" in told.stderr and os.strerror(EFBIG) in told.stderr
    assert "Make room" in told.stderr and "Traceback" not in told.stderr


def test_the_device_that_is_always_full(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError) as full, Path("/dev/full").open("wb", buffering=0) as device:
        device.write(b"synthetic")
    assert disk.tell(full.value) == 1
    assert "No space left" in capsys.readouterr().err


def test_other_errors_of_the_system_are_not_taken_for_it() -> None:
    with pytest.raises(FileNotFoundError):
        disk.tell(FileNotFoundError(2, "No such file"))


def test_a_projection_without_room_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    script = (
        "import resource, sys\nfrom pathlib import Path\n"
        "from tracker.projections.workspace import workspace\n"
        "with workspace(Path(sys.argv[1])) as session:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "    session.execute(f\"COPY (SELECT random() FROM range(100000)) TO '{sys.argv[1]}/x.parquet'\")\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert told.stderr.strip().splitlines()[-1].startswith("OSError"), told.stderr
