"""What stands still is settled; what grows, is replaced or goes away is not, and neither is its sidecar's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tracker.intake.inbox import scan
from tracker.intake.settling import settled


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    for name in ("0180/a.csv", "0180/a.csv.yml", "0180/b.csv", "1480/c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1234")
    return tmp_path


def _names(inbox: Path, pause: Callable[[], object]) -> list[str]:
    return [file.name for file in settled(scan(inbox), pause)]


def _written_over(path: Path) -> None:
    """The same size and time as before: only the inode tells."""
    seen, beside = path.stat(), path.with_suffix(".part")
    beside.write_bytes(b"4321")
    os.utime(beside, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    beside.replace(path)


def _same_size_later(path: Path) -> None:
    path.write_bytes(b"4321")
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))


def _linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


CHANGES: dict[str, Callable[[Path], object]] = {
    "grows": lambda path: path.write_bytes(b"12345"),
    "is rewritten": _same_size_later,
    "is replaced": _written_over,
    "goes away": Path.unlink,
    "becomes a link": _linked,
}


def test_what_stands_still_is_settled(inbox: Path) -> None:
    assert _names(inbox, lambda: None) == ["a.csv", "b.csv", "c.csv"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("of", ["a.csv", "a.csv.yml"])
def test_a_change_of_a_file_or_its_sidecar_leaves_it_for_the_next_run(
    inbox: Path, change: str, of: str
) -> None:
    assert _names(inbox, lambda: CHANGES[change](inbox / "0180" / of)) == ["b.csv", "c.csv"]


def test_a_whole_folder_that_goes_away(inbox: Path) -> None:
    assert _names(inbox, lambda: (inbox / "1480").rename(inbox.parent / "elsewhere")) == ["a.csv", "b.csv"]


def test_files_gone_before_the_first_look(inbox: Path) -> None:
    found = scan(inbox)
    (inbox / "0180" / "b.csv").unlink()
    assert [file.name for file in settled(found, lambda: None)] == ["a.csv", "c.csv"]
