"""Disks that are full for real: a small tmpfs for the intake store, one for PostgreSQL's data."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.injuries import Injury
from tests.chaos.loaders import ended_with_a_sentence
from tests.chaos.scene import Round
from tests.e2e.conftest import installed
from tests.e2e.log_content import content
from tracker.domain.errors import DatabaseUnavailable, TrackerError
from tracker.postgres import reading
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.schema import upgrade


class NoSmallDisk(Exception):
    """A small disk cannot be made here; the text says why."""


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own at ``folder``; what it yields gives it another size. Raises ``NoSmallDisk``."""

    def mount(*options: str) -> None:
        if shutil.which("mount") is None:
            raise NoSmallDisk("there is no mount to make a small disk with")
        command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            raise NoSmallDisk("a small disk can only be mounted by root, with the right to")

    folder.mkdir(parents=True)
    mount("-o", f"size={size},mode=711")
    try:
        yield lambda larger: mount("-o", f"remount,size={larger}")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_store(round_: Round) -> Iterator[Injury]:
    """The store's disk is too small for the inbox, then it is made larger."""
    kind = "disk full: store"
    with small_disk(round_.place.settings.store, "64k") as resize:
        ingest = round_.ingest()
        problems = ended_with_a_sentence(ingest, {TrackerError.exit_code})
        kept = {path.name for path in round_.place.settings.store.rglob("*") if path.is_file()}
        registered = {delivery.digest.hex() for delivery in reading.deliveries(round_.place.url)}
        if not registered <= kept:
            problems.append("a delivery has a number, and its file is not kept")
        resize("64m")
        yield Injury(kind, "taking in", len(kept) < round_.scene.undisturbed.files, problems)


@contextmanager
def small_database(round_: Round) -> Iterator[Injury]:
    """The disk of a server of its own fills while a load is under way; then there is room again."""
    home = round_.place.settings.home / "small"
    with small_disk(home / "postgres", "400m") as _:
        server = EmbeddedServer(home / "postgres")
        try:
            url = server.start()
            upgrade(url)
            round_.place = installed(home, url, round_.scene.undisturbed.keys)
            filler = home / "postgres" / "filler"
            _fill(filler, leave=round_.rng.randint(300_000, 900_000))
            problems = ended_with_a_sentence(round_.ingest(), {DatabaseUnavailable.exit_code})
            filler.unlink()
            close(url)
            server.start()
            hit = content(url) != round_.scene.undisturbed.content
            yield Injury("disk full: database", "loading", hit, problems)
        finally:
            close(server.url)
            server.stop()


def _fill(path: Path, leave: int) -> None:
    """Write until only ``leave`` bytes are free on the disk."""
    with path.open("wb", buffering=0) as file:
        while (free := shutil.disk_usage(path.parent).free) > leave:
            file.write(bytes(min(1 << 20, free - leave)))
