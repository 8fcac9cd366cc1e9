"""Outputs on a disk without room, or in a folder that is none: told with place and remedy, nothing left."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tracker.cli import disk
from tracker.domain.delivery import DeliveryState
from tracker.projections.placing import placed_whole
from tracker.projections.workspace import workspace
from tracker.publish.exports import formats
from tracker.publish.feedback import Feedback, write_feedback
from tracker.publish.files import write_text
from tracker.publish.tables import TableFormat, write_table

STAMP = {
    "position": "7",
    "codebook": "c",
    "definition": "d",
    "software": "tracker 0",
    "synthetic": "true",
    "disclosure": "not disclosure-controlled",
}


@contextmanager
def no_room() -> Iterator[None]:
    """A limit on file sizes stands for a full disk: the same error but for its number."""
    before, heard = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


def _told(error: OSError, capsys: pytest.CaptureFixture[str]) -> str:
    assert disk.tell(error) == 1
    return capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize("fmt", TableFormat)
def test_a_table_is_whole_or_not_there(
    fmt: TableFormat, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = pd.DataFrame({"n": np.random.default_rng(1).random(5000)})
    with pytest.raises(OSError) as full, no_room():
        write_table(frame, STAMP, tmp_path / "t", fmt)
    assert str(tmp_path / "t") in _told(full.value, capsys)
    assert not list(tmp_path.iterdir())


def test_a_feedback_workbook_is_whole_or_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Feedback(
        municipality="0180",
        municipality_name="Stockholm",
        delivery_no=1,
        file_name="uttag.xlsx",
        record_type_label="Aktualiseringar",
        period=None,
        full=False,
        extracted_on=date(2024, 1, 1),
        state=DeliveryState.LOADED,
        outcome_counts={},
        set_aside_rules={},
        findings=[],
        readings=[],
        own_flow=None,
        group_flow=None,
        stamp=STAMP,
    )
    out = tmp_path / "0180" / "aterkoppling-00001.xlsx"
    with pytest.raises(OSError) as full, no_room():
        write_feedback(out, said)
    assert "aterkoppling-00001.xlsx" in _told(full.value, capsys)
    assert not list(out.parent.iterdir())


def test_a_folder_is_whole_or_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "snapshot"
    with pytest.raises(OSError) as full, placed_whole(out, "m.json") as (made, _), no_room():
        (made / "big").write_bytes(bytes(5000))
    said = _told(full.value, capsys)
    assert f"written {out}:" in said and "Make room" in said
    assert not list(tmp_path.iterdir())


def test_an_error_of_what_is_read_keeps_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as gone, placed_whole(tmp_path / "out", "m.json"):
        (tmp_path / "elsewhere").read_bytes()
    assert gone.value.filename == str(tmp_path / "elsewhere")


def test_a_projection_that_cannot_spill_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"), workspace(tmp_path) as session, no_room():
        session.execute("SET memory_limit = '50MB'")
        session.execute("CREATE TABLE t AS SELECT random() AS x FROM range(20_000_000)")


@pytest.mark.parametrize("in_the_way", ["file", "file/deeper/out.txt"])
def test_what_is_in_the_way_is_told(
    in_the_way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("synthetic")
    with pytest.raises(OSError) as closed:
        write_text(tmp_path / in_the_way / "out.txt", "x")
    assert "in the way" in _told(closed.value, capsys)


def test_stata_and_spss_files_say_why_they_could_not_be_written(tmp_path: Path) -> None:
    path = tmp_path / "t.dta"
    path.write_bytes(bytes(10))
    with pytest.raises(OSError, match="File too large"), no_room():
        formats._ask_the_system(path)
