"""Copying a store as it lies, sealed, into a stream and out of one: neither end needs its keys."""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from tracker.domain.errors import CheckFailed

_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})")


def copy_out(folder: Path, target: BinaryIO) -> int:
    """Write every stored file into ``target`` as a tar stream; how many.

    One that is removed meanwhile, by an erasure or because it expired, is rightly not among them.
    """
    count = 0
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.glob("??/*")):
            if _NAME.fullmatch(name := f"{path.parent.name}/{path.name}"):
                count += _add(tar, path, name)
    return count


def _add(tar: tarfile.TarFile, path: Path, name: str) -> int:
    try:
        with path.open("rb") as file:
            tar.addfile(_member(name, os.fstat(file.fileno())), file)
    except FileNotFoundError:
        return 0
    return 1


def _member(name: str, seen: os.stat_result) -> tarfile.TarInfo:
    """Name, size and time alone: whose machine it was is nobody's business."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = seen.st_size, int(seen.st_mtime), 0o600
    return member


def copy_in(source: BinaryIO, folder: Path) -> int:
    """Put the files of ``copy_out`` into a store's folder, each whole or not at all; how many.

    They keep their time: it is from then that they expire. Raises ``CheckFailed`` for what is no store.
    """
    return sum(1 for _ in _each(source, lambda member, file: _put(folder / member.name, member, file)))


def count(source: BinaryIO) -> int:
    """How many files a stream of ``copy_out`` holds, each read to its end."""
    return sum(1 for _ in _each(source, lambda member, file: None))


def _each(source: BinaryIO, use: Callable[[tarfile.TarInfo, BinaryIO], None]) -> Iterator[str]:
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member) if _NAME.fullmatch(member.name) else None
                if file is None:
                    raise CheckFailed("the stored files of the backup are not those of a store")
                use(member, file)  # type: ignore[arg-type]  # IO[bytes] is one
                yield member.name
    except tarfile.TarError:
        raise CheckFailed("the stored files of the backup cannot be read; take another backup") from None


def _put(path: Path, member: tarfile.TarInfo, file: BinaryIO) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as target:
        while block := file.read(1 << 20):
            target.write(block)
        target.flush()
        os.fsync(handle)
    os.utime(part, (member.mtime, member.mtime))
    part.replace(path)
