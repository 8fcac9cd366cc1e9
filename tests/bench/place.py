"""Where a benchmark works: its data, kept between runs, and installations made anew each time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker import wiring
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.schema import ROOT, upgrade
from tracker.pseudonymise.keyring import Keyring
from tracker.settings import Settings

RESULTS = ROOT / "bench-results"
DATA = RESULTS / "data"
WORK = RESULTS / "work"


def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` of the data, made when it is not there whole."""
    folder = DATA / name
    if not folder.exists():
        draft = DATA / f"{name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        make(draft)
        draft.rename(folder)
    return folder


def settings() -> Settings:
    """Of the installation under ``bench-results/work``, untouched by this environment."""
    return Settings.from_environment({"TRACKER_HOME": str(WORK)})


@contextmanager
def installation() -> Iterator[tuple[str, int]]:
    """A fresh embedded server with the schema, and keys: its URL and its postmaster's process id.

    Everything of it is gone afterwards.
    """
    _remove()
    WORK.mkdir(parents=True)
    WORK.chmod(0o711)
    server = EmbeddedServer(settings().postgres)
    try:
        url = wiring.database_url(settings())
        upgrade(url)
        Keyring.create(settings().keys)
        yield url, int((server.data / "postmaster.pid").read_text().splitlines()[0])
    finally:
        _remove()


def _remove() -> None:
    server = EmbeddedServer(settings().postgres)
    if server.directory.exists():
        server.stop()
        shutil.rmtree(server.location)  # may lie elsewhere, where the server's account reaches
    shutil.rmtree(WORK, ignore_errors=True)


def rows_of(folder: Path) -> int:
    """Data rows of a generated collection, by its manifest."""
    return int(json.loads((folder / "manifest.json").read_text("utf-8"))["rows"])
