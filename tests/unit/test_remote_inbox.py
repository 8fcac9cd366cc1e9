"""An inbox at an address: what settles there appears here, whole, once; nothing points out of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tracker.domain.errors import InboxUnavailable
from tracker.intake.inbox import scan
from tracker.intake.remote_inbox import SEEN, mirror, shown

Write = Callable[[str, bytes], None]


def still() -> None:
    """A pause in which nothing happens."""


@pytest.fixture
def memory() -> Iterator[str]:
    """Address of an empty object store."""
    root = f"/{uuid.uuid4().hex}"
    yield f"memory:/{root}"
    for name in [name for name in MemoryFileSystem.store if name.startswith(root)]:
        del MemoryFileSystem.store[name]


@pytest.fixture(params=["memory", "file"])
def there(request: pytest.FixtureRequest, memory: str, tmp_path: Path) -> str:
    """Address of an inbox with a delivery, its sidecar, and things that are none."""
    url = memory if request.param == "memory" else f"file://{tmp_path}/there"
    put = writer(url)
    put("0180/a.csv", b"aaa")
    put("0180/a.csv.yml", b"full: true")
    put("1480/b.csv", b"bbb")
    put("0180/half.csv.part", b"h")
    put("0180/.hidden", b"h")
    put("0180/deeper/c.csv", b"c")
    put("loose.csv", b"l")
    return url


def writer(url: str) -> Write:
    system, root = fsspec.core.url_to_fs(url)

    def write(path: str, content: bytes) -> None:
        system.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
        system.pipe_file(f"{root}/{path}", content)

    return write


def held(inbox: Path) -> dict[str, bytes]:
    files = [path for path in inbox.rglob("*") if path.is_file() and path.name != SEEN]
    return {str(path.relative_to(inbox)): path.read_bytes() for path in files}


ALL = {"0180/a.csv": b"aaa", "0180/a.csv.yml": b"full: true", "1480/b.csv": b"bbb"}


def test_deliveries_and_sidecars_come_whole_and_nothing_else(there: str, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    assert mirror(there, inbox, still) == []
    assert held(inbox) == ALL
    assert [(file.municipality, file.name) for file in scan(inbox)] == [("0180", "a.csv"), ("1480", "b.csv")]


def test_unchanged_is_not_copied_again_and_changed_is(there: str, tmp_path: Path) -> None:
    inbox, paused = tmp_path / "inbox", list[int]()
    mirror(there, inbox, still)
    (inbox / "0180/a.csv").unlink()  # an operator cleared it away
    assert mirror(there, inbox, lambda: paused.append(1)) == [] == paused
    assert "0180/a.csv" not in held(inbox)
    time.sleep(0.01)
    writer(there)("1480/b.csv", b"BBB")
    mirror(there, inbox, lambda: paused.append(1))
    assert held(inbox)["1480/b.csv"] == b"BBB" and paused == [1]


def test_a_file_still_being_written_there_waits(there: str, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    mirror(there, inbox, lambda: writer(there)("0180/a.csv", b"aaaa"))
    assert "0180/a.csv" not in held(inbox) and "1480/b.csv" in held(inbox)
    mirror(there, inbox, still)
    assert held(inbox)["0180/a.csv"] == b"aaaa"


def test_a_file_gone_before_it_is_copied_stops_no_other(there: str, tmp_path: Path) -> None:
    inbox, (system, root) = tmp_path / "inbox", fsspec.core.url_to_fs(there)
    mirror(there, inbox, lambda: system.rm(f"{root}/0180/a.csv"))
    assert held(inbox) == {name: content for name, content in ALL.items() if name != "0180/a.csv"}


class Vanishing(MemoryFileSystem):
    """A store whose files are lost between being listed and being read, or in the middle of it."""

    protocol = "vanishing"
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("vanishing://", "memory://")))

    def open(self, path: str, mode: str = "rb", **options: object) -> object:
        if path.endswith("gone.csv"):
            raise FileNotFoundError(path)
        file = super().open(path, mode, **options)
        if path.endswith("cut.csv") and mode == "rb":
            file.seek(2)  # fewer bytes come than were said to
        return file


def test_a_file_lost_while_it_is_read_is_told_and_stops_no_other(memory: str, tmp_path: Path) -> None:
    fsspec.register_implementation("vanishing", Vanishing, clobber=True)
    put = writer(memory)
    for name in ("cut", "gone", "zero"):
        put(f"0180/{name}.csv", b"aaaa")
    inbox = tmp_path / "inbox"
    problems = mirror(memory.replace("memory", "vanishing"), inbox, still)
    assert [problem.split()[0] for problem in problems] == ["0180/cut.csv", "0180/gone.csv"]
    assert held(inbox) == {"0180/zero.csv": b"aaaa"}, "no half of a file, no rest of a copy"
    assert mirror(memory, inbox, still) == []
    assert set(held(inbox)) == {"0180/cut.csv", "0180/gone.csv", "0180/zero.csv"}


def test_names_that_point_elsewhere_are_left(memory: str, tmp_path: Path) -> None:
    root = memory.removeprefix("memory:/")
    for name in (
        "../x.csv",
        "0180/../../x.csv",
        "../../etc/x.csv",
        "0180/..",
        "0180/\0.csv",
        "..",
        "//x.csv",
    ):
        MemoryFileSystem.store[f"{root}/{name}"] = fsspec.implementations.memory.MemoryFile(
            None, f"{root}/{name}", b"x"
        )
    writer(memory)("0180/a.csv", b"a")
    inbox = tmp_path / "home" / "inbox"
    mirror(memory, inbox, still)
    assert held(inbox) == {"0180/a.csv": b"a"}
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_link_in_a_tree_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "there/0180").mkdir(parents=True)
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (tmp_path / "there/0180/link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "there/1480").symlink_to(tmp_path)
    mirror(f"file://{tmp_path}/there", tmp_path / "inbox", still)
    assert held(tmp_path / "inbox") == {}


def test_a_name_that_is_a_national_id_is_not_told(memory: str, tmp_path: Path) -> None:
    fsspec.register_implementation("vanishing", Vanishing, clobber=True)
    writer(memory)("0180/20150331-9814 gone.csv", b"a")
    (told,) = mirror(memory.replace("memory", "vanishing"), tmp_path / "inbox", still)
    assert "9814" not in told


def test_a_huge_listing_costs_little(memory: str, tmp_path: Path) -> None:
    count = 1_000
    put = writer(memory)
    for number in range(count):
        put(f"{180 + number % 7:04d}/{number}.csv", b"x")
    mirror(memory, tmp_path / "inbox", still)
    assert len(held(tmp_path / "inbox")) == count
    system, root = fsspec.core.url_to_fs(memory)
    begun = time.process_time()
    system.find(root, maxdepth=2, detail=True)
    listed = time.process_time() - begun
    begun = time.process_time()
    mirror(memory, tmp_path / "inbox", still)
    assert time.process_time() - begun < 40 * listed, "a run without news costs a listing"


@pytest.mark.parametrize("note", ["", "{", "[]", '"x"'])
def test_a_damaged_note_only_makes_all_be_copied_again(there: str, tmp_path: Path, note: str) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / SEEN).write_text(note)
    mirror(there, inbox, still)
    assert held(inbox) == ALL


@pytest.mark.parametrize("url", ["nosuch://host/x", "file:///nosuch/folder", "abfs://user:word@host/x"])
def test_an_address_that_does_not_answer_is_told_without_its_secrets(url: str, tmp_path: Path) -> None:
    if url.startswith("file"):  # an empty tree and a tree that is gone are not the same
        url = f"file://{tmp_path}/gone"
    with pytest.raises(InboxUnavailable) as refused:
        mirror(url, tmp_path / "inbox", still)
    assert "TRACKER_INBOX_URL" in str(refused.value) and "word" not in str(refused.value)


def test_what_is_shown_of_an_address() -> None:
    assert shown("sftp://me:word@host/in?token=t") == "sftp://host/in"


def test_a_local_inbox_that_cannot_be_written_is_told(there: str, tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file in its place")
    with pytest.raises(InboxUnavailable, match="local inbox"):
        mirror(there, tmp_path / "inbox", still)
