"""The intake store: encrypted, whole or not at all, the same content once."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tracker.domain.errors import KeyringError, NotFound
from tracker.intake.store import Store

KEY, NEWER = bytes(range(32)), bytes(range(1, 33))
CONTENT = b"20150331-9814;2023-03-01;synthetic " * 50


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", [KEY])


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_can_be_got(store: Store) -> None:
    name = store.put(CONTENT)
    assert name == sha256(CONTENT).hexdigest() and name in store
    assert store.get(name) == CONTENT
    assert store.get(store.put(b"")) == b""


def test_nothing_lies_in_clear(store: Store, tmp_path: Path) -> None:
    store.put(CONTENT)
    for path in _files(tmp_path):
        assert b"9814" not in path.read_bytes() and path.stat().st_mode & 0o077 == 0


def test_the_same_content_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    store.put(CONTENT)
    (path,) = _files(tmp_path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    store.put(CONTENT)
    assert _files(tmp_path) == [path] and (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_two_stores_of_one_content_share_no_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Store(tmp_path / name, [KEY]).put(CONTENT)
    one, other = (path.read_bytes() for path in _files(tmp_path))
    assert one[4:] != other[4:]


def test_damage_is_noticed_and_mended_by_the_next_delivery(store: Store, tmp_path: Path) -> None:
    name = store.put(CONTENT)
    (path,) = _files(tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:40], b""):
        path.write_bytes(damaged)
        with pytest.raises(KeyringError):
            store.get(name)
    store.put(CONTENT)
    assert store.get(name) == CONTENT


def test_a_file_cannot_pass_for_another(store: Store, tmp_path: Path) -> None:
    one, other = store.put(b"one"), store.put(b"other")
    paths = {path.name: path for path in _files(tmp_path)}
    paths[other].write_bytes(paths[one].read_bytes())
    with pytest.raises(KeyringError):
        store.get(other)


def test_older_keys_still_open(tmp_path: Path) -> None:
    name = Store(tmp_path, [KEY]).put(CONTENT)
    assert Store(tmp_path, [KEY, NEWER]).get(name) == CONTENT
    with pytest.raises(KeyringError, match="another key"):
        Store(tmp_path, [NEWER]).get(name)
    newer = Store(tmp_path, [KEY, NEWER]).put(b"new")
    assert Store(tmp_path, [NEWER]).get(newer) == b"new"


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_keys_are_32_bytes(tmp_path: Path, keys: list[bytes]) -> None:
    with pytest.raises(KeyringError):
        Store(tmp_path, keys)


def test_deleting_and_missing(store: Store) -> None:
    name = store.put(CONTENT)
    assert store.delete(name) and not store.delete(name)
    with pytest.raises(NotFound):
        store.get(name)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_only_hashes_name_files(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        store.get(name)


def test_expiry_takes_what_is_older(store: Store, tmp_path: Path) -> None:
    old, new = store.put(b"old"), store.put(b"new")
    paths = {path.name: path for path in _files(tmp_path)}
    leftover = paths[old].parent / ".0123456789abcdef.part"
    leftover.write_bytes(b"x")
    then = datetime(2024, 1, 1, tzinfo=UTC)
    for path in (paths[old], leftover):
        os.utime(path, (then.timestamp(), then.timestamp()))
    assert store.expire(then + timedelta(days=1)) == [old]
    assert list(store.names()) == [new] and not leftover.exists()


def test_a_writing_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """The place is taken by a folder: renaming fails as late as it can."""
    store = Store(tmp_path, [KEY])
    name = sha256(CONTENT).hexdigest()
    (tmp_path / name[:2] / name).mkdir(parents=True)
    with pytest.raises(OSError):
        store.put(CONTENT)
    assert _files(tmp_path) == []


def test_keys_do_not_show(store: Store) -> None:
    assert KEY.hex() not in repr(store) and repr(KEY) not in repr(vars(store))
