"""The inbox: whose a file is follows from its folder; links and strays are shown, never followed."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tracker.domain.errors import RejectedFile
from tracker.intake.inbox import InboxFile, read_parcel, scan
from tracker.intake.municipalities import code_named, municipalities


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    for name, content in {
        "0180/b.csv": b"bbb",
        "0180/a.xlsx": b"aaa",
        "0180/a.xlsx.yml": b"full: true\n",
        "0180/~$a.xlsx": b"lock",
        "0180/c.csv.part": b"half",
        "0180/.hidden": b"x",
        "1480/c.txt": b"ccc",
        "1480/c.txt.yaml": b"",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def _problem(files: list[InboxFile], name: str) -> str:
    (file,) = [file for file in files if file.name == name]
    assert file.problem is not None
    with pytest.raises(RejectedFile) as refused:
        read_parcel(file)
    assert refused.value.rule == file.problem.rule
    return file.problem.rule


def test_files_wait_in_order_with_their_sidecars(inbox: Path) -> None:
    files = scan(inbox)
    shown = [(file.municipality, file.name, file.sidecar and file.sidecar.name) for file in files]
    assert shown == [
        ("0180", "a.xlsx", "a.xlsx.yml"),
        ("0180", "b.csv", None),
        ("1480", "c.txt", "c.txt.yaml"),
    ]
    assert all(file.problem is None for file in files)


def test_a_parcel_is_content_and_sidecar(inbox: Path) -> None:
    a, b, c = map(read_parcel, scan(inbox))
    assert (a.content, a.sidecar) == (b"aaa", b"full: true\n")
    assert (b.content, b.sidecar, c.sidecar) == (b"bbb", None, b"")


def test_unknown_folders_are_problems(inbox: Path) -> None:
    for folder in ("Stockholm", "9999", "018"):
        (inbox / folder).mkdir()
        (inbox / folder / f"{folder}.csv").write_bytes(b"x")
    files = scan(inbox)
    assert {_problem(files, f"{folder}.csv") for folder in ("Stockholm", "9999", "018")} == {"FILE-070"}
    assert {file.municipality for file in scan(inbox, {"1480": "Göteborg"}) if file.problem is None} == {
        "1480"
    }


def test_links_are_never_followed(inbox: Path, tmp_path: Path) -> None:
    (inbox / "0180" / "link.csv").symlink_to(inbox / "1480" / "c.txt")
    (inbox / "0114").symlink_to(inbox / "1480")
    (inbox / "0180" / "folder.csv").mkdir()
    os.mkfifo(inbox / "0180" / "pipe.csv")
    files = scan(inbox)
    for name in ("link.csv", "0114", "folder.csv", "pipe.csv"):
        assert _problem(files, name) == "FILE-071"


def test_a_file_that_becomes_a_link_after_the_scan_is_not_read(inbox: Path) -> None:
    files = {file.name: file for file in scan(inbox)}
    path = inbox / "0180" / "b.csv"
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(RejectedFile) as refused:
        read_parcel(files["b.csv"])
    assert refused.value.rule == "FILE-071"
    folder = inbox / "1480"
    folder.rename(inbox / "moved")
    folder.symlink_to(inbox / "moved")
    with pytest.raises(RejectedFile):
        read_parcel(files["c.txt"])


def test_a_linked_sidecar_is_refused_too(inbox: Path) -> None:
    (inbox / "0180" / "b.csv.yml").symlink_to("/etc/hostname")
    files = scan(inbox)
    assert _problem(files, "b.csv.yml") == "FILE-071"


def test_strays_are_shown(inbox: Path) -> None:
    (inbox / "loose.xlsx").write_bytes(b"x")
    (inbox / "0180" / "gone.csv.yml").write_bytes(b"")
    files = scan(inbox)
    assert (_problem(files, "loose.xlsx"), _problem(files, "gone.csv.yml")) == ("FILE-073", "FILE-072")


def test_problems_show_no_national_id(inbox: Path) -> None:
    (inbox / "20150331-9814.xlsx").write_bytes(b"x")
    (file,) = [file for file in scan(inbox) if file.problem]
    assert "9814" not in repr(file.problem)


MUNICIPALITIES_BY_COUNTY = {
    "01": 26, "03": 8, "04": 9, "05": 13, "06": 13, "07": 8, "08": 12, "09": 1, "10": 5, "12": 33, "13": 6,
    "14": 49, "17": 16, "18": 12, "19": 10, "20": 15, "21": 10, "22": 7, "23": 8, "24": 15, "25": 14,
}  # fmt: skip
"""Of the 21 counties (Statistics Sweden); codes of counties that merged stand empty."""


def test_the_register_of_municipalities() -> None:
    register = municipalities()
    assert len(register) == 290 == len(set(register.values())) and list(register) == sorted(register)
    assert (register["0180"], register["1480"], register["0980"]) == ("Stockholm", "Göteborg", "Gotland")
    assert all(re.fullmatch(r"\d{4}", code) and code[2:] != "00" for code in register)
    assert all(
        name == name.strip() and re.fullmatch(r"[A-ZÅÄÖ][a-zåäöA-Z -]+", name) for name in register.values()
    )
    assert Counter(code[:2] for code in register) == MUNICIPALITIES_BY_COUNTY


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Borås Stad", "1490"),
        ("Stockholms stad", "0180"),
        ("habo kommun", "0643"),
        ("HÅBO", "0305"),
        ("Oslo", ""),
    ],
)
def test_municipalities_are_known_by_name(name: str, code: str) -> None:
    assert code_named(name) == code
