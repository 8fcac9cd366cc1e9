"""Where injuries happen: a server of our own, a SYNTHETIC inbox, and the log of an undisturbed run of it."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.e2e.conftest import create_database, installed
from tests.e2e.ingesting import ATTEMPTED, TAKEN_IN, Ingest
from tests.e2e.log_content import Content, content
from tracker.postgres import reading
from tracker.postgres.embedded import EmbeddedServer
from tracker.postgres.engine import close
from tracker.postgres.schema import upgrade
from tracker.synth.generate import generate
from tracker.synth.plan import Plan
from tracker.wiring import Installation

INBOX_SEED = 7


@dataclass(frozen=True)
class Undisturbed:
    """An inbox, what an ingest that nothing disturbs makes of it, and the keys it used."""

    inbox: Path
    keys: Path
    files: int
    rows: int
    content: Content


@dataclass(frozen=True)
class Scene:
    """A server only we use, a migrated database on it to copy, and what must come out."""

    folder: Path
    server: EmbeddedServer
    template: str
    undisturbed: Undisturbed

    def place(self, name: str) -> Installation:
        """An installation with an empty database and the keys of the undisturbed one."""
        return installed(self.folder / name, self.database(), self.undisturbed.keys)

    def database(self) -> str:
        """URL of a new migrated database."""
        return create_database(self.server.url, self.template)

    def drop(self, place: Installation) -> None:
        """Remove an installation and its database."""
        close(place.url)
        with psycopg.connect(self.server.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{place.url.rpartition("/")[2]}" WITH (FORCE)'.encode())
        shutil.rmtree(place.settings.home)


def undisturbed(folder: Path, place: Installation) -> Undisturbed:
    """Generate the inbox under ``folder`` and ingest it in ``place``."""
    generate(folder / "tiny", Plan.tiny(), INBOX_SEED, None)
    inbox = folder / "tiny" / "inbox"
    code, said = Ingest(place, inbox).end()
    assert code == 0, said
    known = reading.deliveries(place.url)
    rows = sum(delivery.rows_read for delivery in known)
    return Undisturbed(inbox, place.settings.keys, len(known), rows, content(place.url))


@contextmanager
def open_scene() -> Iterator[Scene]:
    """A scene in a folder of its own, gone afterwards with its server."""
    folder = Path(tempfile.mkdtemp(prefix="tracker-chaos-"))
    folder.chmod(0o711)  # the account of a server started by root passes through
    server = EmbeddedServer(folder / "postgres")
    try:
        server.start()
        template = create_database(server.url, "template0")
        upgrade(template)
        close(template)
        name = template.rpartition("/")[2]
        place = installed(folder / "undisturbed", create_database(server.url, name))
        yield Scene(folder, server, name, undisturbed(folder, place))
    finally:
        server.stop()
        shutil.rmtree(folder)


@dataclass
class Round:
    """Injuries to the loads of one inbox into one database."""

    scene: Scene
    place: Installation
    rng: random.Random
    workers: int = 2
    started: list[Ingest] = field(default_factory=list)

    def ingest(self, **settings: str) -> Ingest:
        """Start a load; what it leaves behind is looked for in the end."""
        own = {"TRACKER_WORKERS": str(self.workers)}
        self.started.append(Ingest(self.place, self.scene.undisturbed.inbox, **own | settings))
        return self.started[-1]

    def count(self, query: str) -> int:
        with psycopg.connect(self.place.url) as connection:
            connection.execute("SET ROLE tracker_reader")
            row = connection.execute(query.encode()).fetchone()
        return int(row[0]) if row else 0

    def left(self) -> int:
        """Files nobody has tried to load yet."""
        return self.scene.undisturbed.files - self.count(ATTEMPTED)

    def wait_for_a_moment(self, ingest: Ingest) -> str:
        """Wait for a random moment of a load: while it starts, takes in, loads, or tells the senders."""
        files, left, roll = self.scene.undisturbed.files, self.left(), self.rng.random()
        if roll < 0.1:
            return _after("starting", self.rng.uniform(0, 1.5))
        if self.count(TAKEN_IN) < files and roll < 0.5:
            ingest.wait_until(TAKEN_IN, self.rng.randint(1, files))
            return _after("taking in", self.rng.uniform(0, 0.3))
        if left <= 2:
            ingest.wait_until(ATTEMPTED, files)
            return _after("telling senders", self.rng.uniform(0, 0.5))
        ingest.wait_until(ATTEMPTED, files - left + self.rng.randint(1, min(5, left - 1)))
        return _after("loading", self.rng.uniform(0, 0.1))


def _after(phase: str, seconds: float) -> str:
    time.sleep(seconds)
    return f"{phase} +{seconds:.3f} s"
